#include <coax/stream_errc.hpp>

#include <string>

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

} // namespace

const std::error_category& stream_category() noexcept {
    static const stream_errors only;
    return only;
}

} // namespace coax
