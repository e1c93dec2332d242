#include "os/thread_end.hpp"

#include <atomic>

#include <pthread.h>

namespace coax::os {
namespace {

// Each thread stores the same one.
std::atomic<void (*)() noexcept> at_end{nullptr};

extern "C" void coax_end_thread(void*) { at_end.load(std::memory_order_acquire)(); }

/// Taken back when the library is unloaded: its code must not be called afterwards.
class end_key {
public:
    bool make() noexcept {
        made_ = ::pthread_key_create(&key_, &coax_end_thread) == 0;
        return made_;
    }
    bool set() noexcept { return made_ && ::pthread_setspecific(key_, this) == 0; }
    ~end_key() {
        if (made_)
            ::pthread_key_delete(key_);
        made_ = false;
    }

private:
    pthread_key_t key_{};
    std::atomic<bool> made_{false};
};

end_key key;
pthread_once_t once = PTHREAD_ONCE_INIT;

extern "C" void coax_make_end_key() { key.make(); }

} // namespace

bool at_thread_end(void (*function)() noexcept) noexcept {
    at_end.store(function, std::memory_order_release);
    ::pthread_once(&once, &coax_make_end_key);
    return key.set();
}

} // namespace coax::os
