// The system that this process runs on.
#pragma once

#include "os/system.hpp"

namespace coax::os {

/// Makes the calls of src/os. Tests derive from it and answer some of them otherwise.
class process_system : public system {
public:
    constexpr process_system() noexcept = default;

    const void* handles() const noexcept override;

    outcome open(family f, kind k, int protocol) noexcept override;
    family pair_family() const noexcept override;
    int pair(kind k, native_handle (&ends)[2]) noexcept override;
    int bind(native_handle handle, const address& name) noexcept override;
    int listen(native_handle handle, int backlog) noexcept override;
    int shutdown(native_handle handle, shutdown_how how) noexcept override;
    int close(native_handle handle) noexcept override;
    void close_elsewhere(native_handle handle) noexcept override;
    int getsockname(native_handle handle, address& name) noexcept override;
    int getpeername(native_handle handle, address& name) noexcept override;
    int set_option(native_handle handle, int level, int name, const void* value, std::size_t size) noexcept override;
    int get_option(native_handle handle, int level, int name, void* value, std::size_t& size) noexcept override;
    int set_option(native_handle handle, detail::option_id id, detail::option_words value) noexcept override;
    int get_option(native_handle handle, detail::option_id id, detail::option_words& value) noexcept override;
    int join_group(native_handle handle, const address& group, const address& source,
                   std::uint32_t on) noexcept override;
    int leave_group(native_handle handle, const address& group, const address& source,
                    std::uint32_t on) noexcept override;
    int low_water_mark(native_handle handle) noexcept override;
    std::int64_t unacknowledged(native_handle handle) noexcept override;
    bool is_ready(native_handle handle, bool to_read, bool to_write) noexcept override;
    int family_of(native_handle handle, family& result) noexcept override;
    int kind_of(native_handle handle, kind& result) noexcept override;
    int set_cloexec(native_handle handle) noexcept override;
    int set_nonblocking(native_handle handle) noexcept override;
    int set_blocking(native_handle handle) noexcept override;
    bool is_blocking(native_handle handle) noexcept override;

    int look_at(const std::string& path, path_entry& found) noexcept override;
    void limit_mode(native_handle unbound, unsigned mode) noexcept override;
    int change_mode(const std::string& path, unsigned mode) noexcept override;
    int remove_path(const std::string& path) noexcept override;
    bool refuses_connections(const address& at) noexcept override;
    std::unique_ptr<path_lock> lock_path(const std::string& path) override;

    std::int64_t now() noexcept override;

    std::error_code resolve(const name_query& query, std::vector<address>& into) override;
    std::error_code name_of(const address_query& query, resolved_name& into) override;
    int interface_index(std::string_view name, std::uint32_t& index) noexcept override;
    int interface_name(std::uint32_t index, std::string& into) override;
    int interfaces(std::vector<interface_info>& into) override;

    std::unique_ptr<workers> make_workers(unsigned most, unsigned most_alike) override;
    std::unique_ptr<signal_subscription> subscribe() override;

    long process_id() noexcept override;
    const char* variable(const char* name) noexcept override;
};

} // namespace coax::os
