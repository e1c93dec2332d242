// The paths of UNIX listeners: who may connect, what is replaced, what is removed, and by whom.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/processes.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/extensions.hpp"

namespace fs = std::filesystem;

namespace {

/// A umask for as long as it lives.
class with_umask {
public:
    explicit with_umask(mode_t mask) : before_(umask(mask)) {}
    with_umask(const with_umask&) = delete;
    with_umask& operator=(const with_umask&) = delete;
    ~with_umask() { umask(before_); }

private:
    mode_t before_;
};

struct place {
    support::temporary_directory directory;
    std::string path = directory.file("server");
    coax::address name = coax::address::unix_path(path);
};

unsigned mode_of(const std::string& path) {
    struct stat entry{};
    return lstat(path.c_str(), &entry) == 0 ? entry.st_mode & 07777U : ~0U;
}

ino_t inode_of(const std::string& path) {
    struct stat entry{};
    return lstat(path.c_str(), &entry) == 0 ? entry.st_ino : 0;
}

bool can_change_mode_without_proc() {
#if defined(__linux__) && !defined(COAX_LINUX_EXTENSIONS)
    return false; // unless the C library can
#elif defined(__linux__)
    constexpr long fchmodat2 = 452;
    return syscall(fchmodat2, AT_FDCWD, "", 0, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOSYS;
#else
    return true;
#endif
}

std::error_code error_of(const coax::address& at) {
    return support::code_thrown_by([&] { static_cast<void>(coax::create_server(at)); });
}

/// A socket that was bound to a path and closed without removing it.
void leave_dead_socket(const coax::address& at) {
    coax::socket dead(coax::family::local);
    dead.bind(at);
    dead.listen();
}

coax::task<> reachable(coax::listener& server, coax::address name) {
    coax::socket client(coax::family::local);
    co_await client.connect(name);
    static_cast<void>(co_await server.accept());
}

} // namespace

TEST_CASE("a path has the permissions asked for, whatever the umask is") {
    const auto mask = GENERATE(as<mode_t>(), 0, 022, 077, 0777);
    const with_umask during(mask);
    const place at;
    {
        const coax::listener server = coax::create_server(at.name);
        CHECK(mode_of(at.path) == 0600);
    }
    const coax::listener server = coax::create_server(at.name, {.mode = 0666});
    CHECK(mode_of(at.path) == 0666);
    CHECK(umask(mask) == mask);
}

#ifdef COAX_LINUX_EXTENSIONS
TEST_CASE("a path never has more permissions than asked for, not even for a moment") {
    const with_umask during(0);
    const place at;
    std::atomic<bool> over = false;
    std::atomic<bool> wider = false;
    std::atomic<int> seen = 0;
    std::thread observer([&] {
        while (!over) {
            const unsigned mode = mode_of(at.path);
            if (mode == ~0U)
                continue;
            ++seen;
            if ((mode & 077U) != 0)
                wider = true;
        }
    });
    while (seen < 300)
        const coax::listener server = coax::create_server(at.name);
    over = true;
    observer.join();
    CHECK_FALSE(wider);
}
#endif

TEST_CASE("a socket on which nobody listens any more is replaced") {
    const place at;
    leave_dead_socket(at.name);
    REQUIRE(fs::is_socket(at.path));
    support::run([&]() -> coax::task<> {
        coax::listener server = coax::create_server(at.name);
        co_await reachable(server, at.name);
    });
    CHECK_FALSE(fs::exists(at.path));
}

TEST_CASE("of servers that are started at the same moment one at most has the path") {
    const place at;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    std::atomic<int> owners = 0;
    std::atomic<int> most = 0;
    std::atomic<int> started = 0;
    std::atomic<int> others = 0; // errors that should not be
    const auto start_again_and_again = [&] {
        while (started < 5000 && std::chrono::steady_clock::now() < end) {
            const std::error_code error = support::code_thrown_by([&] {
                const coax::listener server = coax::create_server(at.name);
                most = std::max(most.load(), ++owners);
                ++started;
                support::spin(std::chrono::microseconds(20));
                most = std::max(most.load(), owners.load());
                --owners;
            });
            if (error && error != std::errc::address_in_use)
                ++others;
        }
    };
    std::thread other(start_again_and_again);
    start_again_and_again();
    other.join();
    CHECK(started > 10);
    CHECK(most == 1);
    CHECK(others == 0);
    CHECK_FALSE(fs::exists(at.path));
}

TEST_CASE("making a server never waits, whatever others have locked or put beside its path") {
    const place at;
    const std::string lock = at.directory.file(".server.lock");
    const auto held = [](const std::string& file, int flags) {
        const int opened = open(file.c_str(), flags | O_CLOEXEC, 0600);
        REQUIRE(opened != -1);
        REQUIRE(flock(opened, LOCK_EX) == 0);
        return opened;
    };
    const auto begun = std::chrono::steady_clock::now();
    SECTION("the directory") {
        const int directory = held(at.directory.file(""), O_RDONLY | O_DIRECTORY);
        const coax::listener server = coax::create_server(at.name);
        CHECK(fs::is_socket(at.path));
        close(directory);
    }
    SECTION("another server of this user is about to listen") {
        const int other = held(lock, O_RDWR | O_CREAT);
        CHECK(error_of(at.name) == std::errc::address_in_use);
        CHECK_FALSE(fs::exists(at.path));
        close(other);
        const coax::listener server = coax::create_server(at.name);
        CHECK(fs::is_socket(at.path));
        CHECK_FALSE(fs::exists(lock));
    }
    SECTION("the lock of somebody else") {
        const int other = held(lock, O_RDWR | O_CREAT);
        if (fchown(other, 12345, static_cast<gid_t>(-1)) == 0) {
            leave_dead_socket(at.name);
            const coax::listener server = coax::create_server(at.name);
            CHECK(fs::is_socket(at.path));
            CHECK(fs::exists(lock));
        }
        close(other);
    }
    SECTION("a link, a directory or a pipe of that name") {
        const int what = GENERATE(0, 1, 2);
        const std::string target = at.directory.file("target");
        if (what == 0)
            fs::create_symlink(target, lock);
        else if (what == 1)
            fs::create_directory(lock);
        else
            REQUIRE(mkfifo(lock.c_str(), 0600) == 0);
        const coax::listener server = coax::create_server(at.name);
        CHECK(fs::is_socket(at.path));
        CHECK(fs::symlink_status(lock).type() != fs::file_type::not_found);
        CHECK_FALSE(fs::exists(target));
    }
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::milliseconds(500));
}

