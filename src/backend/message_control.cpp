#include "backend/message_control.hpp"

#include <cerrno>
#include <new>
#include <utility>

#include "backend/descriptor.hpp"
#include "backend/operation_table.hpp"
#include "os/control.hpp"

namespace coax::backend {

namespace {

bool receives_control(const detail::operation& op) noexcept { return traits_of(op.code).control && reads(op); }

struct closing_sink final : os::control_sink {
    explicit closing_sink(os::system& of) noexcept : system(of) {}
    void descriptor(native_handle owned) noexcept override { system.close(owned); }
    void other(const os::control_message&) noexcept override {}

    os::system& system;
};

} // namespace

void close_descriptors(os::system& on, std::span<const std::byte> control, bool was_cut) noexcept {
    closing_sink sink(on);
    os::control_values unused;
    os::parse_control(control, was_cut, unused, &sink);
}

void note_control(receiving_message_operation& op, std::size_t size, bool was_cut) noexcept {
    op.control_size = size;
    op.control_cut = was_cut;
    if (size == 0 || os::is_well_formed(op.room().first(size), was_cut))
        return;
    drop_control(op);
    op.error = EBADMSG;
}

void drop_control(detail::operation& op) noexcept {
    if (!receives_control(op))
        return;
    auto& receiving = static_cast<receiving_message_operation&>(op);
    const std::size_t size = std::exchange(receiving.control_size, 0);
    if (size != 0)
        close_descriptors(op.target->system, receiving.room().first(size), receiving.control_cut);
    delete std::exchange(receiving.from_inbox, nullptr);
}

void keep_control(detail::operation& op, detail::lease& into) noexcept {
    if (!receives_control(op))
        return;
    auto& receiving = static_cast<receiving_message_operation&>(op);
    into.control.reset(std::exchange(receiving.from_inbox, nullptr));
    into.control_cut = receiving.control_cut;
    if (receiving.control_size == 0)
        return;
    try {
        into.control = std::make_unique<detail::kept_control>(
            op.target->system, receiving.room().first(receiving.control_size), receiving.control_cut);
        receiving.control_size = 0;
    } catch (const std::bad_alloc&) {
        drop_control(op);
        into.control_cut = true;
    }
}

void take_control(receiving_message_operation& op, detail::lease& from) noexcept {
    op.control_cut = from.control_cut;
    op.from_inbox = from.control.release();
    if (op.from_inbox != nullptr || from.details == nullptr)
        return;
    // Others may take more datagrams out of the same run. Of one that came by a batch only values are left.
    try {
        if (!from.said.empty())
            op.from_inbox = new detail::kept_control(op.target->system, from.said, from.control_cut);
        else
            op.control_cut = op.control_cut || from.details->interface_index != 0 ||
                             from.details->time.time_since_epoch().count() != 0;
    } catch (const std::bad_alloc&) {
        op.control_cut = true;
    }
}

} // namespace coax::backend
