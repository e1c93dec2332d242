// Servers beside the test that talks to them.
#pragma once

#include "support/net.hpp"
#include "support/runtime.hpp"

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// Runs a server beside the body. When the body is over the server is cancelled, and has ended when this returns. A failure of either is
/// thrown.
template <class Handler, class Body>
coax::task<> with_server(coax::listener& listener, Handler& handler, coax::serve_options options, Body& body) {
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(coax::serve(listener, handler, options));
        co_await body();
        group.cancel();
    });
}

inline coax::task<> echo(coax::socket conn, coax::address) {
    while (const coax::chunk data = co_await conn.recv(4096))
        co_await conn.sendall(data);
}

inline coax::task<coax::socket> connected_to(coax::address name) {
    coax::socket client(*name.family());
    co_await client.connect(name);
    co_return client;
}

/// Sends a text to an echo server and reads it back.
inline coax::task<std::string> echoed(coax::socket& client, std::string text) {
    co_await client.sendall(text);
    co_return co_await read(client, text.size());
}

/// Whether nobody accepts connections at the address any more.
inline coax::task<bool> refuses(coax::address name) {
    coax::socket client(*name.family());
    const std::error_code error = co_await client.connect_ex(name);
    co_return error == std::errc::connection_refused || error == std::errc::no_such_file_or_directory;
}

/// What a server reports of its connections.
struct reports {
    std::vector<std::string> texts;
    std::vector<coax::address> peers;

    void operator()(std::exception_ptr error, const coax::address& peer) {
        peers.push_back(peer);
        try {
            std::rethrow_exception(std::move(error));
        } catch (const std::exception& failure) {
            texts.emplace_back(failure.what());
        } catch (const coax::cancelled&) {
            texts.emplace_back("cancelled");
        }
    }
};

/// A server in a scope of its own, and how it and its handlers ended.
struct scene {
    explicit scene(coax::address at) : listener(coax::create_server(at)), name(listener.getsockname()) {}
    scene() : scene(coax::address("127.0.0.1", 0)) {}

    /// Runs the server until it ends, in the scope that `scope` is set to.
    template <class Handler>
    coax::task<> serve(Handler& handler, coax::serve_options options) {
        options.on_error = reported;
        cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& own) -> coax::task<> {
            scope = &own;
            co_await note([&] { return coax::serve(listener, handler, options); }, how);
            if (how == ending::cancelled)
                co_await coax::yield(); // meets the cancellation again
        });
    }

    coax::listener listener;
    coax::address name;
    coax::cancel_scope* scope = nullptr;
    ending how = ending::none;
    bool cut = false;
    reports reported;
};

} // namespace support
