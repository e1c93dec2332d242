// refused: 6
#include <coax/coax.hpp>

#include <chrono>

using namespace std::chrono_literals;

coax::task<> work(coax::socket& conn, coax::event& event) {
    // Each refers to an operation that is gone after the semicolon.
    [[maybe_unused]] auto limited = coax::with_timeout(1s, conn.recv(10));
    [[maybe_unused]] auto all = coax::when_all(conn.recv(10), event.wait());
    [[maybe_unused]] auto any = coax::when_any(conn.recv(10), event.wait());
    [[maybe_unused]] auto outcome = coax::as_result(conn.recv(10));
    [[maybe_unused]] auto shielded = coax::shield(event.wait());
    [[maybe_unused]] auto cleaned = coax::finally(event.wait(), [&]() -> coax::task<> { co_await event.wait(); });
#if defined(REFUSED)
#define AWAIT(named) co_await named
#else
#define AWAIT(named) static_cast<void>(named)
#endif
    AWAIT(limited);
    AWAIT(all);
    AWAIT(any);
    AWAIT(outcome);
    AWAIT(shielded);
    AWAIT(cleaned);
    const auto data = co_await coax::with_timeout(1s, coax::as_result(conn.recv(10)));
    const auto both = co_await coax::when_all(conn.recv(10), event.wait());
}
