// Closing a connection so that its peer gets everything that was sent.
#include <coax/linger.hpp>

#include <stdexcept>
#include <utility>

#include <coax/as_result.hpp>
#include <coax/time.hpp>
#include <coax/timeout.hpp>

#include "backend/backend.hpp"
#include "net/socket_access.hpp"

namespace coax::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t taken_at_once = 65536;
constexpr clock::duration silence = 100ms;
constexpr int longer_silence = 10; // where the system does not say what has been acknowledged

/// Whether all that was sent, the end included, has reached the other machine; for a UNIX socket it has.
bool is_acknowledged(const descriptor& d, int silences) noexcept {
    if (d.family == family::local)
        return true;
    const std::int64_t unacknowledged = d.system.unacknowledged(d.handle);
    return unacknowledged == 0 || (unacknowledged < 0 && silences >= longer_silence);
}

/// Receives, and drops it, until the peer has ended too, or until it is silent and has got everything.
task<> discard_input(socket& conn) {
    const descriptor& d = *socket_access::state(conn);
    int silences = 0;
    while (d.open) {
        const auto next = co_await as_result(with_timeout(silence, conn.recv(taken_at_once)));
        const bool ended = next && !*next;
        const bool timed_out = !next && next.error().why() == failure::cause::timeout;
        if (next && !ended) {
            silences = 0;
            continue;
        }
        // The end that our own shutdown of the input has made is not the peer's: more may come.
        if ((ended && !d.input_ended) || (!next && !timed_out))
            co_return;
        if (silences != 0 && is_acknowledged(d, silences))
            co_return;
        ++silences;
        if (ended)
            co_await sleep_for(silence);
    }
}

task<> close_lingering(socket conn, clock::duration limit) {
    if (!conn.is_open())
        co_return;
    descriptor& d = *socket_access::state(conn);
    conn.settimeout(std::nullopt);
    if (d.input_cut) // by a server that drains: more may come
        d.input_cut = d.input_ended = false;
    try {
        if (backend::shut_down(d, shutdown_how::write) == 0) // or the peer has gone
            static_cast<void>(co_await as_result(with_timeout(limit, discard_input(conn))));
    } catch (...) { // cancelled, or no memory: it is closed all the same
        conn.close();
        throw;
    }
    conn.close();
}

} // namespace

task<> lingering_close_fn::operator()(socket conn, clock::duration limit) const {
    if (limit < clock::duration::zero())
        throw std::invalid_argument("lingering_close: a negative limit");
    return close_lingering(std::move(conn), limit);
}

} // namespace coax::detail
