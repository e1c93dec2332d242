#include <coax/detail/refused.hpp>

#include <stdexcept>
#include <string>

namespace coax::detail {

void throw_negative(const char* call, long long value) {
    throw std::invalid_argument(std::string(call) + ": a negative number: " + std::to_string(value));
}

void throw_too_large(const char* call, unsigned long long value) {
    throw std::invalid_argument(std::string(call) + ": more than there is memory: " + std::to_string(value));
}

} // namespace coax::detail
