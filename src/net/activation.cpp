// Socket activation as in sd_listen_fds(3).
#include "net/activation.hpp"

#include <charconv>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/current_system.hpp"

namespace coax {
namespace {

constexpr native_handle first_handle = 3;

struct inherited {
    inherited(native_handle of, std::string_view called) : handle(of), name(called) {}

    native_handle handle;
    std::string name;
};

/// What a process has inherited and not given away. Systems that have the same handles have inherited the same.
struct inheritance {
    inheritance(const void* of, long who, std::vector<inherited> all) noexcept
        : handles(of), process(who), left(std::move(all)) {}

    const void* handles;
    long process;
    std::vector<inherited> left;
};

struct registry {
    std::mutex mutex;
    std::vector<inheritance> read; // of each the variables are read once
};

/// Never destroyed: a listener of static life may be made and closed at any time.
registry& of_this_process() {
    static registry& made = *new registry;
    return made;
}

[[noreturn]] void refuse(std::string_view variable, std::string_view value, const char* why) {
    throw std::invalid_argument(std::string(variable) + "=" + std::string(value) + ": " + why);
}

long number(std::string_view variable, std::string_view value, long least) {
    long result = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc() || end != value.data() + value.size() || result < least)
        refuse(variable, value, "not such a number");
    return result;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (std::size_t end; (end = text.find(':')) != std::string_view::npos; text.remove_prefix(end + 1))
        parts.push_back(text.substr(0, end));
    parts.push_back(text);
    return parts;
}

bool listens(os::system& on, native_handle handle) noexcept {
    family of{};
    kind what{};
    detail::option_words accepting;
    return on.family_of(handle, of) == 0 && on.kind_of(handle, what) == 0 && what == kind::stream &&
           on.get_option(handle, detail::option_id::accepting, accepting) == 0 && accepting.first != 0;
}

/// Null where it is not set, and where it is empty: some clear variables in that way.
const char* variable(os::system& on, const char* name) noexcept {
    const char* const value = on.variable(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

std::vector<inherited> read_environment(os::system& on, long process) {
    std::vector<inherited> found;
    const char* const pid = variable(on, "LISTEN_PID");
    const char* const count = variable(on, "LISTEN_FDS");
    const char* const names = on.variable("LISTEN_FDNAMES");
    // Meant for another process of which this one has inherited the variables.
    if (pid == nullptr || count == nullptr || number("LISTEN_PID", pid, 1) != process)
        return found;
    constexpr long most = 1 << 20; // far more than a process can have open
    const long handles = number("LISTEN_FDS", count, 0);
    if (handles > most)
        refuse("LISTEN_FDS", count, "too many");
    std::vector<std::string_view> called;
    if (names != nullptr && (handles != 0 || *names != '\0'))
        called = split(names);
    if (!called.empty() && called.size() != static_cast<std::size_t>(handles))
        refuse("LISTEN_FDNAMES", names, "not as many names as LISTEN_FDS has descriptors");
    for (long index = 0; index < handles; ++index) {
        const auto handle = static_cast<native_handle>(first_handle + index);
        if (on.set_cloexec(handle) != 0)
            refuse("LISTEN_FDS", count, "not so many descriptors are open");
        if (listens(on, handle))
            found.emplace_back(handle, called.empty() ? "unknown" : called[static_cast<std::size_t>(index)]);
    }
    return found;
}

/// What is left; the caller holds the lock.
std::vector<inherited>& left_in(registry& of) {
    os::system& on = detail::current_system();
    // A child's memory has what its parent read, and its descriptors as well, but they are not meant for it.
    const long process = on.process_id();
    for (inheritance& each : of.read)
        if (each.handles == on.handles() && each.process == process)
            return each.left;
    of.read.reserve(of.read.size() + 1);
    std::vector<inherited> found = read_environment(on, process);
    return of.read.emplace_back(on.handles(), process, std::move(found)).left;
}

/// Whether somebody who asks for one address is satisfied with the other.
bool matches(const address& asked, const address& bound) {
    if (!asked.is_placeholder())
        return asked == bound;
    return bound == asked.resolved(family::inet) || bound == asked.resolved(family::inet6);
}

} // namespace

std::vector<activated_listener> activated_listeners() {
    registry& from = of_this_process();
    const std::lock_guard lock(from.mutex);
    std::vector<inherited>& left = left_in(from);
    std::vector<activated_listener> given;
    given.reserve(left.size());
    for (; !left.empty(); left.erase(left.begin()))
        given.emplace_back(std::move(left.front().name), listener(socket::adopt(left.front().handle)));
    return given;
}

std::optional<socket> detail::take_activated(const address& at) {
    os::system& on = current_system();
    registry& from = of_this_process();
    const std::lock_guard lock(from.mutex);
    std::vector<inherited>& left = left_in(from);
    for (auto candidate = left.begin(); candidate != left.end(); ++candidate) {
        address name;
        if (on.getsockname(candidate->handle, name) != 0 || !matches(at, name))
            continue;
        std::optional<socket> taken = socket::adopt(candidate->handle);
        left.erase(candidate);
        return taken;
    }
    return std::nullopt;
}

} // namespace coax
