// Operations that go on until everything is out, or the buffer full, although the peer keeps up: the loop goes on turning meanwhile.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t large = 16 << 20;

std::uint64_t turns() { return coax::scheduler::current().stats().turns; }

/// Reads on a thread of its own, until the end of the stream.
class eager_reader {
public:
    explicit eager_reader(coax::native_handle from)
        : thread_([this, from] {
              std::vector<char> buffer(1 << 20);
              for (;;) {
                  const std::ptrdiff_t size = support::receive_raw(from, buffer.data(), buffer.size());
                  if (size == 0)
                      return;
                  if (size > 0)
                      size_ += static_cast<std::size_t>(size);
                  else
                      support::wait_readable(from);
              }
          }) {}
    std::size_t size() {
        thread_.join();
        return size_;
    }

private:
    std::size_t size_ = 0;
    std::thread thread_;
};

coax::task<> send_all(coax::socket& to, bool in_pieces) {
    const std::string text(large, 's');
    if (in_pieces) {
        const std::string_view all = text;
        co_await to.sendall(all.substr(0, 100), all.substr(100, 300'000), all.substr(300'100));
    } else {
        co_await to.sendall(text);
    }
}

/// How long one turn may be: on io_uring the system carries out such an operation by itself.
bool is_readiness() { return coax::scheduler::current().backend().kind != coax::backend_kind::io_uring; }

} // namespace

TEST_CASE("a sendall to a peer that keeps up leaves the others their turns") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool in_pieces = GENERATE(false, true);
    INFO(support::name_of(family) << (in_pieces ? ", in pieces" : ""));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        eager_reader reader(made.server.fileno());
        const std::uint64_t before = turns();
        co_await send_all(made.client, in_pieces);
        const std::uint64_t taken = turns() - before;
        made.client.close();
        CHECK(reader.size() == large);
        if (is_readiness())
            CHECK(taken >= large / (512 << 10));
    });
}

TEST_CASE("a receive that fills its buffer from a peer that keeps up leaves the others their turns") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool pooled = GENERATE(false, true);
    INFO(support::name_of(family) << (pooled ? ", into a chunk" : ""));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        const std::string text = support::pattern(large);
        std::thread writer([&] {
            for (std::string_view rest = text; !rest.empty();) {
                const std::ptrdiff_t size = support::send_raw(made.client.fileno(), rest.data(), rest.size());
                if (size > 0)
                    rest.remove_prefix(static_cast<std::size_t>(size));
                else
                    std::this_thread::sleep_for(20us); // a thread that spins would take what the loop needs
            }
        });
        const std::uint64_t before = turns();
        std::string got;
        if (pooled) {
            const coax::chunk data = co_await made.server.recv(large, coax::message_flags::wait_all);
            got = data.text();
        } else {
            got.resize(large);
            const std::size_t size = co_await made.server.recv(support::writable(got), coax::message_flags::wait_all);
            got.resize(size);
        }
        const std::uint64_t taken = turns() - before;
        writer.join();
        CHECK(got.size() == large);
        CHECK(support::same_up_to(got, text) == large);
        if (is_readiness())
            CHECK(taken >= large / (512 << 10));
    });
}

TEST_CASE("a sendall is cancelled, meets its limit and its socket's end, although its peer keeps up") {
    enum class by { scope, limit, close };
    const by what = GENERATE(by::scope, by::limit, by::close);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        eager_reader reader(made.server.fileno());
        // For as long as it is let.
        const std::string text(std::size_t{256} << 20, 's');
        std::size_t sent = 0;
        support::ending how = support::ending::none;
        const auto send = [&]() -> coax::task<> {
            const auto outcome = co_await coax::as_result(made.client.sendall(text));
            how = outcome ? support::ending::value : support::ending::error;
            sent = outcome ? text.size() : outcome.error().transferred();
        };
        if (what == by::scope) {
            const auto outcome = co_await coax::as_result(coax::with_timeout(10ms, made.client.sendall(text)));
            CHECK_FALSE(outcome);
        } else if (what == by::limit) {
            made.client.settimeout(10ms);
            co_await send();
            CHECK(how == support::ending::error);
        } else {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(send());
                co_await coax::sleep_for(10ms);
                made.client.close();
            });
            CHECK(how == support::ending::error);
        }
        made.client.close();
        const std::size_t heard = reader.size();
        CHECK(heard < text.size());
        if (what != by::scope)
            CHECK(heard == sent);
    });
}
