// How many datagrams a second go from here to there: a sender that sends as fast as it can, and a sink that counts.
#include "program.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace {

constexpr std::uint16_t datagram_size = 1200; // bytes, as QUIC begins with
constexpr std::size_t run_length = 50;        // datagrams that the system cuts out of one buffer

coax::task<> count_datagrams(coax::socket& sock, coax::datagram_batch& batch, std::uint64_t& count) {
    for (;;) {
        co_await sock.recvfrom(batch);
        for (const coax::datagram_entry& entry : batch)
            count += entry.segments().size();
    }
}

coax::task<> show_each_second(std::uint64_t& count) {
    for (;;) {
        co_await coax::sleep_for(std::chrono::seconds(1));
        if (const std::uint64_t received = std::exchange(count, 0))
            say("{} datagrams/s", received);
    }
}

coax::task<> receive(coax::address at, bool offload) {
    coax::socket sock(at.family().value_or(coax::family::inet), coax::kind::datagram);
    sock.bind(at);
    sock.setsockopt(coax::option::receive_offload, offload);
    say_listening(sock.getsockname());

    coax::datagram_batch batch(64, offload ? coax::datagram_batch::largest_run : datagram_size);
    std::uint64_t count = 0;
    co_await coax::when_all(count_datagrams(sock, batch, count), show_each_second(count));
}

coax::task<> send(coax::address to, bool offload, seconds time) {
    coax::socket sock(to.family().value_or(coax::family::inet), coax::kind::datagram);
    co_await sock.connect(to);

    // With offload each entry is a run of datagrams, which the system cuts; without it each is one.
    const std::size_t datagrams_in_entry = offload ? run_length : 1;
    coax::datagram_batch batch(64, datagrams_in_entry * datagram_size);
    batch.resize(batch.capacity());
    for (coax::datagram_entry& entry : batch)
        entry.segment_size = datagram_size;

    std::uint64_t count = 0;
    const auto begin = std::chrono::steady_clock::now();
    seconds passed{};
    for (; passed < time; passed = std::chrono::steady_clock::now() - begin) {
        const std::size_t sent = co_await sock.sendto(batch);
        count += sent * datagrams_in_entry;
    }
    say("{:.0f} datagrams/s", static_cast<double>(count) / passed.count());
}

} // namespace

int main(int argc, char** argv) {
    bool is_sink = false;
    bool offload = false;
    program command("udp_blast", "Sends UDP datagrams as fast as it can, or counts those that come.", "127.0.0.1");
    command.offer_flag("--sink", is_sink, "counts what comes, until a signal");
    command.offer_flag("--offload", offload, "the system cuts and joins runs of datagrams");
    command.offer_timeout(1, "sending");
    return command.run(argc, argv, [&] {
        return is_sink ? until_signal(receive(command.address(), offload))
                       : send(command.address(), offload, command.timeout().value_or(seconds(1)));
    });
}
