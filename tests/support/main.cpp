// The entry of every test program: makes sure that the backend under test is to be had, then runs Catch2.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <coax/scheduler.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <system_error>

namespace {

// What meson and automake take for "skipped".
constexpr int skipped = 77;

// A machine may refuse io_uring; that is no failure of the library, unless COAX_TESTS_REQUIRE says that this machine has
// what it takes. No other backend can be refused.
int refuse(std::string_view backend, const std::exception& reason) {
    const bool skip = backend == "io_uring" && std::getenv("COAX_TESTS_REQUIRE") == nullptr;
    std::fprintf(stderr, "%s: %.*s is not to be had here: %s\n", skip ? "skipped" : "failed",
                 static_cast<int>(backend.size()), backend.data(), reason.what());
    return skip ? skipped : EXIT_FAILURE;
}

// Zero: the backend that COAX_BACKEND names is the one that runs, or none is named.
int check_backend() {
    const char* const wanted = std::getenv("COAX_BACKEND");
    if (wanted == nullptr)
        return 0;
    try {
        const coax::scheduler scheduler;
        const coax::backend_info& found = scheduler.backend();
        if (std::string_view(found.name) == wanted)
            return 0;
        std::fprintf(stderr, "failed: asked for %s, runs %s: %s\n", wanted, found.name, found.reason.c_str());
        return EXIT_FAILURE;
    } catch (const std::system_error& reason) {
        return refuse(wanted, reason);
    }
}

} // namespace

int main(int argc, char** argv) {
    Catch::Session session;
#if !__has_include(<catch2/catch_all.hpp>)
    // Version 3 fails by itself when no test case matches.
    session.configData().warnings = Catch::WarnAbout::NoTests;
#endif
    if (const int invalid = session.applyCommandLine(argc, argv); invalid != 0)
        return invalid;
    if (const int unusable = check_backend(); unusable != 0)
        return unusable;
    return session.run();
}
