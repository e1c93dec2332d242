"""Echo over UDP."""

from .figures import BUSY, CPU, SPEED, WAITING, Figure
from .scenario import LoadScenario


class Udp(LoadScenario):
    name = "udp"
    servers = {
        "coax-io_uring": ["coax_server", "--backend", "io_uring"],
        "coax-epoll": ["coax_server", "--backend", "epoll"],
        "coax-poll": ["coax_server", "--backend", "poll"],
        "coax-io_uring-batch": ["coax_server", "--backend", "io_uring", "--batch", "64"],
        "coax-epoll-batch": ["coax_server", "--backend", "epoll", "--batch", "64"],
        "coax-poll-batch": ["coax_server", "--backend", "poll", "--batch", "64"],
        "asio": ["asio_server"],
        "libuv": ["libuv_server"],
        "libuv-batch": ["libuv_server", "--batch", "64"],
        "raw": ["raw_server"],
        "raw-batch": ["raw_server", "--batch", "64"],
    }
    pairs = "coax-io_uring:raw,coax-epoll:raw,coax-poll:raw,coax-io_uring:asio,coax-epoll:asio,coax-epoll:libuv"
    connections = "16"
    of = "sockets"
    in_flight = 16
    figures = (SPEED, CPU, *WAITING, *BUSY, Figure("resent", "sent again"))

    def describe(self, options):
        return f"echo of {options.size} bytes over UDP, {options.in_flight} in flight from each socket"
