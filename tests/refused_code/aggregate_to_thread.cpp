#include <coax/to_thread.hpp>

#include <string>

struct aggregate {
    std::string text;
};

struct constructed {
    explicit constructed(std::string of) : text(std::move(of)) {}
    std::string text;
};

coax::task<> work() {
#if defined(REFUSED)
    co_await coax::to_thread([](const aggregate&) {}, aggregate{"text"});
#else
    const aggregate named{"text"};
    co_await coax::to_thread([](const aggregate&) {}, named);
    co_await coax::to_thread([](const constructed&) {}, constructed("text"));
#endif
}
