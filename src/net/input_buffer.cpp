#include <coax/detail/stream_state.hpp>

#include <algorithm>
#include <cstring>

namespace coax::detail {

input_buffer::input_buffer(input_buffer&& other) noexcept
    : first_(std::exchange(other.first_, nullptr)), size_(std::exchange(other.size_, 0)),
      scanned_(std::exchange(other.scanned_, 0)), capacity_(std::exchange(other.capacity_, 0)),
      own_(std::move(other.own_)), chunk_(std::move(other.chunk_)), scanned_for_(std::move(other.scanned_for_)) {}

input_buffer& input_buffer::operator=(input_buffer&& other) noexcept {
    if (this != &other) {
        std::destroy_at(this);
        std::construct_at(this, std::move(other));
    }
    return *this;
}

void input_buffer::release_buffer() noexcept {
    first_ = nullptr;
    capacity_ = 0;
    own_.reset();
    chunk_ = chunk();
}

void input_buffer::take_over(chunk&& received) noexcept {
    release_buffer();
    chunk_ = std::move(received);
    first_ = chunk_.data();
    size_ = chunk_.size();
    scanned_ = 0;
}

std::span<std::byte> input_buffer::make_room(std::size_t least, std::size_t wanted) {
    if (own_ != nullptr) {
        const auto before = static_cast<std::size_t>(first_ - own_.get());
        if (capacity_ - before - size_ >= least)
            return {first_ + size_, capacity_ - before - size_};
        // Moving costs no more than the reads that made the gap.
        if (before >= size_ && capacity_ - size_ >= least) {
            std::memmove(own_.get(), first_, size_);
            first_ = own_.get();
            return {first_ + size_, capacity_ - size_};
        }
    }
    const std::size_t capacity = size_ + std::max(size_, wanted);
    auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
    if (size_ != 0)
        std::memcpy(larger.get(), first_, size_);
    chunk_ = chunk();
    own_ = std::move(larger);
    capacity_ = capacity;
    first_ = own_.get();
    return {first_ + size_, capacity_ - size_};
}

void input_buffer::append(std::span<const std::byte> bytes) {
    if (bytes.empty())
        return;
    std::memcpy(make_room(bytes.size()).data(), bytes.data(), bytes.size());
    added(bytes.size());
}

std::size_t input_buffer::find(std::string_view separator, std::size_t limit) {
    if (separator != scanned_for_) {
        scanned_for_ = separator;
        scanned_ = 0;
    }
    const std::string_view window(static_cast<const char*>(static_cast<const void*>(first_)), std::min(size_, limit));
    const std::size_t at = window.find(separator, scanned_);
    if (at != std::string_view::npos) {
        scanned_ = at;
        return at + separator.size();
    }
    if (window.size() >= separator.size())
        scanned_ = std::max(scanned_, window.size() - separator.size() + 1);
    return 0;
}

} // namespace coax::detail
