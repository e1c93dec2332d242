// What a scheduler runs on.
#pragma once

#include <memory>
#include <string>

#include <coax/scheduler.hpp>

#include "backend/backend.hpp"
#include "os/system.hpp"

namespace coax::detail {

/// It is needed only until the scheduler is made.
struct platform {
    /// Outlives the scheduler and all that is made in its runs (os/system.hpp).
    os::system& system;
    /// Makes the backend that carries out the operations, and says why it is that one.
    std::unique_ptr<backend::backend> (*make_backend)(const backend::settings& wanted, std::string& reason);
};

/// Makes a scheduler that runs on another platform than that of this process.
struct scheduler_access {
    static std::unique_ptr<scheduler> make(const scheduler_options& options, const platform& on) {
        return std::unique_ptr<scheduler>(new scheduler(options, on));
    }
};

} // namespace coax::detail
