#include <coax/task_group.hpp>

#include <string>

coax::task<> work(const std::string& text) {
#if defined(REFUSED)
    co_await coax::with_task_group([text](coax::task_group&) -> coax::task<> { co_return; });
#else
    const auto body = [text](coax::task_group&) -> coax::task<> { co_return; };
    co_await coax::with_task_group(body);
    co_await coax::with_task_group([&text](coax::task_group&) -> coax::task<> { co_return; });
#endif
}
