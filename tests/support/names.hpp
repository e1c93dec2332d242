// Names that only the tests know.
#pragma once

#include <coax/coax.hpp>

#include <atomic>
#include <system_error>
#include <vector>

#include "os/process_system.hpp"

namespace support {

using lookup = std::error_code(const coax::os::name_query& query, std::vector<coax::address>& into);
using reverse_lookup = std::error_code(const coax::os::address_query& query, coax::resolved_name& into);

/// This system, with names of which the tests decide.
class system_with_names final : public coax::os::process_system {
public:
    system_with_names() noexcept { coax::os::set_default_system(*this); }

    std::error_code resolve(const coax::os::name_query& query, std::vector<coax::address>& into) override {
        lookup* const answer = forward.load();
        return answer != nullptr ? answer(query, into) : process_system::resolve(query, into);
    }
    std::error_code name_of(const coax::os::address_query& query, coax::resolved_name& into) override {
        reverse_lookup* const answer = reverse.load();
        return answer != nullptr ? answer(query, into) : process_system::name_of(query, into);
    }

    std::atomic<lookup*> forward{nullptr};
    std::atomic<reverse_lookup*> reverse{nullptr};
};

inline system_with_names named_system;

/// Answers lookups in the place of the system, for as long as it lives. The answer is given on a worker's thread.
class names {
public:
    explicit names(lookup* answer) noexcept { named_system.forward = answer; }
    explicit names(reverse_lookup* answer) noexcept { named_system.reverse = answer; }
    names(const names&) = delete;
    names& operator=(const names&) = delete;
    ~names() {
        named_system.forward = nullptr;
        named_system.reverse = nullptr;
    }
};

} // namespace support
