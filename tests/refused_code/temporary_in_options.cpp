#include <coax/server.hpp>

#include <exception>

coax::task<> handle(coax::socket conn, const coax::address&) { co_await conn.sendall("hello"); }

void ignore(std::exception_ptr, const coax::address&) {}

coax::task<> work(coax::listener& listener) {
    coax::serve_options options;
#if defined(REFUSED)
    options.on_error = [](std::exception_ptr, const coax::address&) {};
#else
    const auto named = [](std::exception_ptr, const coax::address&) {};
    options.on_error = named;
    options.on_error = ignore;
    options.on_error = {};
#endif
    co_await coax::serve(listener, handle, options);
    co_await coax::serve(listener, handle, {.on_error = [](std::exception_ptr, const coax::address&) {}});
}
