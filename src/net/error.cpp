#include <coax/error.hpp>

#include <cstdio>

#include <coax/cancelled.hpp>

namespace coax {
namespace {

std::error_code code_of(failure::cause why) noexcept {
    switch (why) {
    case failure::cause::timeout:
        return std::make_error_code(std::errc::timed_out);
    case failure::cause::cancelled:
        return std::make_error_code(std::errc::operation_canceled);
    default:
        return {};
    }
}

const address unnamed;

} // namespace

const char* to_string(operation_name name) noexcept {
    static constexpr const char* names[] = {"coax",
                                            "socket",
                                            "socketpair",
                                            "adopt",
                                            "bind",
                                            "listen",
                                            "accept",
                                            "connect",
                                            "recv",
                                            "send",
                                            "sendall",
                                            "recvfrom",
                                            "sendto",
                                            "recvmsg",
                                            "sendmsg",
                                            "recv_fds",
                                            "send_fds",
                                            "shutdown",
                                            "close",
                                            "detach",
                                            "unbind",
                                            "getsockname",
                                            "getpeername",
                                            "setsockopt",
                                            "getsockopt",
                                            "join_group",
                                            "leave_group",
                                            "join_source_group",
                                            "leave_source_group",
                                            "sleep",
                                            "yield",
                                            "wait_signal",
                                            "with_timeout",
                                            "with_deadline",
                                            "to_thread",
                                            "lock",
                                            "acquire",
                                            "wait",
                                            "channel send",
                                            "channel recv",
                                            "read",
                                            "readexactly",
                                            "readline",
                                            "readuntil",
                                            "write",
                                            "flush",
                                            "frame recv",
                                            "frame send",
                                            "getaddrinfo",
                                            "getnameinfo",
                                            "if_nameindex",
                                            "if_nametoindex",
                                            "if_indextoname",
                                            "create_connection",
                                            "create_server",
                                            "activated_listeners",
                                            "PROXY header",
                                            "serve",
                                            "drain",
                                            "join"};
    static_assert(std::size(names) == static_cast<std::size_t>(operation_name::join) + 1);
    return names[static_cast<std::size_t>(name)];
}

failure::failure(cause why, operation_name operation, std::size_t transferred) noexcept
    : code_(code_of(why)), transferred_(transferred), operation_(operation), cause_(why) {}

failure failure::from_current_exception() noexcept {
    failure other(cause::exception, operation_name::none);
    try {
        throw;
    } catch (const io_error& error) {
        other = error.reason();
    } catch (const coax::cancelled& error) {
        other = error.reason();
    } catch (...) {
    }
    other.exception_ = std::current_exception();
    return other;
}

std::exception_ptr failure::to_exception() const noexcept {
    if (exception_ != nullptr)
        return exception_;
    try {
        raise();
    } catch (...) {
        return std::current_exception();
    }
}

failure& failure::as_timeout(operation_name limited_by, double seconds) noexcept {
    limited_by_ = limited_by;
    limit_ = static_cast<float>(seconds);
    cause_ = cause::timeout;
    code_ = code_of(cause_);
    exception_ = nullptr;
    if (operation_ == operation_name::none)
        operation_ = limited_by;
    return *this;
}

failure& failure::with_peer(const address& peer) noexcept {
    if (!peer.is_unnamed()) {
        try {
            peer_ = std::make_shared<const address>(peer);
        } catch (const std::bad_alloc&) {
            peer_.reset(); // the message does without it
        }
    }
    return *this;
}

failure& failure::with_transferred(std::size_t count) noexcept {
    if (count != transferred_ && cause_ != cause::exception) {
        transferred_ = count;
        exception_ = nullptr;
    }
    return *this;
}

const address& failure::peer() const noexcept { return peer_ != nullptr ? *peer_ : unnamed; }

std::string failure::subject() const {
    std::string text = to_string(operation_);
    if (!peer().is_unnamed()) {
        text += ' ';
        text += peer().to_string();
    }
    if (limited_by_ == operation_name::none)
        return text;
    std::string limit;
    if (operation_ != limited_by_)
        limit = to_string(limited_by_);
    if (limit_ != 0) {
        char seconds[32];
        std::snprintf(seconds, sizeof seconds, "%s%g s", limit.empty() ? "" : " ", static_cast<double>(limit_));
        limit += seconds;
    }
    return limit.empty() ? text : text + " (" + limit + ')';
}

std::string failure::message() const {
    if (exception_ != nullptr) {
        try {
            std::rethrow_exception(exception_);
        } catch (const std::exception& error) { // which may say more than operation and code do
            return error.what();
        } catch (...) {
            if (cause_ == cause::exception)
                return "an exception of an unknown type";
        }
    }
    return subject() + ": " + code_.message();
}

void failure::raise() const {
    if (exception_ != nullptr)
        std::rethrow_exception(exception_);
    switch (cause_) {
    case cause::timeout:
        throw timeout_error(*this);
    case cause::cancelled:
        throw coax::cancelled(*this);
    case cause::exception:
    case cause::error:
        break;
    }
    throw io_error(*this);
}

io_error::io_error(const failure& reason) : std::system_error(reason.code(), reason.subject()), reason_(reason) {}
io_error::~io_error() = default;
timeout_error::~timeout_error() = default;

} // namespace coax
