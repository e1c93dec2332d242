// co_await in the condition of a coroutine that declares no variable.
#include "declared.hpp"

coax::task<> in_if() {
    if (co_await more()) // expect: condition
        sink();
}
coax::task<int> in_while(int a) {
    while (co_await more()) // expect: condition
        ++a;
    co_return a;
}
coax::task<> in_do() {
    do {
        sink();
    } while (co_await more()); // expect: condition
}
coax::task<> in_for() {
    for (; co_await more();) // expect: condition
        sink();
}
coax::task<> in_switch() {
    switch (co_await count()) { // expect: condition
    case 1:
        sink();
        break;
    default:
        break;
    }
}
coax::task<> with_parameter(bool b) {
    co_await more();
    {
        if (b && co_await more()) // expect: condition
            co_return;
    }
    static_assert(true);
}
coax::task<> in_try() {
    try {
        while (true) {
            if (!co_await more()) // expect: condition
                break;
        }
    } catch (...) {
        sink();
    }
}
struct server {
    coax::task<> member() const noexcept override {
        while (co_await more()) // expect: condition
            sink();
    }
    server(int x) : x_{x}, y_(x) { sink(); }
    int x_, y_;
};
template <class T>
    requires std::integral<T>
auto templated(T t) -> coax::task<T> {
    if (co_await more()) // expect: condition
        co_return t;
    co_return T();
}

coax::task<> declares_first() {
    const bool again = co_await more();
    while (co_await more())
        sink(again);
}
coax::task<> declares_later() {
    while (co_await more())
        sink();
    std::vector<std::pair<int, int>> pairs;
    sink(pairs);
}
coax::task<> declares_there(coax::socket& s) {
    while (auto data = co_await s.recv(1024))
        co_await s.sendall(data);
}
coax::task<> declares_in_for() {
    for (int i = 0; co_await more(); ++i)
        sink(i);
}
coax::task<> has_a_lambda() {
    if (co_await more())
        sink([] { return 1; });
}
coax::task<> names_what_it_catches() {
    try {
        if (co_await more())
            sink();
    } catch (const std::exception&) {
        sink();
    }
}
coax::task<> in_the_step() {
    for (; sink(); co_await more())
        sink();
}
auto lambda = []() -> coax::task<> {
    while (co_await more())
        sink();
};
coax::task<> no_condition() {
    co_await more();
    co_return co_await more() ? 1 : 0;
}
