// Something to do when a thread ends.
#pragma once

namespace coax::os {

/// Has the function called when this thread ends; the same function always, once for each thread. False: it will not be called, for want of
/// memory or because the program ends. It throws nothing and aborts nothing, unlike a `thread_local` with a destructor, which allocates.
bool at_thread_end(void (*function)() noexcept) noexcept;

} // namespace coax::os
