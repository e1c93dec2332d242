// Echo server, written by hand on liburing: multishot accept, multishot receive from a provided buffer ring, sends
// straight from those buffers, one io_uring_enter per turn of the loop. The yardstick for the io_uring backend.
//
// Direct descriptors, sends that give no completion, and fewer buffers (128) make no measurable difference.
#include "../support/end_with_stdin.hpp"
#include "../support/posix.hpp"

#include <CLI/CLI.hpp>
#include <liburing.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace {

constexpr int backlog = 4096;
constexpr unsigned submission_entries = 1024;
constexpr unsigned completion_entries = 8192;

void check_result(int result, const char* what) {
    if (result < 0) {
        errno = -result;
        bench::check(-1, what);
    }
}

// The buffers that receives take from. Each is named by its number.
class buffer_ring {
public:
    static constexpr unsigned count = 256;

    explicit buffer_ring(unsigned size) : size_(size), memory_(std::size_t{count} * size) {}

    void set_up(io_uring& ring) {
        io_uring_buf_reg registration{};
        registration.ring_addr = reinterpret_cast<std::uintptr_t>(entries_.data());
        registration.ring_entries = count;
        check_result(io_uring_register_buf_ring(&ring, &registration, 0), "io_uring_register_buf_ring");
        io_uring_buf_ring_init(shared());
        for (unsigned i = 0; i < count; ++i) {
            give(i);
        }
    }

    std::byte* operator[](unsigned buffer) { return &memory_[std::size_t{buffer} * size_]; }

    void give(unsigned buffer) {
        io_uring_buf_ring_add(shared(), (*this)[buffer], size_, static_cast<unsigned short>(buffer), count - 1, 0);
        io_uring_buf_ring_advance(shared(), 1);
    }

private:
    io_uring_buf_ring* shared() { return reinterpret_cast<io_uring_buf_ring*>(entries_.data()); }

    alignas(4096) std::array<io_uring_buf, count> entries_{};
    unsigned size_;
    std::vector<std::byte> memory_;
};

class server {
public:
    server(int port, unsigned receive_size) : buffers_(receive_size) {
        io_uring_params parameters{};
        parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
        parameters.cq_entries = completion_entries;
        check_result(io_uring_queue_init_params(submission_entries, &ring_, &parameters), "io_uring_queue_init_params");
        check_result(io_uring_register_ring_fd(&ring_), "io_uring_register_ring_fd");
        buffers_.set_up(ring_);
        io_uring_prep_poll_add(next(operation::terminate), bench::termination_fd(), POLLIN);
        bench::end_with_stdin();
        listener_ = bench::listen_on_loopback(port, backlog);
        accept();
    }

    ~server() { io_uring_queue_exit(&ring_); }
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    void run() {
        while (!terminated_) {
            const int result = io_uring_submit_and_wait(&ring_, 1);
            if (result != -EINTR && result != -EBUSY && result != -EAGAIN) { // the next turn tries those again
                check_result(result, "io_uring_submit_and_wait");
            }
            io_uring_cqe* completion = nullptr;
            unsigned head = 0;
            unsigned count = 0;
            io_uring_for_each_cqe(&ring_, head, completion) {
                handle(*completion);
                ++count;
            }
            io_uring_cq_advance(&ring_, count);
        }
    }

private:
    enum class operation : std::uint8_t { accept, terminate, receive, send };
    static constexpr unsigned none = buffer_ring::count;

    // What a receive left in a buffer, until it is sent.
    struct chunk {
        unsigned size;
        unsigned next; // the buffer that is sent after this one
    };

    // The chunks go out one at a time, so that they stay in order.
    struct connection {
        unsigned first = none;
        unsigned last = none;
        bool receiving = false;
        bool failed = false;
    };

    io_uring_sqe* next(operation what, int fd = 0, unsigned buffer = 0) {
        io_uring_sqe* entry = io_uring_get_sqe(&ring_);
        while (entry == nullptr) {
            check_result(io_uring_submit(&ring_), "io_uring_submit");
            entry = io_uring_get_sqe(&ring_);
        }
        // The io_uring_prep functions of liburing 2.3 leave this field alone.
        entry->user_data = std::uint64_t{static_cast<std::uint8_t>(what)} << 56 | std::uint64_t{buffer} << 32 |
                           static_cast<std::uint32_t>(fd);
        return entry;
    }

    void accept() {
        io_uring_prep_multishot_accept(next(operation::accept), listener_, nullptr, nullptr, SOCK_CLOEXEC);
    }

