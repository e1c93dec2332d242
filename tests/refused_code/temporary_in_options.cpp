#include <coax/server.hpp>

#include <exception>
#include <string>

coax::task<> handle(coax::socket conn, const coax::address&) { co_await conn.sendall("hello"); }

void ignore(std::exception_ptr, const coax::address&) {}

coax::task<> work(coax::listener& listener, int& errors, std::string text) {
    // Small and trivial: kept.
    coax::serve_options options{.on_error = [&](std::exception_ptr, const coax::address&) { ++errors; }};
    options.on_error = [](std::exception_ptr, const coax::address&) {};
    options.on_error = ignore;
    options.on_error = {};
#if defined(REFUSED)
    coax::serve_options owning{.on_error = [text](std::exception_ptr, const coax::address&) {}};
#else
    const auto named = [text](std::exception_ptr, const coax::address&) {};
    coax::serve_options owning{.on_error = named};
#endif
    co_await coax::serve(listener, handle, options);
    co_await coax::serve(listener, handle, owning);
    co_await coax::serve(listener, handle, {.on_error = [](std::exception_ptr, const coax::address&) {}});
}
