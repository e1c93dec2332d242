// Between the table of those who want signals, which is the same everywhere, and the system's handlers.
#pragma once

namespace coax::os {

/// Called by the handlers, on any thread at any moment: notes the signal for all who want it. False: nobody does.
bool note_signal(int signal) noexcept;

/// Puts the handler in place, unless it is there, and remembers the one that was. 0 or an errno value.
int install_handler(int signal) noexcept;
/// Brings back the one that was; a handler that the program has set meanwhile stays.
void restore_handler(int signal) noexcept;
/// Sends the signal to this process.
void send_again(int signal) noexcept;

/// What is to be done around a fork. 0 or an errno value.
int watch_forks(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept;

} // namespace coax::os
