#include <coax/stream_error.hpp>

namespace coax {
namespace {

failure describe(stream_errc code, operation_name operation, const address& peer) {
    return failure(code, operation).with_peer(peer);
}

} // namespace

incomplete_read_error::incomplete_read_error(operation_name operation, const address& peer,
                                             std::span<const std::byte> partial, std::size_t expected)
    : io_error(describe(stream_errc::incomplete_read, operation, peer)),
      partial_(std::make_shared<const std::vector<std::byte>>(partial.begin(), partial.end())), expected_(expected) {}
incomplete_read_error::~incomplete_read_error() = default;

limit_overrun_error::limit_overrun_error(operation_name operation, const address& peer, std::size_t limit)
    : io_error(describe(stream_errc::limit_overrun, operation, peer)), limit_(limit) {}
limit_overrun_error::~limit_overrun_error() = default;

} // namespace coax
