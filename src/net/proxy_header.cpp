// PROXY protocol headers, versions 1 (a line of text) and 2 (binary), after haproxy's doc/proxy-protocol.txt.
#include "net/proxy_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "net/address_host.hpp"
#include "os/address.hpp"

namespace coax::detail {

namespace {

using bytes_type = std::span<const std::byte>;
using state = proxy_extent::state;

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t head_size = 16; // the signature, version and command, family and protocol, the length of the rest

constexpr std::string_view line_start = "PROXY ";
constexpr std::string_view unknown = "UNKNOWN";
constexpr std::size_t shortest_line = line_start.size() + unknown.size() + 2;

constexpr std::byte version_local{0x20};
constexpr std::byte version_proxy{0x21};

constexpr std::uint8_t type_crc32c = 3;
constexpr std::size_t tlv_head_size = 3;

std::string_view text_of(bytes_type bytes) noexcept {
    return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

const unsigned char* octets(bytes_type bytes) noexcept {
    return static_cast<const unsigned char*>(static_cast<const void*>(bytes.data()));
}

std::uint16_t big_endian(bytes_type two) noexcept {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(two[0]) << 8 | std::to_integer<unsigned>(two[1]));
}

/// Whether the shorter of the two begins the longer one.
bool agree(std::string_view a, std::string_view b) noexcept {
    const std::size_t common = std::min(a.size(), b.size());
    return a.substr(0, common) == b.substr(0, common);
}

address inet_address(std::span<const unsigned char, 4> host, std::uint16_t port) noexcept {
    address made;
    native_address::commit(made, os::pack_inet(native_address::storage(made), host, port));
    return made;
}

address inet6_address(std::span<const unsigned char, 16> host, std::uint16_t port) noexcept {
    address made;
    native_address::commit(made, os::pack_inet6(native_address::storage(made), host, 0, port));
    return made;
}

/// What fills a sun_path of 108 bytes. One that this system's addresses have no room for gives the unnamed address.
address local_address(std::string_view field) noexcept {
    address made;
    const bool abstract = field.front() == '\0';
    // The length of an abstract name is lost on the way: what pads it cannot be told from zeros at its end.
    const std::size_t end = abstract ? field.find_last_not_of('\0') + 1 : std::min(field.find('\0'), field.size());
    const std::string_view name = abstract ? field.substr(1, std::max<std::size_t>(end, 1) - 1) : field.substr(0, end);
    if (name.empty() || name.size() > os::local_name_limit)
        return made;
    void* const storage = native_address::storage(made);
    native_address::commit(made,
                           abstract ? os::pack_local_abstract(storage, name) : os::pack_local_path(storage, name));
    return made;
}

// --- version 1 ----------------------------------------------------------------------------------------------------

proxy_extent line_extent(std::string_view text) noexcept {
    constexpr std::string_view starts[] = {"PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN"};
    text = text.substr(0, proxy_line_limit);
    const auto* const start = std::ranges::find_if(starts, [&](std::string_view one) { return agree(text, one); });
    if (start == std::end(starts))
        return {};
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view rest = text.substr(std::min(start->size(), end), end - std::min(start->size(), end));
    // Behind UNKNOWN anything may stand. Anything else would only be refused later.
    if (start->ends_with(unknown) ? !rest.empty() && rest.front() != ' '
                                  : rest.find_first_not_of("0123456789abcdefABCDEF:. ") != rest.npos)
        return {};
    const bool ends = end < text.size();
    const std::size_t size = ends ? end + 2 : std::max(end + 2, shortest_line);
    if (size < shortest_line || size > proxy_line_limit || !agree(text.substr(end), "\r\n"))
        return {};
    return {text.size() < size ? state::partial : state::complete, size};
}

/// What stands before the next space, which is taken as well.
std::string_view take_word(std::string_view& line) noexcept {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, space);
    line.remove_prefix(std::min(space + 1, line.size()));
    return word;
}

bool parse_port(std::string_view text, std::uint16_t& port) noexcept {
    if (text.empty() || (text.front() == '0' && text.size() > 1))
        return false;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, port);
    return read.ec == std::errc() && read.ptr == end;
}

bool parse_line(std::string_view line, proxy_header& to) noexcept {
    line.remove_prefix(line_start.size());
    if (line.starts_with(unknown))
        return true;
    line.remove_suffix(2);
    const bool six = take_word(line) == "TCP6";
    const std::string_view source = take_word(line);
    const std::string_view destination = take_word(line);
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    if (!parse_port(take_word(line), source_port) || !parse_port(line, destination_port))
        return false;
    std::array<unsigned char, 16> from{};
    std::array<unsigned char, 16> into{};
    if (six) {
        if (!parse_inet6(source, from) || !parse_inet6(destination, into))
            return false;
        to.source = inet6_address(from, source_port);
        to.destination = inet6_address(into, destination_port);
    } else {
        const auto from4 = std::span(from).first<4>();
        const auto into4 = std::span(into).first<4>();
        if (!parse_inet(source, from4) || !parse_inet(destination, into4))
            return false;
        to.source = inet_address(from4, source_port);
        to.destination = inet_address(into4, destination_port);
    }
    return true;
}

