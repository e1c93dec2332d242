#include "faults.hpp"

#include <coax/detail/promise.hpp>

#include <csignal>
#include <exception>
#include <new>
#include <optional>
#include <system_error>

#include <sys/wait.h>
#include <unistd.h>

#include "support/system.hpp"

namespace {

constexpr std::size_t limit = 2000;
// A run takes milliseconds; one that takes this many seconds hangs.
constexpr unsigned patience = 20;

struct report {
    bool reached = false;
    std::size_t variants = 0;
    std::string wrong; // empty: nothing was
};

void expect(report& told, bool holds, const char* what) {
    if (!holds)
        told.wrong += std::string(told.wrong.empty() ? "" : ", ") + what;
}

/// Whether what the session has thrown says that something could not be had.
void judge(report& told, const fault::kind& what, std::exception_ptr thrown) {
    const bool memory = &what == &fault::allocations;
    try {
        std::rethrow_exception(std::move(thrown));
    } catch (const std::bad_alloc&) {
        expect(told, memory, "bad_alloc, and there was memory");
    } catch (const std::system_error& error) {
        // A thread that cannot be made has EAGAIN, pthread_create(3) says, whatever was lacking.
        const bool thread = error.code() == std::errc::resource_unavailable_try_again;
        if (memory && error.code() != std::errc::not_enough_memory && !thread)
            expect(told, false, error.what());
    } catch (const std::exception& error) {
        expect(told, false, error.what());
    } catch (...) {
        expect(told, false, "something else is thrown");
    }
}

report run_once(const fault::kind& what, const fault::session& conversation, const fault::plan& which) {
    report told;
    const int descriptors = support::open_descriptors();
    const std::ptrdiff_t frames = coax::detail::live_frames();
    {
        std::exception_ptr thrown;
        bool heard = true;
        std::optional<coax::scheduler> scheduler;
        what.begin(which);
        try {
            scheduler.emplace();
            heard = scheduler->run(conversation.run());
        } catch (...) {
            thrown = std::current_exception();
        }
        told.reached = what.end();
        told.variants = what.variants();
        if (thrown)
            judge(told, what, thrown);
        expect(told, told.reached || !thrown, "it fails by itself");
        expect(told, heard || (told.reached && conversation.recovers), "what was said did not arrive");
        thrown = nullptr;
        if (scheduler) {
            const coax::scheduler_stats left = scheduler->stats();
            expect(told, left.waiting == 0, "a wait is left");
            expect(told, left.timers == 0, "a deadline is left");
            expect(told, left.buffers_leased == 0, "a buffer is left");
            try {
                expect(told, scheduler->run(conversation.run()), "the next run does not hear what was said");
            } catch (const std::exception& error) {
                told.wrong += std::string(", the next run: ") + error.what();
            }
        }
    }
    expect(told, coax::detail::live_frames() == frames, "a frame is left");
    expect(told, support::open_descriptors() == descriptors, "a descriptor is left");
    return told;
}

/// The same in a process of its own. Nothing: there are not so many things that could fail.
std::string run_apart(const fault::kind& what, const fault::session& conversation, const fault::plan& which,
                      report& told) {
    int ends[2];
    if (::pipe(ends) != 0)
        return "no pipe";
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(patience);
        for (const int crash : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
            std::signal(crash, SIG_DFL); // Catch2 would report its test case once more
        const report mine = run_once(what, conversation, which);
        std::string line = mine.reached ? "1" : "0";
        line += std::to_string(mine.variants) + ' ' + (mine.wrong.empty() ? "" : what.last() + ": " + mine.wrong);
        const bool written = ::write(ends[1], line.data(), line.size()) == static_cast<ssize_t>(line.size());
        ::_exit(written ? 0 : 1);
    }
    ::close(ends[1]);
    std::string line;
    char part[512];
    for (ssize_t got = 0; (got = ::read(ends[0], part, sizeof(part))) > 0;)
        line.append(part, static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (child < 0 || !WIFEXITED(status) || line.empty()) {
        told.reached = true;
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "hangs" : "ends the program";
    }
    told.reached = line[0] == '1';
    std::size_t end = 0;
    told.variants = std::stoul(line.substr(1), &end);
    return line.substr(end + 2);
}

} // namespace

std::string fault::fail_at_each(const kind& what, const session& conversation, std::size_t failing) {
    std::string wrong;
    for (std::size_t at = 1; at < limit; ++at) {
        std::size_t variants = 1;
        for (std::size_t variant = 0; variant < variants; ++variant) {
            report told;
            const std::string found = run_apart(what, conversation, {at, failing, variant}, told);
            if (!found.empty())
                wrong += std::to_string(at) + '.' + std::to_string(variant) + ' ' + found + '\n';
            if (!told.reached)
                return at > what.least ? wrong : wrong + "hardly anything could fail\n";
            if (told.variants > variants)
                variants = told.variants;
        }
    }
    return wrong + "there is no end to what can fail\n";
}
