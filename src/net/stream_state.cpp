#include <coax/detail/stream_state.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <coax/stream_error.hpp>

namespace coax::detail {

stream_state::stream_state(stream_state&& other) noexcept
    : input(std::move(other.input)), output(std::move(other.output)), buffer_size(other.buffer_size),
      ended(other.ended), closed(other.closed), lost(other.lost), broken(other.broken) {}

stream_state& stream_state::operator=(stream_state&& other) noexcept {
    input = std::move(other.input);
    output = std::move(other.output);
    buffer_size = other.buffer_size;
    ended = other.ended;
    closed = other.closed;
    lost = other.lost;
    broken = other.broken;
    return *this;
}

void stream_state::throw_unreadable(operation_name as) const {
    if (reading)
        throw std::logic_error(std::string("coax: ") + to_string(as) + ": another task reads from this stream");
    throw_unusable(as);
}

void stream_state::throw_unusable(operation_name as) const {
    throw io_error(failure(closed ? std::make_error_code(std::errc::bad_file_descriptor)
                                  : make_error_code(stream_errc::broken_stream),
                           as));
}

partial_read::partial_read(stream_state& from, std::span<std::byte> into) noexcept
    : from_(from), into_(into), have_(std::min(from.input.size(), into.size())) {
    if (have_ != 0)
        std::memcpy(into_.data(), from.input.take(have_).data(), have_);
}

void partial_read::put_back() noexcept {
    try {
        from_.input.append(into_.first(have_));
    } catch (const std::bad_alloc&) {
        from_.lost = true;
    }
}

} // namespace coax::detail
