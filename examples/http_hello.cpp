// An HTTP/1.1 server: says hello to whoever asks. Connections are kept, and requests need not wait for the answers to those before them.
// The parser is http-parser, which was nodejs's.
#include "program.hpp"

#include <cstddef>
#include <string_view>
#include <utility>

#include <http_parser.h>

namespace {

std::string answer(http_status status, std::string_view body, bool keep_alive, std::string_view headers = "") {
    return fmt::format("HTTP/1.1 {} {}\r\nConnection: {}\r\n{}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}",
                       static_cast<int>(status), http_status_str(status), keep_alive ? "keep-alive" : "close", headers,
                       body.size(), body);
}

/// One connection.
class session {
public:
    session(coax::socket conn, coax::serving& server) : stream_(std::move(conn)), server_(server) {
        http_parser_init(&parser_, HTTP_REQUEST);
        parser_.data = this;
        http_parser_settings_init(&settings_);
        settings_.on_message_begin = [](http_parser* parser) {
            static_cast<session*>(parser->data)->begun_ = true;
            return 0;
        };
        settings_.on_message_complete = [](http_parser* parser) { // we answer first, then it goes on
            http_parser_pause(parser, 1);
            return 0;
        };
    }
    session(const session&) = delete;

    coax::task<> run(seconds limit) {
        for (bool more = true; more;) {
            const auto served = co_await coax::as_result(coax::with_timeout(limit, serve_one()));
            // Where it was cut while it wrote, the peer may have half an answer: nothing can follow that.
            if (!served && (served.error().why() != coax::failure::cause::timeout || !waiting_))
                served.error().raise();
            more = served && *served;
        }
        co_await coax::with_timeout(limit, finish());
        // Closing while the peer still sends, a pipeline for one, would take the last answers from it.
        co_await coax::lingering_close(std::move(stream_.source()));
    }

private:
    /// Reads a request to its end, its body included, and answers it. Says whether there may be another one.
    coax::task<bool> serve_one() {
        begun_ = false;
        for (;;) {
            const std::string_view text = stream_.buffered().text();
            if (!text.empty()) {
                stream_.consume(http_parser_execute(&parser_, &settings_, text.data(), text.size()));
                const auto state = static_cast<http_errno>(parser_.http_errno);
                if (state == HPE_PAUSED)
                    break;
                if (state != HPE_OK) { // where the next request would begin, nobody knows
                    co_await stream_.write(answer(HTTP_STATUS_BAD_REQUEST, http_errno_description(state), false));
                    co_return false;
                }
            }
            co_await stream_.flush(); // the answers to all that had been there, in one piece
            const bool more = co_await receive_more();
            if (!more)
                co_return false;
        }
        http_parser_pause(&parser_, 0);
        const bool keep_alive = http_should_keep_alive(&parser_) != 0 && !server_.draining();
        co_await stream_.write(answer_to(static_cast<http_method>(parser_.method), keep_alive));
        co_return keep_alive;
    }

    /// Says whether more has come. Between two requests the connection ends when the server does; one that has begun is finished.
    coax::task<bool> receive_more() {
        bool more = false;
        waiting_ = true;
        if (begun_) {
            more = co_await stream_.fill();
        } else {
            auto first = co_await coax::when_any(stream_.fill(), server_.drain());
            auto& [filled, drains] = first.slots;
            if (first.index == 0)
                more = filled.value();
            else
                more = filled && *filled; // it came in the same moment
        }
        waiting_ = false;
        co_return more;
    }

    static std::string answer_to(http_method method, bool keep_alive) {
        constexpr std::string_view greeting = "Hello, world\n";
        if (method != HTTP_GET && method != HTTP_HEAD)
            return answer(HTTP_STATUS_METHOD_NOT_ALLOWED, "", keep_alive, "Allow: GET, HEAD\r\n");
        std::string text = answer(HTTP_STATUS_OK, greeting, keep_alive);
        if (method == HTTP_HEAD)
            text.resize(text.size() - greeting.size());
        return text;
    }

    coax::task<> finish() {
        if (waiting_ && begun_) // one that has not begun may stay away
            co_await stream_.write(answer(HTTP_STATUS_REQUEST_TIMEOUT, "", false));
        co_await stream_.flush();
    }

    coax::stream stream_;
    coax::serving& server_;
    http_parser parser_{};
    http_parser_settings settings_{};
    bool begun_ = false;   // a request
    bool waiting_ = false; // for more of it; still so after the limit has passed meanwhile
};

coax::task<> serve(coax::address at, seconds limit) {
    coax::listener listener = coax::create_server(at);
    say_listening(listener.getsockname());

    const auto greet = [&](coax::socket conn, coax::address, coax::serving& server) -> coax::task<> {
        send_at_once(conn);
        session talk(std::move(conn), server);
        co_await talk.run(limit);
    };
    coax::serve_options options;
    options.on_error = say_lost;
    co_await coax::serve(listener, greet, options);
}

} // namespace

int main(int argc, char** argv) {
    program command("http_hello", "Says hello over HTTP.", "127.0.0.1", 8080);
    command.offer_unix();
    command.offer_timeout(30, "each request and its answer");
    return command.run(argc, argv, [&] { return until_signal(serve(command.address(), *command.timeout())); });
}
