// Segmentation, and the calls for many datagrams at once, may be refused: by an old kernel, a route, a filter. Then it is done without.
#include "support/catch.hpp"
#include "support/net.hpp"

#include "call_gate.hpp"

#include <atomic>
#include <cerrno>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace {

constexpr int udp_segment = 103;

bool asks_for_segments(const msghdr& header) {
    for (const cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr;
         each = CMSG_NXTHDR(const_cast<msghdr*>(&header), const_cast<cmsghdr*>(each)))
        if (each->cmsg_level == IPPROTO_UDP && each->cmsg_type == udp_segment)
            return true;
    return false;
}

/// Of a call that is judged: whether the system is to cut what it sends. It waits, and what it points at is in this process.
bool asks_for_segments(const seccomp_data& call) {
    if (call.nr == SYS_sendmsg)
        return asks_for_segments(*reinterpret_cast<const msghdr*>(call.args[1]));
    const auto* const first = reinterpret_cast<const mmsghdr*>(call.args[1]);
    return call.nr == SYS_sendmmsg && call.args[2] != 0 && asks_for_segments(first->msg_hdr);
}

/// Sends runs and single datagrams, and receives them one by one and in batches; gives what came.
coax::task<std::string> converse(int rounds) {
    coax::socket server = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket client = support::bound(coax::family::inet, coax::kind::datagram);
    coax::datagram_batch batch(4, 100);
    std::string heard;
    for (int round = 0; round < rounds; ++round) {
        batch.clear();
        batch.add("bbccd", server.getsockname()).segment_size = 2;
        batch.add("a", server.getsockname());
        batch.add("eef", server.getsockname()).segment_size = 2;
        batch.add("g", server.getsockname());
        const std::size_t out = co_await client.sendto(batch);
        CHECK(out == 4);
        for (std::size_t got = 0; got < 7;) {
            got += co_await server.recvfrom(batch);
            for (const coax::datagram_entry& entry : batch)
                heard += std::string(entry.text()) + ' ';
        }
    }
    co_return heard;
}

std::string expected(int rounds) {
    std::string all;
    for (int round = 0; round < rounds; ++round)
        all += "bb cc d a ee f g ";
    return all;
}

} // namespace

TEST_CASE("where segmentation is refused the segments are sent one by one, and it is not asked for again") {
    const int error = GENERATE(EIO, EINVAL, ENOPROTOOPT, EOPNOTSUPP, EPERM);
    INFO(error);
    std::atomic<int> refused{0};
    std::string heard;
    const auto judge = [&](const seccomp_data& call) {
        if (!asks_for_segments(call))
            return 0;
        ++refused;
        return error;
    };
    if (!fault::with_calls_judged({SYS_sendmmsg, SYS_sendmsg}, judge, [&] { heard = coax::run(converse(3)); }))
        return;
    CHECK(heard == expected(3));
    CHECK(refused == 1);
}

TEST_CASE("segments that are too long for one link are sent one by one, and others are cut by the system again") {
    std::atomic<int> refused{0};
    std::string heard;
    const auto judge = [&](const seccomp_data& call) {
        if (!asks_for_segments(call))
            return 0;
        ++refused;
        return EMSGSIZE;
    };
    if (!fault::with_calls_judged({SYS_sendmmsg, SYS_sendmsg}, judge, [&] { heard = coax::run(converse(3)); }))
        return;
    CHECK(heard == expected(3));
    CHECK(refused == 3); // once in each round: a judge sees the first datagram of a call
}

TEST_CASE("an error that is not about the segmentation fails its entry, and segmentation is asked for again") {
    std::atomic<int> refused{0};
    std::size_t out = 1;
    std::size_t later = 0;
    std::error_code why;
    const auto judge = [&](const seccomp_data& call) {
        const bool fails = refused < 2 && call.nr == SYS_sendmmsg ? call.args[2] != 0 : refused < 2;
        refused += fails ? 1 : 0;
        return fails ? EIO : 0;
    };
    std::atomic<bool> asked{false};
    const auto both = [&](const seccomp_data& call) {
        asked = asked || (refused >= 2 && asks_for_segments(call));
        return judge(call);
    };
    const auto send = [&]() -> coax::task<> {
        coax::socket server = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket client = support::bound(coax::family::inet, coax::kind::datagram);
        coax::datagram_batch batch(1, 100);
        batch.add("bbcc", server.getsockname()).segment_size = 2;
        out = co_await client.sendto(batch);
        why = batch[0].error;
        later = co_await client.sendto(batch);
    };
    if (!fault::with_calls_judged({SYS_sendmmsg, SYS_sendmsg}, both, [&] { coax::run(send()); }))
        return;
    CHECK(out == 0);
    CHECK(why == std::errc::io_error);
    CHECK(later == 1);
    CHECK(asked);
}

// The last one of this program: what it learns of the process is learned for good.
TEST_CASE("where the calls for many datagrams are refused there is one call for each") {
    const int error = GENERATE(EPERM, ENOSYS);
    std::atomic<int> refused{0};
    std::string heard;
    const auto judge = [&](const seccomp_data&) {
        ++refused;
        return error;
    };
    if (!fault::with_calls_judged({SYS_sendmmsg, SYS_recvmmsg}, judge, [&] { heard = coax::run(converse(3)); }))
        return;
    CHECK(heard == expected(3));
    CHECK(refused <= 4); // each is asked for twice, once
}
