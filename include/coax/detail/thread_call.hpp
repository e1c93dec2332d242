// The awaitables of `to_thread`: a call, where it is kept, and the wait for it.
#pragma once

#include <coroutine>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/loop.hpp>
#include <coax/detail/message.hpp>
#include <coax/detail/refused.hpp>
#include <coax/result.hpp>

namespace coax::detail {

/// Waits for a job of the pool. What has the job calls `destroyed` in its destructor, while the job is still there.
class COAX_API thread_operation : public waiter, message {
public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        return suspend(environment_of(coroutine), coroutine);
    }
    bool suspend(environment around, awaiting_coroutine coroutine);

protected:
    thread_operation() noexcept : waiter(its_kind), message(&arrived) {}
    ~thread_operation() = default;

    /// After the coroutine has resumed: whether the call was made.
    bool conclude() noexcept {
        state = wait_state::idle;
        return error_ == 0 && reason == stop_reason::none;
    }
    /// Why it was not.
    failure failed() noexcept;
    /// Ends the wait of a coroutine that is destroyed.
    void destroyed() noexcept {
        if (state != wait_state::idle)
            abandon();
    }

    thread_job* job_ = nullptr; // null once it was left behind

private:
    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
    static void on_describe(const waiter& self, wait_description& what) noexcept;
    static void arrived(message& self) noexcept { static_cast<thread_operation&>(self).finish(); }

    int error_ = 0;
};

/// A call and what came of it. `F` and `Args` are references to what stays where it is, or types of what is kept here.
template <class F, class... Args>
class thread_call final : public thread_job {
    using given_type = std::invoke_result_t<F, Args...>;

public:
    /// A reference to an object that goes away with the call would be of no use: it is moved out.
    using value_type =
        std::conditional_t<std::is_lvalue_reference_v<given_type>, given_type, std::remove_cvref_t<given_type>>;
    static_assert(!std::is_object_v<value_type> || std::is_move_constructible_v<value_type>,
                  "what a call on another thread gives has to be movable");

    template <class Function, class... Arguments>
    explicit thread_call(function end, Function&& f, Arguments&&... arguments)
        : thread_job(&call, end), function_(std::forward<Function>(f)),
          arguments_(std::forward<Arguments>(arguments)...) {}

    result<value_type> take() noexcept {
        if constexpr (std::is_object_v<value_type> && !std::is_nothrow_move_constructible_v<value_type>) {
            try {
                return std::move(*outcome_);
            } catch (...) {
                return failure::from_current_exception();
            }
        } else {
            return std::move(*outcome_);
        }
    }

    static void free(thread_job& self) noexcept { delete static_cast<thread_call*>(&self); }

private:
    static void call(thread_job& self) noexcept {
        auto& me = static_cast<thread_call&>(self);
        try {
            if constexpr (std::is_void_v<value_type>) {
                std::apply(std::forward<F>(me.function_), std::move(me.arguments_));
                me.outcome_.emplace();
            } else {
                me.outcome_.emplace(std::apply(std::forward<F>(me.function_), std::move(me.arguments_)));
            }
        } catch (...) {
            me.outcome_.emplace(failure::from_current_exception());
        }
    }

    F function_;
    std::tuple<Args...> arguments_;
    std::optional<result<value_type>> outcome_;
};

/// What is the same wherever the call is kept.
template <class Call>
class thread_awaiter : public thread_operation {
public:
    using value_type = typename Call::value_type;

    value_type await_resume() {
        auto outcome = await_result();
        return std::move(outcome).value();
    }
    result<value_type> await_result() noexcept {
        if (!conclude()) [[unlikely]]
            return failed();
        return static_cast<Call*>(job_)->take();
    }

protected:
    thread_awaiter() noexcept {}
    ~thread_awaiter() = default;
};

/// With the call in itself, so in the coroutine's frame.
template <class Call>
class [[nodiscard]] framed_thread_awaiter final : public thread_awaiter<Call> {
public:
    template <class... Parts>
    explicit framed_thread_awaiter(std::in_place_t, Parts&&... parts) : call_(nullptr, std::forward<Parts>(parts)...) {
        this->job_ = &call_;
    }
    ~framed_thread_awaiter() { this->destroyed(); }

private:
    Call call_;
};

/// With the call in a block of its own, which the worker frees if it was left behind.
template <class Call>
class [[nodiscard]] owning_thread_awaiter final : public thread_awaiter<Call> {
public:
    template <class... Parts>
    explicit owning_thread_awaiter(job_place by, Parts&&... parts) {
        this->job_ = new Call(&Call::free, std::forward<Parts>(parts)...);
        this->job_->place = by;
    }
    ~owning_thread_awaiter() {
        this->destroyed();
        if (this->job_ != nullptr)
            Call::free(*this->job_);
    }
};

template <class Arg>
constexpr void reject_unsafe_argument() noexcept {
    if constexpr (!std::is_lvalue_reference_v<Arg>)
        reject_unsafe_aggregate<std::remove_cvref_t<Arg>>();
}

} // namespace coax::detail
