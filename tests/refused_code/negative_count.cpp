#include <coax/coax.hpp>

#include <cstddef>

coax::task<> work(coax::socket& conn, int size) {
    const auto runtime = co_await conn.recv(size);
    const auto some = co_await conn.recv(sizeof size);
    conn.listen(0);
#if defined(REFUSED)
    const auto none = co_await conn.recv(-1);
    conn.listen(-1);
#endif
}
