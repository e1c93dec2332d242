// Messages: what is sent beside the bytes is made control data, and what was received beside them becomes values.
#include <coax/message.hpp>

#include <cerrno>
#include <new>
#include <utility>

#include "backend/descriptor.hpp"
#include "backend/message_control.hpp"
#include "net/received_chunk.hpp"
#include "os/control.hpp"

namespace coax::detail {

namespace {

/// Takes what is no value.
struct control_taker final : os::control_sink {
    control_taker(received_control& to, std::size_t descriptors) noexcept : into(to), most(descriptors) {}

    void descriptor(native_handle owned) noexcept override {
        unique_handle handle(owned);
        if (into.descriptors.size() == most)
            into.truncated = true; // and it is closed
        else
            into.descriptors.push_back(std::move(handle)); // there is room
    }
    void other(const os::control_message& message) noexcept override {
        try {
            into.others.add({message.level, message.type, message.data});
        } catch (const std::bad_alloc&) {
            into.truncated = true;
        }
    }

    received_control& into;
    std::size_t most;
};

/// In which family datagrams leave: those of an IPv6 socket to a mapped address are of IPv4.
family family_on_the_way(const descriptor& from, const address& named) noexcept {
    if (from.family != family::inet6)
        return from.family;
    const address to = named.is_unnamed() ? from.peer.get() : named;
    const std::span<const std::byte> host = to.bytes();
    constexpr std::size_t prefix = 12;
    const auto at = [&](std::size_t index) { return std::to_integer<unsigned>(host[index]); };
    if (host.size() != 16 || at(prefix - 1) != 0xff || at(prefix - 2) != 0xff)
        return family::inet6;
    for (std::size_t i = 0; i < prefix - 2; ++i)
        if (at(i) != 0)
            return family::inet6;
    return family::inet;
}

std::size_t room_for(const sendmsg_options& how) noexcept {
    std::size_t size = os::most_control_room + os::control_room_for_descriptors(how.descriptors.get().size());
    for (const raw_control& each : how.others)
        size += os::control_room(each.data.size());
    return size;
}

/// 0 or an errno value.
int add_all(os::control_builder& to, const descriptor& from, const sendmsg_options& how) noexcept {
    int error = 0;
    const auto step = [&](auto add) {
        if (error == 0)
            error = add();
    };
    const family on_the_way = family_on_the_way(from, how.peer);
    if (const auto handles = how.descriptors.get(); !handles.empty())
        step([&] { return from.family == family::local ? to.add_descriptors(handles) : EINVAL; });
    if (how.source)
        step([&] { return to.add_source(from.family, *how.source, on_the_way); });
    if (how.traffic_class || how.congestion) {
        unsigned value = how.traffic_class.value_or(0);
        if (how.congestion)
            value = (value & ~3U) | static_cast<unsigned>(*how.congestion);
        step([&] { return to.add_traffic_class(on_the_way, static_cast<std::uint8_t>(value)); });
    }
    if (how.hop_limit)
        step([&] { return to.add_hop_limit(on_the_way, *how.hop_limit); });
    if (how.segment_size)
        step([&] { return to.add_segment_size(*how.segment_size); });
    if (how.sender)
        step([&] { return to.add_credentials(*how.sender); });
    for (const raw_control& each : how.others)
        step([&] { return to.add(each.level, each.type, each.data); });
    return error;
}

} // namespace

receiving_message_operation::~receiving_message_operation() {
    end_use(); // before what it needs for that is gone
    delete from_inbox;
}

void receiving_message_operation::prepare() {
    control_size = 0;
    control_cut = false;
    if (most_descriptors == 0)
        return;
    handles.reserve(most_descriptors);
    // Beside descriptors there may be credentials, and what else the system says of a UNIX socket.
    constexpr std::size_t beside = os::control_room(16) * 3;
    const std::size_t size = beside + os::control_room_for_descriptors(most_descriptors);
    if (size > own_size && larger_room == nullptr) {
        larger_room = std::make_unique<std::byte[]>(size);
        larger_size = size;
    }
}

received_control receiving_message_operation::take_control() noexcept {
    received_control made;
    made.descriptors = std::move(handles);
    made.truncated = control_cut || (from_inbox != nullptr && from_inbox->cut);
    const std::span<const std::byte> bytes =
        from_inbox != nullptr ? std::span<const std::byte>(from_inbox->bytes) : room().first(control_size);
    control_taker taker(made, most_descriptors);
    os::control_values values;
    // They were looked at when they came.
    os::parse_control(bytes, made.truncated, values, &taker);
    control_size = 0;
    if (from_inbox != nullptr)
        from_inbox->bytes.clear(); // the descriptors are the receiver's now
    delete std::exchange(from_inbox, nullptr);
    made.packet = values.packet;
    made.traffic_class = values.traffic_class;
    made.hop_limit = values.hop_limit;
    made.time = values.time;
    if (values.segment_size && *values.segment_size < transferred)
        made.segment_size = values.segment_size;
    made.sender = values.sender;
    return made;
}

sending_message_operation::sending_message_operation(descriptor* socket, operation_name as, buffer_view* first,
                                                     std::size_t how_many, const sendmsg_options& how) noexcept
    : addressed_operation(socket, opcode::sendmsg, as, nullptr, 0, how.flags, how.peer), pieces(first),
      count(how_many) {
    try {
        build(how);
    } catch (const std::bad_alloc&) {
        problem = ENOMEM;
    }
}

void sending_message_operation::build(const sendmsg_options& how) {
    if (target == nullptr)
        return;
    passes = !how.descriptors.get().empty();
    os::control_builder small(own_room);
    problem = add_all(small, *target, how);
    control_size = small.bytes().size();
    if (problem != ENOBUFS)
        return;
    larger_size = room_for(how);
    larger_room = std::make_unique<std::byte[]>(larger_size);
    os::control_builder large(room());
    problem = add_all(large, *target, how);
    control_size = large.bytes().size();
}

int sending_message_operation::unusable() const noexcept {
    if (problem != 0 || !passes || target->kind != kind::stream)
        return problem;
    for (std::size_t i = 0; i < count; ++i)
        if (pieces[i].size != 0)
            return 0;
    return EINVAL;
}

coax::message recvmsg_chunk_base::value() noexcept {
    return coax::message(received_chunk(*this), peer, truncated, take_control());
}

received_fds recv_fds_base::value() noexcept {
    received_control beside = take_control();
    return received_fds(received_chunk(*this), std::move(beside.descriptors), truncated, beside.truncated, peer);
}

} // namespace coax::detail
