// A listener in a process that may open no more descriptors.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <string>
#include <system_error>
#include <vector>

#include "few_descriptors.hpp"

TEST_CASE("at the limit of descriptors accept says too_many_files_open, and works again when one is free") {
    const bool waiting = GENERATE(false, true);
    const support::low_limit few;
    INFO((waiting ? "the accept waits before the client comes" : "the client waits before the accept comes"));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        std::error_code outcome;
        const auto acceptor = [&]() -> coax::task<> {
            const auto result = co_await coax::as_result(listener.accept());
            outcome = support::code_of(result);
        };
        const auto scenario = [&](coax::socket& client) -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                if (waiting)
                    group.spawn(acceptor());
                co_await client.connect(name);
                if (!waiting)
                    group.spawn(acceptor());
            });
        };
        // Once without the limit: sanitizers need descriptors of their own when they check something for the first time.
        coax::socket before(coax::family::inet);
        co_await scenario(before);
        CHECK_FALSE(outcome);

        coax::socket client(coax::family::inet);
        std::error_code first;
        std::error_code second;
        {
            const support::no_more_descriptors limited;
            co_await scenario(client);
            first = outcome;
            co_await acceptor();
            second = outcome;
        }
        CHECK(first == std::errc::too_many_files_open);
        CHECK(second == std::errc::too_many_files_open);
        // The connection has waited.
        coax::accepted taken = co_await listener.accept();
        CHECK(taken.peer == client.getsockname());
        co_await client.sendall("patient");
        const std::string heard = co_await support::read(taken.conn, 7);
        CHECK(heard == "patient");
    });
}

TEST_CASE("at the limit of descriptors making a socket is too_many_files_open") {
    const auto one = [] { const coax::socket made(coax::family::inet, coax::kind::stream, 17); };
    const auto two = [] { const coax::socket_pair made = coax::socketpair(); };
    const support::low_limit few;
    CHECK(support::code_thrown_by(one) == std::errc::protocol_not_supported); // not yet the limit; see above
    std::error_code none_for_one;
    std::error_code none_for_two;
    {
        const support::no_more_descriptors limited;
        none_for_one = support::code_thrown_by([] { const coax::socket made(coax::family::inet); });
        none_for_two = support::code_thrown_by(two);
    }
    CHECK(none_for_one == std::errc::too_many_files_open);
    CHECK(none_for_two == std::errc::too_many_files_open);
    CHECK_FALSE(support::code_thrown_by(two));
}
