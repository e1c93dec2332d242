// A program of a user: one echo over the loopback, with the library as it was found.
#include <cstdio>
#include <utility>

#include <coax/coax.hpp>

namespace {

coax::task<> serve(coax::socket& listener) {
    auto [conn, peer] = co_await listener.accept();
    while (auto data = co_await conn.recv(1024))
        co_await conn.sendall(data);
}

coax::task<bool> echo() {
    coax::socket listener(coax::family::inet);
    listener.bind({"localhost", 0});
    listener.listen(1);

    bool echoed = false;
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(serve(listener));
        coax::socket client(coax::family::inet);
        co_await client.connect(listener.getsockname());
        co_await client.sendall("Hello, world");
        const auto answer = co_await client.recv(1024);
        echoed = answer.text() == "Hello, world";
    });

    // An exception that the library throws has the type that this program knows.
    coax::socket nobody(coax::family::inet);
    try {
        nobody.getpeername();
        co_return false;
    } catch (const coax::io_error&) {
        co_return echoed;
    }
}

} // namespace

int main() {
    coax::scheduler scheduler;
    const bool right = scheduler.run(echo());
    std::printf("coax %d.%d.%d, %s: %s\n", coax::version_major, coax::version_minor, coax::version_patch,
                scheduler.backend().name, right ? "echoed" : "wrong");
    return right ? 0 : 1;
}
