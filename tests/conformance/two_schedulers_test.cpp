// Sockets belong to no scheduler: they are made before the first, move on to the next, and outlive them all.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

coax::task<> exchange(coax::socket& a, coax::socket& b, std::string text) {
    co_await a.sendall(text);
    const std::string there = co_await support::read(b, text.size());
    CHECK(there == text);
    co_await b.sendall(text);
    const std::string back = co_await support::read(a, text.size());
    CHECK(back == text);
}

/// Waits in a receive that is cancelled before anything has come.
coax::task<> give_up_receiving(coax::socket& from) {
    const auto reader = [&]() -> coax::task<> {
        const coax::chunk data = co_await from.recv(8);
        FAIL("nothing was sent");
    };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(reader());
        co_await support::round_trip();
        group.cancel();
    });
}

} // namespace

TEST_CASE("sockets made before any scheduler work on the first, and on the next") {
    coax::socket_pair pair = coax::socketpair();
    for (int i = 0; i < 3; ++i)
        coax::run(exchange(pair.first, pair.second, "round " + std::to_string(i)));
}

TEST_CASE("a socket moves between two schedulers of one thread while it is idle") {
    coax::socket_pair pair = coax::socketpair();
    coax::scheduler one;
    coax::scheduler two;
    for (int i = 0; i < 5; ++i) {
        one.run(exchange(pair.first, pair.second, "one"));
        two.run(exchange(pair.first, pair.second, "two"));
    }
}

TEST_CASE("the two ends of a connection may be on different schedulers") {
    coax::socket_pair pair = coax::socketpair();
    coax::scheduler one;
    coax::scheduler two;
    const auto send = [&](std::string text) -> coax::task<> { co_await pair.first.sendall(text); };
    const auto receive = [&](std::size_t size) -> coax::task<std::string> { return support::read(pair.second, size); };
    for (int i = 0; i < 5; ++i) {
        one.run(send("from one"));
        CHECK(two.run(receive(8)) == "from one");
    }
}

TEST_CASE("a receive that was cut off on one scheduler loses nothing for the next") {
    coax::socket_pair pair = coax::socketpair();
    const auto receive = [&](std::size_t size) -> coax::task<std::string> { return support::read(pair.second, size); };
    const auto send = [&]() -> coax::task<> { co_await pair.first.sendall("kept"); };
    for (int i = 0; i < 5; ++i) {
        coax::run(give_up_receiving(pair.second));
        coax::run(send());
        CHECK(coax::run(receive(4)) == "kept");
    }
}

TEST_CASE("a receive that shutdown of the scheduler meets just as data arrive loses nothing") {
    for (int i = 0; i < 20; ++i) {
        coax::socket_pair pair = coax::socketpair();
        std::string heard;
        const auto cut_off = [&]() -> coax::task<> {
            const auto reader = [&]() -> coax::task<> {
                const coax::chunk data = co_await pair.second.recv(3);
                heard += data.text();
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(reader());
                if (i % 2 == 0)
                    co_await support::round_trip();
                co_await pair.first.sendall("abcdef");
                group.cancel();
            });
            pair.first.close();
        };
        coax::run(cut_off());
        const auto rest = [&]() -> coax::task<std::string> { return support::read_to_end(pair.second); };
        heard += coax::run(rest());
        CHECK(heard == "abcdef");
    }
}

TEST_CASE("a listener and its connections move on to the next scheduler, with whatever had been taken in advance") {
    constexpr int count = 12;
    coax::socket listener = support::listening(coax::family::inet);
    const coax::address name = listener.getsockname();
    std::vector<coax::socket> clients;
    std::vector<coax::socket> accepted;
    const auto accept_one = [&]() -> coax::task<> {
        coax::accepted taken = co_await listener.accept();
        accepted.push_back(std::move(taken.conn));
    };
    const auto first = [&]() -> coax::task<> {
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(accept_one());
            co_await support::round_trip();
            for (int i = 0; i < count; ++i) {
                clients.emplace_back(coax::family::inet);
                co_await clients.back().connect(name);
                co_await clients.back().sendall(std::to_string(i));
                clients.back().shutdown(coax::shutdown_how::write);
            }
        });
    };
    coax::run(first());
    CHECK(accepted.size() == 1);
    while (accepted.size() < count)
        coax::run(accept_one());
    for (int i = 0; i < count; ++i) {
        const auto number = [&]() -> coax::task<std::string> {
            return support::read_to_end(accepted[static_cast<std::size_t>(i)]);
        };
        CHECK(coax::run(number()) == std::to_string(i));
    }
}

