// A path in the file system that a listener of this process has made.
#pragma once

#include <string>
#include <utility>

#include <coax/address.hpp>

#include "os/process.hpp"
#include "os/system.hpp"

namespace coax::detail {

struct bound_path {
    bound_path(os::system& on, const address& where) : system(on), at(where), path(where.path()) {}

    /// `held`: the socket is still open. As long as it is no other file can get the number of this one.
    void remove(bool held) const noexcept;

    os::system& system;
    address at;
    std::string path; // removing it must not need memory
    os::file_id id;   // nobody's before it is bound
    unsigned forks = os::forks();
};

/// Makes room at a path where something is: true when there was a socket on which nobody listens, and it is gone.
bool remove_if_dead(const bound_path& place) noexcept;

} // namespace coax::detail