// --- version 2 ----------------------------------------------------------------------------------------------------

/// How many bytes of addresses follow the head of a PROXY command; nothing for a family or a protocol that there is not. With UNSPEC for one
/// of the two there are none to be looked at.
std::optional<std::size_t> addresses_size(std::byte family_and_protocol) noexcept {
    constexpr std::size_t sizes[] = {0, 2 * 4 + 2 * 2, 2 * 16 + 2 * 2, 2 * 108};
    const auto family = std::to_integer<std::size_t>(family_and_protocol >> 4);
    const auto protocol = std::to_integer<unsigned>(family_and_protocol & std::byte{0xf});
    if (family >= std::size(sizes) || protocol > 2)
        return std::nullopt;
    return protocol == 0 ? 0 : sizes[family];
}

proxy_extent binary_extent(bytes_type bytes, std::size_t max_size) noexcept {
    if (bytes.size() > 12 && bytes[12] != version_local && bytes[12] != version_proxy)
        return {};
    const bool local = bytes.size() > 12 && bytes[12] == version_local;
    if (bytes.size() > 13 && !local && !addresses_size(bytes[13]))
        return {};
    if (bytes.size() < head_size)
        return head_size <= max_size ? proxy_extent{state::partial, head_size} : proxy_extent{};
    const std::size_t rest = big_endian(bytes.subspan(14));
    if (head_size + rest > max_size || (!local && rest < *addresses_size(bytes[13])))
        return {};
    return {bytes.size() < head_size + rest ? state::partial : state::complete, head_size + rest};
}

/// CRC32C (RFC 4960, appendix B) of the header, with zeros in place of the four bytes at `field`.
std::uint32_t checksum(bytes_type header, std::size_t field) noexcept {
    std::uint32_t crc = 0xffffffff;
    for (std::size_t i = 0; i < header.size(); ++i) {
        if (i < field || i >= field + 4)
            crc ^= std::to_integer<std::uint32_t>(header[i]);
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ (0x82f63b78U & (0U - (crc & 1U)));
    }
    return ~crc;
}

/// Whether the extensions, which begin at `at`, fill the header to its end, and the checksum is right if there is one.
bool check_tlvs(bytes_type header, std::size_t at) noexcept {
    bool checked = false;
    while (at < header.size()) {
        if (header.size() - at < tlv_head_size)
            return false;
        const auto type = std::to_integer<std::uint8_t>(header[at]);
        const std::size_t size = big_endian(header.subspan(at + 1));
        at += tlv_head_size;
        if (header.size() - at < size)
            return false;
        if (type == type_crc32c) {
            if (checked || size != 4)
                return false;
            checked = true;
            const std::uint32_t said =
                std::uint32_t{big_endian(header.subspan(at))} << 16 | big_endian(header.subspan(at + 2));
            if (said != checksum(header, at))
                return false;
        }
        at += size;
    }
    return true;
}

void read_addresses(bytes_type block, proxy_header& to) noexcept {
    const unsigned char* const at = octets(block);
    switch (block.size()) {
    case 12:
        to.source = inet_address(std::span<const unsigned char, 4>(at, 4), big_endian(block.subspan(8)));
        to.destination = inet_address(std::span<const unsigned char, 4>(at + 4, 4), big_endian(block.subspan(10)));
        break;
    case 36:
        to.source = inet6_address(std::span<const unsigned char, 16>(at, 16), big_endian(block.subspan(32)));
        to.destination = inet6_address(std::span<const unsigned char, 16>(at + 16, 16), big_endian(block.subspan(34)));
        break;
    case 216:
        to.source = local_address(text_of(block.first(108)));
        to.destination = local_address(text_of(block.subspan(108)));
        break;
    default:
        break;
    }
}

} // namespace

proxy_extent proxy_parser::extent(bytes_type bytes, std::size_t max_size) noexcept {
    const std::string_view text = text_of(bytes);
    if (text.empty())
        return {state::partial, shortest_line};
    return agree(text, signature) ? binary_extent(bytes, max_size) : line_extent(text);
}

bool proxy_parser::parse(bytes_type header, proxy_header& to) {
    if (text_of(header).starts_with(line_start))
        return parse_line(text_of(header), to);
    to.local = header[12] == version_local;
    const std::size_t size = to.local ? 0 : *addresses_size(header[13]);
    // Without addresses nobody can say where extensions would begin: all of it is skipped.
    if (size == 0)
        return true;
    if (!check_tlvs(header, head_size + size))
        return false;
    read_addresses(header.subspan(head_size, size), to);
    const bytes_type tlvs = header.subspan(head_size + size);
    to.tlvs_.assign(tlvs.begin(), tlvs.end());
    return true;
}

} // namespace coax::detail

namespace coax {

std::optional<std::span<const std::byte>> proxy_header::tlv(std::uint8_t type) const noexcept {
    std::span<const std::byte> rest = tlvs_;
    while (!rest.empty()) {
        const std::size_t size = detail::big_endian(rest.subspan(1));
        if (rest[0] == std::byte{type})
            return rest.subspan(detail::tlv_head_size, size);
        rest = rest.subspan(detail::tlv_head_size + size);
    }
    return std::nullopt;
}

} // namespace coax
