#include "os/thread_end.hpp"

#include <windows.h>

namespace coax::os {
namespace {

void (*at_end)() noexcept = nullptr;

void NTAPI end_thread(void*) { at_end(); }

} // namespace

bool at_thread_end(void (*function)() noexcept) noexcept {
    // Never given back: that would call the function for each thread, on one of them.
    static const DWORD index = (at_end = function, ::FlsAlloc(&end_thread));
    return index != FLS_OUT_OF_INDEXES && ::FlsSetValue(index, &at_end) != 0;
}

} // namespace coax::os
