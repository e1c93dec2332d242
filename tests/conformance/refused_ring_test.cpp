// Where the system refuses io_uring, another backend takes over and says why. The refusal is made for one thread only, so
// that it ends with the thread.
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace {

/// Makes one system call fail on this thread from now on.
bool refuse_call(long number, int error) {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// Runs it on a thread of its own, on which the call fails. What it throws comes out here.
template <class Body>
void where_refused(long number, int error, Body body) {
    std::exception_ptr failure;
    bool filtered = false;
    std::thread refused([&] {
        filtered = refuse_call(number, error);
        if (!filtered)
            return;
        try {
            body();
        } catch (...) {
            failure = std::current_exception();
        }
    });
    refused.join();
    REQUIRE(filtered);
    if (failure)
        std::rethrow_exception(failure);
}

coax::task<std::string> echo() {
    support::connection pair = co_await support::connected(coax::family::inet);
    co_await pair.client.sendall("echo");
    const coax::chunk data = co_await pair.server.recv(100);
    co_await pair.server.sendall(data);
    co_return co_await support::read(pair.client, 4);
}

struct chosen {
    coax::backend_info info;
    std::string echoed;
};

chosen choose() {
    coax::scheduler scheduler;
    coax::backend_info info = scheduler.backend();
    return {std::move(info), scheduler.run(echo())};
}

} // namespace

TEST_CASE("a refused ring means epoll, with the system's reason") {
    const support::environment none(nullptr);
    const int error = GENERATE(EPERM, ENOSYS, ENOMEM, EMFILE);
    chosen got;
    where_refused(SYS_io_uring_setup, error, [&] { got = choose(); });
    CHECK(std::string(got.info.name) == "epoll");
    CHECK(got.info.reason.find("io_uring") != std::string::npos);
    CHECK(got.info.reason.find(std::system_category().message(error)) != std::string::npos);
    CHECK(got.echoed == "echo");
}

TEST_CASE("a ring that can be made but not set up means epoll, and leaves no descriptor") {
    const support::environment none(nullptr);
    const int before = support::open_descriptors();
    chosen got;
    where_refused(SYS_io_uring_register, EINVAL, [&] { got = choose(); });
    CHECK(std::string(got.info.name) == "epoll");
    CHECK_FALSE(got.info.reason.empty());
    CHECK(got.echoed == "echo");
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("a ring that was asked for by name is an error where it is refused") {
    const int before = support::open_descriptors();
    std::error_code code;
    where_refused(SYS_io_uring_setup, EPERM, [&] {
        coax::scheduler_options options;
        options.backend = coax::backend_kind::io_uring;
        try {
            const coax::scheduler scheduler(options);
        } catch (const std::system_error& error) {
            code = error.code();
        }
    });
    CHECK(code == std::errc::operation_not_permitted);
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("a readiness backend that was asked for by name does not care whether rings are refused") {
    std::string echoed;
    where_refused(SYS_io_uring_setup, EPERM, [&] {
        coax::scheduler_options options;
        options.backend = coax::backend_kind::poll;
        echoed = coax::run(echo(), options);
    });
    CHECK(echoed == "echo");
}
