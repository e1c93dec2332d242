// Several listeners on one port share its connections: Linux (SO_REUSEPORT elsewhere means less).
#include "support/catch.hpp"
#include "support/net.hpp"

#include <string>
#include <system_error>
#include <vector>

TEST_CASE("two reuse-port listeners both receive connections, and together all of them") {
    constexpr int count = 100;
    support::run([&]() -> coax::task<> {
        coax::socket listeners[2] = {coax::socket(coax::family::inet), coax::socket(coax::family::inet)};
        for (coax::socket& listener : listeners)
            listener.setsockopt(coax::option::reuse_port, true);
        listeners[0].bind({"127.0.0.1", 0});
        const coax::address name = listeners[0].getsockname();
        listeners[1].bind(name);
        for (coax::socket& listener : listeners)
            listener.listen();

        int served[2] = {0, 0};
        const auto serve = [](coax::socket& listener, int& number) -> coax::task<> {
            for (;;) {
                coax::accepted taken = co_await listener.accept();
                ++number;
                co_await taken.conn.sendall("served");
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(serve(listeners[0], served[0]));
            group.spawn(serve(listeners[1], served[1]));
            for (int i = 0; i < count; ++i) {
                coax::socket client(coax::family::inet);
                co_await client.connect(name);
                const std::string answer = co_await support::read_to_end(client);
                CHECK(answer == "served");
            }
            group.cancel();
        });
        CHECK(served[0] + served[1] == count);
        // One listener getting all of a hundred would be a chance of one in 2^99.
        CHECK(served[0] > 0);
        CHECK(served[1] > 0);
    });
}

TEST_CASE("without reuse_port a second listener is refused") {
    coax::socket first(coax::family::inet);
    first.setsockopt(coax::option::reuse_port, true);
    first.bind({"127.0.0.1", 0});
    coax::socket second(coax::family::inet);
    CHECK(support::code_thrown_by([&] { second.bind(first.getsockname()); }) == std::errc::address_in_use);
}
