#include "os/signal.hpp"

#include <cerrno>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "os/signal_handler.hpp"

namespace coax::os {
namespace {

struct sigaction previous[max_signal + 1];

extern "C" void coax_note_signal(int signal);

bool is_ours(const struct sigaction& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == &coax_note_signal;
}

/// The handler has begun when it was still in place, and nobody wants the signal any more.
void pass_on(int signal) noexcept {
    struct sigaction now{};
    ::sigaction(signal, nullptr, &now);
    if (is_ours(now)) {
        if (note_signal(signal)) // somebody does again
            return;
        ::sigaction(signal, &previous[signal], nullptr); // the program has put ours back in its place
    }
    ::raise(signal); // comes when the handler has returned
}

extern "C" void coax_note_signal(int signal) {
    const int saved = errno;
    if (!note_signal(signal))
        pass_on(signal);
    errno = saved;
}

/// Gives the mask from before.
sigset_t block_signals() noexcept {
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked); // without "::", as below: macOS has macros for it
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
        sigdelset(&blocked, fault);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    return before;
}

class mask_guard {
public:
    mask_guard() noexcept : previous_(block_signals()) {}
    mask_guard(const mask_guard&) = delete;
    mask_guard& operator=(const mask_guard&) = delete;
    ~mask_guard() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

private:
    sigset_t previous_;
};

struct {
    void (*before)();
    void (*in_parent)();
    void (*in_child)();
} at_fork;
sigset_t mask_at_fork; // of the thread that forks: `before` lets only one in

// A signal to the whole group, Ctrl-C for example, may come before the child has its dispositions: it waits.
void block_before_fork() {
    const sigset_t before = block_signals();
    at_fork.before();
    mask_at_fork = before;
}
void after_fork_in_parent() {
    const sigset_t before = mask_at_fork;
    at_fork.in_parent();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}
void after_fork_in_child() {
    const sigset_t before = mask_at_fork;
    at_fork.in_child();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

} // namespace

void with_signals_blocked(function_ref<void()> body) {
    const mask_guard guard;
    body();
}

int install_handler(int signal) noexcept {
    struct sigaction now{};
    if (::sigaction(signal, nullptr, &now) != 0)
        return errno;
    if (is_ours(now))
        return 0;
    struct sigaction action{};
    action.sa_handler = &coax_note_signal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    return ::sigaction(signal, &action, &previous[signal]) != 0 ? errno : 0;
}

void restore_handler(int signal) noexcept {
    struct sigaction now{};
    if (::sigaction(signal, nullptr, &now) == 0 && is_ours(now))
        ::sigaction(signal, &previous[signal], nullptr);
}

void send_again(int signal) noexcept { ::kill(::getpid(), signal); }

int watch_forks(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept {
    at_fork = {before, in_parent, in_child};
    return ::pthread_atfork(&block_before_fork, &after_fork_in_parent, &after_fork_in_child);
}

} // namespace coax::os
