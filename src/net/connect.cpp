// Happy Eyeballs: one task for each lookup and each attempt, and one that decides when the next attempt begins.
#include <coax/connect.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include <coax/as_result.hpp>
#include <coax/cancelled.hpp>
#include <coax/option.hpp>
#include <coax/resolve.hpp>
#include <coax/sync/event.hpp>
#include <coax/task_group.hpp>
#include <coax/timeout.hpp>

#include "net/address_escape.hpp"
#include "net/candidate_queue.hpp"
#include "net/lookup.hpp"

namespace coax {
namespace {

using namespace std::chrono_literals;

// RFC 8305 §8.
constexpr clock::duration least_attempt_delay = 10ms;
constexpr clock::duration most_attempt_delay = 2s;

struct race {
    explicit race(const connection_options& how) noexcept : options(how), candidates(how.first_family_count) {}

    bool wants(std::optional<family> of) const noexcept {
        if (options.family && of != options.family)
            return false;
        const std::optional<family> local =
            options.local_address ? options.local_address->family() : std::optional<family>();
        return !local || of == local;
    }
    void offer(const address& candidate) {
        if (candidate.is_placeholder()) {
            offer(candidate.resolved(family::inet6));
            offer(candidate.resolved(family::inet));
        } else if (wants(candidate.family())) {
            candidates.add(candidate);
        }
    }
    bool undecided() const noexcept { return !winner.is_open(); }
    bool may_begin() const noexcept {
        return !candidates.empty() && (options.max_pending == 0 || running < options.max_pending);
    }

