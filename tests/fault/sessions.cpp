// The conversations in which something fails. They use no test macros, which allocate.
#include "faults.hpp"

#include "support/net.hpp"
#include "support/serving.hpp"

#include <chrono>
#include <csignal>
#include <optional>
#include <stop_token>
#include <vector>

using namespace std::chrono_literals;

namespace {

coax::task<> echo_one(coax::socket& listener) {
    coax::accepted taken = co_await listener.accept();
    while (const coax::chunk data = co_await taken.conn.recv(4000))
        co_await taken.conn.sendall(data);
}

coax::task<bool> streams() {
    coax::socket listener = support::listening(coax::family::inet);
    const coax::address name = listener.getsockname();
    coax::socket client(coax::family::inet);
    client.setsockopt(coax::option::send_buffer_size, 1 << 14);
    const std::string large(1 << 16, 'l');
    const auto pour = [&]() -> coax::task<> {
        co_await client.sendall(large);
        client.shutdown(coax::shutdown_how::write);
    };
    std::string heard;
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        group.spawn(echo_one(listener));
        co_await client.connect(name);
        co_await client.sendall("he", "llo");
        heard = co_await support::read(client, 5);
        group.spawn(pour());
        heard += co_await support::read_to_end(client);
    };
    co_await coax::with_task_group(body);
    co_return heard == "hello" + large;
}

coax::task<bool> datagrams() {
    coax::socket one = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket other = support::bound(coax::family::inet, coax::kind::datagram);
    bool heard = true;
    for (int round = 0; round < 2; ++round) {
        const coax::address to = other.getsockname();
        co_await one.sendto("ping", to);
        const coax::datagram ping = co_await other.recvfrom(100);
        co_await other.sendto(ping.data, ping.peer);
        std::byte buffer[100];
        const coax::received pong = co_await one.recvfrom(buffer);
        heard = heard && pong.size == 4;
    }
    co_return heard;
}

coax::task<bool> groups() {
    coax::interface_index on;
    for (const coax::interface_info& one : coax::if_nameindex()) {
        if (one.loopback)
            on = coax::if_nametoindex(coax::if_indextoname(one.index));
    }
    coax::socket member(coax::family::inet, coax::kind::datagram);
    member.bind({"", 0});
    const coax::address group("239.255.192.60", member.getsockname().port());
    member.join_group(group, on);
    coax::socket sender(coax::family::inet, coax::kind::datagram);
    sender.setsockopt(coax::option::multicast_interface, on);
    co_await sender.sendto("x", group);
    const coax::datagram got = co_await member.recvfrom(100);
    member.leave_group(group, on);
    member.join_source_group(group, got.peer, on);
    co_return got.data.text() == "x" && sender.getsockopt(coax::option::multicast_interface) == on;
}

/// Sends all of a batch, or throws the first entry's reason.
coax::task<> send_all(coax::socket& from, coax::datagram_batch& batch) {
    co_await from.sendto(batch);
    for (const coax::datagram_entry& entry : batch)
        if (entry.error)
            throw coax::io_error(coax::failure(entry.error, coax::operation_name::sendto));
}

coax::task<bool> batches() {
    coax::socket one = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket other = support::bound(coax::family::inet, coax::kind::datagram);
    other.setsockopt(coax::option::receive_offload, true);
    coax::datagram_batch batch(4, 100);
    batch.add("ping", other.getsockname());
    batch.add("pingping", other.getsockname()).segment_size = 4;
    batch.add("ping", other.getsockname());
    co_await send_all(one, batch);
    const coax::datagram first = co_await other.recvfrom(100);
    std::size_t left = first.data.size() == 4 ? 12 : 0;
    coax::datagram_batch whole(2, coax::datagram_batch::largest_run);
    coax::datagram_batch* const into[] = {&batch, &whole};
    for (unsigned round = 0; left != 0; ++round) {
        co_await other.recvfrom(*into[round % 2]);
        co_await send_all(other, *into[round % 2]);
        for (const coax::datagram_entry& entry : *into[round % 2])
            left -= entry.data.size();
    }
    bool heard = true;
    for (int i = 0; i < 3; ++i) {
        const coax::datagram pong = co_await one.recvfrom(100);
        heard = heard && pong.data.text() == "ping";
    }
    co_return heard;
}

coax::task<bool> messages() {
    coax::socket one = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket other = support::bound(coax::family::inet, coax::kind::datagram);
    other.setsockopt(coax::option::receive_hop_limit, true);
    const coax::address to = other.getsockname();
    co_await one.sendmsg({.peer = to, .hop_limit = 7}, "pi", "ng");
    const coax::message ping = co_await other.recvmsg(100);
    bool heard = ping.control.hop_limit == 7 && ping.data.size() == 4;
    coax::socket_pair pair = coax::socketpair();
    const std::vector<coax::native_handle> many(100, one.fileno());
    for (int round = 0; round < 2; ++round) {
        co_await pair.first.send_fds("x", many);
        const coax::received_fds passed = co_await pair.second.recv_fds(10, 100);
        heard = heard && passed.fds.size() == 100;
    }
    co_return heard;
}

coax::task<std::size_t> take(coax::socket& from) {
    const coax::chunk data = co_await from.recv(100);
    co_return data.size();
}

