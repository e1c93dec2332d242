// Calls with arguments that cannot be right, and with those that look as if they could not.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// What a call that throws says.
template <class Call>
std::string refusal_of(Call call) {
    try {
        call();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "nothing";
}

} // namespace

TEST_CASE("a negative size is an invalid_argument that names the call and the number") {
    coax::socket sock(coax::family::inet);
    int one = -1;
    long long many = -5'000'000'000;
    CHECK(refusal_of([&] { static_cast<void>(sock.recv(one)); }) == "recv: a negative number: -1");
    CHECK(refusal_of([&] { static_cast<void>(sock.recv(many)); }) == "recv: a negative number: -5000000000");
    CHECK(refusal_of([&] { static_cast<void>(sock.recvfrom(one)); }) == "recvfrom: a negative number: -1");
    CHECK(refusal_of([&] { sock.listen(one); }) == "listen: a negative number: -1");
    CHECK(refusal_of([&] { coax::channel<int> items(one); }) == "channel: a negative number: -1");
    coax::stream file(std::move(sock));
    CHECK(refusal_of([&] { static_cast<void>(file.read(one)); }) == "read: a negative number: -1");
    CHECK(refusal_of([&] { static_cast<void>(file.readexactly(one)); }) == "readexactly: a negative number: -1");
    CHECK(refusal_of([&] { static_cast<void>(file.readline(one)); }) == "readline: a negative number: -1");
    CHECK(refusal_of([&] { static_cast<void>(file.readuntil(";", one)); }) == "readuntil: a negative number: -1");
    CHECK(refusal_of([&] { file.consume(one); }) == "consume: a negative number: -1");
}

TEST_CASE("any whole number is a size") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        co_await made.client.sendall("abcdef");
        enum { enumerator = 1 };
        const std::uint8_t small = 1;
        const signed char letter = 1;
        const coax::chunk a = co_await made.server.recv(1);
        const coax::chunk b = co_await made.server.recv(std::size_t{1});
        const coax::chunk c = co_await made.server.recv(small);
        const coax::chunk d = co_await made.server.recv(letter);
        const coax::chunk e = co_await made.server.recv(enumerator);
        const coax::chunk f = co_await made.server.recv(std::integral_constant<int, 1>());
        std::string all;
        for (const coax::chunk* part : {&a, &b, &c, &d, &e, &f})
            all += part->text();
        CHECK(all == "abcdef");
    });
}

TEST_CASE("a receive fills whatever lies in one piece and can be written to") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        co_await made.client.sendall("one.two.tri.for.fiv.six.sev.");
        char letters[4] = {};
        unsigned char raw[4] = {};
        std::string text(4, '-');
        std::vector<char> vector(4);
        std::array<std::byte, 4> array{};
        std::string spanned(10, '-');
        std::size_t n = co_await made.server.recv(letters);
        CHECK(std::string_view(letters, n) == "one.");
        n = co_await made.server.recv(raw);
        CHECK((n == 4 && raw[0] == 't'));
        n = co_await made.server.recv(text);
        CHECK((n == 4 && text == "tri."));
        n = co_await made.server.recv(vector);
        CHECK((n == 4 && vector[0] == 'f'));
        n = co_await made.server.recv(array);
        CHECK((n == 4 && array[0] == std::byte{'f'}));
        n = co_await made.server.recv(std::span<char>(spanned).subspan(2, 4));
        CHECK((n == 4 && spanned == "--six.----"));
        const coax::received last = co_await made.server.recvfrom(letters);
        CHECK((last.size == 4 && std::string_view(letters, 4) == "sev."));

        coax::stream file(std::move(made.server));
        co_await made.client.sendall("whole.some");
        co_await file.readexactly(text);
        CHECK(text == "whol");
        n = co_await file.readinto(text);
        CHECK(n > 0);
    });
}

TEST_CASE("temporary bytes are sent where they are written") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        co_await made.client.sendall(std::string(40, 'a'));
        co_await made.client.sendall("head", std::string(40, 'b'));
        co_await made.client.sendall(coax::message_flags::none, std::string(40, 'c'), "tail");
        std::size_t n = co_await coax::with_timeout(10s, made.client.send(std::vector<char>(1, 'd')));
        CHECK(n == 1);
        const std::string said = co_await support::read(made.server, 129);
        CHECK(said == std::string(40, 'a') + "head" + std::string(40, 'b') + std::string(40, 'c') + "taild");
        coax::stream file(std::move(made.client));
        co_await file.write(std::string(30, 'x'));
        co_await file.write(std::string(9000, 'y'));
        co_await file.flush();
        const std::string written = co_await support::read(made.server, 9030);
        CHECK(written == std::string(30, 'x') + std::string(9000, 'y'));
        coax::framed<coax::line> lines(std::move(file.source()));
        co_await lines.send(std::string(30, 'z'));
        co_await coax::with_timeout(10s, lines.send("head", std::string(30, 'z')));
        const std::string framed = co_await support::read(made.server, 66);
        CHECK(framed == std::string(30, 'z') + "\nhead" + std::string(30, 'z') + "\n");
    });
}

TEST_CASE("options that have a name keep a small lambda that was written into them") {
    support::run([]() -> coax::task<> {
        int suppressed = 0;
        coax::task_group_options options{.on_suppressed = [&](std::exception_ptr) { ++suppressed; }};
        const auto fail = []() -> coax::task<> {
            co_await coax::yield();
            throw std::runtime_error("failed");
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(fail);
            group.spawn(fail);
            co_return;
        };
        const auto left = co_await coax::as_result(coax::with_task_group(body, options));
        CHECK_FALSE(left);
        CHECK(suppressed == 1);
    });
}