    void receive(int fd) {
        io_uring_sqe* entry = next(operation::receive, fd);
        io_uring_prep_recv_multishot(entry, fd, nullptr, 0, 0);
        entry->flags |= IOSQE_BUFFER_SELECT;
        connections_[static_cast<std::size_t>(fd)].receiving = true;
    }

    void send(int fd, unsigned buffer) {
        // MSG_WAITALL has the kernel go on after a short send.
        io_uring_prep_send(next(operation::send, fd, buffer), fd, buffers_[buffer], chunks_[buffer].size,
                           MSG_NOSIGNAL | MSG_WAITALL);
    }

    void handle(const io_uring_cqe& completion) {
        const int fd = static_cast<int>(completion.user_data & 0xFFFFFFFFu);
        switch (static_cast<operation>(completion.user_data >> 56)) {
        case operation::accept:
            return on_accepted(completion);
        case operation::terminate:
            terminated_ = true;
            return;
        case operation::receive:
            return on_received(fd, completion);
        case operation::send:
            return on_sent(fd, static_cast<unsigned>(completion.user_data >> 32 & 0xFFFFu), completion.res);
        }
    }

    void on_accepted(const io_uring_cqe& completion) {
        if (completion.res >= 0) {
            const auto needed = static_cast<std::size_t>(completion.res) + 1;
            connections_.resize(std::max(connections_.size(), needed));
            receive(completion.res);
        }
        if ((completion.flags & IORING_CQE_F_MORE) == 0) {
            accept();
        }
    }

    void on_received(int fd, const io_uring_cqe& completion) {
        connection& conn = connections_[static_cast<std::size_t>(fd)];
        const bool over = (completion.flags & IORING_CQE_F_MORE) == 0;
        if (completion.res > 0) {
            queue(fd, completion.flags >> IORING_CQE_BUFFER_SHIFT, static_cast<unsigned>(completion.res));
            if (over) {
                receive(fd);
            }
        } else if (completion.res == -ENOBUFS) {
            starved_.push_back(fd); // stays in `receiving`: it goes on as soon as there is a buffer again
        } else if (over) {
            conn.receiving = false;
            close_if_done(fd);
        }
    }

    void queue(int fd, unsigned buffer, unsigned size) {
        connection& conn = connections_[static_cast<std::size_t>(fd)];
        if (conn.failed) {
            return release(buffer);
        }
        chunks_[buffer] = {size, none};
        if (conn.first == none) {
            conn.first = conn.last = buffer;
            send(fd, buffer);
        } else {
            chunks_[conn.last].next = buffer;
            conn.last = buffer;
        }
    }

    void on_sent(int fd, unsigned buffer, int result) {
        connection& conn = connections_[static_cast<std::size_t>(fd)];
        if (result != static_cast<int>(chunks_[buffer].size)) {
            conn.failed = true;
            shutdown(fd, SHUT_RDWR); // ends the receive, too
        }
        conn.first = chunks_[buffer].next;
        release(buffer);
        while (conn.failed && conn.first != none) {
            const unsigned dropped = conn.first;
            conn.first = chunks_[dropped].next;
            release(dropped);
        }
        if (conn.first != none) {
            send(fd, conn.first);
        } else {
            close_if_done(fd);
        }
    }

    void release(unsigned buffer) {
        buffers_.give(buffer);
        if (!starved_.empty()) {
            receive(starved_.back());
            starved_.pop_back();
        }
    }

    void close_if_done(int fd) {
        connection& conn = connections_[static_cast<std::size_t>(fd)];
        if (!conn.receiving && conn.first == none) {
            close(fd);
            conn = {};
        }
    }

    io_uring ring_{};
    int listener_ = -1;
    bool terminated_ = false;
    buffer_ring buffers_;
    std::array<chunk, buffer_ring::count> chunks_{};
    std::vector<connection> connections_; // by descriptor
    std::vector<int> starved_;            // descriptors whose receive ended because every buffer was taken
};

} // namespace

int main(int argc, char** argv) {
    CLI::App app("echo server on raw liburing");
    int port = 0;
    app.add_option("--port", port, "port to listen on; 0: the system's choice");
    unsigned receive_size = 4096;
    app.add_option("--receive-size", receive_size, "bytes in each of the buffers")->check(CLI::Range(1, 1 << 20));
    CLI11_PARSE(app, argc, argv);
    try {
        std::make_unique<server>(port, receive_size)->run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "raw_uring_server: %s\n", error.what());
        return 1;
    }
}
