/// \file
/// A number of permits that tasks share.
#pragma once

#include <coroutine>
#include <cstddef>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/sync_wait.hpp>
#include <coax/detail/waiter.hpp>

namespace coax {
namespace detail {
struct acquire_wait;
struct scoped_acquire_wait;
} // namespace detail

/// So many at a time. First come, first served: a released permit goes to the one that has waited longest.
///
/// For tasks of one scheduler's thread; a permit belongs to no task and may be released anywhere on it. Nobody may wait when it is
/// destroyed.
class COAX_API semaphore {
public:
    /// Holds one permit and releases it when it goes out of scope.
    class [[nodiscard]] permit {
    public:
        /// Holds nothing.
        permit() noexcept {}
        /// Takes the permit over; what is moved from holds nothing.
        permit(permit&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
        /// The same, after releasing what it held.
        permit& operator=(permit&& other) noexcept {
            permit old(std::move(*this));
            of_ = std::exchange(other.of_, nullptr);
            return *this;
        }
        /// Releases what it holds.
        ~permit() { release(); }

        /// Releases it now. Does nothing when it holds nothing.
        void release() noexcept {
            if (semaphore* const of = std::exchange(of_, nullptr))
                of->put_back();
        }

        /// Whether it holds a permit.
        explicit operator bool() const noexcept { return of_ != nullptr; }

    private:
        friend struct detail::scoped_acquire_wait;
        explicit permit(semaphore& of) noexcept : of_(&of) {}

        semaphore* of_ = nullptr;
    };

    /// With so many permits. Throws `std::invalid_argument` for a negative number.
    explicit semaphore(std::ptrdiff_t initial);
    semaphore(const semaphore&) = delete;
    semaphore& operator=(const semaphore&) = delete;
    ~semaphore();

    /// `co_await s.acquire()`: waits for a permit and takes it. Whoever has it releases it.
    ///
    /// Cancellation: throws `cancelled`, and no permit is taken; one who has been handed a permit gets it.
    [[nodiscard]] detail::awaited<detail::acquire_wait> acquire() noexcept;

    /// `const coax::semaphore::permit one = co_await s.scoped_acquire()`: the same, and the permit releases itself.
    ///
    /// Cancellation: as for `acquire`.
    [[nodiscard]] detail::awaited<detail::scoped_acquire_wait> scoped_acquire() noexcept;

    /// Takes a permit if there is one to be had.
    [[nodiscard]] bool try_acquire() noexcept;

    /// Gives permits back, or adds new ones. Throws `std::invalid_argument` for a negative number, or one that makes too many.
    void release(std::ptrdiff_t count = 1);

    /// How many can be had without waiting.
    std::ptrdiff_t available() const noexcept { return available_; }

private:
    friend struct detail::acquire_wait;

    void put_back() noexcept;

    detail::wait_queue waiting_; // nobody while permits are available
    std::ptrdiff_t available_;
};

namespace detail {

struct COAX_API acquire_wait : sync_wait {
    explicit acquire_wait(semaphore& of) noexcept : sync_wait(operation_name::acquire), target(of) {}
    ~acquire_wait() {
        if (granted)
            target.put_back();
    }
    bool suspend(environment around, awaiting_coroutine coroutine) noexcept;
    void value() noexcept { granted = false; }

    semaphore& target;
};

struct scoped_acquire_wait : acquire_wait {
    using acquire_wait::acquire_wait;
    semaphore::permit value() noexcept {
        granted = false;
        return semaphore::permit(target);
    }
};

using acquire_operation = awaited<acquire_wait>;
using scoped_acquire_operation = awaited<scoped_acquire_wait>;

} // namespace detail

inline detail::acquire_operation semaphore::acquire() noexcept { return detail::acquire_operation(*this); }
inline detail::scoped_acquire_operation semaphore::scoped_acquire() noexcept {
    return detail::scoped_acquire_operation(*this);
}

} // namespace coax
