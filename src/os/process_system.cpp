#include "os/process_system.hpp"

#include <atomic>
#include <cstdlib>

#include "os/address.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/worker_pool.hpp"

namespace coax::os {

const void* process_system::handles() const noexcept { return &real_system(); }

outcome process_system::open(family f, kind k, int protocol) noexcept { return os::open(f, k, protocol); }
family process_system::pair_family() const noexcept { return os::pair_family; }
int process_system::pair(kind k, native_handle (&ends)[2]) noexcept { return os::pair(k, ends); }
int process_system::bind(native_handle handle, const address& name) noexcept { return os::bind(handle, name); }
int process_system::listen(native_handle handle, int backlog) noexcept { return os::listen(handle, backlog); }
int process_system::shutdown(native_handle handle, shutdown_how how) noexcept { return os::shutdown(handle, how); }
int process_system::close(native_handle handle) noexcept { return os::close(handle); }
void process_system::close_elsewhere(native_handle handle) noexcept { os::close_elsewhere(handle); }
int process_system::getsockname(native_handle handle, address& name) noexcept { return os::getsockname(handle, name); }
int process_system::getpeername(native_handle handle, address& name) noexcept { return os::getpeername(handle, name); }

int process_system::set_option(native_handle handle, int level, int name, const void* value,
                               std::size_t size) noexcept {
    return os::set_option(handle, level, name, value, size);
}
int process_system::get_option(native_handle handle, int level, int name, void* value, std::size_t& size) noexcept {
    return os::get_option(handle, level, name, value, size);
}
int process_system::set_option(native_handle handle, detail::option_id id, detail::option_words value) noexcept {
    return os::set_option(handle, id, value);
}
int process_system::get_option(native_handle handle, detail::option_id id, detail::option_words& value) noexcept {
    return os::get_option(handle, id, value);
}
int process_system::join_group(native_handle handle, const address& group, const address& source,
                               std::uint32_t on) noexcept {
    return os::join_group(handle, group, source, on);
}
int process_system::leave_group(native_handle handle, const address& group, const address& source,
                                std::uint32_t on) noexcept {
    return os::leave_group(handle, group, source, on);
}
int process_system::low_water_mark(native_handle handle) noexcept { return os::low_water_mark(handle); }
std::int64_t process_system::unacknowledged(native_handle handle) noexcept { return os::unacknowledged(handle); }
bool process_system::is_ready(native_handle handle, bool to_read, bool to_write) noexcept {
    return os::is_ready(handle, to_read, to_write);
}

int process_system::family_of(native_handle handle, family& result) noexcept { return os::family_of(handle, result); }
int process_system::kind_of(native_handle handle, kind& result) noexcept { return os::kind_of(handle, result); }
int process_system::set_cloexec(native_handle handle) noexcept { return os::set_cloexec(handle); }
int process_system::set_nonblocking(native_handle handle) noexcept { return os::set_nonblocking(handle); }
int process_system::set_blocking(native_handle handle) noexcept { return os::set_blocking(handle); }
bool process_system::is_blocking(native_handle handle) noexcept { return os::is_blocking(handle); }

int process_system::look_at(const std::string& path, path_entry& found) noexcept { return os::look_at(path, found); }
void process_system::limit_mode(native_handle unbound, unsigned mode) noexcept { os::limit_mode(unbound, mode); }
int process_system::change_mode(const std::string& path, unsigned mode) noexcept { return os::change_mode(path, mode); }
int process_system::remove_path(const std::string& path) noexcept { return os::remove_path(path); }
bool process_system::refuses_connections(const address& at) noexcept { return os::refuses_connections(at); }
std::unique_ptr<path_lock> process_system::lock_path(const std::string& path) { return os::lock_path(path); }

std::int64_t process_system::now() noexcept { return os::monotonic_now(); }

std::error_code process_system::resolve(const name_query& query, std::vector<address>& into) {
    return os::resolve(query, into);
}
std::error_code process_system::name_of(const address_query& query, resolved_name& into) {
    return os::name_of(query, into);
}
int process_system::interface_index(std::string_view name, std::uint32_t& index) noexcept {
    return os::interface_index(name, index);
}
int process_system::interface_name(std::uint32_t index, std::string& into) { return os::interface_name(index, into); }
int process_system::interfaces(std::vector<interface_info>& into) { return os::interfaces(into); }

std::unique_ptr<workers> process_system::make_workers(unsigned most, unsigned most_alike) {
    return std::make_unique<worker_pool>(*this, most, most_alike);
}
std::unique_ptr<signal_subscription> process_system::subscribe() { return os::subscribe(); }

long process_system::process_id() noexcept { return os::process_id(); }
const char* process_system::variable(const char* name) noexcept { return std::getenv(name); }

namespace {

// Before every other object of static life, and never destroyed: sockets of static life may need it at any time.
constinit process_system this_process;
constinit std::atomic<system*> chosen{&this_process};

} // namespace

system& real_system() noexcept { return this_process; }
system& default_system() noexcept { return *chosen.load(std::memory_order_acquire); }
void set_default_system(system& to) noexcept { chosen.store(&to, std::memory_order_release); }

} // namespace coax::os
