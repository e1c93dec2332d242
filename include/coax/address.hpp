/// \file
/// Socket addresses as plain values: IPv4, IPv6 with its scope, UNIX path, UNIX abstract name, or unnamed.
/// An address holds the bytes the kernel takes, so that using one converts nothing and allocates nothing.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <coax/config.hpp>

namespace coax {

/// The address families (POSIX socket(2), the domain argument).
enum class family : unsigned char {
    inet,  ///< IPv4 (AF_INET)
    inet6, ///< IPv6 (AF_INET6)
    local, ///< UNIX sockets of this machine (AF_UNIX)
};

namespace detail {
struct native_address;
}

/// The address of a socket. A trivially copyable value, ordered, and with a `std::hash`.
///
/// Two forms are placeholders that stand for an address of whichever family the socket has: "any"
/// (every interface, the empty host) and "loopback" (`localhost`). `socket` resolves them when it uses them.
class COAX_API address {
public:
    /// The unnamed address: of a UNIX socket that was never bound, or of a peer that is already gone.
    constexpr address() noexcept = default;

    /// A numeric IPv4 or IPv6 host (`192.0.2.1`, `2001:db8::1`, `fe80::1%2` with the interface by number or by name), "" for any or
    /// "localhost" for loopback, and a port. Other names are resolved by `getaddrinfo`.
    /// \throws std::invalid_argument for another host, an interface that does not exist, or a port outside 0..65535
    address(std::string_view host, int port);
    address(std::nullptr_t host, int port) = delete;

    /// A UNIX socket in the file system. The path is never truncated: the platform's limit is 107 bytes
    /// (Linux, Windows) or 103 (BSD, macOS).
    /// \throws std::invalid_argument when the path is empty, too long, or contains a NUL byte
    static address unix_path(std::string_view path);

    /// A UNIX socket in the abstract name space of Linux (unix(7)): any bytes, NUL included, at most 107 of them.
    /// \throws std::invalid_argument when the name is too long
    static address unix_abstract(std::string_view name);

    /// Reads what `to_string` writes: `192.0.2.1:80`, `[2001:db8::1]:80`, `[fe80::1%2]:80`, `:80` (any),
    /// `localhost:80` (loopback), `unix:/run/a.sock`, `unix:@name` (abstract), `unnamed`. In a UNIX path or name
    /// `\xNN` is the byte with that value and `\\` is one backslash. Nothing is trimmed or guessed.
    /// \throws std::invalid_argument that quotes the text and says what is wrong with it
    static address parse(std::string_view text);

    /// `parse` without the exception: nothing when the text is no address.
    static std::optional<address> try_parse(std::string_view text) noexcept;

    /// A numeric host alone, as inet_pton(3) takes it, with a port: nothing where the text is neither IPv4 nor IPv6 (with its scope, if it
    /// has one), for placeholders, and for a port outside 0..65535. `host()` is the way back.
    static std::optional<address> try_numeric(std::string_view host, int port = 0) noexcept;

    /// An IPv4 host as its four bytes, in network byte order, and a port.
    /// \throws std::invalid_argument for a port outside 0..65535
    static address from_bytes(std::span<const std::byte, 4> host, int port);

    /// An IPv6 host as its sixteen bytes, in network byte order, a port, and the interface of a link-local address.
    /// \throws std::invalid_argument for a port outside 0..65535
    static address from_bytes(std::span<const std::byte, 16> host, int port, std::uint32_t scope_id = 0);

    /// What a call of the system has filled in: a `sockaddr` of `size` bytes, the size that the system has reported. No bytes at all are the
    /// unnamed address, and so is a UNIX socket without a name.
    /// \throws std::invalid_argument for another family than those of `coax::family`, and for bytes that are no whole address
    static address from_native(const void* sockaddr, std::size_t size);

    /// The family; nothing for a placeholder and for the unnamed address.
    std::optional<coax::family> family() const noexcept;

    /// The host without brackets (RFC 5952 text for IPv6, with a numeric scope if there is one); "" and
    /// "localhost" for the placeholders, "" for everything else.
    std::string host() const;

    /// The port; 0 where there is none.
    constexpr int port() const noexcept { return port_; }

    /// The IPv6 scope (the interface index of a link-local address); 0 where there is none.
    std::uint32_t scope_id() const noexcept;

