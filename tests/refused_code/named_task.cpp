#include <coax/task.hpp>

#include <utility>

coax::task<> nothing() { co_return; }

coax::task<> work() {
    coax::task<> later = nothing();
#if defined(REFUSED)
    co_await later;
#else
    co_await std::move(later);
#endif
}
