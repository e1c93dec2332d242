#include <coax/detail/gather.hpp>

#include <cstring>

namespace coax::detail {

joined_pieces::joined_pieces(std::span<const bytes_view> pieces) {
    std::size_t size = 0;
    std::size_t count = 0;
    for (const bytes_view piece : pieces) {
        if (piece.size() == 0)
            continue;
        (count == 0 ? first_ : second_) = piece;
        size += piece.size();
        ++count;
    }
    if (count <= 2)
        return;
    copy_ = std::make_unique_for_overwrite<std::byte[]>(size);
    std::byte* end = copy_.get();
    for (const bytes_view piece : pieces) {
        if (piece.size() != 0)
            std::memcpy(end, piece.data(), piece.size());
        end += piece.size();
    }
    first_ = {copy_.get(), size};
    second_ = {};
}

} // namespace coax::detail
