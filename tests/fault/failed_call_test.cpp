// Any system call may fail: the operation says so, and nothing is lost or left behind by it.
#include "support/catch.hpp"

#include "faults.hpp"

namespace {

const fault::session& any_session() { return fault::sessions[GENERATE(range(std::size_t{0}, fault::session_count))]; }

} // namespace

TEST_CASE("each system call of a session may fail, with each error that it can have") {
    const fault::session& session = any_session();
    INFO(session.name);
    CHECK(fault::fail_at_each(fault::system_calls, session, 1) == "");
}
