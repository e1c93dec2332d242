// The echo of a large message that is still being sent, through buffers of all sizes.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace {

coax::task<> echo_pooled(coax::socket& conn, std::size_t size) {
    while (const coax::chunk data = co_await conn.recv(size))
        co_await conn.sendall(data);
    conn.shutdown(coax::shutdown_how::write);
}

coax::task<> echo_buffer(coax::socket& conn, std::size_t size) {
    std::vector<std::byte> buffer(size);
    while (const std::size_t got = co_await conn.recv(buffer)) {
        // Short sends are the rule here, and taken up where they ended.
        for (std::size_t sent = 0; sent < got;)
            sent += co_await conn.send(std::span(buffer).subspan(sent, got - sent));
    }
    conn.shutdown(coax::shutdown_how::write);
}

coax::task<> send_and_end(coax::socket& conn, const std::string& text) {
    co_await conn.sendall(text);
    conn.shutdown(coax::shutdown_how::write);
}

coax::task<> echoes(coax::family family, bool pooled, std::size_t buffer, std::size_t total) {
    support::connection made = co_await support::connected(family);
    const std::string sent = support::pattern(total);
    std::string heard;
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(pooled ? echo_pooled(made.server, buffer) : echo_buffer(made.server, buffer));
        group.spawn(send_and_end(made.client, sent));
        heard = co_await support::read_to_end(made.client);
    });
    CHECK(heard.size() == sent.size());
    CHECK(support::same_up_to(heard, sent) == sent.size());
}

} // namespace

TEST_CASE("a mebibyte is echoed while it is still being sent") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool pooled = GENERATE(true, false);
    const std::size_t buffer =
        GENERATE(std::size_t{1'000}, std::size_t{4'096}, std::size_t{65'537}, std::size_t{4} << 20);
    INFO(support::name_of(family) << (pooled ? ", pooled, " : ", own buffer, ") << buffer);
    support::run([&]() -> coax::task<> { co_await echoes(family, pooled, buffer, 1 << 20); });
}

TEST_CASE("a message is echoed through a buffer of one byte") {
    const bool pooled = GENERATE(true, false);
    support::run([&]() -> coax::task<> { co_await echoes(coax::family::inet, pooled, 1, 10'000); });
}

TEST_CASE("many connections at once are each echoed their own bytes") {
    constexpr int count = 50;
    const int before = support::open_descriptors();
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        int correct = 0;
        const auto handle = [](coax::socket conn) -> coax::task<> { co_await echo_pooled(conn, 1024); };
        const auto client = [&](int number) -> coax::task<> {
            coax::socket conn(coax::family::inet);
            co_await conn.connect(name);
            const std::string sent = support::pattern(20'000, static_cast<std::uint32_t>(number));
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(send_and_end(conn, sent));
                const std::string heard = co_await support::read_to_end(conn);
                correct += heard == sent ? 1 : 0;
            });
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int i = 0; i < count; ++i)
                group.spawn(client(i));
            for (int i = 0; i < count; ++i) {
                coax::accepted taken = co_await listener.accept();
                group.spawn(handle(std::move(taken.conn)));
            }
        });
        CHECK(correct == count);
    });
    CHECK(support::open_descriptors() == before);
}