coax::task<bool> scopes() {
    coax::socket_pair pair = coax::socketpair();
    co_await pair.first.sendall("one");
    const std::size_t got = co_await coax::with_timeout(10s, take(pair.second));
    const auto late = co_await coax::as_result(coax::with_timeout(1ms, pair.second.recv(100)));
    const bool timed_out = !late && late.error().code() == std::errc::timed_out;
    if (!late && !timed_out)
        throw coax::io_error(late.error());
    co_await coax::when_any(pair.second.recv(100), coax::sleep_for(1ms));
    co_await coax::when_all(coax::sleep_for(1ms), pair.first.sendall("two"), take(pair.second));
    std::vector<coax::task<std::size_t>> takers;
    takers.push_back(take(pair.second));
    takers.push_back(take(pair.first));
    co_await pair.first.sendall("three");
    co_await coax::when_any(std::move(takers));
    co_await coax::shield(coax::sleep_for(1ms));
    const std::stop_source source;
    co_await coax::with_stop_token(source.get_token(), coax::sleep_for(1ms));
    co_return got == 3 && timed_out;
}

coax::task<bool> locks_and_threads() {
    coax::mutex mutex;
    coax::condition changed(mutex);
    coax::semaphore permits(1);
    coax::event begun;
    coax::channel<std::string> items(1);
    bool ready = false;
    std::size_t received = 0;
    int answer = 0;
    const auto produce = [&]() -> coax::task<> {
        co_await begun.wait();
        for (int index = 0; index < 3; ++index) {
            const coax::semaphore::permit permit = co_await permits.scoped_acquire();
            co_await items.send("an item that is too long for the string itself");
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
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        group.spawn(produce());
        group.spawn(consume());
        begun.set();
        answer = co_await coax::to_thread([] { return 42; });
        co_await coax::to_thread(coax::abandon_on_cancel, [] {});
    };
    co_await coax::with_task_group(body);
    co_return received == 3 && answer == 42;
}

coax::task<bool> lines_and_frames() {
    coax::socket_pair pair = coax::socketpair();
    coax::basic_stream one(std::move(pair.first));
    coax::basic_stream other(std::move(pair.second));
    const std::string longer(10'000, 'x');
    co_await one.write(longer);
    co_await one.write("\n");
    co_await one.flush();
    bool heard = false;
    {
        const auto line = co_await other.readuntil("\n");
        heard = line.size() == 10'001;
    }
    coax::socket_pair second = coax::socketpair();
    coax::framed<coax::length_prefix<std::uint32_t>> sender(std::move(second.first));
    coax::framed<coax::length_prefix<std::uint32_t>> receiver(std::move(second.second));
    co_await sender.send("head", longer);
    const std::optional<coax::frame> frame = co_await receiver.recv();
    co_return heard&& frame && frame->size() == 10'004;
}

coax::task<bool> connections() {
    coax::listener listener = coax::create_server({"127.0.0.1", 0});
    const int port = listener.getsockname().port();
    coax::socket client = co_await coax::create_connection("127.0.0.1", port);
    coax::accepted taken = co_await listener.accept();
    co_await client.sendall("x");
    const coax::chunk data = co_await taken.conn.recv(1);
    co_return data.text() == "x";
}

coax::task<bool> names() {
    const std::vector<coax::address> found = co_await coax::getaddrinfo("localhost", 80);
    co_return !found.empty();
}

coax::task<bool> paths() {
    coax::listener listener = coax::create_server(coax::address::unix_path(support::fresh_path()));
    const coax::address name = listener.getsockname();
    coax::socket client = co_await coax::create_connection(name);
    coax::accepted taken = co_await listener.accept();
    co_await client.sendall("x");
    const coax::chunk data = co_await taken.conn.recv(1);
    co_return data.text() == "x";
}

coax::task<bool> signals() {
    coax::signal_set set(SIGUSR1);
    std::raise(SIGUSR1);
    const int first = co_await set.wait();
    co_return first == SIGUSR1;
}

coax::task<bool> servers() {
    coax::listener listener = coax::create_server({"127.0.0.1", 0});
    const coax::address name = listener.getsockname();
    bool heard = false;
    std::size_t reported = 0;
    const auto on_error = [&](std::exception_ptr, const coax::address&) { ++reported; };
    const coax::serve_options options{.idle_timeout = 10s, .on_error = on_error};
    const auto body = [&]() -> coax::task<> {
        coax::socket client = co_await support::connected_to(name);
        const std::string echo = co_await support::echoed(client, "x");
        heard = echo == "x";
    };
    auto handler = support::echo;
    co_await support::with_server(listener, handler, options, body);
    co_return heard;
}

} // namespace

const fault::session fault::sessions[] = {
    {"streams", &streams, false},
    {"datagrams", &datagrams, false},
    {"groups", &groups, false},
    {"batches", &batches, false},
    {"messages", &messages, false},
    {"scopes", &scopes, false},
    {"locks and threads", &locks_and_threads, false},
    {"lines and frames", &lines_and_frames, false},
    {"connections", &connections, false},
    {"names", &names, false},
    {"paths", &paths, false},
    {"signals", &signals, false},
    {"servers", &servers, true},
};
const std::size_t fault::session_count = std::size(fault::sessions);