TEST_CASE("a socket moves on to a scheduler on another thread once the first has ended") {
    coax::socket_pair pair = coax::socketpair();
    coax::run(give_up_receiving(pair.second));
    std::string heard;
    std::thread([&] {
        const auto talk = [&]() -> coax::task<> {
            co_await pair.first.sendall("elsewhere");
            heard = co_await support::read(pair.second, 9);
        };
        coax::run(talk());
    }).join();
    CHECK(heard == "elsewhere");
    coax::run(exchange(pair.first, pair.second, "and home again"));
}

TEST_CASE("a socket that outlives its scheduler can be closed and destroyed") {
    const int before = support::open_descriptors();
    {
        coax::socket_pair pair = coax::socketpair();
        coax::socket listener = support::listening(coax::family::inet);
        const auto give_up_accepting = [&]() -> coax::task<> {
            const auto acceptor = [&]() -> coax::task<> {
                const coax::accepted taken = co_await listener.accept();
                FAIL("nobody connected");
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(acceptor());
                co_await support::round_trip();
                group.cancel();
            });
        };
        coax::run(give_up_receiving(pair.second));
        coax::run(give_up_accepting());
        pair.second.close();
        CHECK(pair.first.is_open());
    }
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("an address that was given up on one scheduler is free although that scheduler still exists") {
    coax::scheduler idle;
    coax::socket listener = support::listening(coax::family::inet);
    const coax::address name = listener.getsockname();
    const auto give_up_accepting = [&]() -> coax::task<> {
        const auto acceptor = [&]() -> coax::task<> {
            const coax::accepted taken = co_await listener.accept();
            FAIL("nobody connected");
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(acceptor());
            co_await support::round_trip();
            group.cancel();
        });
    };
    idle.run(give_up_accepting());
    listener.close(); // outside of any run
    coax::socket successor(coax::family::inet);
    CHECK_FALSE(support::code_thrown_by([&] { successor.bind(name); }));
}

namespace {

/// A scheduler on a thread of its own that has used the socket, and runs until it is told to end.
class other_thread {
public:
    explicit other_thread(coax::socket& used) : used_(used), thread_([this] { scheduler_.run(use()); }) {
        ready_.get_future().wait();
    }
    ~other_thread() {
        scheduler_.post([this] { end_.set(); });
        thread_.join();
    }
    /// Runs a function there.
    void ask(std::function<void()> what) {
        std::promise<void> done;
        scheduler_.post([&] {
            what();
            done.set_value();
        });
        done.get_future().wait();
    }

private:
    coax::task<> use() {
        co_await used_.sendall("x");
        ready_.set_value();
        co_await end_.wait();
    }

    coax::socket& used_;
    coax::scheduler scheduler_;
    coax::event end_;
    std::promise<void> ready_;
    std::thread thread_;
};

template <class Call>
bool is_logic_error(Call call) {
    try {
        call();
    } catch (const std::logic_error&) {
        return true;
    }
    return false;
}

} // namespace

TEST_CASE("a socket of a scheduler that runs on another thread is refused here, until it is unbound there") {
    coax::socket_pair pair = coax::socketpair();
    const auto receive = [&]() -> coax::task<std::string> { return support::read(pair.first, 4); };
    const auto answer = [&]() -> coax::task<> { co_await pair.second.sendall("back"); };
    {
        other_thread other(pair.first);
        coax::run(answer());
        CHECK(is_logic_error([&] { coax::run(receive()); }));
        CHECK(is_logic_error([&] { pair.first.shutdown(coax::shutdown_how::write); }));
        CHECK(is_logic_error([&] { pair.first.unbind(); }));
        CHECK(is_logic_error([&] { static_cast<void>(pair.first.detach()); }));
        bool refused = true;
        other.ask([&] { refused = is_logic_error([&] { pair.first.unbind(); }); });
        CHECK_FALSE(refused);
        CHECK(coax::run(receive()) == "back");
    }
    pair.first.close();
}

TEST_CASE("a socket on which somebody waits cannot be unbound") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        pair.first.unbind(); // belongs to nobody
        const auto reader = [&]() -> coax::task<> { const coax::chunk data = co_await pair.first.recv(1); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            CHECK(is_logic_error([&] { pair.first.unbind(); }));
            co_await pair.second.sendall("x");
        });
        pair.first.unbind();
        co_await exchange(pair.first, pair.second, "again");
    });
}
