// What a scheduler leaves behind: nothing, however it ends and whatever was going on.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::ending;
using support::fire_and_forget;

namespace {

template <class Make>
fire_and_forget park(Make make, int& alive) {
    const support::counted frame(alive);
    static_cast<void>(co_await make());
}

/// How many mappings this process has; 0 where that cannot be seen.
std::size_t mappings() {
    std::ifstream maps("/proc/self/maps");
    std::size_t count = 0;
    for (std::string line; std::getline(maps, line);)
        ++count;
    return count;
}

/// Everything that can be parked, parked.
class crowd {
public:
    coax::task<> gather() {
        co_await support::fill(full_.first);
        coax::socket sender(coax::family::local, coax::kind::datagram);
        co_await sender.connect(local_datagrams_.getsockname());
        co_await support::fill(sender);
        park([this] { return listener_.accept(); }, alive);
        park([this] { return listener_.accept(); }, alive);
        park([this] { return pair_.first.recv(1000); }, alive);
        park([this] { return pair_.first.recv(buffer_); }, alive);
        park([this] { return datagrams_.recvfrom(1000); }, alive);
        park([this] { return full_.first.sendall("abc", "def"); }, alive);
        park([this] { return full_.first.send("x"); }, alive);
        park([this] { return sender_.sendto("x", local_datagrams_.getsockname()); }, alive);
        park([] { return coax::sleep_for(1h); }, alive);
        park([] { return coax::wait_signal(support::one_signal, support::other_signal); }, alive);
        park([this] { return nested(3); }, alive);
        co_await support::round_trip();
        expected_ = 11 + 4;
        CHECK(alive == expected_);
    }

    int alive = 0;

private:
    coax::task<> nested(int levels) {
        const support::counted frame(alive);
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            if (levels > 0)
                group.spawn(nested(levels - 1));
            co_await coax::sleep_for(1h);
        });
    }

    coax::socket listener_ = support::listening(coax::family::inet);
    coax::socket_pair pair_ = coax::socketpair();
    coax::socket_pair full_ = coax::socketpair();
    coax::socket datagrams_ = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket local_datagrams_ = support::bound(coax::family::local, coax::kind::datagram);
    coax::socket sender_{coax::family::local, coax::kind::datagram};
    std::byte buffer_[100];
    int expected_ = 0;
};

} // namespace

TEST_CASE("a run that ends with everything parked leaves no descriptor, no frame and no wait behind", "[unix]") {
    support::run([]() -> coax::task<> { co_return; });
    const int before = support::open_descriptors();
    for (int round = 0; round < 10; ++round) {
        crowd parked;
        coax::scheduler scheduler;
        scheduler.run(parked.gather());
        CHECK(parked.alive == 0);
        CHECK(scheduler.stats().waiting == 0);
        CHECK(scheduler.stats().timers == 0);
        CHECK(scheduler.stats().buffers_leased == 0);
    }
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("a run that ends by an exception with everything parked leaves nothing behind either", "[unix]") {
    const int before = support::open_descriptors();
    for (int round = 0; round < 10; ++round) {
        crowd parked;
        const auto fail = [&]() -> coax::task<> {
            co_await parked.gather();
            throw std::runtime_error("over");
        };
        CHECK_THROWS_WITH(coax::run(fail()), "over");
        CHECK(parked.alive == 0);
    }
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("sockets outlive their scheduler and go on, and the other way round", "[unix]") {
    const int before = support::open_descriptors();
    {
        std::optional<crowd> parked(std::in_place);
        coax::scheduler scheduler;
        for (int round = 0; round < 3; ++round) {
            // The same sockets, which were in the middle of everything when the last run ended.
            int& alive = parked->alive;
            const auto body = [&]() -> coax::task<> {
                co_await coax::yield();
                CHECK(alive == 0);
            };
            if (round == 0)
                scheduler.run(parked->gather());
            scheduler.run(body());
        }
        // Sockets closed while their scheduler is not running.
        parked.reset();
    }
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("a hundred schedulers, one after the other, leave no descriptor and no mapping behind") {
    const auto talk = []() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        co_await pair.client.sendall("x");
        const coax::chunk data = co_await pair.server.recv(10);
        CHECK(data.text() == "x");
    };
    coax::run(talk());
    const int descriptors = support::open_descriptors();
    const std::size_t before = mappings();
    for (int round = 0; round < 100; ++round)
        coax::run(talk());
    CHECK(support::open_descriptors() == descriptors);
    // The heap may grow by a mapping or two; a ring kept for each would be hundreds.
    CHECK(mappings() < before + 50);
}

TEST_CASE("a chunk that outlives its scheduler keeps its bytes, and gives its memory back at last") {
    const int descriptors = support::open_descriptors();
    const std::size_t before = mappings();
    for (int round = 0; round < 100; ++round) {
        coax::chunk kept;
        const auto fill = [&]() -> coax::task<> {
            coax::socket_pair pair = coax::socketpair();
            co_await pair.first.sendall("kept");
            kept = co_await pair.second.recv(100);
        };
        coax::run(fill());
        CHECK(kept.text() == "kept");
    }
    CHECK(support::open_descriptors() == descriptors);
    CHECK(mappings() < before + 50);
}

TEST_CASE("connections that nobody accepted end with their listener") {
    const int before = support::open_descriptors();
    support::run([]() -> coax::task<> {
        std::vector<coax::socket> clients;
        {
            coax::socket listener = support::listening(coax::family::inet);
            const coax::address name = listener.getsockname();
            ending how = ending::none;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(support::note([&] { return listener.accept(); }, how));
                co_await support::round_trip();
                // Connected by plain means, so that all are there before the loop looks.
                for (int index = 0; index < 20; ++index) {
                    clients.emplace_back(coax::family::inet);
                    clients.back().setblocking(false);
                    const std::error_code code = co_await clients.back().connect_ex(name);
                    CHECK((!code || code == std::errc::operation_in_progress));
                }
                group.cancel();
            });
            co_await support::round_trip();
        }
        for (coax::socket& client : clients) {
            client.setblocking(true);
            const auto end = co_await coax::as_result(client.recv(1));
            CHECK((!end || !*end));
        }
    });
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("frames of tasks and groups are gone however they ended") {
    int alive = 0;
    support::run([&]() -> coax::task<> {
        const auto leaf = [&](int index) -> coax::task<int> {
            const support::counted frame(alive);
            const auto owned = std::make_unique<int>(index);
            if (index % 3 == 1)
                throw std::runtime_error("failed");
            if (index % 3 == 2)
                co_await coax::sleep_for(1h);
            co_await coax::yield();
            co_return *owned;
        };
        for (int round = 0; round < 100; ++round) {
            const auto child = [&](int index) -> coax::task<> {
                const support::counted frame(alive);
                co_await leaf(index);
            };
            coax::task_group_options options;
            int suppressed = 0;
            const auto handler = [&](std::exception_ptr) { ++suppressed; };
            options.on_suppressed = handler;
            bool failed = false;
            try {
                co_await coax::with_task_group(
                    [&](coax::task_group& group) -> coax::task<> {
                        for (int index = 0; index < 10; ++index)
                            group.spawn(child(index));
                        co_return;
                    },
                    options);
            } catch (const std::runtime_error&) {
                failed = true;
            }
            CHECK(failed);
            CHECK(suppressed == 2);
            CHECK(alive == 0);
        }
    });
    CHECK(alive == 0);
}
