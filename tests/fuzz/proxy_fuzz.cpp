// PROXY headers made of any bytes: every beginning and every division of them lead to the same end, and what a header says can be said again.
#include "fuzz.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <coax/proxy.hpp>

#include "net/proxy_header.hpp"

using coax::address;
using coax::proxy_header;
using coax::detail::proxy_extent;
using coax::detail::proxy_parser;
using fuzz::require;
using state = coax::detail::proxy_extent::state;

namespace {

constexpr std::size_t max_size = 600;

proxy_extent extent_of(std::span<const std::byte> bytes) { return proxy_parser::extent(bytes, max_size); }

/// Longer and longer beginnings: once it is known what they are, that stays.
void check_beginnings(std::span<const std::byte> all) {
    proxy_extent last = extent_of({});
    for (std::size_t size = 1; size <= std::min(all.size(), max_size + 1); ++size) {
        const proxy_extent now = extent_of(all.first(size));
        if (last.is != state::partial)
            require(now == last, "more bytes change nothing that is known");
        else if (now.is == state::partial)
            require(now.size > size && now.size >= last.size, "what is missing is known better and better");
        else if (now.is == state::complete)
            require(now.size == size && now.size >= last.size, "a header is complete with its last byte");
        last = now;
    }
    require(last == extent_of(all), "all of it is seen as its beginnings are");
}

/// Takes the header as `read_proxy_header` does, `step` bytes at a time.
void check_pieces(std::span<const std::byte> all, std::size_t step) {
    std::size_t taken = 0;
    proxy_extent extent = extent_of({});
    while (extent.is == state::partial && taken < all.size()) {
        const std::size_t seen = std::min(taken + step, all.size());
        extent = extent_of(all.first(seen));
        taken = extent.is == state::complete ? extent.size : seen;
    }
    require(extent == extent_of(all), "the pieces in which it comes do not matter");
}

std::string binary(const proxy_header& said) {
    std::string made("\r\n\r\n\0\r\nQUIT\n\x21", 13);
    const auto port = [](const address& of) {
        return std::string{static_cast<char>(of.port() >> 8), static_cast<char>(of.port())};
    };
    std::string block;
    if (said.source.family() == coax::family::local || said.destination.family() == coax::family::local) {
        made += '\x31';
        for (const address* each : {&said.source, &said.destination}) {
            const std::string name = each->is_abstract() ? '\0' + each->abstract_name() : each->path();
            block += name + std::string(108 - name.size(), '\0');
        }
    } else if (said.source.is_unnamed()) {
        made += '\0';
    } else {
        const bool six = said.source.family() == coax::family::inet6;
        made += six ? '\x21' : '\x11';
        // The system's form of both has port and host at known places; those of this header are side by side.
        for (const address* each : {&said.source, &said.destination})
            block.append(static_cast<const char*>(coax::detail::native_address::data(*each)) + (six ? 8 : 4),
                         six ? 16 : 4);
        block += port(said.source) + port(said.destination);
    }
    made += static_cast<char>(block.size() >> 8);
    made += static_cast<char>(block.size());
    return made + block;
}

std::string line(const proxy_header& said) {
    return (said.source.family() == coax::family::inet6 ? "PROXY TCP6 " : "PROXY TCP4 ") + said.source.host() + ' ' +
           said.destination.host() + ' ' + std::to_string(said.source.port()) + ' ' +
           std::to_string(said.destination.port()) + "\r\n";
}

void check_same(const proxy_header& said, std::string_view again) {
    const auto bytes = std::as_bytes(std::span(again));
    require(extent_of(bytes) == proxy_extent{state::complete, again.size()}, "what was read can be written");
    proxy_header other;
    require(proxy_parser::parse(bytes, other), "what was written can be read");
    require(other.source == said.source && other.destination == said.destination, "it says the same again");
}

void check_header(const proxy_header& said) {
    require(said.source.is_placeholder() == false && said.destination.is_placeholder() == false, "no placeholders");
    require(!said.local || (said.source.is_unnamed() && said.destination.is_unnamed()), "LOCAL names nobody");
    std::size_t found = 0;
    for (unsigned type = 0; type < 256; ++type) {
        const auto value = said.tlv(static_cast<std::uint8_t>(type));
        if (!value)
            continue;
        ++found;
        require(value->data() + value->size() <= said.tlvs().data() + said.tlvs().size(), "values are within");
    }
    require((found == 0) == said.tlvs().empty(), "extensions have a type");
    check_same(said, binary(said));
    if (said.source.family() == coax::family::inet || said.source.family() == coax::family::inet6)
        check_same(said, line(said));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::byte> all = std::as_bytes(std::span(data, size));
    check_beginnings(all);
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{13}, std::size_t{107}})
        check_pieces(all, step);
    const proxy_extent extent = extent_of(all);
    proxy_header said;
    if (extent.is == state::complete && proxy_parser::parse(all.first(extent.size), said))
        check_header(said);
    return 0;
}
