// Who wants which signal. A handler may run on any thread at any moment, so what it reads are lock-free atomics: a list of slots that
// only grows, each with a mask of the signals it wants, a mask of those that came, and the loop to wake.
#include "os/signal.hpp"

#include <atomic>
#include <bit>
#include <cerrno>
#include <mutex>
#include <new>

#include "os/signal_handler.hpp"

namespace coax::os {

struct signal_slot {
    std::atomic<signal_bits> wanted{0};
    std::atomic<signal_bits> arrived{0};
    std::atomic<waker*> wake{nullptr};
    // Handlers inside this slot now: its owner waits for them before its loop goes away.
    std::atomic<int> busy{0};
    bool taken = true;
    signal_slot* next = nullptr; // constant once the slot is in the list
};

namespace {

// Slots are used again and never freed: a handler may be looking at any of them.
std::atomic<signal_slot*> slots{nullptr};
// What has come and no party has taken.
std::atomic<signal_bits> unclaimed{0};

std::mutex mutex; // of what the handlers do not touch: the slots' `taken`, and
unsigned users[max_signal + 1];
bool forks_watched = false;
unsigned process = 1; // counts the forks that lie between the first process and this one

void before_fork() { mutex.lock(); }
void in_parent() { mutex.unlock(); }

/// A child starts with the dispositions from before, and nothing of what came to its parent.
void in_child() {
    ++process;
    for (int signal = 1; signal <= max_signal; ++signal) {
        if (users[signal] == 0)
            continue;
        users[signal] = 0;
        restore_handler(signal);
    }
    for (signal_slot* slot = slots.load(); slot != nullptr; slot = slot->next) {
        slot->wanted.store(0);
        slot->arrived.store(0);
        slot->wake.store(nullptr);
        slot->busy.store(0); // handlers of the parent's other threads
        slot->taken = false;
    }
    unclaimed.store(0);
    mutex.unlock();
}

signal_slot* take_slot() noexcept {
    for (signal_slot* slot = slots.load(); slot != nullptr; slot = slot->next) {
        if (slot->taken)
            continue;
        slot->taken = true;
        return slot;
    }
    auto* const made = new (std::nothrow) signal_slot;
    if (made != nullptr) {
        made->next = slots.load();
        slots.store(made);
    }
    return made;
}

class process_signals final : public signal_subscription {
public:
    process_signals() noexcept = default;
    ~process_signals() override { process_signals::remove(subscribed_); }

    int add(signal_bits signals) noexcept override;
    void remove(signal_bits signals) noexcept override;
    void set_wake(waker* wake) noexcept override;
    signal_bits noted() const noexcept override;
    void take(int signal) noexcept override;
    void put_back(int signal) noexcept override;
    signal_bits subscribed() const noexcept override { return subscribed_; }

private:
    signal_slot* slot_ = nullptr;
    signal_bits subscribed_ = 0;
    unsigned process_ = 0; // the process in which the slot was taken
};

template <class Visit>
void for_each(signal_bits signals, Visit visit) {
    for (; signals != 0; signals &= signals - 1)
        visit(std::countr_zero(signals) + 1);
}

} // namespace

bool note_signal(int signal) noexcept {
    unclaimed.fetch_or(bit_of(signal)); // first, since whoever takes it from a slot claims it
    bool wanted = false;
    for (signal_slot* slot = slots.load(); slot != nullptr; slot = slot->next) {
        slot->busy.fetch_add(1);
        if ((slot->wanted.load() & bit_of(signal)) != 0) {
            wanted = true;
            slot->arrived.fetch_or(bit_of(signal));
            if (waker* wake = slot->wake.load())
                wake->notify();
        }
        slot->busy.fetch_sub(1);
    }
    return wanted;
}

std::unique_ptr<signal_subscription> subscribe() { return std::make_unique<process_signals>(); }

int process_signals::add(signal_bits signals) noexcept {
    signal_bits added = 0;
    int error = 0;
    {
        const std::lock_guard lock(mutex);
        if (!forks_watched) {
            if ((error = watch_forks(&before_fork, &in_parent, &in_child)) != 0)
                return error;
            forks_watched = true;
        }
        if (process_ != process) {
            slot_ = nullptr;
            subscribed_ = 0;
            process_ = process;
        }
        if (slot_ == nullptr && (slot_ = take_slot()) == nullptr)
            return ENOMEM;
        for_each(signals, [&](int signal) {
            if (error != 0)
                return;
            if ((subscribed_ & bit_of(signal)) == 0) {
                if (users[signal]++ == 0)
                    unclaimed.fetch_and(~bit_of(signal));
                slot_->wanted.fetch_or(bit_of(signal));
                added |= bit_of(signal);
                subscribed_ |= bit_of(signal);
            }
            error = install_handler(signal);
        });
    }
    if (error != 0)
        remove(added);
    return error;
}

void process_signals::remove(signal_bits signals) noexcept {
    signal_bits again = 0;
    {
        const std::lock_guard lock(mutex);
        if (slot_ == nullptr || process_ != process)
            return;
        signals &= subscribed_;
        signal_bits last = 0;
        // The disposition changes first: a handler that finds nobody can pass the signal on.
        for_each(signals, [&](int signal) {
            if (--users[signal] != 0)
                return;
            restore_handler(signal);
            last |= bit_of(signal);
        });
        slot_->wanted.fetch_and(~signals);
        while (slot_->busy.load() != 0) {
        }
        again = last & (slot_->arrived.load() | unclaimed.load());
        slot_->arrived.fetch_and(~signals);
        subscribed_ &= ~signals;
        if (subscribed_ == 0) {
            slot_->wake.store(nullptr);
            while (slot_->busy.load() != 0) {
            }
            slot_->taken = false;
            slot_ = nullptr;
        }
    }
    for_each(again, [](int signal) { send_again(signal); });
}

void process_signals::set_wake(waker* wake) noexcept {
    if (slot_ == nullptr || process_ != process)
        return;
    slot_->wake.store(wake);
    while (slot_->busy.load() != 0) {
    }
}

signal_bits process_signals::noted() const noexcept {
    return slot_ != nullptr ? slot_->arrived.load(std::memory_order_relaxed) : 0;
}

void process_signals::take(int signal) noexcept {
    // In this order: one that comes in between stays noted here, and is nobody's loss.
    slot_->arrived.fetch_and(~bit_of(signal));
    unclaimed.fetch_and(~bit_of(signal));
}

void process_signals::put_back(int signal) noexcept {
    if (slot_ != nullptr && (subscribed_ & bit_of(signal)) != 0)
        slot_->arrived.fetch_or(bit_of(signal));
}

} // namespace coax::os