TEST_CASE("nothing but its path is left beside a server") {
    const place at;
    const auto files = [&] {
        return std::distance(fs::directory_iterator(at.directory.file("")), fs::directory_iterator());
    };
    {
        leave_dead_socket(at.name);
        const coax::listener server = coax::create_server(at.name);
        CHECK(files() == 1);
        CHECK(error_of(at.name) == std::errc::address_in_use);
        CHECK(files() == 1);
    }
    CHECK(files() == 0);
}

TEST_CASE("permissions that the umask takes away are given where there is no /proc, too") {
    const support::temporary_directory root;
    const int code = support::in_child([&] {
        if (chroot(root.file("").c_str()) != 0)
            return 100; // not everybody may
        umask(0077);
        try {
            const coax::listener server = coax::create_server(coax::address::unix_path("/server"), {.mode = 0666});
            return mode_of("/server") == 0666 ? 0 : 1;
        } catch (const coax::io_error& error) {
            return error.code() == std::errc::operation_not_supported && !fs::exists("/server") ? 101 : 2;
        }
    });
    if (code == 100)
        WARN("this needs the right to chroot");
    else
        CHECK((code == 0 || (code == 101 && !can_change_mode_without_proc())));
}

TEST_CASE("the path of a server that lives is address_in_use, and it goes on") {
    const place at;
    support::run([&]() -> coax::task<> {
        coax::listener first = coax::create_server(at.name);
        const ino_t file = inode_of(at.path);
        CHECK(error_of(at.name) == std::errc::address_in_use);
        CHECK(inode_of(at.path) == file);
        // What it sees of the attempt is a connection that ends.
        coax::accepted probe = co_await first.accept();
        const std::string nothing = co_await support::read_to_end(probe.conn);
        CHECK(nothing.empty());
        co_await reachable(first, at.name);
    });
}

