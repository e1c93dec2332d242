// A path in the file system that a listener of this process has made.
#pragma once

#include <string>
#include <utility>

#include <coax/address.hpp>

#include "os/local_path.hpp"
#include "os/process.hpp"

namespace coax::detail {

struct bound_path {
    bound_path(const address& where, os::file_id made) : at(where), id(made) {}

    /// `held`: the socket is still open. As long as it is no other file can get the number of this one.
    void remove(bool held) const noexcept;

    address at;
    os::file_id id;
    unsigned forks = os::forks();
};

/// Makes room at a path where something is: true when there was a socket on which nobody listens, and it is gone.
bool remove_if_dead(const address& at) noexcept;

} // namespace coax::detail
