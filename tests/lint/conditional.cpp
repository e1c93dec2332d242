// co_await and conditional evaluation with temporaries in one expression.
#include "declared.hpp"

coax::task<> results(coax::socket& s, bool b, std::string text, const char* literal, std::string_view view, int n) {
    co_await s.sendall(b ? std::to_string(n) : "x");                                 // expect: conditional
    co_await s.sendall(b ? std::string(100, 'x') : text);                            // expect: conditional
    co_await s.sendall(b ? text : "a literal and a string have a string in common"); // expect: conditional
    co_await s.sendall(b ? "short" : text + "\n");                                   // expect: conditional
    co_await (b ? one() : other());                                                  // expect: conditional
    co_await s.sendall((b ? (make()) : text));                                       // expect: conditional
    co_await s.sendall(n == 1 ? "one" : n == 2 ? "two" : make());                    // expect: conditional
    auto data = b ? co_await s.recv(10) : coax::chunk();                             // expect: conditional
    data = co_await s.recv(1) ? make_chunk() : other_chunk();                        // expect: conditional
    const int size = co_await count() + length(b ? text + "y" : text);               // expect: conditional
    co_return co_await take(b ? make() : make());                                    // expect: conditional

    // Nothing that is destroyed.
    co_await s.sendall(b ? "x" : "y");
    co_await s.sendall(b ? view : "y");
    co_await s.sendall(b ? literal : "y");
    co_await s.sendall(b ? text : text);
    co_await s.sendall(b ? std::move(text) : std::move(text));
    co_await s.sendall(b ? "x"sv : std::string_view("y"));
    co_await s.recv(b ? 10 : 20);
    co_await s.recv(b ? text.size() : n * 2);
    co_await coax::sleep(b ? 10ms : std::chrono::milliseconds(n));
    int got = b ? co_await count() : co_await more();
    bool end = co_await s.recv(1) ? false : true;
    co_await s.sendall([&] { return b ? std::to_string(n) : "in a function of its own"; }());
    const std::string named = b ? std::to_string(n) : "x";
    co_await s.sendall(named);
}

coax::task<> hidden(coax::socket& s, const std::string* p, int n) {
    co_await take_bool(p && *p == std::string(*p + "x"));        // expect: conditional
    co_await take_bool(p && equal(trimmed(*p), "x"));            // expect: conditional
    co_await take_bool(!p || trimmed(*p).empty());               // expect: conditional
    co_await s.recv(p ? length(trimmed(*p)) : 2);                // expect: conditional
    bool both = co_await more() && equal(std::to_string(n), *p); // expect: conditional

    co_await take_bool(p && p->size() > 2);
    co_await take_bool(p && !p->empty());
    co_await take_bool(p && valid(*p));
    bool next = p && co_await more() && n > 2;
    if (p && trimmed(*p).empty())
        co_await more();
    for (auto&& each : co_await all())
        co_await take(each);
}
