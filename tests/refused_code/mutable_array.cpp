// refused: 2
#include <coax/socket.hpp>

#include <cstddef>
#include <span>

coax::task<> work(coax::socket& conn) {
    char buffer[4] = {'a', 0, 'b', 'c'};
    unsigned char raw[4] = {'a', 0, 'b', 'c'};
    const char text[] = "text";
#if defined(REFUSED)
    const coax::bytes_view view = buffer;
    co_await conn.sendall(buffer);
    co_await conn.sendall("head", buffer);
#else
    const coax::bytes_view view = std::span(buffer);
    co_await conn.sendall(std::span(buffer));
    co_await conn.sendall("head", std::span(buffer, 2));
#endif
    co_await conn.sendall(view);
    co_await conn.sendall(raw);
    co_await conn.sendall(text);
    co_await conn.sendall("literal");
    const std::size_t n = co_await conn.recv(buffer);
    co_await conn.sendall(std::span(buffer, n));
}
