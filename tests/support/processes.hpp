// Child processes of a test.
#pragma once

#include <cerrno>

#include <sys/wait.h>
#include <unistd.h>

namespace support {

/// The exit code of a child, or minus the signal that ended it.
inline int exit_code(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Runs it in a child process, whose exit code is what it returns, or 98 for an exception.
template <class Body>
pid_t start_child(Body body) {
    const pid_t child = fork();
    if (child == 0) {
        int code = 99;
        try {
            code = body();
        } catch (...) {
            code = 98;
        }
        _exit(code);
    }
    return child;
}

template <class Body>
int in_child(Body body) {
    return exit_code(start_child(body));
}

} // namespace support
