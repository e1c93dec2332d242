// What tests of sockets share: names to bind, connected pairs, bytes that can be told apart, and ways to see leaks.
#pragma once

#include <coax/coax.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "os/signal.hpp"
#include "support/system.hpp"

namespace support {

/// Ends a run that takes too long. It uses no timer and no wait of the scheduler, so that counters show the test alone.
class watchdog {
public:
    explicit watchdog(coax::scheduler& watched) {
        // Signals are for the thread that runs the test.
        coax::os::with_signals_blocked([&] { thread_ = std::thread([this, &watched] { watch(watched); }); });
    }
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;
    ~watchdog() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

private:
    // Far more than anything takes on a busy machine under a sanitizer.
    static constexpr std::chrono::seconds patience{120};

    void watch(coax::scheduler& watched) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, patience, [this] { return over_; }))
            watched.post([] { throw std::runtime_error("the test still waits"); });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

/// Runs the coroutine that `body()` makes on a scheduler of its own; one that waits for ever fails. The closure lives until the run has
/// ended. What `body` spawns in a group must not refer to what lives in the group's own body: that ends before its children do.
template <class Body>
void run(Body body, const coax::scheduler_options& options = {}) {
    coax::scheduler scheduler(options);
    const watchdog guard(scheduler);
    scheduler.run(body());
}

// --- names ------------------------------------------------------------------------------------------------------

/// A fresh directory that goes away with everything in it.
class temporary_directory {
public:
    temporary_directory() {
        std::random_device random;
        do {
            path_ = std::filesystem::temp_directory_path() / ("coax-" + std::to_string(random()));
        } while (!std::filesystem::create_directory(path_));
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string file(std::string_view name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// A path for a UNIX socket that nothing else uses, gone at the end of the program.
inline std::string fresh_path() {
    static const temporary_directory directory;
    static int count = 0;
    return directory.file(std::to_string(++count));
}

/// An address of this machine to bind: a port of the system's choice, or a path of its own.
inline coax::address any_name(coax::family family) {
    switch (family) {
    case coax::family::inet:
        return {"127.0.0.1", 0};
    case coax::family::inet6:
        return {"::1", 0};
    case coax::family::local:
        break;
    }
    return coax::address::unix_path(fresh_path());
}

/// Whether this machine has an address of the family. Containers often lack IPv6.
inline bool has(coax::family family) {
    try {
        coax::socket(family).bind(any_name(family));
        return true;
    } catch (const coax::io_error&) {
        return false;
    }
}

/// Whether UNIX sockets can have abstract names here: Linux alone has them.
inline bool has_abstract_names() {
    try {
        coax::socket(coax::family::local)
            .bind(coax::address::unix_abstract("coax-probe-" + std::to_string(std::random_device()())));
        return true;
    } catch (const coax::io_error&) {
        return false;
    }
}

/// The internet families of this machine, to be used as `GENERATE(from_range(support::internet()))`.
inline std::vector<coax::family> internet() {
    std::vector<coax::family> found{coax::family::inet};
    if (has(coax::family::inet6))
        found.push_back(coax::family::inet6);
    return found;
}

/// Every family of this machine.
inline std::vector<coax::family> families() {
    std::vector<coax::family> found = internet();
    if (has(coax::family::local))
        found.push_back(coax::family::local);
    return found;
}

inline std::string name_of(coax::family family) {
    return family == coax::family::inet ? "inet" : family == coax::family::inet6 ? "inet6" : "local";
}

// --- sockets ----------------------------------------------------------------------------------------------------

inline coax::socket bound(coax::family family, coax::kind kind) {
    coax::socket made(family, kind);
    made.bind(any_name(family));
    return made;
}

inline coax::socket listening(coax::family family, int backlog = 128) {
    coax::socket made = bound(family, coax::kind::stream);
    made.listen(backlog);
    return made;
}

/// The two ends of a stream.
struct connection {
    connection(coax::socket one, coax::socket other) noexcept : client(std::move(one)), server(std::move(other)) {}

    coax::socket client;
    coax::socket server;
};

/// Connects to a listener of the test's own and accepts that connection.
inline coax::task<connection> connected_by(coax::socket& listener) {
    coax::socket client(listener.family());
    const coax::address name = listener.getsockname();
    co_await client.connect(name);
    coax::accepted taken = co_await listener.accept();
    co_return connection(std::move(client), std::move(taken.conn));
}

inline coax::task<connection> connected(coax::family family) {
    coax::socket listener = listening(family);
    co_return co_await connected_by(listener);
}

/// Closes so that the peer of an internet connection sees a reset.
inline void reset(coax::socket& victim) {
    victim.setsockopt(coax::option::linger, std::chrono::seconds(0));
    victim.close();
}

// --- waiting ----------------------------------------------------------------------------------------------------

namespace detail {
inline coax::task<> receive_one(coax::socket& from) {
    std::byte byte[1];
    co_await from.recv(byte);
}
} // namespace detail

/// Comes back when everything that had been begun before is with the system, what had arrived for it has been reported, and those who
/// waited for that have resumed: a message goes through the loop behind all of it.
inline coax::task<> round_trip() {
    coax::socket_pair pair = coax::socketpair();
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(detail::receive_one(pair.second));
        co_await pair.first.sendall("x");
    });
}

// --- bytes ------------------------------------------------------------------------------------------------------

/// Bytes that repeat with no period a buffer could have, different for each seed.
inline std::string pattern(std::size_t size, std::uint32_t seed = 1) {
    std::string text(size, '\0');
    std::uint32_t state = seed * 2654435761U + 1;
    for (char& c : text) {
        state = state * 1664525U + 1013904223U;
        c = static_cast<char>(state >> 24);
    }
    return text;
}

inline std::span<std::byte> writable(std::string& text) { return std::as_writable_bytes(std::span(text)); }

inline std::string_view text_of(std::span<const std::byte> bytes) {
    return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

/// Exactly `size` bytes, or fewer when the stream ends before.
inline coax::task<std::string> read(coax::socket& from, std::size_t size) {
    std::string text(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        const std::size_t got = co_await from.recv(writable(text).subspan(have));
        if (got == 0)
            break;
        have += got;
    }
    text.resize(have);
    co_return text;
}

/// Everything up to the end of the stream.
inline coax::task<std::string> read_to_end(coax::socket& from) {
    std::string text;
    while (const coax::chunk data = co_await from.recv(65536))
        text += data.text();
    co_return text;
}

/// The first place where two byte strings differ; both sizes when they are equal. For texts too long to print.
inline std::size_t same_up_to(std::string_view a, std::string_view b) {
    std::size_t i = 0;
    while (i < a.size() && i < b.size() && a[i] == b[i])
        ++i;
    return i;
}

// --- outcomes ---------------------------------------------------------------------------------------------------

/// The error of a result; zero for a value.
template <class T>
std::error_code code_of(const coax::result<T>& outcome) {
    return outcome ? std::error_code() : outcome.error().code();
}

/// The error that an immediate call throws; zero when it throws none.
template <class Call>
std::error_code code_thrown_by(Call call) {
    try {
        call();
    } catch (const coax::io_error& error) {
        return error.code();
    }
    return {};
}

/// The I/O error with which a task ends, if it does.
inline coax::task<std::optional<coax::io_error>> error_of(coax::task<> attempt) {
    try {
        co_await std::move(attempt);
    } catch (const coax::io_error& error) {
        co_return error;
    }
    co_return std::nullopt;
}

} // namespace support
