// Receives a PROXY protocol header, and no byte of what follows it.
#include <coax/proxy.hpp>

#include <algorithm>
#include <span>
#include <vector>

#include <coax/error.hpp>
#include <coax/message_flags.hpp>
#include <coax/socket.hpp>
#include <coax/stream_error.hpp>

#include "net/proxy_header.hpp"

namespace coax::detail {

namespace {

[[noreturn]] void fail(stream_errc code, const socket& from) {
    address peer;
    try {
        peer = from.getpeername();
    } catch (const io_error&) { // already gone: the message does without it
    }
    throw io_error(failure(code, operation_name::proxy_header).with_peer(peer));
}

} // namespace

task<proxy_header> read_proxy_header_fn::operator()(socket& from, proxy_options options) const {
    std::vector<std::byte> bytes;
    std::size_t taken = 0; // all of it header
    proxy_extent extent = proxy_parser::extent(bytes, options.max_size);
    while (extent.is == proxy_extent::state::partial) {
        // A look at what is there says how much of it may be taken. What is only a part of the header is taken too: looked at again, it
        // would be there at once, for as long as no more comes.
        bytes.resize(std::max(extent.size, proxy_line_limit));
        const std::size_t seen = co_await from.recv(std::span(bytes).subspan(taken), message_flags::peek);
        if (seen == 0)
            fail(stream_errc::proxy_truncated, from);
        extent = proxy_parser::extent(std::span(bytes).first(taken + seen), options.max_size);
        if (extent.is == proxy_extent::state::malformed)
            break;
        const std::size_t until = std::min(extent.size, taken + seen);
        while (taken < until) {
            const std::size_t got = co_await from.recv(std::span(bytes).subspan(taken, until - taken));
            if (got == 0)
                fail(stream_errc::proxy_truncated, from);
            taken += got;
        }
    }
    proxy_header header;
    if (extent.is != proxy_extent::state::complete || !proxy_parser::parse(std::span(bytes).first(extent.size), header))
        fail(stream_errc::proxy_malformed, from);
    co_return header;
}

} // namespace coax::detail
