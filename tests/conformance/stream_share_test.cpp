// `makefile`: a stream and its socket share one connection, which ends with the last of them, or by `close()`.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/sync.hpp"
#include "support/wire.hpp"

#include <string>
#include <utility>

using support::ending;

TEST_CASE("a connection is closed with the last of those that share it") {
    support::run([]() -> coax::task<> {
        const int before = support::open_descriptors();
        {
            coax::socket_pair pair = coax::socketpair();
            {
                const coax::stream gone = pair.first.makefile();
                CHECK(support::open_descriptors() == before + 2);
            }
            CHECK(pair.first.is_open());
            coax::stream file = pair.first.makefile({.buffer_size = 10});
            pair.first = coax::socket();
            co_await file.write("still here\n");
            co_await file.flush();
            file.shutdown(coax::shutdown_how::write);
            const std::string heard = co_await support::read_to_end(pair.second);
            CHECK(heard == "still here\n");
            coax::stream another = file.source().makefile();
            file = std::move(another);
            co_await pair.second.sendall("answer");
            const std::string answer = co_await support::taken(file.readexactly(6));
            CHECK(answer == "answer");
        }
        CHECK(support::open_descriptors() == before);
    });
}

TEST_CASE("closing closes for all that share a connection") {
    const bool by_stream = GENERATE(true, false);
    support::run([by_stream]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::stream file = pair.first.makefile();
        coax::stream other = pair.first.makefile();
        std::error_code error[2];
        const auto read = [&]() -> coax::task<> {
            error[0] = co_await support::error_from([&] { return file.readline(); });
        };
        const auto receive = [&]() -> coax::task<> {
            error[1] = co_await support::error_from([&] { return pair.first.recv(10); });
        };
        const auto close = [&]() -> coax::task<> {
            co_await support::until_waiting(2);
            if (by_stream)
                other.close();
            else
                pair.first.close();
        };
        co_await coax::when_all(read(), receive(), close());
        CHECK(error[0] == std::errc::bad_file_descriptor);
        CHECK(error[1] == std::errc::bad_file_descriptor);
        CHECK_FALSE(pair.first.is_open());
        CHECK(support::code_thrown_by([&] { static_cast<void>(pair.first.makefile()); }) ==
              std::errc::bad_file_descriptor);
        // The number may be somebody else's by now.
        const coax::socket_pair next = coax::socketpair();
        other.close();
        pair.first.close();
        CHECK_NOTHROW(next.first.getsockname());
    });
}

TEST_CASE("a closed stream refuses everything, what it has buffered included") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::stream file(std::move(pair.first));
        co_await pair.second.sendall("one\ntwo\n");
        const std::string one = co_await support::taken(file.readline());
        CHECK(one == "one\n");
        co_await file.write("never sent");
        file.close();
        file.close();
        std::byte memory[4];
        std::error_code error[7];
        error[0] = co_await support::error_from([&] { return file.readline(); });
        error[1] = co_await support::error_from([&] { return file.read(1); });
        error[2] = co_await support::error_from([&] { return file.readexactly(1); });
        error[3] = co_await support::error_from([&] { return file.readinto(memory); });
        error[4] = co_await support::error_from([&] { return file.fill(); });
        const auto written = co_await coax::as_result(file.write("x"));
        error[5] = support::code_of(written);
        const auto flushed = co_await coax::as_result(file.flush());
        error[6] = support::code_of(flushed);
        for (const std::error_code each : error)
            CHECK(each == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("closing wakes writers, the one that sends and those that wait for their turn") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        co_await support::fill(pair.first);
        coax::stream file(std::move(pair.first), {.write_buffer_size = 2});
        std::error_code error[2];
        const auto write = [&](std::error_code& how) -> coax::task<> {
            const auto written = co_await coax::as_result(file.write("text"));
            how = support::code_of(written);
        };
        const auto close = [&]() -> coax::task<> {
            co_await support::until_waiting(2);
            file.close();
        };
        co_await coax::when_all(write(error[0]), write(error[1]), close());
        CHECK(error[0] == std::errc::bad_file_descriptor);
        CHECK(error[1] == std::errc::bad_file_descriptor);
    });
}
