// Control data: what recvmsg(2) gives and sendmsg(2) takes beside the bytes, a list of messages with a level, a type and some bytes.
// Nothing here allocates, believes a length, or needs an alignment.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <coax/address.hpp>
#include <coax/ancillary.hpp>
#include <coax/config.hpp>
#include <coax/option.hpp>

namespace coax::os {

/// Room for a control message with so many bytes of data, on every system.
constexpr std::size_t control_room(std::size_t size) noexcept { return 16 + (size + 15) / 16 * 16; }
/// The same for one with so many descriptors.
constexpr std::size_t control_room_for_descriptors(std::size_t count) noexcept {
    return control_room(count * sizeof(int));
}
/// For one of each kind that the system may add to what is received, descriptors aside.
inline constexpr std::size_t most_control_room = 320;

/// One message of the list.
struct control_message {
    int level = 0;
    int type = 0;
    bool is_cut = false; // it was to be longer
    std::span<const std::byte> data;
};

/// Takes the list apart. `was_cut`: the system had more to say than there was room for (MSG_CTRUNC), so the last message may be short of
/// what its header announces.
class control_reader {
public:
    explicit control_reader(std::span<const std::byte> bytes, bool was_cut = false) noexcept
        : rest_(bytes), was_cut_(was_cut) {}

    /// The next message. False: there is none; `error` says whether the list is well formed. One that reaches beyond the end is given with
    /// the bytes that are there, and is the last.
    bool next(control_message& into) noexcept;
    /// 0 or EBADMSG.
    int error() const noexcept { return error_; }

private:
    std::span<const std::byte> rest_;
    bool was_cut_;
    int error_ = 0;
};

/// What control data say in terms that the library has.
struct control_values {
    std::optional<packet_info> packet;
    std::optional<std::uint8_t> traffic_class; // ECN is in the two low bits
    std::optional<std::uint8_t> hop_limit;
    std::optional<std::chrono::system_clock::time_point> time; // when the system received it
    std::optional<std::uint16_t> segment_size; // several datagrams of this size stand one behind the other
    std::optional<credentials> sender;
};

/// Whoever takes what is no value.
class control_sink {
public:
    /// A descriptor that this process has now.
    virtual void descriptor(native_handle owned) noexcept = 0;
    /// A message that has no value above.
    virtual void other(const control_message& message) noexcept = 0;

protected:
    ~control_sink() = default;
};

/// Takes received control data apart. Without a sink descriptors are closed and other messages passed over. 0, or EBADMSG where they are
/// malformed; descriptors are handed over all the same, since the system has made them. A value that was cut off is left out.
int parse_control(std::span<const std::byte> bytes, bool was_cut, control_values& into,
                  control_sink* others = nullptr) noexcept;

/// Whether `parse_control` finds nothing wrong with them. Touches no descriptor.
bool is_well_formed(std::span<const std::byte> bytes, bool was_cut) noexcept;

/// Puts control data together. Each call gives 0 or an errno value: ENOBUFS where there is no room, EOPNOTSUPP for what the system lacks,
/// EINVAL for what cannot be said. Nothing has been added then.
class control_builder {
public:
    explicit control_builder(std::span<std::byte> room) noexcept : room_(room) {}

    int add(int level, int type, std::span<const std::byte> data) noexcept;
    /// They stay the caller's.
    int add_descriptors(std::span<const native_handle> handles) noexcept;
    /// The address and the interface that a datagram leaves from, on a socket of this family; it leaves as one of IPv4 also where an IPv6
    /// socket sends to a mapped address.
    int add_source(family of, const packet_info& from, family on_the_way) noexcept;
    int add_source(family of, const packet_info& from) noexcept { return add_source(of, from, of); }
    /// For datagrams of this family: IPv4 also where an IPv6 socket sends to a mapped address.
    int add_traffic_class(family of, std::uint8_t value) noexcept;
    int add_hop_limit(family of, std::uint8_t value) noexcept;
    /// The bytes that are sent are cut into datagrams of this size.
    int add_segment_size(std::uint16_t value) noexcept;
    int add_credentials(const credentials& of) noexcept;

    /// What has been built so far.
    std::span<std::byte> bytes() const noexcept { return room_.first(size_); }

private:
    template <class T>
    int add_value(int level, int type, const T& value) noexcept;

    std::span<std::byte> room_;
    std::size_t size_ = 0;
};

/// Flags, beside those of `native_message_flags`, of a receive with control data: descriptors are closed on exec from the first moment.
extern const int control_receive_flags;

/// Whether it is an option that makes the system send control data with what is received. One is true or false, and may be two for the
/// system: of IPv6, and of the IPv4 that such a socket receives. ENOPROTOOPT where the system, or the family, has it not.
bool is_control_option(detail::option_id id) noexcept;
int set_control_option(native_handle handle, detail::option_id id, bool on) noexcept;
int get_control_option(native_handle handle, detail::option_id id, bool& on) noexcept;

} // namespace coax::os
