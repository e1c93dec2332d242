// A launcher: forbids io_uring with a seccomp filter, as container runtimes do, then becomes the program it is given.
//
//     deny_io_uring [--errno EPERM|ENOSYS|ENOMEM|EINVAL] PROGRAM [ARGUMENT...]
//
// COAX_BACKEND is removed from the environment: what is under test is the automatic choice.
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string_view>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr std::uint32_t first_denied = SYS_io_uring_setup;
constexpr std::uint32_t last_denied = SYS_io_uring_register;
static_assert(SYS_io_uring_enter == first_denied + 1 && last_denied == first_denied + 2);

constexpr int failed_to_launch = 125;

int error_named(std::string_view name) {
    if (name == "EPERM")
        return EPERM;
    if (name == "ENOSYS")
        return ENOSYS;
    if (name == "ENOMEM")
        return ENOMEM;
    if (name == "EINVAL") // what a kernel says that is too old for the flags
        return EINVAL;
    return 0;
}

constexpr sock_filter statement(std::uint16_t code, std::uint32_t operand) { return {code, 0, 0, operand}; }

constexpr sock_filter jump_if_at_least(std::uint32_t operand, std::uint8_t yes, std::uint8_t no) {
    return {BPF_JMP | BPF_JGE | BPF_K, yes, no, operand};
}

// A filter that guards anything must look at the architecture too, since each numbers its calls differently. This one
// only has to make the native calls of a test program fail.
bool forbid_io_uring(int error) {
    sock_filter program[] = {
        statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        jump_if_at_least(first_denied, 0, 2),
        jump_if_at_least(last_denied + 1, 1, 0),
        statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)),
        statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
    // Without new privileges an ordinary user may install a filter.
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

} // namespace

int main(int argc, char** argv) {
    int error = EPERM;
    char** command = argv + 1;
    if (argc > 2 && std::string_view(argv[1]) == "--errno") {
        error = error_named(argv[2]);
        command += 2;
    }
    if (error == 0 || command >= argv + argc) {
        std::fputs("usage: deny_io_uring [--errno EPERM|ENOSYS|ENOMEM|EINVAL] PROGRAM [ARGUMENT...]\n", stderr);
        return failed_to_launch;
    }
    unsetenv("COAX_BACKEND");
    if (!forbid_io_uring(error)) {
        std::fprintf(stderr, "deny_io_uring: no filter: %s\n", std::strerror(errno));
        return failed_to_launch;
    }
    if (syscall(SYS_io_uring_setup, 0, nullptr) != -1 || errno != error) {
        std::fputs("deny_io_uring: the filter has no effect\n", stderr);
        return failed_to_launch;
    }
    execvp(command[0], command);
    std::fprintf(stderr, "deny_io_uring: %s: %s\n", command[0], std::strerror(errno));
    return failed_to_launch;
}
