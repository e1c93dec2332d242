// The address as a value: equality, order, hash, placeholders, and the way in and out for the kernel's form.
#include <coax/address.hpp>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "os/address.hpp"

namespace coax {

// Awaiters hold addresses and io_uring reads them from there, so they are copied as bytes and kept small.
static_assert(std::is_trivially_copyable_v<address> && sizeof(address) <= 120);

address address::placeholder(form which, std::uint16_t port) noexcept {
    address made;
    made.form_ = which;
    made.port_ = port;
    return made;
}

std::optional<family> address::family() const noexcept {
    switch (form_) {
    case form::inet:
        return coax::family::inet;
    case form::inet6:
        return coax::family::inet6;
    case form::path:
    case form::abstract:
        return coax::family::local;
    case form::unnamed:
    case form::any:
    case form::loopback:
        break;
    }
    return std::nullopt;
}

std::uint32_t address::scope_id() const noexcept { return form_ == form::inet6 ? os::unpack(bytes_, size_).scope : 0; }

address address::resolved(coax::family wanted) const noexcept {
    if (!is_placeholder() || wanted == coax::family::local)
        return *this;
    const bool loopback = form_ == form::loopback;
    unsigned char host[16] = {};
    address made;
    void* const storage = detail::native_address::storage(made);
    if (wanted == coax::family::inet) {
        if (loopback) {
            host[0] = 127;
            host[3] = 1;
        }
        detail::native_address::commit(made, os::pack_inet(storage, std::span(host).first<4>(), port_));
    } else {
        host[15] = loopback ? 1 : 0;
        detail::native_address::commit(made, os::pack_inet6(storage, host, 0, port_));
    }
    return made;
}

std::span<const std::byte> address::bytes() const& noexcept {
    return std::as_bytes(form_ == form::inet || form_ == form::inet6 ? os::unpack(bytes_, size_).host
                                                                     : std::span<const unsigned char>());
}

bool address::is_multicast() const noexcept {
    const std::span<const std::byte> host = bytes();
    return !host.empty() &&
           (host.size() == 4 ? (host[0] & std::byte{0xf0}) == std::byte{0xe0} : host[0] == std::byte{0xff});
}

std::span<const std::byte> address::native() const& noexcept { return std::as_bytes(std::span(bytes_, size_)); }

// Equal addresses have equal bytes: `commit` sees to it.
bool operator==(const address& a, const address& b) noexcept {
    return a.form_ == b.form_ && a.port_ == b.port_ && a.size_ == b.size_ &&
           std::memcmp(a.bytes_, b.bytes_, a.size_) == 0;
}

std::strong_ordering operator<=>(const address& a, const address& b) noexcept {
    if (a.form_ != b.form_)
        return a.form_ <=> b.form_;
    const auto left = os::unpack(a.bytes_, a.size_);
    const auto right = os::unpack(b.bytes_, b.size_);
    if (!left.host.empty()) {
        const int hosts = std::memcmp(left.host.data(), right.host.data(), left.host.size());
        if (hosts != 0)
            return hosts <=> 0;
        if (left.scope != right.scope)
            return left.scope <=> right.scope;
    }
    if (a.port_ != b.port_)
        return a.port_ <=> b.port_;
    return left.name.compare(right.name) <=> 0;
}

std::size_t address::hash() const noexcept {
    const auto bytes = std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes_), size_});
    const auto rest = std::size_t{port_} << 8 | static_cast<std::size_t>(form_);
    return bytes ^ rest * 0x9e3779b9U;
}

namespace detail {

const void* native_address::data(const address& a) noexcept {
    return a.is_unnamed() ? os::unnamed_bytes().data() : a.bytes_;
}

std::size_t native_address::size(const address& a) noexcept {
    return a.is_unnamed() ? os::unnamed_bytes().size() : a.size_;
}

address native_address::make(const void* data, std::size_t size) noexcept {
    address made;
    std::memcpy(storage(made), data, std::min(size, capacity));
    commit(made, size);
    return made;
}

void* native_address::storage(address& a) noexcept {
    a.form_ = address::form::unnamed;
    a.port_ = 0;
    a.size_ = 0;
    return a.bytes_;
}

void native_address::commit(address& a, std::size_t size) noexcept {
    // What is no part of the address (flow label, padding, an uncounted terminator) differs between the ways an address
    // comes in; packed anew, equal ones have equal bytes.
    const auto parts = os::unpack(a.bytes_, size);
    if (!parts.which)
        return;
    std::size_t packed = 0;
    switch (*parts.which) {
    case family::inet:
        a.form_ = address::form::inet;
        packed = os::pack_inet(a.bytes_, parts.host.first<4>(), parts.port);
        break;
    case family::inet6:
        a.form_ = address::form::inet6;
        packed = os::pack_inet6(a.bytes_, parts.host.first<16>(), parts.scope, parts.port);
        break;
    case family::local:
        a.form_ = parts.abstract ? address::form::abstract : address::form::path;
        packed =
            parts.abstract ? os::pack_local_abstract(a.bytes_, parts.name) : os::pack_local_path(a.bytes_, parts.name);
        break;
    }
    a.port_ = parts.port;
    a.size_ = static_cast<std::uint8_t>(packed);
}

} // namespace detail

} // namespace coax
