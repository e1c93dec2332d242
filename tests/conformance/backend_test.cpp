// Choosing a backend: by name, by environment, and what is refused.
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

using support::environment;

namespace {

coax::scheduler_options named(coax::backend_kind kind) {
    coax::scheduler_options options;
    options.backend = kind;
    return options;
}

/// Whether this machine and this build have it.
bool available(coax::backend_kind kind) {
    try {
        const coax::scheduler scheduler(named(kind));
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

coax::task<std::string> echo() {
    support::connection pair = co_await support::connected(coax::family::inet);
    co_await pair.client.sendall("echo");
    const coax::chunk data = co_await pair.server.recv(100);
    co_await pair.server.sendall(data);
    co_return co_await support::read(pair.client, 4);
}

} // namespace

TEST_CASE("every backend has a name") {
    CHECK(std::string_view(coax::to_string(coax::backend_kind::automatic)) == "automatic");
    CHECK(std::string_view(coax::to_string(coax::backend_kind::io_uring)) == "io_uring");
    CHECK(std::string_view(coax::to_string(coax::backend_kind::epoll)) == "epoll");
    CHECK(std::string_view(coax::to_string(coax::backend_kind::poll)) == "poll");
}

TEST_CASE("a backend that is asked for by name is the one that runs, whatever the environment says") {
    const coax::backend_kind kind =
        GENERATE(coax::backend_kind::io_uring, coax::backend_kind::epoll, coax::backend_kind::poll);
    INFO(coax::to_string(kind));
    if (!available(kind))
        return;
    const environment other(kind == coax::backend_kind::poll ? "epoll" : "poll");
    coax::scheduler scheduler(named(kind));
    CHECK(scheduler.backend().kind == kind);
    CHECK(std::string_view(scheduler.backend().name) == coax::to_string(kind));
    CHECK_FALSE(scheduler.backend().reason.empty());
    CHECK(scheduler.run(echo()) == "echo");
}

TEST_CASE("poll is always there") { CHECK(available(coax::backend_kind::poll)); }

TEST_CASE("the environment decides where the program leaves it open") {
    for (const coax::backend_kind kind :
         {coax::backend_kind::io_uring, coax::backend_kind::epoll, coax::backend_kind::poll}) {
        if (!available(kind))
            continue;
        const environment chosen(coax::to_string(kind));
        coax::scheduler scheduler;
        CHECK(scheduler.backend().kind == kind);
        CHECK(scheduler.backend().reason.find("COAX_BACKEND") != std::string::npos);
        CHECK(scheduler.run(echo()) == "echo");
    }
}

TEST_CASE("without a wish the best backend of the machine runs, and says why") {
    const environment none(nullptr);
    coax::scheduler scheduler;
    const coax::backend_info& info = scheduler.backend();
    CHECK(info.kind != coax::backend_kind::automatic);
    CHECK(std::string_view(info.name) == coax::to_string(info.kind));
    CHECK_FALSE(info.reason.empty());
    if (available(coax::backend_kind::io_uring))
        CHECK(info.kind == coax::backend_kind::io_uring);
    else
        CHECK(info.kind ==
              (available(coax::backend_kind::epoll) ? coax::backend_kind::epoll : coax::backend_kind::poll));
    CHECK(scheduler.run(echo()) == "echo");
}

TEST_CASE("the environment may say automatic, too") {
    const environment automatic("automatic");
    const coax::scheduler scheduler;
    CHECK(scheduler.backend().kind != coax::backend_kind::automatic);
}

TEST_CASE("an unknown name in the environment is an error that quotes it, and leaks nothing") {
    const int before = support::open_descriptors();
    for (const char* const wrong : {"iouring", "EPOLL", "select", "epoll "}) {
        const environment unknown(wrong);
        std::string message;
        try {
            const coax::scheduler scheduler;
        } catch (const std::invalid_argument& error) {
            message = error.what();
        }
        CHECK(message.find("COAX_BACKEND") != std::string::npos);
        CHECK(message.find(wrong) != std::string::npos);
        CHECK_THROWS_AS(coax::run(echo()), std::invalid_argument);
    }
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("options out of range are refused, on every backend") {
    const auto attempt = [](auto change) {
        coax::scheduler_options options;
        change(options);
        const coax::scheduler scheduler(options);
    };
    CHECK_THROWS_AS(attempt([](auto& options) { options.queue_depth = 0; }), std::invalid_argument);
    CHECK_THROWS_AS(attempt([](auto& options) { options.queue_depth = 32769; }), std::invalid_argument);
    CHECK_THROWS_AS(attempt([](auto& options) { options.queue_depth = ~0U; }), std::invalid_argument);
    CHECK_THROWS_AS(attempt([](auto& options) { options.buffer_count = 0; }), std::invalid_argument);
    CHECK_THROWS_AS(attempt([](auto& options) { options.buffer_count = 32769; }), std::invalid_argument);
    CHECK_THROWS_AS(attempt([](auto& options) { options.buffer_size = 0; }), std::invalid_argument);
    CHECK_THROWS_AS(attempt([](auto& options) { options.completion_depth = ~0U; }), std::invalid_argument);
    CHECK_THROWS_AS(attempt([](auto& options) { options.worker_threads = 0; }), std::invalid_argument);
    CHECK_THROWS_AS(attempt([](auto& options) { options.worker_threads = 1025; }), std::invalid_argument);
}

TEST_CASE("odd options work: sizes that are no power of two, a completion queue below the submission queue") {
    for (const unsigned depth : {1U, 3U, 100U}) {
        coax::scheduler_options options;
        options.queue_depth = depth;
        options.completion_depth = 1;
        options.buffer_count = 3;
        options.buffer_size = 1;
        coax::scheduler scheduler(options);
        const auto body = []() -> coax::task<> {
            coax::socket_pair pair = coax::socketpair();
            co_await pair.first.sendall("echo");
            const std::string heard = co_await support::read(pair.second, 4);
            CHECK(heard == "echo");
            co_await pair.first.sendall("pooled");
            pair.first.close();
            std::string pooled;
            while (const coax::chunk data = co_await pair.second.recv(1))
                pooled += data.text();
            CHECK(pooled == "pooled");
        };
        scheduler.run(body());
    }
}

TEST_CASE("the largest options work, or are lowered") {
    coax::scheduler_options options;
    options.queue_depth = 32768;
    options.buffer_count = 32768;
    options.buffer_size = 64;
    coax::scheduler scheduler(options);
    CHECK(scheduler.run(echo()) == "echo");
}
