"""The echo scenario: which servers there are, and one measured run of one of them."""

import json
import os
import subprocess
from pathlib import Path

from .processes import Failure, Server, run_to_end

LOAD = "load"
SERVERS = {
    "coax-io_uring": ["coax_server", "--backend", "io_uring"],
    "coax-epoll": ["coax_server", "--backend", "epoll"],
    "coax-poll": ["coax_server", "--backend", "poll"],
    "coax-io_uring-timeout": ["coax_server", "--backend", "io_uring", "--timeout", "30"],
    "coax-epoll-timeout": ["coax_server", "--backend", "epoll", "--timeout", "30"],
    "asio": ["asio_server"],
    "raw_uring": ["raw_uring_server"],
    "raw_epoll": ["raw_epoll_server"],
}
PAIRS = "coax-io_uring:raw_uring,coax-io_uring:asio,coax-epoll:asio,coax-poll:asio"
CONNECTIONS = "1,64,1000"
DIRECTORY = Path("bench") / "echo"  # of the executables, in a build directory


def command_of(name, build):
    """The command line of a server: NAME, NAME@OTHER_BUILD, or the path of a program that behaves like one."""
    if "/" in name and "@" not in name:
        command = [name]
    else:
        name, _, other = name.partition("@")
        if name not in SERVERS:
            raise Failure(f"no server is called {name}; there are {', '.join(SERVERS)}")
        program, *arguments = SERVERS[name]
        command = [str((Path(other) if other else build) / DIRECTORY / program), *arguments]
    if not Path(command[0]).exists():
        raise Failure(f"{command[0]} does not exist: is what it needs installed?")
    return command


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


def measure(name, connections, options):
    """Starts a fresh server, loads it, ends it; gives the line of the load with the CPU cost of one message.

    A fresh process for every run: where a process happens to lie in memory is worth some percent, and would otherwise
    favour one server for all rounds.
    """
    load = options.build / DIRECTORY / LOAD
    with Server(command_of(name, options.build), options.server_core) as server:
        command = [str(load), server.address, "--server-pid", str(server.pid)]
        command += ["--connections", str(connections), "--size", str(options.size)]
        command += ["--in-flight", str(options.in_flight)]
        command += ["--seconds", str(options.seconds), "--warmup", str(options.warmup)]
        if options.spin:
            command.append("--spin")
        limit = options.seconds + options.warmup + 30
        with Bulk(load, server.address, options):
            result = json.loads(run_to_end(command, options.load_core, limit))
    if result["messages"] == 0:
        raise Failure(f"{name} echoed nothing in {options.seconds} s")
    result["server_cpu_ns"] = result["server_cpu_s"] * 1e9 / result["messages"]
    result["server_busy"] = result["server_cpu_s"] / result["seconds"]
    return result
