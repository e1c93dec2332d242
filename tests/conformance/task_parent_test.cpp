// Each task leads to the one that awaits it or started it, and each wait to its task.
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <coax/coax.hpp>
#include <coax/detail/own_scope.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <new>
#include <tuple>
#include <utility>

using namespace std::chrono_literals;
using coax::detail::promise_base;
using coax::detail::waiter;

namespace {

/// From this task itself.
coax::task<int> steps_to(const promise_base& to) {
    const promise_base& self = co_await coax::detail::own_promise();
    co_return support::steps_up(&self, to);
}

coax::task<int> steps_from(int further, const promise_base& to) {
    if (further == 0)
        co_return co_await steps_to(to);
    co_return co_await steps_from(further - 1, to);
}

coax::task<> note_steps(const promise_base& to, int& steps) {
    const promise_base& self = co_await coax::detail::own_promise();
    steps = support::steps_up(&self, to);
}

/// A coroutine that belongs to nobody, and whose promise is not where others have it.
template <std::size_t Alignment>
struct aligned_coroutine {
    struct alignas(Alignment) promise_type : promise_base {
        static void* operator new(std::size_t size) { return ::operator new(size, std::align_val_t(Alignment)); }
        static void operator delete(void* block, std::size_t) noexcept {
            ::operator delete(block, std::align_val_t(Alignment));
        }
        aligned_coroutine get_return_object() noexcept {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        void return_void() const noexcept {}
    };
    std::coroutine_handle<promise_type> coroutine;
};

template <std::size_t Alignment>
aligned_coroutine<Alignment> aligned() {
    co_return;
}

/// How a wait finds the promise depends on where the compiler puts it in a frame.
template <std::size_t Alignment>
void check_place() {
    CAPTURE(Alignment);
    const auto made = aligned<Alignment>();
    coax::detail::loop& on = coax::detail::require_loop();
    coax::detail::yield_operation wait;
    wait.belong_to(on, on.root(), made.coroutine);
    CHECK(wait.promise() == &made.coroutine.promise());
    made.coroutine.destroy();
}

} // namespace

TEST_CASE("a task leads to the one that awaits it, through adapters, and the main task to none") {
    support::run([]() -> coax::task<> {
        const promise_base& self = co_await coax::detail::own_promise();
        CHECK(self.parent() == nullptr);
        const int plain = co_await steps_to(self);
        CHECK(plain == 1);
        const int limited = co_await coax::with_timeout(1h, steps_to(self));
        CHECK(limited == 1);
        const int shielded = co_await coax::shield(coax::with_timeout(1h, steps_to(self)));
        CHECK(shielded == 1);
        const auto outcome = co_await coax::as_result(steps_to(self));
        CHECK(outcome.value() == 1);
    });
}

TEST_CASE("a chain of tasks leads up all of its length, also where starts are put off") {
    support::run([]() -> coax::task<> {
        const promise_base& self = co_await coax::detail::own_promise();
        constexpr int deep = 3 * static_cast<int>(coax::detail::loop::max_depth);
        const int steps = co_await steps_from(deep, self);
        CHECK(steps == deep + 2);
    });
}

TEST_CASE("what runs a body is a task in between") {
    support::run([]() -> coax::task<> {
        const promise_base& self = co_await coax::detail::own_promise();
        int steps = 0;
        const auto scoped = [&](coax::cancel_scope&) -> coax::task<> { co_await note_steps(self, steps); };
        co_await coax::with_cancel_scope(scoped);
        CHECK(steps == 3);
        int at_the_end = 0;
        const auto clean_up = [&] { return note_steps(self, at_the_end); };
        const int body = co_await coax::finally(steps_to(self), clean_up);
        CHECK(body == 2);
        CHECK(at_the_end == 3);
    });
}

TEST_CASE("a child of a group leads to the group's task, which leads to the one that waits for the group") {
    support::run([]() -> coax::task<> {
        const promise_base& self = co_await coax::detail::own_promise();
        int in_body = 0;
        int spawned = 0;
        int started = 0;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            co_await note_steps(self, in_body);
            group.spawn(note_steps(self, spawned));
            auto handle = group.start(steps_to(self));
            started = co_await handle.join();
        };
        co_await coax::with_task_group(body);
        CHECK(in_body == 3);
        CHECK(spawned == 2);
        CHECK(started == 3); // by the task that keeps its outcome
    });
}

TEST_CASE("a branch leads to the task that waits for all or any") {
    support::run([]() -> coax::task<> {
        const promise_base& self = co_await coax::detail::own_promise();
        const auto all = co_await coax::when_all(steps_to(self), steps_to(self));
        CHECK(std::get<0>(all) == 2);
        CHECK(std::get<1>(all) == 2);
        coax::socket_pair pair = coax::socketpair();
        int branch = 0;
        const auto look = [&]() -> coax::task<> {
            co_await support::until_waiting(1);
            const waiter* const wait = coax::detail::require_loop().root().first_child()->waiters();
            branch = support::steps_up(wait->promise(), self);
        };
        static_cast<void>(co_await coax::when_any(pair.first.recv(1), look()));
        CHECK(branch == 1);
    });
}

TEST_CASE("a wait leads to the task that waits, whatever is around it") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const promise_base* self = nullptr;
        const auto receive = [&]() -> coax::task<> {
            const promise_base& own = co_await coax::detail::own_promise();
            self = &own;
            static_cast<void>(co_await coax::as_result(coax::with_timeout(1h, coax::shield(pair.first.recv(1)))));
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(receive());
            const waiter* const wait = self->surroundings.within->first_child()->first_child()->waiters();
            REQUIRE(wait != nullptr);
            CHECK(wait->promise() == self);
            co_await pair.second.sendall("x");
        };
        co_await coax::with_task_group(body);
    });
}

TEST_CASE("a wait leads to its task however much room that has between it and the beginning of its frame") {
    support::run([]() -> coax::task<> {
        check_place<alignof(promise_base)>();
        check_place<16>();
        check_place<32>();
        check_place<64>();
        check_place<4096>();
        check_place<32768>();
        co_return;
    });
}

TEST_CASE("a foreign coroutine is nobody's parent, and its wait has no task") {
    support::run([]() -> coax::task<> {
        const promise_base& self = co_await coax::detail::own_promise();
        coax::event happened;
        int steps = 0;
        const auto foreign = [&]() -> support::fire_and_forget {
            steps = co_await steps_to(self);
            co_await happened.wait();
        };
        foreign();
        CHECK(steps == -1);
        const waiter* const wait = coax::detail::require_loop().root().waiters();
        REQUIRE(wait != nullptr);
        CHECK(wait->promise() == nullptr);
        happened.set();
        co_await coax::yield();
    });
}
