// What a process inherits and must not use.
#pragma once

namespace coax::os {

/// How many forks lie between this process and the one in which it was first asked. What the kernel shares between a process and
/// its child (a ring, an epoll instance) must be used on one side only; comparing two answers tells on which side one is.
unsigned forks() noexcept;

/// Whether there has been a fork, on whichever side of it this process is: another process may have duplicates of the handles that are older.
bool has_forked() noexcept;

/// The number of this process.
long process_id() noexcept;

} // namespace coax::os
