#include <coax/stream_error.hpp>

#include <stdexcept>
#include <string>
#include <type_traits>

namespace coax {
namespace {

class stream_errors final : public std::error_category {
public:
    const char* name() const noexcept override { return "coax"; }
    std::string message(int code) const override {
        switch (static_cast<stream_errc>(code)) {
        case stream_errc::incomplete_read:
            return "the stream ended too early";
        case stream_errc::limit_overrun:
            return "no separator within the limit";
        case stream_errc::frame_too_long:
            return "the frame is too long";
        case stream_errc::frame_truncated:
            return "the stream ended in the middle of a frame";
        case stream_errc::frame_malformed:
            return "the bytes are no frame";
        case stream_errc::broken_stream:
            return "the stream is broken since an earlier failure";
        case stream_errc::proxy_malformed:
            return "the bytes are no PROXY protocol header";
        case stream_errc::proxy_truncated:
            return "the stream ended in the middle of a PROXY protocol header";
        case stream_errc::proxy_untrusted:
            return "this peer may not send a PROXY protocol header";
        }
        return "unknown error " + std::to_string(code);
    }
};

failure describe(stream_errc code, operation_name operation, const address& peer) {
    return failure(code, operation).with_peer(peer);
}

} // namespace

const std::error_category& stream_category() noexcept {
    static const stream_errors only;
    return only;
}

incomplete_read_error::incomplete_read_error(operation_name operation, const address& peer,
                                             std::span<const std::byte> partial, std::size_t expected)
    : io_error(describe(stream_errc::incomplete_read, operation, peer)),
      partial_(std::make_shared<const std::vector<std::byte>>(partial.begin(), partial.end())), expected_(expected) {}
static_assert(std::is_nothrow_copy_constructible_v<incomplete_read_error>);
incomplete_read_error::~incomplete_read_error() = default;

limit_overrun_error::limit_overrun_error(operation_name operation, const address& peer, std::size_t limit)
    : io_error(describe(stream_errc::limit_overrun, operation, peer)), limit_(limit) {}
limit_overrun_error::~limit_overrun_error() = default;

frame_error::frame_error(stream_errc code, operation_name operation, const address& peer)
    : io_error(describe(code, operation, peer)) {}
frame_error::~frame_error() = default;

void detail::throw_impossible_frame() {
    throw std::logic_error("coax: a codec finds a frame outside of the bytes it was given, or one that takes up none");
}

} // namespace coax
