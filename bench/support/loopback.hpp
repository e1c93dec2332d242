// The address of a server, as its first line and the command line of a load have it.
#pragma once

#include <cstdint>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace bench {

struct loopback_address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }

    /// Reads 127.0.0.1:PORT or [::1]:PORT; false for anything else. Nothing but this machine: a load must not be pointed
    /// at a stranger.
    bool read(const std::string& text) {
        const auto colon = text.rfind(':');
        if (colon == std::string::npos) {
            return false;
        }
        const std::string digits = text.substr(colon + 1);
        if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string::npos) {
            return false;
        }
        const int port = std::stoi(digits);
        if (port < 1 || port > 65535) {
            return false;
        }
        const std::string host = text.substr(0, colon);
        if (host == "127.0.0.1") {
            auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
            v4.sin_family = AF_INET;
            v4.sin_port = htons(static_cast<std::uint16_t>(port));
            v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            size = sizeof v4;
            return true;
        }
        if (host == "[::1]") {
            auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
            v6.sin6_family = AF_INET6;
            v6.sin6_port = htons(static_cast<std::uint16_t>(port));
            v6.sin6_addr = in6addr_loopback;
            size = sizeof v6;
            return true;
        }
        return false;
    }
};

} // namespace bench
