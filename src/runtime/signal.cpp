#include <coax/signal.hpp>

#include <bit>
#include <cassert>
#include <cerrno>
#include <new>
#include <stdexcept>

#include <coax/error.hpp>

#include "runtime/core.hpp"
#include "runtime/current_system.hpp"
#include "runtime/signal_source.hpp"

namespace coax {
namespace detail {

int signal_source::subscribe(os::system& from, os::signal_bits signals) noexcept {
    try {
        if (received == nullptr) {
            received = from.subscribe();
            handles_of = from.handles();
        }
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
    return received->add(signals);
}

void signal_source::unsubscribe() noexcept {
    if (received != nullptr)
        received->remove(received->subscribed());
}

void signal_source::begin_wait(core& of, signal_wait& wait) noexcept {
    if (on == nullptr) {
        on = &of;
        received->set_wake(&of.io().waker());
        next = of.signal_sources;
        if (next != nullptr)
            next->link = &next;
        link = &of.signal_sources;
        of.signal_sources = this;
    }
    awaited |= wait.wanted.bits;
    wait.wait_in(waiting);
}

void signal_source::end_wait(signal_wait& wait) noexcept {
    waiting.remove(wait);
    awaited = 0;
    for (ready_node* each = waiting.first(); each != nullptr; each = each->next)
        awaited |= static_cast<signal_wait*>(each)->wanted.bits;
    if (!waiting.empty())
        return;
    received->set_wake(nullptr);
    *link = next;
    if (next != nullptr)
        next->link = link;
    on = nullptr;
}

void signal_source::deliver() noexcept {
    for (os::signal_bits come = due(); come != 0; come &= come - 1) {
        const int signal = std::countr_zero(come) + 1;
        // Whoever wanted it may have received a lower one just now.
        if ((awaited & os::bit_of(signal)) == 0)
            continue;
        received->take(signal);
        signal_wait* only = nullptr;
        bool several = false;
        for (ready_node* each = waiting.first(); each != nullptr;) {
            auto& wait = *static_cast<signal_wait*>(each);
            each = each->next;
            if ((wait.wanted.bits & os::bit_of(signal)) == 0)
                continue;
            several = only != nullptr;
            only = &wait;
            end_wait(wait);
            wait.received = signal;
            wait.shared = several;
            wait.grant();
        }
    }
}

signal_wait::~signal_wait() {
    // Its coroutine is destroyed before it could take what it had received.
    const bool untaken = state == wait_state::ready && granted && !shared;
    if (state != wait_state::idle)
        abandon();
    if (untaken)
        source->received->put_back(received);
}

bool signal_wait::suspend(environment around, awaiting_coroutine coroutine) {
    core& on = core::of(*around.on);
    signal_source& from = source != nullptr ? *source : on.signals();
    if (from.on != nullptr && from.on != &on)
        throw std::logic_error("coax: a signal_set is waited on in two schedulers at once");
    if (from.received != nullptr && from.handles_of != on.system().handles())
        throw std::logic_error("coax: a signal_set of another system than the one that this scheduler runs on");
    if (!begin(around, coroutine))
        return true;
    source = &from;
    error = wanted.invalid ? EINVAL : from.subscribe(on.system(), wanted.bits);
    if (error != 0)
        return false;
    if (const os::signal_bits come = from.received->noted() & wanted.bits) {
        received = std::countr_zero(come) + 1;
        from.received->take(received);
        return grant_at_once();
    }
    from.begin_wait(on, *this);
    return true;
}

constinit const wait_kind signal_wait::its_kind{&on_stop, &on_describe};

void signal_wait::on_stop(waiter& self, stop_reason why) noexcept {
    auto& wait = static_cast<signal_wait&>(self);
    // A signal that has come already is not lost to the cancellation.
    if (why != stop_reason::abandon)
        wait.source->deliver();
    if (wait.state != wait_state::pending)
        return;
    wait.source->end_wait(wait);
    wait.reason = why;
    wait.finish();
}

failure signal_wait::failed() const noexcept {
    return error != 0 ? failure(system_error(error), name) : sync_wait::failed();
}

} // namespace detail

signal_set::signal_set(detail::signal_numbers signals)
    : source_(std::make_unique<detail::signal_source>()), signals_(signals) {
    if (const int error = signals.invalid ? EINVAL : source_->subscribe(detail::current_system(), signals.bits))
        failure(detail::system_error(error), operation_name::wait_signal).raise();
}

signal_set::~signal_set() {
    assert(source_->waiting.empty() && "coax: a signal_set is destroyed while tasks wait on it");
}

detail::signal_operation signal_set::wait() noexcept { return detail::signal_operation(source_.get(), signals_); }

} // namespace coax
