// The operating system, as everything above src/os has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/kind.hpp>
#include <coax/option.hpp>
#include <coax/resolve.hpp>
#include <coax/shutdown_how.hpp>

#include "os/interfaces.hpp"
#include "os/local_path.hpp"
#include "os/multicast.hpp"
#include "os/resolve.hpp"
#include "os/signal.hpp"
#include "os/socket.hpp"
#include "os/workers.hpp"

namespace coax::os {

/// All that a scheduler and its sockets have of the world outside but the operations that their backend carries out: the calls on sockets
/// that do not wait, paths, the clock, names, threads for what blocks, signals. The real one makes the calls of src/os, where each is
/// described under the same name; another one, of a simulation, answers by itself.
///
/// A scheduler hands its system down. A socket that is made inside a run belongs to that run's system, one that is made elsewhere to
/// `default_system()`.
///
/// It outlives all that was made on it: schedulers, sockets, listeners, signal sets, and also the lookups that were left behind when their
/// wait was cancelled. Those ask it on a thread of its workers, until the answer has come, though their scheduler may have ended.
class system {
public:
    constexpr system() noexcept = default;
    system(const system&) = delete;
    system& operator=(const system&) = delete;

    /// Whose numbers its handles are, and its signals: the same of all systems to which they mean the same. They mean nothing to any other.
    virtual const void* handles() const noexcept = 0;

    // Sockets (os/socket.hpp). From any thread.
    virtual outcome open(family f, kind k, int protocol) noexcept = 0;
    virtual family pair_family() const noexcept = 0;
    virtual int pair(kind k, native_handle (&ends)[2]) noexcept = 0;
    virtual int bind(native_handle handle, const address& name) noexcept = 0;
    virtual int listen(native_handle handle, int backlog) noexcept = 0;
    virtual int shutdown(native_handle handle, shutdown_how how) noexcept = 0;
    virtual int close(native_handle handle) noexcept = 0;
    virtual void close_elsewhere(native_handle handle) noexcept = 0;
    virtual int getsockname(native_handle handle, address& name) noexcept = 0;
    virtual int getpeername(native_handle handle, address& name) noexcept = 0;
    virtual int set_option(native_handle handle, int level, int name, const void* value, std::size_t size) noexcept = 0;
    virtual int get_option(native_handle handle, int level, int name, void* value, std::size_t& size) noexcept = 0;
    virtual int set_option(native_handle handle, detail::option_id id, detail::option_words value) noexcept = 0;
    virtual int get_option(native_handle handle, detail::option_id id, detail::option_words& value) noexcept = 0;
    virtual int join_group(native_handle handle, const address& group, const address& source,
                           std::uint32_t on) noexcept = 0;
    virtual int leave_group(native_handle handle, const address& group, const address& source,
                            std::uint32_t on) noexcept = 0;
    virtual int low_water_mark(native_handle handle) noexcept = 0;
    virtual std::int64_t unacknowledged(native_handle handle) noexcept = 0;
    virtual bool is_ready(native_handle handle, bool to_read, bool to_write) noexcept = 0;
    virtual int family_of(native_handle handle, family& result) noexcept = 0;
    virtual int kind_of(native_handle handle, kind& result) noexcept = 0;
    virtual int set_cloexec(native_handle handle) noexcept = 0;
    virtual int set_nonblocking(native_handle handle) noexcept = 0;
    virtual int set_blocking(native_handle handle) noexcept = 0;
    virtual bool is_blocking(native_handle handle) noexcept = 0;

    // The files of UNIX sockets (os/local_path.hpp). From any thread.
    virtual int look_at(const std::string& path, path_entry& found) noexcept = 0;
    virtual void limit_mode(native_handle unbound, unsigned mode) noexcept = 0;
    virtual int change_mode(const std::string& path, unsigned mode) noexcept = 0;
    virtual int remove_path(const std::string& path) noexcept = 0;
    virtual bool refuses_connections(const address& at) noexcept = 0;
    virtual std::unique_ptr<path_lock> lock_path(const std::string& path) = 0;

    /// Nanoseconds of a monotonic clock. From any thread.
    virtual std::int64_t now() noexcept = 0;

    // Names (os/resolve.hpp). On a thread of `make_workers`.
    virtual std::error_code resolve(const name_query& query, std::vector<address>& into) = 0;
    virtual std::error_code name_of(const address_query& query, resolved_name& into) = 0;

    // Network interfaces (os/interfaces.hpp). From any thread.
    virtual int interface_index(std::string_view name, std::uint32_t& index) noexcept = 0;
    virtual int interface_name(std::uint32_t index, std::string& into) = 0;
    virtual int interfaces(std::vector<interface_info>& into) = 0;

    /// So many threads at most; of jobs that are alike no more than `most_alike` run at once (0: no other bound). Throws `std::bad_alloc`.
    virtual std::unique_ptr<workers> make_workers(unsigned most, unsigned most_alike) = 0;

    /// Throws `std::bad_alloc`.
    virtual std::unique_ptr<signal_subscription> subscribe() = 0;

    // The process: who it is, and what it was started with.
    virtual long process_id() noexcept = 0;
    /// The value of an environment variable; null where it is not set. The text lives until the environment is next changed: the texts of
    /// several variables may be held at once.
    virtual const char* variable(const char* name) noexcept = 0;

protected:
    ~system() = default;
};

/// That of this process. Never destroyed.
system& real_system() noexcept;

/// That of schedulers for which no other is chosen, and of sockets that are made outside of every run: the real one, unless a test has put
/// another one in its place, for good.
system& default_system() noexcept;
void set_default_system(system& to) noexcept;

/// That for which this thread carries out a job of a pool; null on all others.
system* system_of_job() noexcept;

} // namespace coax::os
