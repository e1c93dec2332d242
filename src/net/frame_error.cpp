#include <coax/frame_error.hpp>

#include <stdexcept>

namespace coax {

frame_error::frame_error(stream_errc code, operation_name operation, const address& peer)
    : io_error(failure(code, operation).with_peer(peer)) {}
frame_error::~frame_error() = default;

void detail::throw_impossible_frame() {
    throw std::logic_error("coax: a codec finds a frame outside of the bytes it was given, or one that takes up none");
}

} // namespace coax
