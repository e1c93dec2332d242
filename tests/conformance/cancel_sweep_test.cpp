// A session that uses everything is cancelled at each of its checkpoints in turn: it unwinds, and leaves nothing behind.
#include "support/cancel_sweep.hpp"
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

coax::task<> serve_one(coax::socket& listener) {
    coax::accepted taken = co_await listener.accept();
    while (const coax::chunk data = co_await taken.conn.recv(4000))
        co_await taken.conn.sendall(data);
}

/// A client that talks to an echo server: connect, both forms of receive, gathered and large sends, a half-close.
coax::task<> echo_session() {
    coax::socket listener = support::listening(coax::family::inet);
    const coax::address name = listener.getsockname();
    coax::socket client(coax::family::inet);
    // More than the two sides hold, so that sending has to wait; no more, for the number of runs grows with it.
    client.setsockopt(coax::option::send_buffer_size, 1 << 14);
    const std::string large(1 << 17, 'l');
    const auto pour = [&]() -> coax::task<> {
        co_await client.sendall(large);
        client.shutdown(coax::shutdown_how::write);
    };
    std::string heard;
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(serve_one(listener));
        co_await client.connect(name);
        co_await client.sendall("he", "llo");
        heard = co_await support::read(client, 5);
        group.spawn(pour());
        heard += co_await support::read_to_end(client);
        co_await coax::yield();
    });
    // A server that was cut short ends the stream before that.
    CHECK(heard == "hello" + large);
}

coax::task<> datagram_session() {
    coax::socket one = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket other = support::bound(coax::family::inet, coax::kind::datagram);
    for (int round = 0; round < 3; ++round) {
        co_await one.sendto("ping", other.getsockname());
        const coax::datagram ping = co_await other.recvfrom(100);
        co_await other.sendto(ping.data, ping.peer);
        std::byte buffer[100];
        const coax::received pong = co_await one.recvfrom(buffer);
        CHECK(pong.size == 4);
    }
}

coax::task<> batch_session() {
    coax::socket one = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket other = support::bound(coax::family::inet, coax::kind::datagram);
    other.setsockopt(coax::option::receive_offload, true);
    coax::datagram_batch batch(4, 100);
    const auto echo = [&]() -> coax::task<> {
        coax::datagram_batch echoed(4, 100);
        for (std::size_t heard = 0; heard < 4;) {
            co_await other.recvfrom(echoed);
            for (const coax::datagram_entry& entry : echoed)
                heard += entry.segments().size();
            co_await other.sendto(echoed);
        }
    };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(echo());
        co_await coax::yield();
        batch.add("ping", other.getsockname());
        batch.add("pingpong", other.getsockname()).segment_size = 4;
        batch.add("", other.getsockname());
        co_await one.sendto(batch);
        for (int left = 4; left != 0; --left)
            co_await one.recvfrom(100);
    });
}

/// Messages with what travels beside them, where they have to wait and where not.
coax::task<> message_session() {
    coax::socket one = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket other = support::bound(coax::family::inet, coax::kind::datagram);
    std::size_t heard = 0;
    const auto listen = [&]() -> coax::task<> {
        for (int round = 0; round < 2; ++round) {
            const coax::message got = co_await other.recvmsg(100);
            heard += got.data.size();
        }
    };
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        group.spawn(listen());
        co_await coax::yield();
        co_await one.sendmsg({.peer = other.getsockname()}, "pi", "ng");
        co_await coax::yield();
        co_await one.sendmsg({.peer = other.getsockname()}, "ping");
    };
    co_await coax::with_task_group(body);
    CHECK(heard == 8);
}

coax::task<std::size_t> take(coax::socket& from) {
    const coax::chunk data = co_await from.recv(100);
    co_return data.size();
}

/// Everything that opens a scope, each around waits that do end and waits that do not.
coax::task<> scoped_session() {
    coax::socket_pair pair = coax::socketpair();
    co_await pair.first.sendall("one");
    const std::size_t got = co_await coax::with_timeout(10s, take(pair.second));
    CHECK(got == 3);
    const auto late = co_await coax::as_result(coax::with_timeout(1ms, pair.second.recv(100)));
    CHECK_FALSE(late);
    co_await coax::when_any(pair.second.recv(100), coax::sleep_for(1ms));
    co_await coax::when_all(coax::sleep_for(1ms), pair.first.sendall("two"), take(pair.second));
    std::vector<coax::task<std::size_t>> takers;
    takers.push_back(take(pair.second));
    takers.push_back(take(pair.first));
    co_await pair.first.sendall("three");
    co_await coax::when_any(std::move(takers));
    const bool cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& inner) -> coax::task<> {
        co_await coax::yield();
        inner.cancel();
        static_cast<void>(co_await pair.second.recv(100));
    });
    CHECK(cut);
    co_await coax::shield(coax::sleep_for(1ms));
    const std::stop_source source;
    co_await coax::with_stop_token(source.get_token(), coax::sleep_for(1ms));
    co_await pair.second.sendall("four");
    const auto farewell = [&]() -> coax::task<> { co_await pair.first.sendall("bye"); };
    co_await coax::finally(take(pair.first), farewell, 1s);
}

