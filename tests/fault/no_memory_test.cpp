// Any allocation may fail: that is an error like others, and nothing is lost or left behind by it.
#include "support/catch.hpp"

#include "faults.hpp"

namespace {

const fault::session& any_session() { return fault::sessions[GENERATE(range(std::size_t{0}, fault::session_count))]; }

} // namespace

TEST_CASE("each allocation of a session may fail") {
    const fault::session& session = any_session();
    INFO(session.name);
    CHECK(fault::fail_at_each(fault::allocations, session, 1) == "");
}

TEST_CASE("from any allocation of a session on all may fail") {
    const fault::session& session = any_session();
    INFO(session.name);
    constexpr std::size_t all = 1'000'000'000;
    CHECK(fault::fail_at_each(fault::allocations, session, all) == "");
}
