// co_await inside Catch2's macros.
#include "declared.hpp"

TEST_CASE("awaits in checks") {
    run([]() -> coax::task<> {
        CHECK(co_await count() == 2);           // expect: check
        REQUIRE_FALSE(co_await more());         // expect: check
        CATCH_REQUIRE((2 == co_await count())); // expect: check
        const int n = co_await count();
        CHECK(n == 2);
        SECTION("a block") {
            CHECK(co_await more()); // expect: check
            REQUIRE_THROWS_AS(co_await more(), std::runtime_error);
        }
    });
    CHECK(run([]() -> coax::task<bool> { co_return co_await more(); }));
}
