#include "backend/descriptor.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "os/socket.hpp"

namespace coax::detail {

void peer_name::set(const address& peer) noexcept {
    const std::size_t size = native_address::size(peer);
    if (size <= inline_size) {
        std::memcpy(bytes_, native_address::data(peer), size);
        size_ = static_cast<unsigned char>(size);
        local_.reset();
    } else {
        // Only messages lose when there is no memory for it.
        local_.reset(new (std::nothrow) address(peer));
    }
}

address peer_name::get() const noexcept {
    if (local_ != nullptr)
        return *local_;
    return size_ == 0 ? address() : native_address::make(bytes_, size_);
}

descriptor::surplus& descriptor::kept() {
    if (kept_ == nullptr)
        kept_ = std::make_unique<surplus>();
    return *kept_;
}

namespace {

/// Where something of this order belongs: before the first that is later. Orders wrap around.
template <class Kept>
auto place_of(Kept& kept, std::uint32_t order) noexcept {
    return std::find_if(kept.begin(), kept.end(),
                        [order](const auto& other) { return static_cast<std::int32_t>(other.order - order) > 0; });
}

} // namespace

void descriptor::keep(native_handle connection, std::uint32_t order) {
    auto& connections = kept().connections;
    connections.insert(place_of(connections, order), {order, connection});
}

void descriptor::keep(const void* data, std::size_t size, std::uint32_t order) {
    const auto* bytes = static_cast<const std::byte*>(data);
    auto& pieces = kept().pieces;
    pieces.insert(place_of(pieces, order), {order, std::vector<std::byte>(bytes, bytes + size)});
}

native_handle descriptor::take_connection(std::uint32_t& order) noexcept {
    const surplus::connection oldest = kept_->connections.front();
    kept_->connections.erase(kept_->connections.begin());
    order = oldest.order;
    return oldest.handle;
}

std::size_t descriptor::copy_bytes(void* into, std::size_t most, bool take, std::uint32_t& order) noexcept {
    auto& pieces = kept_->pieces;
    order = pieces.front().order;
    std::size_t copied = 0;
    for (std::size_t i = 0; i < pieces.size() && copied < most;) {
        std::vector<std::byte>& bytes = pieces[i].bytes;
        const std::size_t count = std::min(bytes.size(), most - copied);
        std::memcpy(static_cast<std::byte*>(into) + copied, bytes.data(), count);
        copied += count;
        if (!take)
            ++i;
        else if (count == bytes.size())
            pieces.erase(pieces.begin());
        else
            bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return copied;
}

std::size_t descriptor::kept_size() const noexcept {
    std::size_t size = 0;
    if (kept_ != nullptr)
        for (const surplus::piece& piece : kept_->pieces)
            size += piece.bytes.size();
    return size;
}

void descriptor::drop_kept() noexcept {
    if (kept_ == nullptr)
        return;
    for (const surplus::connection& connection : kept_->connections)
        os::close(connection.handle);
    kept_.reset();
}

} // namespace coax::detail
