// Ties the life of a benchmark server to whoever started it.
#pragma once

#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bench {

/// Has SIGTERM delivered to this process when the other end of the pipe at standard input closes, so that no server
/// outlives a benchmark that was killed, and a server has one way to end. Does nothing if standard input is neither a
/// pipe nor a socket.
///
/// The kernel sends the signal (F_SETSIG, see fcntl(2)); a thread that reads would cost the servers what is measured:
/// in a process with two threads every system call takes and drops a reference on its descriptor.
inline void end_with_stdin() {
    struct stat info{};
    if (fstat(STDIN_FILENO, &info) != 0 || !(S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode))) {
        return;
    }
    fcntl(STDIN_FILENO, F_SETOWN, getpid());
    fcntl(STDIN_FILENO, F_SETSIG, SIGTERM);
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_ASYNC);
    pollfd already{STDIN_FILENO, 0, 0}; // a pipe that closed before this point sends no signal any more
    if (poll(&already, 1, 0) == 1 && (already.revents & POLLHUP) != 0) {
        raise(SIGTERM);
    }
}

} // namespace bench
