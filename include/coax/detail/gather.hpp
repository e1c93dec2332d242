// Several pieces as one `sendall`, whatever the source's `sendall` takes.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include <coax/byte_stream.hpp>
#include <coax/chunk.hpp>
#include <coax/config.hpp>

namespace coax::detail {

template <class Source, std::size_t N, std::size_t... Index>
auto sendall_pieces(Source& to, const std::array<bytes_view, N>& pieces, std::index_sequence<Index...>)
    -> decltype(to.sendall(pieces[Index]...)) {
    return to.sendall(pieces[Index]...);
}

/// `sendall` takes that many pieces. A `byte_stream` promises two.
template <class Source, std::size_t N>
concept gathers = requires(Source& to, const std::array<bytes_view, N>& pieces) {
    { detail::sendall_pieces(to, pieces, std::make_index_sequence<N>()) } -> scoped_awaitable_of<void>;
};

/// Pieces as two at most: as they are, where no more than two have bytes in them, or else copied together.
class COAX_API joined_pieces {
public:
    /// Throws `std::bad_alloc`.
    explicit joined_pieces(std::span<const bytes_view> pieces);

    bytes_view first() const noexcept { return first_; }
    bytes_view second() const noexcept { return second_; }

private:
    bytes_view first_;
    bytes_view second_;
    std::unique_ptr<std::byte[]> copy_;
};

/// N pieces, ready to go out to a source.
template <class Source, std::size_t N>
class gathered_pieces {
public:
    /// Throws `std::bad_alloc` where they have to be joined.
    explicit gathered_pieces(const std::array<bytes_view, N>& pieces) : pieces_(pieces) {}

    /// The `sendall` to await.
    auto sendall(Source& to) const {
        if constexpr (gathers<Source, N>)
            return detail::sendall_pieces(to, pieces_, std::make_index_sequence<N>());
        else
            return to.sendall(pieces_.first(), pieces_.second());
    }

private:
    std::conditional_t<gathers<Source, N>, std::array<bytes_view, N>, joined_pieces> pieces_;
};

} // namespace coax::detail
