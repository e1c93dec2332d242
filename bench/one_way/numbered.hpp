// Datagrams that go one way: each begins with its number, so that the sink sees whether one was invented or came twice.
#pragma once

#include "../support/cpu_clock.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>

namespace bench {

inline constexpr std::size_t longest_datagram = 2048;
inline constexpr std::size_t batch_size = 64;
inline constexpr std::size_t segments = 50; // in what is handed to the system as one, where it cuts it up

/// What a source sends, and for how long.
class numbered_source {
public:
    explicit numbered_source(double seconds) : began_(clocks_.now()), until_(began_.time + duration(seconds)) {}

    /// Writes the next number at the beginning of a datagram.
    void number(std::span<std::byte> datagram) noexcept {
        ++numbered_;
        std::memcpy(datagram.data(), &numbered_, sizeof numbered_);
    }

    void count(std::size_t datagrams) noexcept { sent_ += datagrams; }

    /// False when the time is over. The clock is read once in a batch.
    bool goes_on() noexcept {
        if (numbered_ < look_at_) {
            return true;
        }
        look_at_ = numbered_ + batch_size;
        return load_clock::now() < until_;
    }

    void print() const {
        const cpu_clocks::moment now = clocks_.now();
        std::printf("{\"messages\": %llu, \"seconds\": %.6f, \"cpu_s\": %.6f}\n",
                    static_cast<unsigned long long>(sent_),
                    std::chrono::duration<double>(now.time - began_.time).count(), now.own - began_.own);
        std::fflush(stdout);
    }

private:
    static load_clock::duration duration(double seconds) {
        return std::chrono::duration_cast<load_clock::duration>(std::chrono::duration<double>(seconds));
    }

    cpu_clocks clocks_{0};
    cpu_clocks::moment began_;
    load_clock::time_point until_;
    std::uint64_t numbered_ = 0;
    std::uint64_t look_at_ = 0;
    std::uint64_t sent_ = 0;
};

/// What came to a sink. Datagrams may be lost on the way, and on the loopback interface they keep their order.
class numbered_sink {
public:
    numbered_sink() : began_(clocks_.now()) {}

    void see(std::span<const std::byte> datagram) noexcept {
        std::uint64_t number = 0;
        if (datagram.size() >= sizeof number) {
            std::memcpy(&number, datagram.data(), sizeof number);
        }
        wrong_ += number <= last_ ? 1 : 0;
        last_ = number;
        ++received_;
    }

    /// The same for a run of datagrams of one size that came as one piece.
    void see(std::span<const std::byte> piece, std::size_t datagram_size) noexcept {
        while (datagram_size != 0 && piece.size() > datagram_size) {
            see(piece.first(datagram_size));
            piece = piece.subspan(datagram_size);
        }
        see(piece);
    }

    void print() const {
        const cpu_clocks::moment now = clocks_.now();
        std::printf("{\"messages\": %llu, \"wrong\": %llu, \"cpu_s\": %.6f}\n",
                    static_cast<unsigned long long>(received_), static_cast<unsigned long long>(wrong_),
                    now.own - began_.own);
        std::fflush(stdout);
    }

private:
    cpu_clocks clocks_{0};
    cpu_clocks::moment began_;
    std::uint64_t received_ = 0;
    std::uint64_t wrong_ = 0;
    std::uint64_t last_ = 0;
};

} // namespace bench
