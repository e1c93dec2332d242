/// \file
/// The scheduler: one thread, one event loop.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/loop.hpp>
#include <coax/function_ref.hpp>
#include <coax/task.hpp>

namespace coax {

/// What carries out I/O.
enum class backend_kind : unsigned char {
    automatic, ///< io_uring where it is to be had, otherwise epoll, otherwise poll
    io_uring,  ///< Linux 6.1 or later
    epoll,     ///< Linux
    poll,      ///< poll(2), everywhere
};

/// "io_uring", "epoll", "poll" or "automatic".
COAX_API const char* to_string(backend_kind kind) noexcept;

/// How a scheduler is made. Sizes are limits that the scheduler may lower, never a bound on what a program can do.
struct scheduler_options {
    /// With `automatic` the environment variable `COAX_BACKEND` (`io_uring`, `epoll`, `poll`) decides if it is set.
    backend_kind backend = backend_kind::automatic;
    /// Entries of io_uring's submission queue, 1 to 32768; rounded up to a power of two.
    unsigned queue_depth = 256;
    /// Entries of io_uring's completion queue; 0 chooses.
    unsigned completion_depth = 0;
    /// Buffers in the pool for `recv(n)`, 1 to 32768; rounded up to a power of two.
    unsigned buffer_count = 128;
    /// Bytes of each of them.
    std::size_t buffer_size = 4096;
    /// Threads for `to_thread`, 1 to 1024: so many calls run at once. They are started when they are needed.
    unsigned worker_threads = 8;
    /// Called for each exception that had to make way for an earlier one, and that no group handles itself. The default prints it
    /// to standard error. It must not throw.
    function_ref<void(std::exception_ptr)> on_suppressed = {};
};

/// Which backend runs, and why it was chosen.
struct backend_info {
    backend_kind kind; ///< never `automatic`
    const char* name;  ///< as `to_string` says it
    /// For example "chosen by COAX_BACKEND" or "io_uring_setup: Operation not permitted".
    std::string reason;
};

/// Counters since the scheduler was made, and what there is now.
struct scheduler_stats {
    std::uint64_t turns = 0;        ///< rounds of the loop
    std::uint64_t resumptions = 0;  ///< coroutines taken from the ready queue
    std::uint64_t waits = 0;        ///< system calls that waited for or collected completions
    std::uint64_t operations = 0;   ///< socket operations begun
    std::uint64_t heap_buffers = 0; ///< receives that took new memory, since the buffer pool could not serve them
    std::size_t waiting = 0;        ///< suspended waits now
    std::size_t timers = 0;         ///< deadlines set now
    std::size_t buffers = 0;        ///< buffers in the pool
    std::size_t buffers_leased = 0; ///< of these, held by chunks now
    std::size_t jobs =
        0; ///< calls of `to_thread` and lookups of names queued or running now, left-behind ones included
};

namespace detail {
class core;
struct platform;
struct scheduler_access;

/// A function on its way to a scheduler's thread.
struct posted {
    posted* next = nullptr;
    void (*run)(posted*) = nullptr;              // runs and deletes
    void (*discard)(posted*) noexcept = nullptr; // deletes only
};

template <class F>
struct posted_function final : posted {
    explicit posted_function(F&& callable) : function(std::move(callable)) {
        run = [](posted* self) {
            const std::unique_ptr<posted_function> owned(static_cast<posted_function*>(self));
            owned->function();
        };
        discard = [](posted* self) noexcept { delete static_cast<posted_function*>(self); };
    }
    explicit posted_function(const F& callable) : posted_function(F(callable)) {}
    F function;
};
} // namespace detail

/// Runs coroutines on one thread: the thread that first calls `run`. Everything but `post` may be used on that thread only.
class COAX_API scheduler {
public:
    /// Chooses the backend and takes its resources. Throws `std::system_error` where a backend that was asked for by name cannot be
    /// had, `std::invalid_argument` for options out of range or an unknown name in `COAX_BACKEND`.
    explicit scheduler(const scheduler_options& options = {});
    /// Destroys the functions that were posted and have not been called.
    ~scheduler();
    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;

    /// The scheduler that runs on this thread; throws `std::logic_error` outside of `run`.
    static scheduler& current();

    /// Runs the task to its end, cancels and drains whatever else is left (posted functions, foreign coroutines), and returns the
    /// task's result or rethrows its exception. Throws `std::logic_error` inside another `run` or on a second thread. It can be
    /// called again.
    template <class T>
    T run(task<T> main) {
        const owned_task<T> owned{main.release()};
        run_to_end(owned.coroutine, owned.coroutine ? &owned.coroutine.promise() : nullptr);
        return owned.coroutine.promise().take();
    }

    /// Has `function()` called on the scheduler's thread, in the order of the calls; from any thread, at any time before the
    /// scheduler is destroyed. Outside of `run` it waits for the next `run`. An exception it throws cancels the main task and
    /// comes out of `run`.
    template <class F>
        requires std::invocable<std::decay_t<F>&>
    void post(F&& function) {
        post_node(new detail::posted_function<std::decay_t<F>>(std::forward<F>(function)));
    }

    /// Which backend runs, and why. From any thread.
    const backend_info& backend() const noexcept;

    /// The counters at this moment. On the scheduler's thread.
    scheduler_stats stats() const noexcept;

private:
    friend struct detail::scheduler_access;
    scheduler(const scheduler_options& options, const detail::platform& on);

    template <class T>
    struct owned_task {
        std::coroutine_handle<detail::task_promise<T>> coroutine;
        ~owned_task() {
            if (coroutine)
                coroutine.destroy();
        }
    };

    void run_to_end(std::coroutine_handle<> main, detail::promise_base* promise);
    void post_node(detail::posted* node) noexcept;

    std::unique_ptr<detail::core> core_;
};

namespace detail {
struct run_fn {
    template <class T>
    T operator()(task<T> main, const scheduler_options& options = {}) const {
        return scheduler(options).run(std::move(main));
    }
};
} // namespace detail

/// Makes a scheduler on this thread and runs the task on it: `scheduler(options).run(task)`.
inline constexpr detail::run_fn run{};

} // namespace coax
