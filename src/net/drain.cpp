// How a server ends. It knows bytes and not requests, and judges by them which connections are idle.
#include "backend/backend.hpp"
#include "net/served.hpp"
#include "runtime/core.hpp"

namespace coax::detail {
namespace {

// All in nanoseconds.
constexpr std::int64_t look_interval = 25'000'000;
/// A connection that has been answered may be in the middle of something all the same: a handshake, "100 Continue". So its peer gets a
/// moment in which to go on with it.
constexpr std::int64_t moment = 250'000'000;
/// After this a server whose peers never pause for a moment ends as well: as soon as one has been answered.
constexpr std::int64_t most_moments = 1'000'000'000;
/// Who has sent something and has not been answered gets longer, for the rest of a request.
constexpr std::int64_t longest_silence = 5'000'000'000;

/// Whether the handler waits to receive, and only for that.
bool waits_to_receive(const descriptor& d) noexcept {
    const operation* const first = d.reading.first();
    return d.open && !d.input_ended && first != nullptr && first->transferred == 0 && d.writing.empty();
}

/// Lets the handler read to the end of what has arrived.
void end_input(descriptor& d) noexcept {
    if (d.open && !d.input_ended)
        backend::cut_input(d);
}

} // namespace

void server::begin_drain() noexcept {
    core& on = core::of(*around.on);
    at.close();
    drain_begun_ = on.now();
    drain_until_ = later(drain_begun_, options.drain_timeout);
    was_cancelled_ = around.within->cancelled();
    looks_for_idle_ = options.drain == drain_mode::finish && !handler.knows_of_drain;
    for (served* each = connections; each != nullptr; each = each->next()) {
        each->hold();
        descriptor& d = each->state();
        if (options.drain == drain_mode::end_input)
            end_input(d);
        if (looks_for_idle_ && !d.watched) { // when it last moved something nobody has noted so far
            d.watched = true;
            d.active_at = drain_begun_;
        }
    }
    face.begun_.set();
    looks_for_idle_ = looks_for_idle_ && end_idle_input();
}

/// False: no connection is left whose input may have to be ended.
bool server::end_idle_input() noexcept {
    const std::int64_t now = core::of(*around.on).now();
    const std::int64_t given = options.drain_timeout.count() / 2;
    const std::int64_t patience = given < longest_silence ? given : longest_silence;
    bool some_left = false;
    for (const served* each = connections; each != nullptr; each = each->next()) {
        descriptor& d = each->state();
        const std::int64_t silence = now - d.active_at;
        const bool over =
            d.peer_spoke_last ? silence >= patience : silence >= moment || now - drain_begun_ >= most_moments;
        if (over && waits_to_receive(d))
            end_input(d);
        some_left = some_left || (d.open && !d.input_ended);
    }
    return some_left;
}

std::int64_t server::next_look() const noexcept {
    const std::int64_t look = core::of(*around.on).now() + look_interval;
    return looks_for_idle_ && look < drain_until_ ? look : drain_until_;
}

bool server::drains_on(stop_reason why) noexcept {
    if (why == stop_reason::scope) {
        // The one that began the draining says nothing new.
        if (was_cancelled_)
            return false;
        was_cancelled_ = true;
    } else if (why == stop_reason::expired) {
        if (core::of(*around.on).now() >= drain_until_)
            return false;
        looks_for_idle_ = looks_for_idle_ && end_idle_input();
    }
    return true;
}

} // namespace coax::detail