    connection_options options;
    candidate_queue candidates;
    std::vector<failed_attempt> attempts; // in the order in which they began
    std::size_t running = 0;
    std::size_t failures = 0;
    std::size_t lookups = 0;
    bool have_inet6 = false; // its lookup has ended
    std::optional<failure> unresolved;
    socket winner;
    event changed;
};

/// A port that bind(2) chooses is taken for all destinations. Systems without the option, and Linux before 4.2, cannot do better.
void choose_port_later(socket& conn) {
    try {
        conn.setsockopt(option::bind_address_no_port, true);
    } catch (const io_error&) { // binding goes on without it
    }
}

void bind(socket& conn, const address& local) {
    if (local.port() != 0) // attempts that run at the same time share a port that was asked for
        conn.setsockopt(option::reuse_address, true);
    else if (local.family() != family::local)
        choose_port_later(conn);
    conn.bind(local);
}

/// A client that tries one of the ports from which the system takes those of clients may be given that very port, and is connected to
/// itself then (RFC 9293 §3.5, simultaneous open). Nobody listens there.
bool is_connected_to_itself(const socket& conn, const address& peer) {
    if (peer.family() == family::local || conn.getsockname().port() != peer.port())
        return false;
    try {
        return conn.getsockname() == conn.getpeername();
    } catch (const io_error&) { // the peer is gone already, so it was another
        return false;
    }
}

/// The port is free at once, for a server that wants it.
void reset(socket conn) { conn.setsockopt(option::linger, std::chrono::seconds(0)); }

task<> attempt(race& all, address peer, std::size_t number) {
    std::error_code error = std::make_error_code(std::errc::address_family_not_supported);
    if (const std::optional<family> of = peer.family()) {
        try {
            socket conn(*of, kind::stream);
            if (all.options.local_address)
                bind(conn, *all.options.local_address);
            error = co_await conn.connect_ex(peer);
            if (!error && is_connected_to_itself(conn, peer)) {
                error = std::make_error_code(std::errc::connection_refused);
                reset(std::move(conn));
            }
            if (!error && all.undecided())
                all.winner = std::move(conn);
        } catch (const io_error& failed) { // the socket, or its local address
            error = failed.code();
        }
    }
    if (error) {
        all.attempts[number].error = error;
        ++all.failures;
    }
    --all.running;
    all.changed.set();
}

/// How much it says that a lookup failed for this reason: a name server may deny what another, asked later, knows.
int weight_of(const std::error_code& why) noexcept {
    if (why == resolve_errc::no_data || why == resolve_errc::family_not_supported)
        return 0;
    return why == resolve_errc::host_not_found ? 1 : 2;
}

task<> look_up(race& all, std::string host, int port, family of) {
    resolve_hints hints;
    hints.family = of;
    result<std::vector<address>> found = co_await as_result(getaddrinfo(host, port, hints));
    if (found) {
        for (const address& candidate : *found)
            all.offer(candidate);
    } else if (const failure& why = found.error();
               why.why() == failure::cause::exception || why == std::errc::not_enough_memory) {
        why.raise(); // nothing that the name stands for explains it
    } else if (!all.unresolved || weight_of(found.error().code()) > weight_of(all.unresolved->code())) {
        all.unresolved = std::move(found.error());
    }
    if (of == family::inet6)
        all.have_inet6 = true;
    --all.lookups;
    all.changed.set();
}

/// Until something has changed.
task<> change(race& all) {
    all.changed.clear();
    co_await all.changed.wait();
}

/// The same, but not beyond the deadline; false when that has passed.
task<bool> change_before(race& all, clock::time_point deadline) {
    const result<void> changed = co_await as_result(with_deadline(deadline, change(all)));
    co_return changed.has_value();
}

/// RFC 8305 §3: IPv6 addresses are tried as they come, IPv4 addresses wait a little for them.
task<> first_addresses(race& all) {
    while (all.lookups != 0 && all.candidates.empty())
        co_await change(all);
    const clock::duration delay = std::max(all.options.resolution_delay, clock::duration::zero());
    const clock::time_point deadline(clock::duration(detail::later(clock::now().time_since_epoch().count(), delay)));
    while (all.lookups != 0 && !all.have_inet6) {
        if (!co_await change_before(all, deadline))
            break;
    }
}

task<> decide(race& all, task_group& group) {
    const clock::duration delay = std::clamp(all.options.attempt_delay, least_attempt_delay, most_attempt_delay);
    while (all.undecided()) {
        if (all.may_begin()) {
            const address peer = all.candidates.next();
            const std::size_t failed_before = all.failures;
            all.attempts.emplace_back(peer, std::error_code());
            ++all.running;
            group.spawn(attempt(all, peer, all.attempts.size() - 1));
            const clock::time_point deadline = clock::now() + delay;
            while (all.undecided() && all.failures == failed_before) {
                if (!co_await change_before(all, deadline))
                    break;
            }
        } else if (all.running == 0 && all.lookups == 0) { // then there is no candidate either
            co_return;
        } else {
            co_await change(all);
        }
    }
}

socket outcome(race& all, std::string_view target) {
    if (!all.undecided())
        return std::move(all.winner);
    if (all.attempts.empty() && all.unresolved)
        all.unresolved->raise();
    throw connect_error(target, std::move(all.attempts));
}

template <class Body>
task<> decide(race& all, Body& body) {
    try {
        co_await with_task_group(body);
    } catch (const cancelled&) {
        // A connection that was made before the cancellation took effect is given; the caller's next wait meets it.
        if (all.undecided())
            throw;
    }
}

task<socket> connect_by_name(std::string host, int port, connection_options options) {
    race all(options);
    resolve_hints hints;
    hints.family = options.family;
    const std::string service = std::to_string(port);
    const std::vector<address> known = detail::known_addresses(host, service, port, hints);
    for (const address& candidate : known)
        all.offer(candidate);
    const auto body = [&](task_group& group) -> task<> {
        if (known.empty()) {
            const bool inet6 = all.wants(family::inet6);
            const bool inet = all.wants(family::inet);
            all.have_inet6 = !inet6; // then nobody waits for them
            all.lookups = (inet6 ? 1U : 0U) + (inet ? 1U : 0U);
            if (inet6)
                group.spawn(look_up(all, host, port, family::inet6));
            if (inet)
                group.spawn(look_up(all, host, port, family::inet));
            co_await first_addresses(all);
        }
        co_await decide(all, group);
        group.cancel();
    };
    co_await decide(all, body);
    std::string target;
    detail::append_escaped(target, host);
    co_return outcome(all, target + ":" + service);
}

task<socket> connect_to_any(std::vector<address> candidates, connection_options options) {
    race all(options);
    for (const address& candidate : candidates)
        all.offer(candidate);
    const address& first = candidates.front();
    all.candidates.prefer(first.is_placeholder() ? family::inet6 : first.family());
    const auto body = [&](task_group& group) -> task<> {
        co_await decide(all, group);
        group.cancel();
    };
    co_await decide(all, body);
    std::string target;
    if (all.attempts.empty()) // nothing else names them
        target = first.to_string() + (candidates.size() > 1 ? " and others" : "");
    co_return outcome(all, target);
}

} // namespace

namespace detail {

task<socket> create_connection_fn::operator()(std::string_view host, int port,
                                              const connection_options& options) const {
    static_cast<void>(address("", port)); // checks the range
    return connect_by_name(std::string(host), port, options);
}

task<socket> create_connection_fn::operator()(std::span<const address> candidates,
                                              const connection_options& options) const {
    if (candidates.empty())
        throw std::invalid_argument("create_connection: there is no address to connect to");
    return connect_to_any(std::vector<address>(candidates.begin(), candidates.end()), options);
}

task<socket> create_connection_fn::operator()(const address& only, const connection_options& options) const {
    return (*this)(std::span<const address>(&only, 1), options);
}

} // namespace detail
} // namespace coax
