#include "runtime/core.hpp"

#include <cstdio>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <coax/cancelled.hpp>
#include <coax/error.hpp>

#include "runtime/current_system.hpp"

namespace coax::detail {
namespace {

backend::settings checked(const scheduler_options& options, os::system& on) {
    constexpr unsigned most = 32768;
    const auto power = [](const char* what, unsigned value, bool zero_allowed) {
        if ((value == 0 && !zero_allowed) || value > most)
            throw std::invalid_argument(std::string("scheduler_options: ") + what + " must be 1 to 32768, not " +
                                        std::to_string(value));
        unsigned rounded = value == 0 ? 0 : 1;
        while (rounded < value)
            rounded *= 2;
        return rounded;
    };
    if (options.buffer_size == 0 || options.buffer_size > (std::size_t{1} << 30))
        throw std::invalid_argument("scheduler_options: buffer_size must be 1 byte to 1 GiB, not " +
                                    std::to_string(options.buffer_size));
    if (options.worker_threads == 0 || options.worker_threads > 1024)
        throw std::invalid_argument("scheduler_options: worker_threads must be 1 to 1024, not " +
                                    std::to_string(options.worker_threads));
    return {on,
            options.backend,
            power("queue_depth", options.queue_depth, false),
            power("completion_depth", options.completion_depth, true),
            power("buffer_count", options.buffer_count, false),
            options.buffer_size};
}

bool is_cancellation(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const cancelled&) {
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace

constinit thread_local loop* running = nullptr;

loop* current_loop() noexcept { return running; }

os::system& current_system() noexcept {
    if (running != nullptr)
        return core::of(*running).system();
    os::system* const of_job = os::system_of_job();
    return of_job != nullptr ? *of_job : os::default_system();
}

loop& require_loop() {
    if (running == nullptr)
        throw std::logic_error("coax: this needs a running scheduler on this thread (coax::run)");
    return *running;
}

void send_message(loop& to, message& what) noexcept { core::of(to).send(what); }

void report_suppressed(loop& on, std::exception_ptr error) noexcept { core::of(on).suppressed(std::move(error)); }

void loop::remove(ready_node& node) noexcept {
    if (!ready_.remove(node))
        behind_.remove(node);
}

core::core(scheduler& face, const scheduler_options& options, const platform& on)
    : face_(face), system_(on.system), on_suppressed_(options.on_suppressed), worker_threads_(options.worker_threads) {
    std::string reason;
    io_ = on.make_backend(checked(options, on.system), reason);
    info_ = {io_->kind(), to_string(io_->kind()), std::move(reason)};
    io_->pool().set_owner(static_cast<loop*>(this));
}

core::~core() {
    // Within a run this is exit(3). No coroutine goes on any more, and none is destroyed, but other objects of static life, sockets for
    // example, must find nothing of this scheduler.
    const bool in_run = in_run_.load();
    if (io_->is_inherited()) {
        for (auto& pool : workers_)
            static_cast<void>(pool.release()); // their threads are the parent's
    } else {
        if (in_run)
            root_.end();
        for (auto& pool : workers_)
            pool.reset();
        while (senders_.load() != 0)
            std::this_thread::yield();
    }
    receive_messages();
    if (in_run) {
        io_->detach_all();
        running = nullptr;
    }
    // What is discarded may post once more as it goes.
    for (take_posted(); backlog_ != nullptr; take_posted()) {
        posted* node = pop_posted();
        node->discard(node);
    }
}

os::workers& core::workers(job_place::threads which) {
    auto& pool = workers_[static_cast<std::size_t>(which)];
    if (pool == nullptr) {
        pool = which == job_place::threads::calls ? system_.make_workers(worker_threads_, 0)
                                                  : system_.make_workers(lookup_threads, lookups_of_a_name);
    }
    return *pool;
}

void core::run_to_end(std::coroutine_handle<> main, promise_base& promise) {
    if (io_->is_inherited())
        throw std::logic_error("coax: a scheduler does not survive fork: the child makes one of its own");
    if (running != nullptr && !of(*running).io_->is_inherited())
        throw std::logic_error("coax: run inside run");
    if (!on_its_thread())
        throw std::logic_error("coax: a scheduler runs on one thread only, the one that ran it first");
    if (!entered_) {
        if (const int error = io_->enter_thread())
            throw std::system_error(system_error(error), "coax: starting the scheduler");
        entered_ = true;
        thread_ = std::this_thread::get_id();
    }
    struct restored {
        std::atomic<bool>& in_run;
        loop* before = running; // other than null in a forked child only
        ~restored() {
            running = before;
            in_run.store(false);
        }
    } const guard{in_run_};
    in_run_.store(true);
    running = this;

    time_known_ = false;
    main_supervisor supervisor;
    promise.surroundings = {this, &root_};
    promise.start(main, supervisor);
    for (;;) {
        run_tasks();
        if (supervisor.over)
            break;
        wait();
    }
    drain();
    if (posted_error_) {
        if (std::exception_ptr own = promise.take_error(); own != nullptr && !is_cancellation(own))
            suppressed(std::move(own));
        std::rethrow_exception(std::exchange(posted_error_, nullptr));
    }
}

/// What the main task did not end ends now: each wait that is left is cancelled.
void core::drain() noexcept {
    root_.end();
    // What others go on posting does not keep a run from ending; what was posted before runs.
    take_posted();
    owed_ = backlog_size_;
    for (;;) {
        run_tasks();
        if (quiet())
            break;
        wait();
    }
    // Nothing stays with the system between two runs; a socket that lives on is attached again by its next operation.
    io_->detach_all();
    root_.reset();
    signals_.unsubscribe();
}

bool core::quiet() const noexcept { return waiting == 0 && owed_ == 0 && !has_ready(); }

template <class Node>
void core::put(mailbox<Node>& into, Node& node) noexcept {
    // What is put in may end the program at once; this thread is not done with the scheduler then.
    senders_.fetch_add(1);
    into.put(node);
    // Only the first who finds the loop asleep wakes it.
    if (asleep_.load() && asleep_.exchange(false))
        io_->wake();
    senders_.fetch_sub(1);
}

void core::post(posted& node) noexcept { put(posted_, node); }

void core::send(message& what) noexcept { put(messages_, what); }

void core::suppressed(std::exception_ptr error) noexcept {
    if (on_suppressed_) {
        on_suppressed_(std::move(error));
        return;
    }
    try {
        std::rethrow_exception(std::move(error));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "coax: suppressed exception: %s\n", e.what());
    } catch (...) {
        std::fputs("coax: suppressed exception of an unknown type\n", stderr);
    }
}

scheduler_stats core::stats() const noexcept {
    io_->pool().collect();
    scheduler_stats now = stats_;
    now.waits = io_->waits();
    now.heap_buffers = io_->pool().heap_blocks();
    now.waiting = waiting;
    now.timers = timers_.size();
    now.buffers = io_->pool().count();
    now.buffers_leased = io_->pool().leased();
    for (const auto& pool : workers_)
        now.jobs += pool != nullptr ? pool->jobs() : 0;
    return now;
}

} // namespace coax::detail
