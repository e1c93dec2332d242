// What takes the place of signals: the console's events, and std::raise. The system calls a console handler on a thread of its own
// while it holds a lock that is also taken to change handlers: the table of those who want signals is read without one.
#include "os/signal.hpp"

#include <cerrno>
#include <csignal>

#include <windows.h>

#include "os/signal_handler.hpp"

namespace coax::os {
namespace {

using handler = void (*)(int);

handler previous[max_signal + 1];

/// For std::raise, which resets the disposition first.
extern "C" void coax_note_signal(int signal) {
    std::signal(signal, &coax_note_signal);
    note_signal(signal);
}

BOOL WINAPI note_event(DWORD event) {
    switch (event) {
    case CTRL_C_EVENT:
        return note_signal(SIGINT) ? TRUE : FALSE;
    case CTRL_BREAK_EVENT:
        return note_signal(SIGTERM) ? TRUE : FALSE;
    case CTRL_CLOSE_EVENT:
    case CTRL_LOGOFF_EVENT:
    case CTRL_SHUTDOWN_EVENT:
        // The process ends when this returns, or after some seconds. Until then it can end in its own way.
        if (note_signal(SIGTERM))
            ::Sleep(INFINITE);
        return FALSE;
    default:
        return FALSE;
    }
}

bool can_be_caught(int signal) noexcept { return signal == SIGINT || signal == SIGTERM || signal == SIGBREAK; }

/// For good: where nobody wants an event it passes it on.
bool watch_console() noexcept {
    static bool watched = false; // under the lock of whoever installs
    if (!watched)
        watched = ::SetConsoleCtrlHandler(&note_event, TRUE) != 0;
    return watched;
}

} // namespace

// Nothing interrupts a thread here.
void with_signals_blocked(function_ref<void()> body) { body(); }

int install_handler(int signal) noexcept {
    if (!can_be_caught(signal))
        return EINVAL;
    if (!watch_console())
        return EAGAIN;
    const handler before = std::signal(signal, &coax_note_signal);
    if (before == SIG_ERR)
        return EINVAL;
    if (before != &coax_note_signal)
        previous[signal] = before;
    return 0;
}

void restore_handler(int signal) noexcept {
    const handler now = std::signal(signal, previous[signal]);
    if (now != &coax_note_signal && now != SIG_ERR)
        std::signal(signal, now);
}

void send_again(int signal) noexcept { std::raise(signal); }

// There is no fork.
int watch_forks(void (*)(), void (*)(), void (*)()) noexcept { return 0; }

} // namespace coax::os
