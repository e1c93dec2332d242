#include <coax/task.hpp>

#include <stdexcept>

namespace coax::detail {

void throw_empty_task() {
    throw std::logic_error("coax: a task runs once: this one was moved from or has been awaited");
}

} // namespace coax::detail
