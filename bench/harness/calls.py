"""How many system calls an echo costs, counted by strace."""

import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

from .echo import Echo
from .figures import Figure
from .processes import Server, Unavailable
from .scenario import Scenario, run_load

FEW = 1000  # messages of the run that shows what starting and accepting take
IN_A_SECOND = 20000  # that many more in the other run for each second of --seconds
LIMIT = 60  # seconds for a run under strace
KINDS = {
    "receive": ("recv", "read"),
    "send": ("send", "write"),
    "wait": ("epoll_wait", "epoll_pwait", "poll", "ppoll", "io_uring_enter"),
}


class Calls(Scenario):
    """The servers are those of the echo. Two runs differ in the number of messages only: so do their calls."""

    name = "calls"
    servers = Echo.servers
    server_directory = Echo.name
    is_timed = False
    pairs = "coax-epoll:raw_epoll,coax-epoll:asio,coax-poll:raw_epoll,coax-io_uring:raw_uring"
    connections = "64"
    figures = (
        Figure("calls", "calls/msg", digits=2, compared="calls"),
        *(Figure(kind, kind, digits=2) for kind in (*KINDS, "other")),
    )

    def prepare(self):
        try:
            done = subprocess.run(["strace", "-c", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            raise Unavailable("strace is missing") from None
        if done.returncode != 0:
            raise Unavailable("strace may not trace here")

    def describe(self, options):
        return f"system calls for an echo of {options.size} bytes over TCP"

    def measure(self, name, connections, options):
        counts = []
        for messages in (FEW, FEW + int(IN_A_SECOND * options.seconds)):
            counts.append(self._count(name, connections, messages, options))
        (few, few_messages), (many, many_messages) = counts
        more = many_messages - few_messages
        result = dict.fromkeys((*KINDS, "other"), 0)
        for call, count in many.items():
            result[kind_of(call)] += (count - few.get(call, 0)) / more
        return result | {"calls": sum(result.values())}

    def _count(self, name, connections, messages, options):
        """The calls of a whole run by name, and how many messages it had."""
        load = Echo().program("load", options.build)
        limits = SimpleNamespace(**vars(options) | {"warmup": 0, "seconds": LIMIT})
        with tempfile.TemporaryDirectory() as scratch:
            table = Path(scratch) / "calls"
            command = ["strace", "-f", "-c", "-o", str(table), *self.command_of(name, options)]
            with Server(command, options.server_core) as server:
                result = run_load(load, name, server, connections, limits, "--messages", str(messages))
            return parse(table.read_text()), result["messages"]


def kind_of(call):
    for kind, beginnings in KINDS.items():
        if call.startswith(beginnings):
            return kind
    return "other"


def parse(table):
    """The calls in strace's summary: time, seconds, microseconds for each, calls, errors if there were any, name."""
    counts = {}
    for line in table.splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            counts[words[-1]] = int(words[3])
    return counts
