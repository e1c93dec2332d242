// Control data made of any bytes: taking them apart ends, stays within them and gives what the list says; what was said can be built again.
#include "fuzz.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "os/control.hpp"

namespace os = coax::os;
using coax::family;
using fuzz::require;

namespace {

/// Remembers. The descriptors of made-up data are nobody's.
struct remembering final : os::control_sink {
    explicit remembering(std::span<const std::byte> all) : within(all) {}
    void descriptor(coax::native_handle owned) noexcept override { descriptors.push_back(owned); }
    void other(const os::control_message& message) noexcept override {
        require(message.data.empty() || (message.data.data() >= within.data() &&
                                         message.data.data() + message.data.size() <= within.data() + within.size()),
                "data lie within the list");
        ++others;
    }

    std::span<const std::byte> within;
    std::vector<coax::native_handle> descriptors;
    std::size_t others = 0;
};

/// Bytes at an odd address, in a block that ends with them.
class misaligned {
public:
    explicit misaligned(std::span<const std::byte> bytes)
        : block_(new std::byte[bytes.size() + 1]), size_(bytes.size()) {
        if (size_ != 0)
            std::memcpy(block_.get() + 1, bytes.data(), size_);
    }
    std::span<const std::byte> bytes() const { return {block_.get() + 1, size_}; }

private:
    std::unique_ptr<std::byte[]> block_;
    std::size_t size_;
};

void check_same(const os::control_values& first, const os::control_values& second) {
    require(first.packet == second.packet, "the same packet info");
    require(first.traffic_class == second.traffic_class, "the same traffic class");
    require(first.hop_limit == second.hop_limit, "the same hop limit");
    require(first.time == second.time, "the same time");
    require(first.segment_size == second.segment_size, "the same segment size");
    require(first.sender == second.sender, "the same credentials");
}

void check_list(std::span<const std::byte> all, bool cut) {
    os::control_reader reader(all, cut);
    std::size_t taken = 0;
    std::size_t messages = 0;
    bool has_cut = false;
    std::array<std::byte, 4096> room;
    os::control_builder builder(room);
    for (os::control_message message; reader.next(message); ++messages) {
        require(message.data.size() <= all.size(), "no more data than there are");
        taken += message.data.size();
        has_cut = has_cut || message.is_cut;
        if (!message.is_cut && builder.add(message.level, message.type, message.data) != 0)
            return; // a long input
    }
    require(taken <= all.size() && messages <= all.size(), "each message takes some of the list");
    require(reader.error() == 0 || reader.error() == EBADMSG, "what a list can be");

    os::control_values said;
    remembering sink(all);
    const int error = os::parse_control(all, cut, said, &sink);
    require(error == 0 || error == EBADMSG, "what a list can be");
    require(reader.error() == 0 || error != 0, "a list that is malformed is no good");

    os::control_values again;
    const misaligned elsewhere(all);
    remembering other_sink(elsewhere.bytes());
    require(os::parse_control(elsewhere.bytes(), cut, again, &other_sink) == error, "alignment does not matter");
    check_same(said, again);
    require(sink.descriptors == other_sink.descriptors && sink.others == other_sink.others,
            "alignment does not matter");

    // Every message was added as it was found: the new list says the same.
    remembering rebuilt_sink(builder.bytes());
    os::control_values rebuilt;
    const int rebuilt_error = os::parse_control(builder.bytes(), cut, rebuilt, &rebuilt_sink);
    require(reader.error() != 0 || rebuilt_error == error, "what was taken apart can be put together");
    check_same(said, rebuilt);
    // But for descriptors in what was cut.
    require((has_cut || sink.descriptors == rebuilt_sink.descriptors) && sink.others == rebuilt_sink.others,
            "and says the same");
}

/// What can be sent can be received, as far as both are said in the same way.
void check_values(const os::control_values& said) {
    std::array<std::byte, os::most_control_room> room;
    os::control_builder builder(room);
    if (said.traffic_class)
        require(builder.add_traffic_class(family::inet6, *said.traffic_class) == 0, "a traffic class can be sent");
    if (said.hop_limit)
        require(builder.add_hop_limit(family::inet6, *said.hop_limit) == 0, "a hop limit can be sent");
    if (said.packet)
        require(builder.add_source(family::inet6, *said.packet) == 0, "an address can be sent from");
    if (said.sender)
        require(builder.add_credentials(*said.sender) == 0, "credentials can be sent");
    os::control_values again;
    require(os::parse_control(builder.bytes(), false, again) == 0, "what was built is well formed");
    require(said.traffic_class == again.traffic_class && said.hop_limit == again.hop_limit &&
                said.sender == again.sender,
            "it says the same again");
    require(said.packet.has_value() == again.packet.has_value(), "it says the same again");
    if (said.packet && !said.packet->to_many && said.packet->local.family() == family::inet6)
        require(said.packet->local == again.packet->local, "it says the same again");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::byte> all = std::as_bytes(std::span(data, size));
    check_list(all, false);
    check_list(all, true);
    os::control_values said;
    remembering sink(all);
    if (os::parse_control(all, true, said, &sink) == 0)
        check_values(said);
    return 0;
}