TEST_CASE("a server whose backlog is full, and a datagram socket, live as well") {
    const place at;
    support::run([&]() -> coax::task<> {
        coax::listener busy = coax::create_server(at.name, {.backlog = 0});
        coax::socket client(coax::family::local);
        co_await client.connect(at.name);
        CHECK(error_of(at.name) == std::errc::address_in_use);
        const coax::address other = coax::address::unix_path(at.directory.file("datagrams"));
        coax::socket datagrams(coax::family::local, coax::kind::datagram);
        datagrams.bind(other);
        CHECK(error_of(other) == std::errc::address_in_use);
        CHECK(fs::is_socket(other.path()));
    });
}

TEST_CASE("what is no socket is never touched") {
    const place at;
    SECTION("a file") {
        std::ofstream(at.path) << "precious";
        CHECK(error_of(at.name) == std::errc::address_in_use);
        CHECK(fs::file_size(at.path) == 8);
    }
    SECTION("a directory") {
        fs::create_directory(at.path);
        CHECK(error_of(at.name) == std::errc::address_in_use);
        CHECK(fs::is_directory(at.path));
    }
    SECTION("a symbolic link, also to a dead socket") {
        const std::string target = at.directory.file("target");
        leave_dead_socket(coax::address::unix_path(target));
        fs::create_symlink(target, at.path);
        CHECK(error_of(at.name) == std::errc::address_in_use);
        CHECK(fs::is_symlink(at.path));
        CHECK(fs::is_socket(target));
    }
    SECTION("a symbolic link to nothing") {
        fs::create_symlink(at.directory.file("nothing"), at.path);
        CHECK(error_of(at.name) == std::errc::address_in_use);
        CHECK(fs::is_symlink(at.path));
        CHECK_FALSE(fs::exists(at.directory.file("nothing")));
    }
}

TEST_CASE("closing removes the path, and destroying does") {
    const place at;
    coax::listener server = coax::create_server(at.name);
    server.close();
    CHECK_FALSE(fs::exists(at.path));
    {
        const coax::listener again = coax::create_server(at.name);
        CHECK(fs::is_socket(at.path));
    }
    CHECK_FALSE(fs::exists(at.path));
    // Closing it behind the listener's back makes no difference.
    coax::listener third = coax::create_server(at.name);
    third.socket().close();
    CHECK(fs::is_socket(at.path));
    third.close();
    CHECK_FALSE(fs::exists(at.path));
}

TEST_CASE("a path that somebody else has replaced stays") {
    const place at;
    coax::listener first = coax::create_server(at.name);
    SECTION("with another server") {
        fs::remove(at.path);
        const coax::listener second = coax::create_server(at.name);
        first.close();
        CHECK(fs::is_socket(at.path));
    }
    SECTION("with a file") {
        fs::remove(at.path);
        std::ofstream(at.path) << "precious";
        first.close();
        CHECK(fs::file_size(at.path) == 8);
    }
    SECTION("after the socket was closed, when the number of the file may be used again") {
        first.socket().close();
        fs::remove(at.path);
        const coax::listener second = coax::create_server(at.name);
        first.close();
        CHECK(fs::is_socket(at.path));
    }
}

TEST_CASE("what is moved from removes nothing, what is assigned to removes what it had") {
    const place at;
    coax::listener first = coax::create_server(at.name);
    coax::listener second = std::move(first);
    first.close(); // NOLINT(bugprone-use-after-move)
    CHECK(fs::is_socket(at.path));
    second = coax::listener();
    CHECK_FALSE(fs::exists(at.path));
}

TEST_CASE("a listener that was given a socket, and a forked child, leave the path alone") {
    const place at;
    leave_dead_socket(at.name);
    fs::remove(at.path);
    {
        coax::socket mine(coax::family::local);
        mine.bind(at.name);
        mine.listen();
        const coax::listener server(std::move(mine));
    }
    CHECK(fs::is_socket(at.path));
    coax::listener server = coax::create_server(at.name);
    const int code = support::in_child([&] {
        server.close();
        return 7;
    });
    CHECK(code == 7);
    CHECK(fs::is_socket(at.path));
}

TEST_CASE("an abstract name needs no removal") {
    if (!support::has_abstract_names())
        return;
    const coax::address name = coax::address::unix_abstract("coax-create-server-" + std::to_string(getpid()));
    for (int round = 0; round < 2; ++round) {
        const coax::listener server = coax::create_server(name);
        CHECK(server.getsockname() == name);
    }
}
