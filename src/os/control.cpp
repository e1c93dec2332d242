#include "os/native_control.hpp"

#include "os/control.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "os/address.hpp"

namespace coax::os {

namespace {

static_assert(sizeof(native_control_header) <= 16);

constexpr unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class T>
bool load(std::span<const std::byte> data, T& into) noexcept {
    if (data.size() < sizeof into)
        return false;
    std::memcpy(&into, data.data(), sizeof into);
    return true;
}

/// An integer, of which some systems make a byte. False: it has another size, or a value outside of its range.
template <class T>
bool load_number(std::span<const std::byte> data, std::optional<T>& into) noexcept {
    std::uint32_t value = 0;
    if (data.size() == 1)
        value = static_cast<std::uint32_t>(data.front());
    else if (data.size() != sizeof value || !load(data, value))
        return false;
    if (value > std::numeric_limits<T>::max())
        return false;
    into = static_cast<T>(value);
    return true;
}

address control_address(const void* host) noexcept {
    unsigned char bytes[4];
    std::memcpy(bytes, host, sizeof bytes);
    address made;
    detail::native_address::commit(made, pack_inet(detail::native_address::storage(made), bytes, 0));
    return made;
}

address control_address6(const void* host, std::uint32_t interface_index) noexcept {
    unsigned char bytes[16];
    std::memcpy(bytes, host, sizeof bytes);
    const bool of_one_link = (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) || // fe80::/10
                             (bytes[0] == 0xff && (bytes[1] & 0x0f) == 0x02);   // ff02::/16
    address made;
    void* const storage = detail::native_address::storage(made);
    detail::native_address::commit(made, pack_inet6(storage, bytes, of_one_link ? interface_index : 0, 0));
    return made;
}

/// What shows in the bits of an address; that of a broadcast into one network is not among it.
bool is_to_many(const address& local) noexcept {
    const std::span<const std::byte> host = local.bytes();
    return local.is_multicast() || (host.size() == 4 && std::all_of(host.begin(), host.end(), [](std::byte each) {
                                        return each == std::byte{0xff};
                                    }));
}

/// Puts received messages into their places.
class control_parser {
public:
    control_parser(control_values& into, control_sink* others) noexcept : into_(into), others_(others) {}

    /// False: its data mean nothing.
    bool take(const control_message& message) noexcept {
        if (message.level == SOL_SOCKET && (is(message, control_rights) || is(message, control_process)))
            return take_descriptors(message.data);
        if (message.is_cut)
            return false;
        if (message.level == SOL_SOCKET)
            return take_of_socket(message);
        if (message.level == IPPROTO_IP)
            return take_of_inet(message);
        if (message.level == IPPROTO_IPV6)
            return take_of_inet6(message);
        if (message.level == IPPROTO_UDP && is(message, control_segment_in))
            return load_number(message.data, into_.segment_size);
        return pass_on(message);
    }

private:
    static bool is(const control_message& message, int name) noexcept { return name != absent && message.type == name; }

    bool pass_on(const control_message& message) noexcept {
        if (others_ != nullptr)
            others_->other(message);
        return true;
    }

    bool take_of_socket(const control_message& message) noexcept {
        if (is(message, control_time))
            return take_time(message.data);
#if defined(SCM_CREDENTIALS) && defined(COAX_LINUX_EXTENSIONS)
        if (ucred native{}; message.type == SCM_CREDENTIALS) {
            if (!load(message.data, native))
                return false;
            into_.sender = credentials(native.pid, native.uid, native.gid);
            return true;
        }
#endif
        return pass_on(message);
    }

    bool take_descriptors(std::span<const std::byte> data) noexcept {
#ifndef _WIN32
        for (int handle; load(data, handle); data = data.subspan(sizeof handle)) {
            if (others_ != nullptr)
                others_->descriptor(handle);
            else
                close(handle);
        }
#endif
        return data.empty();
    }

