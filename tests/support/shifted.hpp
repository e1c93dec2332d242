// A system whose handles and paths are the process's own, but under other names, and a backend for them. Whatever passes either by, and
// asks the process itself, finds nothing there. It is also the least that a backend of another kind has to do.
#pragma once

#include <coax/coax.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/backend.hpp"
#include "backend/operation_table.hpp"
#include "backend/scratch.hpp"
#include "os/poll.hpp"
#include "os/process_system.hpp"
#include "runtime/platform.hpp"
#include "support/net.hpp"

namespace support {

namespace os = coax::os;

/// Beyond what a test has open.
inline constexpr coax::native_handle shift = 100000;

inline coax::native_handle shown(coax::native_handle real) noexcept { return real + shift; }
inline coax::native_handle real(coax::native_handle shown) noexcept { return shown - shift; }

inline constexpr std::string_view path_shift = "~";

inline std::string real(const std::string& path) { return path + std::string(path_shift); }
inline coax::address real(const coax::address& name) {
    return name.path().empty() ? name : coax::address::unix_path(real(name.path()));
}
inline void show(coax::address& name) {
    if (name.path().ends_with(path_shift))
        name = coax::address::unix_path(name.path().substr(0, name.path().size() - path_shift.size()));
}

/// What has no handle and no path is the process's.
class shifted_system final : public os::process_system {
    using real_one = os::process_system;
    using handle_type = coax::native_handle;

public:
    const void* handles() const noexcept override { return this; }

    os::outcome open(coax::family f, coax::kind k, int protocol) noexcept override {
        os::outcome made = real_one::open(f, k, protocol);
        if (made.error == 0)
            made.value = static_cast<std::int64_t>(shown(static_cast<handle_type>(made.value)));
        return made;
    }
    int pair(coax::kind k, handle_type (&ends)[2]) noexcept override {
        const int error = real_one::pair(k, ends);
        if (error == 0)
            for (handle_type& end : ends)
                end = shown(end);
        return error;
    }
    int bind(handle_type h, const coax::address& name) noexcept override { return real_one::bind(real(h), real(name)); }
    int listen(handle_type h, int backlog) noexcept override { return real_one::listen(real(h), backlog); }
    int shutdown(handle_type h, coax::shutdown_how how) noexcept override { return real_one::shutdown(real(h), how); }
    int close(handle_type h) noexcept override { return real_one::close(real(h)); }
    void close_elsewhere(handle_type h) noexcept override {
        ++left_to_linger;
        real_one::close_elsewhere(real(h));
    }
    int getsockname(handle_type h, coax::address& name) noexcept override {
        const int error = real_one::getsockname(real(h), name);
        show(name);
        return error;
    }
    int getpeername(handle_type h, coax::address& name) noexcept override {
        const int error = real_one::getpeername(real(h), name);
        show(name);
        return error;
    }
    int set_option(handle_type h, int level, int name, const void* value, std::size_t size) noexcept override {
        return real_one::set_option(real(h), level, name, value, size);
    }
    int get_option(handle_type h, int level, int name, void* value, std::size_t& size) noexcept override {
        return real_one::get_option(real(h), level, name, value, size);
    }
    int set_option(handle_type h, coax::detail::option_id id, coax::detail::option_words value) noexcept override {
        return real_one::set_option(real(h), id, value);
    }
    int get_option(handle_type h, coax::detail::option_id id, coax::detail::option_words& value) noexcept override {
        return real_one::get_option(real(h), id, value);
    }
    int low_water_mark(handle_type h) noexcept override {
        ++marks;
        return real_one::low_water_mark(real(h));
    }
    std::int64_t unacknowledged(handle_type h) noexcept override {
        ++acknowledgements;
        return real_one::unacknowledged(real(h));
    }
    bool is_ready(handle_type h, bool to_read, bool to_write) noexcept override {
        ++looks;
        return real_one::is_ready(real(h), to_read, to_write);
    }
    int family_of(handle_type h, coax::family& result) noexcept override {
        return real_one::family_of(real(h), result);
    }
    int kind_of(handle_type h, coax::kind& result) noexcept override { return real_one::kind_of(real(h), result); }
    int set_cloexec(handle_type h) noexcept override { return real_one::set_cloexec(real(h)); }
    int set_nonblocking(handle_type h) noexcept override { return real_one::set_nonblocking(real(h)); }
    int set_blocking(handle_type h) noexcept override { return real_one::set_blocking(real(h)); }
    bool is_blocking(handle_type h) noexcept override { return real_one::is_blocking(real(h)); }

    int look_at(const std::string& path, os::path_entry& found) noexcept override {
        return real_one::look_at(real(path), found);
    }
    void limit_mode(handle_type h, unsigned mode) noexcept override { real_one::limit_mode(real(h), mode); }
    int change_mode(const std::string& path, unsigned mode) noexcept override {
        return real_one::change_mode(real(path), mode);
    }
    int remove_path(const std::string& path) noexcept override { return real_one::remove_path(real(path)); }
    bool refuses_connections(const coax::address& at) noexcept override {
        return real_one::refuses_connections(real(at));
    }
    std::unique_ptr<os::path_lock> lock_path(const std::string& path) override {
        ++locks;
        return real_one::lock_path(real(path));
    }

