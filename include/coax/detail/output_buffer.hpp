// The bytes that were written to a stream and have not been sent yet.
#pragma once

#include <cstddef>
#include <memory>

#include <coax/chunk.hpp>
#include <coax/config.hpp>

namespace coax::detail {

class COAX_API output_buffer {
public:
    explicit output_buffer(std::size_t capacity) noexcept : capacity_(capacity) {}
    output_buffer(output_buffer&& other) noexcept;
    output_buffer& operator=(output_buffer&& other) noexcept;
    ~output_buffer() = default;

    bool empty() const noexcept { return size_ == 0; }
    bytes_view pending() const noexcept { return {own_.get() + begin_, size_}; }

    bool has_room_for(std::size_t count) const noexcept { return count <= capacity_ - size_; }
    /// Copies bytes for which there is room. Throws `std::bad_alloc`.
    void append(bytes_view bytes);
    /// So many of the pending bytes went out. Once all have, the memory is given back.
    void sent(std::size_t count) noexcept;

private:
    std::size_t capacity_;
    std::size_t begin_ = 0;
    std::size_t size_ = 0;
    std::unique_ptr<std::byte[]> own_;
};

} // namespace coax::detail
