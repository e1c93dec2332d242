// What every task's promise has: memory for its frame, its environment, its start, and what happens at its end.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/loop.hpp>

namespace coax::detail {

/// A block for a coroutine frame. Small blocks come from a cache of this thread; the blocks themselves are ordinary heap
/// blocks, so a frame may be freed on another thread than the one it was made on.
COAX_API void* allocate_frame(std::size_t size);
COAX_API void deallocate_frame(void* block, std::size_t size) noexcept;

/// Blocks allocated on this thread less those given back on it: a balance that does not return to where it was is a leak.
COAX_API std::ptrdiff_t live_frames() noexcept;

/// The part of a task's promise that does not depend on its result. As a ready node it stands first for the task itself (a
/// start that was put off) and later for the coroutine that awaits it.
class promise_base : public ready_node {
public:
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* block, std::size_t size) noexcept { deallocate_frame(block, size); }

    promise_base() noexcept : awaiting_() {}
    promise_base(const promise_base&) = delete;
    promise_base& operator=(const promise_base&) = delete;
    ~promise_base() {
        if (stage_ == stage::deferred || stage_ == stage::reported)
            surroundings.on->remove(*this);
    }

    std::suspend_always initial_suspend() const noexcept { return {}; }

    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
            self.promise().end();
        }
        void await_resume() const noexcept {}
    };
    final_awaiter final_suspend() const noexcept { return {}; }

    void unhandled_exception() noexcept { error_ = std::current_exception(); }

    /// Starts the task for a coroutine that awaits it. True: it did not end at once, and `parent` is to stay suspended.
    ///
    /// The task runs inside this call. Handing control over with symmetric transfer would be a tail call only in optimised
    /// builds, and a loop of awaits that end at once would overflow the stack in the others.
    bool start(std::coroutine_handle<> self, awaiting_coroutine parent) noexcept {
        awaiting_ = parent;
        if (surroundings.on->depth >= loop::max_depth) {
            defer(self);
            return true;
        }
        stage_ = stage::starting;
        ++surroundings.on->depth;
        self.resume();
        --surroundings.on->depth;
        if (stage_ == stage::ended)
            return false;
        stage_ = stage::running;
        return true;
    }

    /// What owns a task that nobody awaits (a group, a branch, a scheduler) and hears of its end.
    struct supervisor {
        void (*ended)(supervisor&, promise_base&) noexcept;
        promise_base* parent = nullptr; // of the task that started it
    };

    /// The tasks of one supervisor that have not ended, if it keeps such a list.
    class list {
    public:
        bool empty() const noexcept { return first_ == nullptr; }
        promise_base& first() const noexcept { return *first_; }
        void add(promise_base& child) noexcept {
            child.place_.next = first_;
            if (first_ != nullptr)
                first_->place_.link = &child.place_.next;
            child.place_.link = &first_;
            first_ = &child;
        }
        void remove(promise_base& child) noexcept {
            *child.place_.link = child.place_.next;
            if (child.place_.next != nullptr)
                child.place_.next->place_.link = child.place_.link;
        }

    private:
        promise_base* first_ = nullptr;
    };

    /// Starts the task on behalf of a supervisor. The task may be gone when this returns.
    void start(std::coroutine_handle<> self, supervisor& of) noexcept {
        loop& on = *surroundings.on;
        supervisor_ = &of;
        if (on.depth >= loop::max_depth) {
            defer(self);
            return;
        }
        stage_ = stage::running;
        ++on.depth;
        self.resume();
        --on.depth;
    }

    environment surroundings;

    /// The task that awaits this one, or has started it in a group or as a branch. Null for the main task, and where a foreign coroutine
    /// awaits it. Whoever it is waits for the end of this one, so it is there until then; but where it is destroyed in the middle of that
    /// wait, and this task lies outside of its frame, this one must not be asked any more, nor go on. Of a task that has started.
    promise_base* parent() const noexcept { return supervisor_ != nullptr ? supervisor_->parent : awaiting_.promise; }

    /// The exception that ended the task; null when it ended with a value.
    std::exception_ptr take_error() noexcept { return std::move(error_); }

protected:
    /// The awaiter has resumed: the promise is in no queue any more.
    void note_end() noexcept { stage_ = stage::ended; }
    void rethrow() {
        if (error_) [[unlikely]]
            std::rethrow_exception(std::move(error_));
    }

private:
    enum class stage : unsigned char {
        created,
        deferred, // its start is in the ready queue
        starting, // runs inside `start`
        running,
        ended,
        reported, // its awaiter is in the ready queue
    };

    void defer(std::coroutine_handle<> self) noexcept {
        handle = self;
        stage_ = stage::deferred;
        surroundings.on->push(*this);
    }

    void end() noexcept {
        if (stage_ == stage::starting) {
            stage_ = stage::ended;
        } else if (supervisor_ != nullptr) {
            stage_ = stage::ended;
            supervisor_->ended(*supervisor_, *this);
        } else {
            handle = awaiting_.handle;
            stage_ = stage::reported;
            surroundings.on->push(*this);
        }
    }

    struct list_place {
        promise_base* next;
        promise_base** link; // what points at the task in the list
    };

    std::exception_ptr error_;
    // Who hears of the end: the coroutine that awaits the task, or a supervisor, in whose list it may be.
    union {
        awaiting_coroutine awaiting_;
        list_place place_;
    };
    supervisor* supervisor_ = nullptr;
    stage stage_ = stage::created;
};

} // namespace coax::detail
