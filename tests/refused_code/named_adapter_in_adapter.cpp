#include <coax/coax.hpp>

#include <chrono>

using namespace std::chrono_literals;

coax::task<> work(coax::socket& conn) {
    auto limited = coax::with_timeout(1s, conn.recv(10));
#if defined(REFUSED)
    const auto data = co_await coax::as_result(limited);
#else
    static_cast<void>(limited);
    const auto data = co_await coax::as_result(coax::with_timeout(1s, conn.recv(10)));
#endif
}