    /// The host as the 4 or 16 bytes of IPv4 or IPv6, in network byte order; no bytes for everything else. They lie in the address itself.
    std::span<const std::byte> bytes() const& noexcept;
    void bytes() const&& = delete; // they would be gone

    /// The address in the system's form, a `sockaddr` and its size, for calls beside this library; no bytes for the unnamed address and for
    /// a placeholder, which `resolved` gives a family. They lie in the address itself.
    std::span<const std::byte> native() const& noexcept;
    void native() const&& = delete; // they would be gone

    /// The path of a UNIX socket in the file system, unescaped; "" for everything else.
    std::string path() const;

    /// The abstract name of a UNIX socket, unescaped; "" for everything else.
    std::string abstract_name() const;

    /// Whether this is the unnamed address.
    constexpr bool is_unnamed() const noexcept { return form_ == form::unnamed; }
    /// Whether this is "any" or "loopback", which have no family until `resolved` or a socket gives them one.
    constexpr bool is_placeholder() const noexcept { return form_ == form::any || form_ == form::loopback; }

    /// Whether this is the address of a multicast group: 224.0.0.0/4 or ff00::/8.
    bool is_multicast() const noexcept;

    /// Whether this is an abstract UNIX name.
    constexpr bool is_abstract() const noexcept { return form_ == form::abstract; }

    /// A placeholder as an address of the given family: `0.0.0.0` or `::`, `127.0.0.1` or `::1`, with the port.
    /// Everything else comes back as it is, and so does a placeholder for `family::local`, which has no such
    /// address (using it then fails with address_family_not_supported).
    address resolved(coax::family wanted) const noexcept;

    /// The text that `parse` reads back to an equal address. It is one line of valid UTF-8: bytes of a UNIX path
    /// or name that are control characters or no UTF-8 are escaped.
    std::string to_string() const;

    /// Whether form, host, scope and port are the same, or the bytes of the name.
    friend COAX_API bool operator==(const address& a, const address& b) noexcept;

    /// Orders by form, then host, scope and port, or by the bytes of the name.
    friend COAX_API std::strong_ordering operator<=>(const address& a, const address& b) noexcept;

    /// Writes `to_string()`, with the stream's width and fill.
    friend COAX_API std::ostream& operator<<(std::ostream& out, const address& a);

private:
    friend struct detail::native_address;
    friend struct std::hash<address>;

    enum class form : unsigned char { unnamed, any, loopback, inet, inet6, path, abstract };

    // sizeof(sockaddr_un) on Linux, the largest of the native addresses held here; src/os checks it.
    static constexpr std::size_t capacity = 110;

    // What the text means, or why it means nothing (`problem` is set then).
    static address from_host(std::string_view host, std::uint16_t port, const char*& problem) noexcept;
    static address from_local(std::string_view name, bool abstract, const char*& problem) noexcept;
    static address from_text(std::string_view text, const char*& problem) noexcept;
    static address placeholder(form which, std::uint16_t port) noexcept;

    std::size_t hash() const noexcept;

    alignas(std::uint32_t) unsigned char bytes_[capacity] = {}; // the first size_ bytes mean something
    std::uint16_t port_ = 0;
    std::uint8_t size_ = 0;
    form form_ = form::unnamed;
};

namespace detail {

/// The way for the library's lower floors to the kernel's form of an address. Not for users.
struct native_address {
    /// Room enough for every address an `address` can hold.
    static constexpr std::size_t capacity = address::capacity;

    /// The socket address and its size in bytes. A placeholder has size 0; the unnamed address is the bare
    /// AF_UNIX header, on which Linux binds a name of the kernel's choice and everything else fails.
    static COAX_API const void* data(const address& a) noexcept;
    static COAX_API std::size_t size(const address& a) noexcept;

    /// An address from the kernel. One that `address` cannot express (another family) becomes unnamed.
    static COAX_API address make(const void* data, std::size_t size) noexcept;

    /// Lets the kernel write into `a` itself: up to `capacity` bytes at `storage(a)`, then `commit(a, size)` with
    /// the size the kernel reported. Until then (and if commit never happens) `a` is unnamed.
    static COAX_API void* storage(address& a) noexcept;
    static COAX_API void commit(address& a, std::size_t size) noexcept;
};

} // namespace detail

} // namespace coax

template <>
struct std::hash<coax::address> {
    std::size_t operator()(const coax::address& a) const noexcept { return a.hash(); }
};
