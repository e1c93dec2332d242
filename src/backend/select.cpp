// Which backend runs, and why.

#include <stdexcept>
#include <string_view>
#include <system_error>

#include "backend/backend.hpp"
#include "backend/readiness/readiness_backend.hpp"
#include "build_config.hpp"
#if defined(COAX_HAVE_IO_URING)
#include "backend/uring/uring_backend.hpp"
#endif

namespace coax::backend {
namespace {

/// Throws `std::system_error` where it cannot be had.
std::unique_ptr<backend> make(backend_kind kind, const settings& wanted) {
    switch (kind) {
#if defined(COAX_HAVE_IO_URING)
    case backend_kind::io_uring:
        return std::make_unique<uring_backend>(wanted);
#endif
#if defined(COAX_HAVE_EPOLL)
    case backend_kind::epoll:
#endif
    case backend_kind::poll:
        return std::make_unique<readiness_backend>(kind, wanted);
    default:
        throw std::system_error(std::make_error_code(std::errc::function_not_supported),
                                std::string("coax was built without ") + to_string(kind));
    }
}

/// What was refused, without the reason that `std::system_error` appends by itself.
std::string refused_call(const std::system_error& refused) {
    std::string text = refused.what();
    const std::string reason = ": " + refused.code().message();
    if (text.ends_with(reason))
        text.resize(text.size() - reason.size());
    return text;
}

std::unique_ptr<backend> make_named(backend_kind kind, const settings& wanted, const char* who) {
    try {
        return make(kind, wanted);
    } catch (const std::system_error& refused) {
        throw std::system_error(refused.code(), std::string("coax: the backend ") + to_string(kind) + ", chosen by " +
                                                    who + ", cannot be had: " + refused_call(refused));
    }
}

backend_kind named(std::string_view name) {
    for (const backend_kind kind :
         {backend_kind::automatic, backend_kind::io_uring, backend_kind::epoll, backend_kind::poll})
        if (name == to_string(kind))
            return kind;
    throw std::invalid_argument("COAX_BACKEND: unknown backend \"" + std::string(name) +
                                "\" (io_uring, epoll, poll or automatic)");
}

} // namespace

std::unique_ptr<backend> make_backend(const settings& wanted, std::string& reason) {
    if (wanted.kind != backend_kind::automatic) {
        reason = "chosen by scheduler_options";
        return make_named(wanted.kind, wanted, "scheduler_options");
    }
    if (const char* name = wanted.system.variable("COAX_BACKEND"); name != nullptr && *name != '\0') {
        const backend_kind kind = named(name);
        if (kind != backend_kind::automatic) {
            reason = "chosen by COAX_BACKEND";
            return make_named(kind, wanted, "COAX_BACKEND");
        }
    }
    std::string refusals;
    for (const backend_kind kind : {backend_kind::io_uring, backend_kind::epoll}) {
        try {
            auto made = make(kind, wanted);
            reason = refusals.empty() ? "the best one here" : refusals;
            return made;
        } catch (const std::system_error& refused) {
            if (!refusals.empty())
                refusals += "; ";
            refusals += refused.what();
        }
    }
    reason = refusals;
    return make(backend_kind::poll, wanted);
}

} // namespace coax::backend
