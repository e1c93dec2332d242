// poll(2): level-triggered, and therefore asked only about directions in which somebody waits. A socket nobody waits on is left out
// altogether: poll reports errors without being asked and would spin.

#include <utility>
#include <vector>

#include "backend/readiness/poller.hpp"
#include "backend/readiness/readiness_state.hpp"
#include "os/poll.hpp"

namespace coax::backend {
namespace {

using detail::descriptor;

class poll_poller final : public poller {
public:
    explicit poll_poller(os::wake_event& wake) : wake_(wake) {
        entries_.push_back({wake.readable_handle(), os::poll_readable, 0});
        descriptors_.push_back(nullptr);
    }

    int add(descriptor& d) noexcept override {
        try {
            // Both grow by more than one at a time, and before either is changed.
            if (entries_.size() == entries_.capacity())
                entries_.reserve(2 * entries_.size());
            descriptors_.push_back(&d);
        } catch (const std::bad_alloc&) {
            return ENOMEM;
        }
        entries_.push_back({os::poll_nothing, 0, 0});
        readiness_of(d).poll_slot = static_cast<std::uint32_t>(entries_.size() - 1);
        return 0;
    }

    void remove(descriptor& d) noexcept override {
        // The last entry takes the place. While results are being handed out nothing is removed: no user code runs then.
        const std::size_t slot = readiness_of(d).poll_slot;
        entries_[slot] = entries_.back();
        descriptors_[slot] = descriptors_.back();
        readiness_of(*descriptors_[slot]).poll_slot = static_cast<std::uint32_t>(slot);
        entries_.pop_back();
        descriptors_.pop_back();
    }

    void update(descriptor& d) noexcept override {
        readiness_state& state = readiness_of(d);
        os::poll_entry& entry = entries_[state.poll_slot];
        // What is tried by the clock waits for nothing that is reported.
        const bool writes = !d.writing.empty() && !d.writing.first()->clocked;
        const bool reads = !d.reading.empty() && !d.reading.first()->clocked;
        entry.events = static_cast<short>((reads ? os::poll_readable : 0) | (writes ? os::poll_writable : 0));
        entry.handle = entry.events == 0 ? os::poll_nothing : d.handle;
        // What happens to a direction that is not asked about goes unnoticed. An operation that writes is tried, since there is room as a
        // rule. One that reads waits to be asked about: as a rule there is nothing yet.
        state.unwritable = state.unwritable && !d.writing.empty();
    }

    bool ask_again(descriptor&) noexcept override { return true; }

    int wait(std::int64_t timeout) noexcept override {
        const int ready = os::poll(entries_.data(), entries_.size(), timeout);
        found_ = ready > 0 ? ready : 0;
        return ready < 0 ? -ready : 0;
    }

    void report(readiness_sink& sink) noexcept override {
        int left = std::exchange(found_, 0);
        for (std::size_t i = 0; left > 0 && i < entries_.size(); ++i) {
            const short happened = entries_[i].happened;
            if (happened == 0)
                continue;
            --left;
            entries_[i].happened = 0;
            if (descriptors_[i] == nullptr) {
                wake_.drain();
                continue;
            }
            const bool failed = (happened & os::poll_failed) != 0;
            sink.ready(*descriptors_[i], failed || (happened & os::poll_readable) != 0,
                       failed || (happened & os::poll_writable) != 0, failed);
        }
    }

private:
    os::wake_event& wake_;
    std::vector<os::poll_entry> entries_;
    std::vector<descriptor*> descriptors_;
    int found_ = 0;
};

} // namespace

std::unique_ptr<poller> make_poll_poller(os::wake_event& wake) { return std::make_unique<poll_poller>(wake); }

} // namespace coax::backend
