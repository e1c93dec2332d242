"""Echo over TCP."""

import os
import subprocess

from .processes import Failure, Server
from .scenario import LoadScenario, run_load


class Bulk:
    """Connections beside the measured ones that keep 256 KiB each on their way, for as long as the block lasts."""

    def __init__(self, load, address, options):
        self._command = [str(load), address, "--connections", str(options.bulk), "--size", "65536", "--in-flight", "4"]
        self._command += ["--seconds", str(options.seconds + options.warmup + 30)]
        self._core = options.load_core
        self._process = None
        self._wanted = options.bulk != 0

    def __enter__(self):
        if self._wanted:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                preexec_fn=lambda: os.sched_setaffinity(0, {self._core}),
            )

    def __exit__(self, kind, value, traceback):
        if self._process is not None:
            ended = self._process.poll()
            self._process.kill()
            self._process.wait()
            if ended is not None and kind is None:
                raise Failure(f"the bulk load ended with status {ended}")


class Echo(LoadScenario):
    name = "echo"
    servers = {
        "coax-io_uring": ["coax_server", "--backend", "io_uring"],
        "coax-epoll": ["coax_server", "--backend", "epoll"],
        "coax-poll": ["coax_server", "--backend", "poll"],
        "coax-io_uring-timeout": ["coax_server", "--backend", "io_uring", "--timeout", "30"],
        "coax-epoll-timeout": ["coax_server", "--backend", "epoll", "--timeout", "30"],
        "asio": ["asio_server"],
        "libuv": ["libuv_server"],
        "raw_uring": ["raw_uring_server"],
        "raw_epoll": ["raw_epoll_server"],
    }
    pairs = "coax-io_uring:raw_uring,coax-io_uring:asio,coax-epoll:asio,coax-poll:asio"
    connections = "1,64,1000"

    def describe(self, options):
        beside = f", beside {options.bulk} bulk connections" if options.bulk else ""
        room = f", received into {options.receive_size} bytes" if options.receive_size else ""
        return f"echo of {options.size} bytes over TCP{room}, {options.in_flight} in flight{beside}"

    def settings(self, options):
        return ["--receive-size", str(options.receive_size)] if options.receive_size else []

    def measure(self, name, connections, options):
        load = self.program("load", options.build)
        with Server(self.command_of(name, options), options.server_core) as server:
            with Bulk(load, server.address, options):
                return run_load(load, name, server, connections, options)
