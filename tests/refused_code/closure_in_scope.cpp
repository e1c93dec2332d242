#include <coax/cancel.hpp>
#include <coax/finally.hpp>

#include <string>

coax::task<> nothing() { co_return; }

coax::task<> work(const std::string& text) {
    const auto body = [text](coax::cancel_scope&) -> coax::task<> { co_return; };
    co_await coax::with_cancel_scope(body);
#if defined(REFUSED)
    co_await coax::finally(nothing(), [text]() -> coax::task<> { co_return; });
#else
    co_await coax::finally(nothing(), [&text]() -> coax::task<> { co_return; });
#endif
}
