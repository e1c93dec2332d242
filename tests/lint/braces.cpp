// co_await over braced lists.
#include "declared.hpp"

struct request {
    std::string path;
    int retries = 0;
};
struct derived : request {};
struct with_constructor {
    with_constructor(std::string text);
    std::string text;
};
struct closed {
private:
    std::string text;
};
struct point {
    int x, y;
    std::string_view name;
};
enum class colour { red };

coax::task<> get(const request& what);
coax::task<> get(request what, colour c = colour::red);
coax::task<> fetch(int n, with_constructor what, const point& where);
coax::task<> sum(std::initializer_list<int> numbers);

coax::task<> lists(coax::socket& s, std::string text) {
    co_await get(request{text});                            // expect: braces
    co_await get(request{});                                // expect: braces
    co_await get({text, 2});                                // expect: braces
    co_await get({.path = text});                           // expect: braces
    co_await get({});                                       // expect: braces
    co_await get(request(text, 2));                         // expect: braces
    co_await sum({1, 2});                                   // expect: braces
    co_await unknown_call({1, text});                       // expect: braces
    co_await unknown_call(unknown{.a = 1});                 // expect: braces
    co_await s.sendall(std::vector<char>{'a', 'b'});        // expect: braces
    co_await s.sendall(std::array<std::string, 1>{text});   // expect: braces
    const int n = request{text}.retries + co_await count(); // expect: braces
    const int most = std::max({1, 2, co_await count()});    // expect: braces
    co_await []() -> coax::task<> {
        co_await get(request{"inner"}); // expect: braces
    }();

    co_await s.connect({"localhost", 50007});
    co_await coax::create_connection("localhost", 80, {.limit = 5s});
    co_await s.bind(coax::address{"", 0});
    co_await fetch(1, {"text"}, {1, 2, "x"});
    co_await fetch(1, with_constructor{"text"}, point{1, 2, "x"});
    co_await s.sendall(std::string{"text"});
    co_await coax::sleep(std::chrono::seconds{2});
    request named{text, 2};
    co_await get(named);
    request awaited{co_await read_line(), co_await count()};
    std::vector<int> numbers{1, 2, co_await count()};
    get(request{text});
}
