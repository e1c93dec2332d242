"""Connections that are made, echo one message, and end."""

from dataclasses import replace

from .echo import Echo
from .figures import BUSY, CPU, SPEED, WAITING

class Churn(Echo):
    """The servers are those of the echo; a message is a connection."""

    name = "churn"
    server_directory = Echo.name
    pairs = "coax-io_uring:raw_uring,coax-io_uring:asio,coax-epoll:raw_epoll,coax-epoll:asio,coax-poll:asio"
    connections = "64"
    figures = (replace(SPEED, title="k conn/s"), replace(CPU, title="CPU ns/conn"), *WAITING, *BUSY)

    def describe(self, options):
        return f"connect, echo {options.size} bytes, close"