/// Locks, events, conditions, channels and threads.
coax::task<> sync_session() {
    coax::mutex mutex;
    coax::condition changed(mutex);
    coax::semaphore permits(1);
    coax::event begun;
    coax::channel<std::string> items(1);
    bool ready = false;
    std::size_t received = 0;
    const auto produce = [&]() -> coax::task<> {
        co_await begun.wait();
        for (int index = 0; index < 3; ++index) {
            const coax::semaphore::permit permit = co_await permits.scoped_acquire();
            co_await items.send("item");
        }
        items.close();
        const coax::mutex::guard guard = co_await mutex.lock();
        ready = true;
        changed.notify_all();
    };
    const auto consume = [&]() -> coax::task<> {
        while (const auto item = co_await items.recv())
            ++received;
        coax::mutex::guard guard = co_await mutex.lock();
        while (!ready)
            co_await changed.wait(guard);
    };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(produce());
        group.spawn(consume());
        begun.set();
        const int answer = co_await coax::to_thread([] { return 42; });
        CHECK(answer == 42);
        co_await coax::to_thread(coax::abandon_on_cancel, [] {});
    });
    CHECK(received == 3);
    const auto think = []() -> coax::task<int> {
        co_await coax::yield();
        co_return 42;
    };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        coax::task_handle<int> thought = group.start(think());
        const int answer = co_await thought.join();
        CHECK(answer == 42);
    });
    coax::one_shot<int> set_here;
    coax::one_shot<int> set_there;
    const auto set = [&]() -> coax::task<> {
        co_await coax::yield();
        set_here.set(1);
    };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(set());
        const int& here = co_await set_here.get();
        CHECK(here == 1);
        co_await coax::shield(coax::to_thread([&] { set_there.set(2); }));
        const int& there = co_await set_there.get();
        CHECK(there == 2);
    });
}

/// A server whose handler waits for its end, and what it does for its last connection.
coax::task<> serving_session() {
    coax::listener listener = coax::create_server({"127.0.0.1", 0});
    const auto handler = [](coax::socket conn, coax::address, coax::serving& server) -> coax::task<> {
        const coax::chunk asked = co_await conn.recv(100);
        co_await conn.sendall(asked);
        co_await server.drain();
        co_await conn.sendall("!");
    };
    std::string heard;
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        coax::socket client(coax::family::inet);
        group.spawn(coax::serve(listener, handler));
        co_await client.connect(listener.getsockname());
        co_await client.sendall("?");
        heard = co_await support::read(client, 1);
        group.cancel();
        heard += co_await coax::shield(support::read_to_end(client));
    };
    co_await coax::with_task_group(body);
    CHECK(heard == "?!");
    coax::socket_pair pair = coax::socketpair();
    const auto leave = [&]() -> coax::task<> {
        static_cast<void>(co_await support::read_to_end(pair.second));
        co_await coax::yield();
        pair.second.close();
    };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(leave());
        co_await pair.first.sendall("bye");
        co_await coax::lingering_close(std::move(pair.first), 1h);
    });
}

/// Waits that something outside of the session ends.
coax::task<> signal_session() {
    const auto raise_it = []() -> coax::task<> {
        co_await support::until_waiting(1);
        std::raise(support::one_signal);
    };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(raise_it());
        co_await coax::wait_signal(support::one_signal);
    });
    coax::signal_set signals(support::one_signal);
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(raise_it());
        co_await signals.wait();
    });
}

} // namespace

TEST_CASE("an echo session can be cancelled at every checkpoint") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return echo_session(); }, when) > 10);
}

TEST_CASE("a datagram session can be cancelled at every checkpoint") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return datagram_session(); }, when) >= 12);
}

TEST_CASE("a session of batches of datagrams can be cancelled at every checkpoint") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return batch_session(); }, when) >= 8);
}

TEST_CASE("a session of messages can be cancelled at every checkpoint") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return message_session(); }, when) >= 6);
}

TEST_CASE("a session of limits, scopes and branches can be cancelled at every checkpoint") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return scoped_session(); }, when) > 15);
}

TEST_CASE("a session of locks, channels and threads can be cancelled at every checkpoint") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return sync_session(); }, when) > 12);
}

TEST_CASE("a session with a server, to its end, can be cancelled at every checkpoint") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return serving_session(); }, when) > 12);
}

TEST_CASE("a wait for a signal can be cancelled at every checkpoint") {
    // One that is raised when nobody waits for it any more comes at the end of the run.
    struct ignoring {
        ignoring() { before = std::signal(support::one_signal, SIG_IGN); }
        ~ignoring() { std::signal(support::one_signal, before); }
        void (*before)(int);
    } const guard;
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return signal_session(); }, when) >= 2);
}
