// Socket addresses: sockaddr_in, sockaddr_in6 and sockaddr_un, packed and unpacked.
#include "os/native.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "os/address.hpp"
#include "os/extensions.hpp"

namespace coax::os {

namespace {

static_assert(sizeof(sockaddr_in) <= detail::native_address::capacity);
static_assert(sizeof(sockaddr_in6) <= detail::native_address::capacity);
static_assert(sizeof(sockaddr_un) <= detail::native_address::capacity);

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);

// Abstract names are Linux's own.
#ifdef COAX_LINUX_EXTENSIONS
constexpr bool has_abstract_names = true;
#else
constexpr bool has_abstract_names = false;
#endif

// Room for a UNIX path: 108 bytes on Linux, 104 on macOS and the BSDs.
#ifdef COAX_PORTABLE
constexpr std::size_t path_room = std::min<std::size_t>(sizeof(sockaddr_un::sun_path), 104);
#else
constexpr std::size_t path_room = sizeof(sockaddr_un::sun_path);
#endif

// The BSDs keep the size of the address in its first byte.
template <class Sockaddr>
void note_size(Sockaddr& a, [[maybe_unused]] std::size_t size) noexcept {
    if constexpr (requires { a.sin_len; })
        a.sin_len = static_cast<decltype(a.sin_len)>(size);
    if constexpr (requires { a.sin6_len; })
        a.sin6_len = static_cast<decltype(a.sin6_len)>(size);
    if constexpr (requires { a.sun_len; })
        a.sun_len = static_cast<decltype(a.sun_len)>(size);
}

template <class Sockaddr>
std::size_t store(void* out, Sockaddr& a, std::size_t size) noexcept {
    note_size(a, size);
    std::memcpy(out, &a, size);
    return size;
}

std::size_t pack_local(void* out, std::string_view name, std::size_t before, std::size_t after) noexcept {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path + before, name.data(), name.size());
    return store(out, a, path_offset + before + name.size() + after);
}

void unpack_local(const unsigned char* bytes, std::size_t size, unpacked_address& to) noexcept {
    // Linux reports one byte more than the structure has for a path that fills it without a terminator. Such a path,
    // which only raw calls can bind, is beyond what `address` expresses.
    if (size <= path_offset || size > sizeof(sockaddr_un))
        return;
    const std::string_view name(reinterpret_cast<const char*>(bytes) + path_offset, size - path_offset);
    const bool abstract = name.front() == '\0';
    const std::string_view said = abstract ? name.substr(1) : name.substr(0, name.find('\0'));
    if (said.size() > local_name_limit)
        return;
    to.which = family::local;
    to.abstract = abstract;
    to.name = said;
}

} // namespace

const std::size_t local_name_limit = path_room - 1;

std::size_t pack_inet(void* out, inet_host host, std::uint16_t port) noexcept {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    std::memcpy(&a.sin_addr, host.data(), host.size());
    return store(out, a, sizeof a);
}

std::size_t pack_inet6(void* out, inet6_host host, std::uint32_t scope, std::uint16_t port) noexcept {
    sockaddr_in6 a{};
    a.sin6_family = AF_INET6;
    a.sin6_port = htons(port);
    a.sin6_scope_id = scope;
    std::memcpy(&a.sin6_addr, host.data(), host.size());
    return store(out, a, sizeof a);
}

std::size_t pack_local_path(void* out, std::string_view path) noexcept { return pack_local(out, path, 0, 1); }

std::size_t pack_local_abstract(void* out, std::string_view name) noexcept { return pack_local(out, name, 1, 0); }

unpacked_address unpack(const void* data, std::size_t size) noexcept {
    const auto* bytes = static_cast<const unsigned char*>(data);
    unpacked_address to;
    native_family_type which = AF_UNSPEC;
    if (size < offsetof(sockaddr, sa_family) + sizeof which)
        return to;
    std::memcpy(&which, bytes + offsetof(sockaddr, sa_family), sizeof which);

    if (which == AF_INET && size >= sizeof(sockaddr_in)) {
        sockaddr_in a;
        std::memcpy(&a, bytes, sizeof a);
        to.which = family::inet;
        to.host = {bytes + offsetof(sockaddr_in, sin_addr), sizeof a.sin_addr};
        to.port = ntohs(a.sin_port);
    } else if (which == AF_INET6 && size >= sizeof(sockaddr_in6)) {
        sockaddr_in6 a;
        std::memcpy(&a, bytes, sizeof a);
        to.which = family::inet6;
        to.host = {bytes + offsetof(sockaddr_in6, sin6_addr), sizeof a.sin6_addr};
        to.scope = a.sin6_scope_id;
        to.port = ntohs(a.sin6_port);
    } else if (which == AF_UNIX) {
        unpack_local(bytes, size, to);
    }
    return to;
}

bool is_nobody(const void* data, std::size_t size) noexcept {
    native_family_type which = AF_UNSPEC;
    if (size < offsetof(sockaddr, sa_family) + sizeof which)
        return size == 0;
    const auto* bytes = static_cast<const unsigned char*>(data);
    std::memcpy(&which, bytes + offsetof(sockaddr, sa_family), sizeof which);
    return which == AF_UNIX && (size <= path_offset || (!has_abstract_names && bytes[path_offset] == 0));
}

void commit_reported(address& a, std::size_t size) noexcept {
    detail::native_address::commit(a, is_nobody(detail::native_address::storage(a), size) ? 0 : size);
}

std::span<const unsigned char> unnamed_bytes() noexcept {
    struct header {
        alignas(sockaddr_un) unsigned char bytes[sizeof(sockaddr_un)];
        header() noexcept {
            sockaddr_un a{};
            a.sun_family = AF_UNIX;
            store(bytes, a, path_offset);
        }
    };
    static const header unnamed;
    return {unnamed.bytes, path_offset};
}

int usable_error(const address& a) noexcept {
    return a.is_placeholder() || (a.is_abstract() && !has_abstract_names) ? EAFNOSUPPORT : 0;
}

} // namespace coax::os
