#include <coax/detail/stream_state.hpp>

#include <cstring>
#include <utility>

namespace coax::detail {

output_buffer::output_buffer(output_buffer&& other) noexcept
    : capacity_(other.capacity_), begin_(std::exchange(other.begin_, 0)), size_(std::exchange(other.size_, 0)),
      own_(std::move(other.own_)) {}

output_buffer& output_buffer::operator=(output_buffer&& other) noexcept {
    if (this != &other) {
        capacity_ = other.capacity_;
        begin_ = std::exchange(other.begin_, 0);
        size_ = std::exchange(other.size_, 0);
        own_ = std::move(other.own_);
    }
    return *this;
}

void output_buffer::append(bytes_view bytes) {
    if (bytes.size() == 0)
        return;
    if (own_ == nullptr)
        own_ = std::make_unique_for_overwrite<std::byte[]>(capacity_);
    if (capacity_ - begin_ - size_ < bytes.size()) {
        std::memmove(own_.get(), own_.get() + begin_, size_);
        begin_ = 0;
    }
    std::memcpy(own_.get() + begin_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
}

void output_buffer::sent(std::size_t count) noexcept {
    begin_ += count;
    size_ -= count;
    if (size_ == 0) {
        begin_ = 0;
        own_.reset();
    }
}

} // namespace coax::detail
