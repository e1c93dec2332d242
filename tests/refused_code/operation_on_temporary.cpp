// refused: 4
#include <coax/coax.hpp>

#include <string>
#include <string_view>

coax::task<> work(coax::socket& conn, coax::channel<std::string>& items, coax::stream& file, std::string text) {
    // The strings are gone after the semicolon.
    auto sending = conn.sendall(std::string("x"));
    auto pieces = conn.sendall("head", std::string("x"));
    auto item = items.send(std::string("x"));
    auto written = file.write(std::string("x"));
#if defined(REFUSED)
    co_await sending;
    co_await pieces;
    co_await item;
    co_await written;
#else
    static_cast<void>(sending);
    static_cast<void>(pieces);
    static_cast<void>(item);
    static_cast<void>(written);
    co_await conn.sendall(std::string("x"));
    co_await conn.sendall("head", std::string("x"));
    co_await items.send(std::string("x"));
    co_await file.write(std::string("x"));
    // What these refer to is still there.
    auto later = conn.sendall(text);
    co_await later;
    auto view = conn.sendall(std::string_view("literal"));
    co_await view;
#endif
}