    // How often it was asked what does not show otherwise.
    int left_to_linger = 0;
    int marks = 0;
    int acknowledgements = 0;
    int looks = 0;
    int locks = 0;
};

/// Tries, and polls.
class shifted_backend final : public coax::backend::backend {
    using descriptor = coax::detail::descriptor;
    using operation = coax::detail::operation;
    using progress = coax::backend::progress;

public:
    explicit shifted_backend(const coax::backend::settings& wanted)
        : backend(wanted.system, coax::backend::buffer_pool::make(wanted.buffer_count, wanted.buffer_size)) {}

    coax::backend_kind kind() const noexcept override { return coax::backend_kind::poll; }
    os::waker& waker() noexcept override { return wake_; }

protected:
    bool start(operation& op) noexcept override {
        return carry_on(op) || (coax::backend::waits_by_the_clock(op) && !is_connecting(op) && !try_by_the_clock(op));
    }
    progress try_once(operation& op) noexcept override {
        const as_real guard(*op.target);
        const bool names = op.code == coax::detail::opcode::connect || op.code == coax::detail::opcode::sendto;
        if (!names)
            return attempt_as_real(op);
        coax::address& peer = static_cast<coax::detail::addressed_operation&>(op).peer;
        const coax::address before = std::exchange(peer, real(peer));
        const progress made = attempt(op, pool());
        peer = before;
        return made;
    }
    void do_wait(std::int64_t timeout) noexcept override {
        ++waits_;
        entries_.assign({{wake_.readable_handle(), os::poll_readable, 0}});
        for (const descriptor* d : known_) {
            const int events =
                (is_asked(d->reading) ? os::poll_readable : 0) | (is_asked(d->writing) ? os::poll_writable : 0);
            entries_.push_back({real(d->handle), static_cast<short>(events), 0});
        }
        os::poll(entries_.data(), entries_.size(), timeout);
    }
    void do_collect() noexcept override {
        wake_.drain();
        for (std::size_t i = 1; i < entries_.size(); ++i)
            if (entries_[i].happened != 0)
                for (coax::detail::operation_queue* queue : {&known_[i - 1]->reading, &known_[i - 1]->writing})
                    carry_on_first(*queue);
        entries_.clear();
    }
    void cancel(operation& op) noexcept override {
        end_early(op, ECANCELED);
        done(op);
    }
    void input_ended(descriptor& d) noexcept override { carry_on_first(d.reading); }
    int do_attach(descriptor& d) noexcept override {
        known_.push_back(&d);
        return 0;
    }
    void do_detach(descriptor& d) noexcept override {
        for (coax::detail::operation_queue* queue : {&d.reading, &d.writing})
            if (is_asked(*queue))
                cancel(*queue->first());
        std::erase(known_, &d);
    }

private:
    /// The handle as the process has it.
    struct as_real {
        explicit as_real(descriptor& of) noexcept : d(of) { d.handle = real(d.handle); }
        as_real(const as_real&) = delete;
        as_real& operator=(const as_real&) = delete;
        ~as_real() { d.handle = shown(d.handle); }
        descriptor& d;
    };

    static bool& is_connecting(operation& op) noexcept { return coax::backend::noted<bool>(op); }
    static bool is_asked(const coax::detail::operation_queue& queue) noexcept {
        return !queue.empty() && !queue.first()->clocked;
    }

    progress attempt_as_real(operation& op) noexcept {
        const progress made = attempt(op, pool());
        if (op.code == coax::detail::opcode::accept) {
            auto& accepting = static_cast<coax::detail::accepting_operation&>(op);
            if (accepting.has_connection)
                accepting.connection = shown(accepting.connection);
        }
        return made;
    }
    progress finish(operation& op) noexcept {
        const as_real guard(*op.target);
        coax::address& peer = static_cast<coax::detail::addressed_operation&>(op).peer;
        const coax::address before = std::exchange(peer, real(peer));
        const bool ended = coax::backend::finish_connect(op);
        peer = before;
        return ended ? progress::ended : progress::would_block;
    }
    /// True: it has ended.
    bool carry_on(operation& op) noexcept {
        progress made;
        do
            made = is_connecting(op) ? finish(op) : try_once(op);
        while (made == progress::paused);
        if (made == progress::connecting)
            is_connecting(op) = true;
        return made == progress::ended;
    }
    void carry_on_first(coax::detail::operation_queue& queue) noexcept {
        if (is_asked(queue) && carry_on(*queue.first()))
            done(*queue.first());
    }

    os::wake_event wake_;
    std::vector<descriptor*> known_;
    std::vector<os::poll_entry> entries_; // of the event, and of each of those
};

inline std::unique_ptr<coax::backend::backend> make_shifted_backend(const coax::backend::settings& wanted,
                                                                    std::string& reason) {
    reason = "the test's own";
    return std::make_unique<shifted_backend>(wanted);
}

/// Runs the coroutine that `body()` makes on handles that the process knows under other numbers.
template <class Body>
void run_shifted(shifted_system& on, Body body) {
    const std::unique_ptr<coax::scheduler> scheduler =
        coax::detail::scheduler_access::make({}, {on, &make_shifted_backend});
    const watchdog guard(*scheduler);
    scheduler->run(body());
}

} // namespace support
