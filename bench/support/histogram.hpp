// Latencies of millions of messages in a fixed amount of memory, with a fixed relative error.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bench {

/// Counts values (here: nanoseconds) in buckets whose width is at most 1/64 of the value. Recording is a shift and an
/// increment.
class histogram {
public:
    void record(std::uint64_t value) noexcept {
        ++counts_[bucket(value)];
        ++total_;
        max_ = std::max(max_, value);
    }

    /// The value that the given share (0 to 1) of all recorded values does not exceed, to within 1/64; 0 when empty.
    std::uint64_t quantile(double share) const noexcept {
        const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen > rank) {
                return std::min(upper_bound(i), max_);
            }
        }
        return max_;
    }

    std::uint64_t total() const noexcept { return total_; }
    std::uint64_t max() const noexcept { return max_; }

private:
    static constexpr unsigned precision_bits = 6;
    static constexpr std::size_t steps = std::size_t{1} << precision_bits;

    // Values below `steps` have a bucket each; above, every power of two is cut into `steps` equal parts.
    static std::size_t bucket(std::uint64_t value) noexcept {
        if (value < steps) {
            return static_cast<std::size_t>(value);
        }
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - precision_bits - 1;
        return shift * steps + static_cast<std::size_t>(value >> shift);
    }

    static std::uint64_t upper_bound(std::size_t index) noexcept {
        if (index < 2 * steps) {
            return index;
        }
        const std::size_t shift = index / steps - 1;
        const std::uint64_t top = index % steps + steps;
        return ((top + 1) << shift) - 1;
    }

    std::array<std::uint64_t, (64 - precision_bits + 1) * steps> counts_{};
    std::uint64_t total_ = 0;
    std::uint64_t max_ = 0;
};

} // namespace bench
