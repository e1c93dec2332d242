// Addresses written as text.
#include <coax/address.hpp>

#include <charconv>
#include <ostream>

#include "net/address_escape.hpp"
#include "net/address_host.hpp"
#include "os/address.hpp"

namespace coax {

namespace {

void append_number(std::string& out, std::uint32_t number) {
    char digits[10];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

} // namespace

std::string address::host() const {
    if (form_ == form::loopback)
        return "localhost";
    std::string text;
    const auto parts = os::unpack(bytes_, size_);
    char host_text[detail::host_text_size];
    if (form_ == form::inet) {
        text.assign(host_text, detail::format_inet(parts.host.first<4>(), host_text));
    } else if (form_ == form::inet6) {
        text.assign(host_text, detail::format_inet6(parts.host.first<16>(), host_text));
        if (parts.scope != 0) {
            text += '%';
            append_number(text, parts.scope);
        }
    }
    return text;
}

std::string address::path() const {
    return form_ == form::path ? std::string(os::unpack(bytes_, size_).name) : std::string();
}

std::string address::abstract_name() const {
    return form_ == form::abstract ? std::string(os::unpack(bytes_, size_).name) : std::string();
}

std::string address::to_string() const {
    std::string text;
    switch (form_) {
    case form::unnamed:
        return "unnamed";
    case form::path: {
        text = "unix:";
        std::string_view rest = os::unpack(bytes_, size_).name;
        // An at sign in front says "abstract name", so a path that begins with one cannot show it as it is.
        if (rest.starts_with('@')) {
            detail::append_escaped_byte(text, '@');
            rest.remove_prefix(1);
        }
        detail::append_escaped(text, rest);
        return text;
    }
    case form::abstract:
        text = "unix:@";
        detail::append_escaped(text, os::unpack(bytes_, size_).name);
        return text;
    case form::any:
    case form::loopback:
    case form::inet:
        text = host();
        break;
    case form::inet6:
        text = '[' + host() + ']';
        break;
    }
    text += ':';
    append_number(text, port_);
    return text;
}

std::ostream& operator<<(std::ostream& out, const address& a) { return out << a.to_string(); }

} // namespace coax
