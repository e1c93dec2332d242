// What the servers on libuv share and do not measure: checked calls, the first line of output, the end by a signal.
#pragma once

#include "end_with_stdin.hpp"

#include <uv.h>

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <netinet/in.h>

namespace bench {

inline int check_uv(int result, const char* what) {
    if (result < 0) {
        throw std::runtime_error(std::string(what) + ": " + uv_strerror(result));
    }
    return result;
}

inline sockaddr_in uv_loopback(int port) {
    sockaddr_in address{};
    check_uv(uv_ip4_addr("127.0.0.1", port, &address), "uv_ip4_addr");
    return address;
}

/// Says where the server listens and runs the loop until SIGINT or SIGTERM.
inline void run_uv(uv_loop_t& loop, const sockaddr_storage& at) {
    uv_signal_t signals[2];
    for (int i = 0; i < 2; ++i) {
        check_uv(uv_signal_init(&loop, &signals[i]), "uv_signal_init");
        check_uv(uv_signal_start(
                     &signals[i], [](uv_signal_t* handle, int) { uv_stop(handle->loop); }, i == 0 ? SIGTERM : SIGINT),
                 "uv_signal_start");
    }
    std::printf("listening on 127.0.0.1:%d\n", int{ntohs(reinterpret_cast<const sockaddr_in&>(at).sin_port)});
    std::fflush(stdout);
    end_with_stdin();
    uv_run(&loop, UV_RUN_DEFAULT);
}

} // namespace bench
