// Says which backend the scheduler chose and why; fails unless it is the one expected, for the reason expected.
//
//     expect_backend NAME [TEXT-IN-THE-REASON]
#include <coax/scheduler.hpp>

#include <cstdio>
#include <exception>
#include <string_view>

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::fputs("usage: expect_backend NAME [TEXT-IN-THE-REASON]\n", stderr);
        return 2;
    }
    const std::string_view name = argv[1];
    const std::string_view text = argc == 3 ? argv[2] : "";
    try {
        const coax::scheduler scheduler;
        const coax::backend_info& chosen = scheduler.backend();
        std::printf("%s: %s\n", chosen.name, chosen.reason.c_str());
        return chosen.name == name && chosen.reason.find(text) != std::string::npos ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
