// A listener that takes nobody: connecting to it has to wait.
#pragma once

#include <coax/coax.hpp>

#include <chrono>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/net.hpp"

namespace support {

/// A listener whose backlog is full, so that a further connect has to wait.
struct full_listener {
    explicit full_listener(coax::family family) : listener(listening(family, 0)), name(listener.getsockname()) {}

    /// How many fit differs from system to system; an attempt that does not is given up soon.
    coax::task<> fill() {
        for (int i = 0; i < 64; ++i) {
            coax::socket client(*name.family());
            client.settimeout(std::chrono::milliseconds(20));
            const auto outcome = co_await coax::as_result(client.connect(name));
            if (!outcome)
                co_return;
            waiting.push_back(std::move(client));
        }
        FAIL("the backlog has no end");
    }

    coax::socket listener;
    coax::address name;
    std::vector<coax::socket> waiting;
};

} // namespace support
