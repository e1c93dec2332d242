// The bytes that travel in a benchmark: a stream that is generated, and so checked, at any position without storing it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace bench {

/// An endless byte stream fixed by a seed. Every eight-byte word holds its own index, multiplied by an odd constant and
/// folded, so no word of a stream occurs twice: a byte that is lost, repeated, moved or mixed up with another
/// connection's cannot pass for the right one. Costs about one multiplication for eight bytes.
class pattern {
public:
    explicit pattern(std::uint64_t seed) noexcept : seed_(word(seed)) {}

    /// Writes the bytes of the stream that begin at `position`.
    void fill(std::uint64_t position, std::span<std::byte> out) const noexcept {
        std::size_t done = 0;
        while (done < out.size()) {
            const std::uint64_t at = position + done;
            const std::uint64_t value = word(seed_ + at / sizeof(std::uint64_t));
            const std::size_t skip = at % sizeof value;
            if (skip == 0 && out.size() - done >= sizeof value) { // a constant size lets the copy be one store
                std::memcpy(out.data() + done, &value, sizeof value);
                done += sizeof value;
                continue;
            }
            const std::size_t count = std::min(sizeof value - skip, out.size() - done);
            std::memcpy(out.data() + done, reinterpret_cast<const std::byte*>(&value) + skip, count);
            done += count;
        }
    }

private:
    static std::uint64_t word(std::uint64_t index) noexcept {
        const std::uint64_t product = index * 0x9E3779B97F4A7C15u;
        return product ^ (product >> 32);
    }

    std::uint64_t seed_;
};

} // namespace bench
