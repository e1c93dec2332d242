// Echo server on libuv: one shared buffer, answers are tried at once and queued only where the socket is full.
#include "../support/libuv.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace {

constexpr int backlog = 4096;

struct server {
    uv_loop_t loop{};
    uv_tcp_t listener{};
    std::vector<char> buffer;
};

server& server_of(const uv_handle_t* handle) { return *static_cast<server*>(handle->loop->data); }

void end(uv_stream_t* conn) {
    uv_close(reinterpret_cast<uv_handle_t*>(conn),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_tcp_t*>(handle); });
}

// What a socket did not take yet; while there is something, nothing more is received.
struct pending_write {
    uv_write_t request;
    std::vector<char> data;
};

void on_receive(uv_stream_t* conn, ssize_t size, const uv_buf_t* data);

void lend(uv_handle_t* handle, std::size_t, uv_buf_t* out) {
    auto& buffer = server_of(handle).buffer;
    *out = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
}

void write_later(uv_stream_t* conn, const char* begin, const char* end_of_data) {
    auto* const pending = new pending_write{{}, {begin, end_of_data}};
    pending->request.data = pending;
    uv_read_stop(conn);
    const uv_buf_t kept = uv_buf_init(pending->data.data(), static_cast<unsigned>(pending->data.size()));
    const int status = uv_write(&pending->request, conn, &kept, 1, [](uv_write_t* request, int result) {
        uv_stream_t* const written = request->handle;
        delete static_cast<pending_write*>(request->data);
        if (result == 0) {
            uv_read_start(written, lend, on_receive);
        } else if (result != UV_ECANCELED) { // it is being closed then
            end(written);
        }
    });
    if (status < 0) {
        delete pending;
        end(conn);
    }
}

void on_receive(uv_stream_t* conn, ssize_t size, const uv_buf_t* data) {
    if (size == 0) {
        return;
    }
    if (size < 0) {
        return end(conn);
    }
    const uv_buf_t answer = uv_buf_init(data->base, static_cast<unsigned>(size));
    const int written = uv_try_write(conn, &answer, 1);
    if (written < 0 && written != UV_EAGAIN) {
        return end(conn);
    }
    const int taken = written < 0 ? 0 : written;
    if (taken < size) {
        write_later(conn, data->base + taken, data->base + size);
    }
}

void on_connection(uv_stream_t* listener, int status) {
    if (status < 0) {
        return;
    }
    auto* const conn = new uv_tcp_t;
    uv_tcp_init(listener->loop, conn);
    auto* const stream = reinterpret_cast<uv_stream_t*>(conn);
    if (uv_accept(listener, stream) < 0) {
        return end(stream);
    }
    uv_read_start(stream, lend, on_receive);
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("echo server on libuv");
    int port = 0;
    std::size_t receive_size = 4096;
    app.add_option("--port", port, "port to listen on; 0: the system's choice");
    app.add_option("--receive-size", receive_size, "bytes that are received at a time")->check(CLI::Range(1, 1 << 24));
    CLI11_PARSE(app, argc, argv);
    try {
        server all;
        all.buffer.resize(receive_size);
        bench::check_uv(uv_loop_init(&all.loop), "uv_loop_init");
        all.loop.data = &all;
        bench::check_uv(uv_tcp_init(&all.loop, &all.listener), "uv_tcp_init");
        const sockaddr_in address = bench::uv_loopback(port);
        bench::check_uv(uv_tcp_bind(&all.listener, reinterpret_cast<const sockaddr*>(&address), 0), "uv_tcp_bind");
        bench::check_uv(uv_tcp_nodelay(&all.listener, 1), "uv_tcp_nodelay"); // accepted sockets inherit it
        bench::check_uv(uv_listen(reinterpret_cast<uv_stream_t*>(&all.listener), backlog, on_connection), "uv_listen");
        sockaddr_storage bound{};
        int size = sizeof bound;
        bench::check_uv(uv_tcp_getsockname(&all.listener, reinterpret_cast<sockaddr*>(&bound), &size),
                        "uv_tcp_getsockname");
        bench::run_uv(all.loop, bound);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "libuv_server: %s\n", error.what());
        return 1;
    }
}
