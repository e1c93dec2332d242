// What tests ask of the system itself, past the library. Each system has its own support/SYSTEM/system.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <coax/address.hpp>
#include <coax/config.hpp>

namespace support {

inline constexpr coax::native_handle no_handle = static_cast<coax::native_handle>(-1);

// --- sockets: each function is one plain call --------------------------------------------------------------------

/// Whether there is something to be read before five seconds are over.
bool wait_readable(coax::native_handle handle);
/// The number of bytes, 0 at the end of the stream, or -1.
std::ptrdiff_t receive_raw(coax::native_handle handle, void* into, std::size_t size, bool peek = false);
std::ptrdiff_t send_raw(coax::native_handle handle, const void* from, std::size_t size);
/// The next connection, or `no_handle` where none is there.
coax::native_handle accept_raw(coax::native_handle handle);
/// A connection made by a blocking call. `no_handle` where that fails, and `error` is the errno value then.
coax::native_handle connect_raw(const coax::address& name, int& error);
/// Whether that was possible.
bool close_raw(coax::native_handle handle);
/// As far as the system tells.
bool is_non_blocking(coax::native_handle handle);
bool is_closed_on_exec(coax::native_handle handle);

/// How many descriptors this process has open, or sockets where those are the ones that can be counted. Tests open far fewer than are
/// looked at.
int open_descriptors();

// --- signals -------------------------------------------------------------------------------------------------------

/// Two that the system never sends by itself.
extern const int one_signal;
extern const int other_signal;
/// What a write to nobody raises; 0 where it raises nothing.
extern const int pipe_signal;

/// Whether a signal (or 0) has the disposition that it has in every new process.
bool is_default(int signal);
/// Whether this thread leaves signals to others: all of them but those of its own faults.
bool leaves_signals_to_others();
/// Whether this thread takes signals.
bool takes_signals();

// --- the environment -----------------------------------------------------------------------------------------------

/// Null takes the variable away.
void set_environment(const char* name, const char* value);

// --- the network ---------------------------------------------------------------------------------------------------

/// The link-local addresses of this machine, with their scopes; often there is none.
std::vector<coax::address> link_local_addresses();
/// The names and indices of the network interfaces.
std::vector<std::pair<std::string, unsigned>> interfaces();

} // namespace support
