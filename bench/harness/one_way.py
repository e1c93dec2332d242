"""UDP in one direction: what a datagram costs who sends it, and who receives it."""

import json
from dataclasses import replace
from pathlib import Path

from .figures import CPU, SPEED, Figure
from .processes import Failure, Server, run_to_end
from .scenario import Scenario

SIZE = 1200  # what fits everywhere, as QUIC has it
BACKENDS = ("io_uring", "epoll", "poll")
WAYS = ("single", "batch", "offload")


def programs(side):
    found = {}
    for way in WAYS:
        found[f"raw-{way}"] = [f"raw_{side}", "--way", way]
        for backend in BACKENDS:
            found[f"coax-{backend}-{way}"] = [f"coax_{side}", "--backend", backend, "--way", way]
    return found


SOURCES = programs("source")
SINKS = programs("sink")


class OneWay(Scenario):
    server_directory = "one_way"
    of = "sockets"
    pairs = ",".join(f"coax-{backend}-{way}:raw-{way}" for way in WAYS for backend in BACKENDS)
    figures = (
        replace(SPEED, title="k datagrams/s", needs_own_cores=False),
        replace(CPU, title="CPU ns/datagram"),
        Figure("lost", "lost %", 0.01, 1),
    )

    def _run(self, source, sink, source_core, sink_core, options):
        """What both said in the end."""
        with Server(sink, sink_core) as server:
            command = [source[0], server.address, "--size", str(SIZE), "--seconds", str(options.seconds), *source[1:]]
            sent = json.loads(run_to_end(command, source_core, options.seconds + 30))
            received = json.loads(server.end())
        if received["wrong"] or not 0 < received["messages"] <= sent["messages"]:
            raise Failure(f"{received['messages']} of {sent['messages']} came, {received['wrong']} of them wrong")
        return sent, received

    def _figures(self, measured, sent, received):
        return {
            "messages": measured["messages"],
            "msg_per_s": measured["messages"] / sent["seconds"],
            "server_cpu_ns": measured["cpu_s"] * 1e9 / measured["messages"],
            "lost": 1 - received["messages"] / sent["messages"],
        }

    def _quickest(self, side, options):
        return [str(self.program(f"raw_{side}", options.build)), "--way", "offload"]

    def program(self, name, build):
        return Path(build) / "bench" / self.server_directory / name


class Send(OneWay):
    name = "send"
    servers = SOURCES

    def describe(self, options):
        return f"datagrams of {SIZE} bytes over UDP, one way; the sender's side, to a sink by hand with GRO"

    def measure(self, name, connections, options):
        sink = self._quickest("sink", options)
        sent, received = self._run(self.command_of(name, options), sink, options.server_core, options.load_core, options)
        return self._figures(sent, sent, received)


class Receive(OneWay):
    name = "receive"
    servers = SINKS

    def describe(self, options):
        return f"datagrams of {SIZE} bytes over UDP, one way; the receiver's side, from a source by hand with GSO"

    def measure(self, name, connections, options):
        source = self._quickest("source", options)
        sink = self.command_of(name, options)
        sent, received = self._run(source, sink, options.load_core, options.server_core, options)
        return self._figures(received, sent, received)
