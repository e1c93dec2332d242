// What tests of work on other threads share: holding it up, and seeing how far it is.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "support/runtime.hpp"

namespace support {

/// Holds threads up until it is opened. One that nobody opens gives way after a while, so that a failing test ends.
class gate {
public:
    /// On the threads.
    void pass() {
        std::unique_lock lock(mutex_);
        ++arrived_;
        changed_.wait_for(lock, patience, [this] { return open_; });
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    /// How many have come to it.
    int arrived() const noexcept { return arrived_.load(); }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
    std::atomic<int> arrived_ = 0;
};

/// Counts those that are alive, on whichever threads.
class tally {
public:
    explicit tally(std::atomic<int>& alive) noexcept : alive_(&alive) { ++*alive_; }
    tally(const tally& other) noexcept : alive_(other.alive_) { ++*alive_; }
    tally& operator=(const tally&) = delete;
    ~tally() { --*alive_; }

private:
    std::atomic<int>* alive_;
};

/// Lets this thread wait for what others do.
template <class Condition>
bool eventually(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::yield();
    }
    return true;
}

} // namespace support
