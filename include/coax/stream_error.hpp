/// \file
/// What buffered reads throw when the bytes do not make what was asked for.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/error.hpp>
#include <coax/stream_errc.hpp>

namespace coax {

/// The stream ended in the middle of what was to be read. `code()` is `stream_errc::incomplete_read`.
class COAX_API incomplete_read_error : public io_error {
public:
    /// With a copy of the partial bytes; `expected` is how many were wanted, 0 where a separator was.
    incomplete_read_error(operation_name operation, const address& peer, std::span<const std::byte> partial,
                          std::size_t expected);
    /// Copying throws nothing.
    incomplete_read_error(const incomplete_read_error&) noexcept = default;
    /// Copying throws nothing.
    incomplete_read_error& operator=(const incomplete_read_error&) noexcept = default;
    ~incomplete_read_error() override;

    /// The bytes that did arrive. They have been taken out of the stream.
    const std::vector<std::byte>& partial() const noexcept { return *partial_; }
    /// How many bytes were to be read; 0 where it was to be up to a separator.
    std::size_t expected() const noexcept { return expected_; }

private:
    std::shared_ptr<const std::vector<std::byte>> partial_; // copying an exception must not throw
    std::size_t expected_;
};

/// A line, or what a separator was to end, is longer than its limit. `code()` is `stream_errc::limit_overrun`. The bytes stay in the stream.
class COAX_API limit_overrun_error : public io_error {
public:
    /// For this limit, in bytes.
    limit_overrun_error(operation_name operation, const address& peer, std::size_t limit);
    /// Copying throws nothing.
    limit_overrun_error(const limit_overrun_error&) noexcept = default;
    /// Copying throws nothing.
    limit_overrun_error& operator=(const limit_overrun_error&) noexcept = default;
    ~limit_overrun_error() override;

    /// The limit in bytes, the separator included.
    std::size_t limit() const noexcept { return limit_; }

private:
    std::size_t limit_;
};

} // namespace coax
