// COAX_BACKEND, by which whoever runs a program chooses the backend.
#pragma once

#include <cstdlib>
#include <string>

#include "support/system.hpp"

namespace support {

/// Sets or removes (null) COAX_BACKEND while it lives.
class environment {
public:
    explicit environment(const char* value) {
        if (const char* const now = std::getenv(name)) {
            previous_ = now;
            was_set_ = true;
        }
        set_environment(name, value);
    }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;
    ~environment() { set_environment(name, was_set_ ? previous_.c_str() : nullptr); }

private:
    static constexpr const char* name = "COAX_BACKEND";
    std::string previous_;
    bool was_set_ = false;
};

} // namespace support