    bool take_time(std::span<const std::byte> data) noexcept {
        native_time native{};
        if (!load(data, native))
            return false;
        using ticks = std::chrono::system_clock::duration;
        constexpr std::int64_t most = std::chrono::duration_cast<std::chrono::seconds>(ticks::max()).count() - 1;
        const auto seconds = static_cast<std::int64_t>(native.tv_sec);
        const std::int64_t fraction = fraction_of(native);
        if (seconds < -most || seconds > most || fraction < 0 || fraction >= 1'000'000'000 / native_time_unit)
            return false;
        into_.time.emplace(std::chrono::duration_cast<ticks>(std::chrono::seconds(seconds)) +
                           std::chrono::duration_cast<ticks>(std::chrono::nanoseconds(fraction * native_time_unit)));
        return true;
    }

    bool take_of_inet(const control_message& message) noexcept {
        if (message.type == IP_TOS || is(message, option_traffic_class))
            return load_number(message.data, into_.traffic_class);
        if (message.type == IP_TTL || is(message, option_hop_limit))
            return load_number(message.data, into_.hop_limit);
#ifdef IP_PKTINFO
        if (in_pktinfo native{}; message.type == IP_PKTINFO) {
            if (!load(message.data, native))
                return false;
            note_packet(control_address(&native.ipi_addr), static_cast<std::uint32_t>(native.ipi_ifindex));
#ifndef _WIN32
            // Where it was sent to nobody alone, this one is the address to answer from.
            if (native.ipi_spec_dst.s_addr != native.ipi_addr.s_addr)
                into_.packet->to_many = true;
#endif
            return true;
        }
#endif
        if (in_addr native{}; is(message, control_destination)) {
            if (!load(message.data, native))
                return false;
            note_packet(control_address(&native), 0);
            return true;
        }
        if (is(message, control_interface)) {
            // struct sockaddr_dl: a size, a family, and the index of the interface
            std::uint16_t index = 0;
            if (message.data.size() < 4 || !load(message.data.subspan(2), index))
                return false;
            note_packet({}, index);
            return true;
        }
        return pass_on(message);
    }

    bool take_of_inet6(const control_message& message) noexcept {
        if (is(message, control_traffic_class6))
            return load_number(message.data, into_.traffic_class);
        if (message.type == IPV6_HOPLIMIT)
            return load_number(message.data, into_.hop_limit);
        if (in6_pktinfo native{}; message.type == IPV6_PKTINFO) {
            if (!load(message.data, native))
                return false;
            const auto index = static_cast<std::uint32_t>(native.ipi6_ifindex);
            const bool to_many = into_.packet && into_.packet->to_many;
            into_.packet.emplace(control_address6(&native.ipi6_addr, index), index);
            into_.packet->to_many = to_many || is_to_many(into_.packet->local);
            return true;
        }
        return pass_on(message);
    }

    /// Address and interface may come one by one. What is said in terms of IPv6 is the socket's own and stays.
    void note_packet(const address& local, std::uint32_t index) noexcept {
        packet_info& to = into_.packet ? *into_.packet : into_.packet.emplace();
        to.to_many = to.to_many || is_to_many(local);
        if (to.local.family() == family::inet6)
            return;
        if (!local.is_unnamed())
            to.local = local;
        if (index != 0)
            to.interface_index = index;
    }

    control_values& into_;
    control_sink* others_;
};

} // namespace

bool control_reader::next(control_message& into) noexcept {
    if (rest_.empty() || error_ != 0)
        return false;
    native_control_header header{};
    const std::size_t before = control_length(0);
    if (!load(rest_, header) || rest_.size() < before) {
        error_ = was_cut_ ? 0 : EBADMSG;
        rest_ = {};
        return false;
    }
    const auto length = static_cast<std::size_t>(header.cmsg_len);
    if (length < before) {
        error_ = EBADMSG;
        return false;
    }
    if (length > rest_.size() && !was_cut_)
        error_ = EBADMSG;
    const std::size_t size = std::min(length, rest_.size()) - before;
    into.level = header.cmsg_level;
    into.type = header.cmsg_type;
    into.is_cut = length > rest_.size();
    into.data = rest_.subspan(before, size);
    rest_ = rest_.subspan(std::min(control_space(size), rest_.size()));
    return true;
}

int parse_control(std::span<const std::byte> bytes, bool was_cut, control_values& into, control_sink* others) noexcept {
    into = control_values();
    control_parser takes(into, others);
    control_reader reader(bytes, was_cut);
    bool malformed = false;
    for (control_message message; reader.next(message);)
        malformed = !takes.take(message) || malformed;
    // What was cut off shows in its length.
    return reader.error() != 0 ? reader.error() : malformed && !was_cut ? EBADMSG : 0;
}

bool is_well_formed(std::span<const std::byte> bytes, bool was_cut) noexcept {
    struct : control_sink {
        void descriptor(native_handle) noexcept override {}
        void other(const control_message&) noexcept override {}
    } nobody;
    control_values unused;
    return parse_control(bytes, was_cut, unused, &nobody) == 0;
}

int control_builder::add(int level, int type, std::span<const std::byte> data) noexcept {
    const std::size_t free = room_.size() - size_;
    if (data.size() > free || control_space(data.size()) > free)
        return ENOBUFS;
    const std::span<std::byte> to = room_.subspan(size_, control_space(data.size()));
    std::fill(to.begin(), to.end(), std::byte{});
    native_control_header header{};
    header.cmsg_len = static_cast<decltype(header.cmsg_len)>(control_length(data.size()));
    header.cmsg_level = level;
    header.cmsg_type = type;
    std::memcpy(to.data(), &header, sizeof header);
    if (!data.empty())
        std::memcpy(to.data() + control_length(0), data.data(), data.size());
    size_ += to.size();
    return 0;
}

template <class T>
int control_builder::add_value(int level, int type, const T& value) noexcept {
    return type == absent ? EOPNOTSUPP : add(level, type, std::as_bytes(std::span(&value, 1)));
}

int control_builder::add_descriptors(std::span<const native_handle> handles) noexcept {
    return control_rights == absent ? EOPNOTSUPP : add(SOL_SOCKET, control_rights, std::as_bytes(handles));
}

int control_builder::add_source(family of, const packet_info& from, family on_the_way) noexcept {
    const unpacked_address said =
        unpack(detail::native_address::data(from.local), detail::native_address::size(from.local));
    const bool any = from.to_many || from.local.is_unnamed() || from.local.is_placeholder();
    if (of == family::inet6) {
        in6_pktinfo native{};
        if (on_the_way == family::inet)
            std::memcpy(&native.ipi6_addr, mapped_prefix, sizeof mapped_prefix);
        if (any) {
        } else if (said.which == family::inet) {
            std::memcpy(&native.ipi6_addr, mapped_prefix, sizeof mapped_prefix);
            std::memcpy(&native.ipi6_addr.s6_addr[sizeof mapped_prefix], said.host.data(), said.host.size());
        } else if (said.which == family::inet6) {
            std::memcpy(&native.ipi6_addr, said.host.data(), said.host.size());
        } else {
            return EINVAL;
        }
        native.ipi6_ifindex = static_cast<decltype(native.ipi6_ifindex)>(from.interface_index);
        return add_value(IPPROTO_IPV6, IPV6_PKTINFO, native);
    }
    if (of != family::inet || (!any && said.which != family::inet))
        return EINVAL;
    in_addr host{};
    if (!any)
        std::memcpy(&host, said.host.data(), sizeof host);
#ifdef IP_PKTINFO
    in_pktinfo native{};
#ifdef _WIN32
    native.ipi_addr = host;
#else
    native.ipi_spec_dst = host;
#endif
    native.ipi_ifindex = static_cast<decltype(native.ipi_ifindex)>(from.interface_index);
    return add_value(IPPROTO_IP, IP_PKTINFO, native);
#else
    return from.interface_index != 0 ? EOPNOTSUPP : add_value(IPPROTO_IP, control_destination, host);
#endif
}

int control_builder::add_traffic_class(family of, std::uint8_t value) noexcept {
    if (of == family::local)
        return EINVAL;
    const int native = value;
    return of == family::inet6 ? add_value(IPPROTO_IPV6, control_traffic_class6, native)
                               : add_value(IPPROTO_IP, control_traffic_class_out, static_cast<native_tos>(value));
}

int control_builder::add_hop_limit(family of, std::uint8_t value) noexcept {
    if (of == family::local)
        return EINVAL;
    const int native = value;
    return of == family::inet6 ? add_value(IPPROTO_IPV6, IPV6_HOPLIMIT, native)
                               : add_value(IPPROTO_IP, control_hop_limit_out, native);
}

int control_builder::add_segment_size(std::uint16_t value) noexcept {
    return add_value(IPPROTO_UDP, control_segment_out, static_cast<native_segment_size>(value));
}

int control_builder::add_credentials([[maybe_unused]] const credentials& of) noexcept {
#if defined(SCM_CREDENTIALS) && defined(COAX_LINUX_EXTENSIONS)
    ucred native{};
    native.pid = static_cast<decltype(native.pid)>(of.process_id);
    native.uid = of.user_id;
    native.gid = of.group_id;
    return add_value(SOL_SOCKET, SCM_CREDENTIALS, native);
#else
    return EOPNOTSUPP;
#endif
}

} // namespace coax::os
