"""The rows of the table in docs/benchmarks.md: which programs are compared at what, and how."""

from dataclasses import dataclass, field
from types import SimpleNamespace

from . import pairs as paired
from . import processes
from .scenarios import SCENARIOS

FEW_ROUNDS = 3  # what is counted hardly differs from one round to the next


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    scenario: str
    pairs: tuple
    connections: int
    settings: dict = field(default_factory=dict)
    remarks: dict = field(default_factory=dict)  # by pair: the reason for a loss

    def measure(self, options):
        """Runs and prints its comparisons, without those for which something is not built; gives their summaries."""
        scenario = SCENARIOS[self.scenario]
        chosen = vars(options) | {"in_flight": scenario.in_flight} | self.settings
        try:
            scenario.prepare()
        except processes.Unavailable as reason:
            print(f"{self.name} is left out: {reason}")
            return []
        if not scenario.is_timed:
            chosen["rounds"] = min(options.rounds, FEW_ROUNDS)
        chosen = SimpleNamespace(**chosen)
        built = []
        for pair in self.pairs:
            first, second = pair.split(":")
            if scenario.is_built(first, chosen) and scenario.is_built(second, chosen):
                built.append((first, second))
            else:
                print(f"{pair} is left out: something of it is not built")
        print(f"\n## {self.title}\n\n{self.name}: {scenario.describe(chosen)}")
        comparisons = paired.compare(scenario, built, [self.connections], chosen)
        return [comparison.summary(chosen) for comparison in comparisons]


def against(**rivals):
    """Pairs of coax on a backend with its rivals there: `io_uring="raw_uring asio"`."""
    return tuple(f"coax-{backend}:{rival}" for backend, names in rivals.items() for rival in names.split())


BACKENDS = ("io_uring", "epoll", "poll")
USER_TIME = "five percent of the time go to coroutines, their checkpoints and their queues, where by hand it is one."
TCP = {"io_uring": "raw_uring asio libuv", "epoll": "raw_epoll asio libuv", "poll": "raw_epoll asio"}
ROWS = (
    Row(
        "tcp-1",
        "TCP, 64 bytes, 1 connection",
        "echo",
        against(**TCP),
        1,
        remarks={
            "coax-io_uring:raw_uring": "its receive stays armed (multishot); ours is submitted anew for each message.",
            "coax-io_uring:libuv": "97 percent of the time are the kernel's, most of it falling asleep and waking up.",
            "coax-epoll:raw_epoll": USER_TIME,
            "coax-poll:raw_epoll": USER_TIME,
        },
    ),
    Row(
        "tcp-64",
        "TCP, 64 bytes, 64 connections",
        "echo",
        against(**TCP),
        64,
        remarks={
            "coax-io_uring:raw_uring": "its receives stay armed (multishot); ours are submitted anew for each message.",
            "coax-epoll:raw_epoll": USER_TIME,
        },
    ),
    Row(
        "tcp-1000",
        "TCP, 64 bytes, 1 000 connections",
        "echo",
        against(**TCP),
        1000,
        remarks={
            "coax-io_uring:raw_uring": "as with 64 connections.",
            "coax-epoll:raw_epoll": USER_TIME,
            "coax-poll:raw_epoll": "poll(2) looks at each of the thousand sockets.",
        },
    ),
    Row(
        "tcp-pipelined",
        "TCP, 64 bytes, 64 × 16 in flight",
        "echo",
        against(**TCP),
        64,
        {"in_flight": 16},
        remarks={
            "coax-io_uring:raw_uring": "it goes on receiving while it sends; the loop here receives when it has sent.",
            "coax-epoll:raw_epoll": USER_TIME,
        },
    ),
    Row(
        "tcp-large-4k",
        "TCP, 64 KiB messages, 16 connections, 4 KiB at a time",
        "echo",
        against(io_uring="raw_uring asio libuv", epoll="raw_epoll asio libuv"),
        16,
        {"size": 65536, "receive_size": 4096},
        remarks={
            "coax-io_uring:raw_uring": "it goes on receiving while it sends; the loop here receives when it has sent, and is suspended twice for each 4 KiB.",
            "coax-epoll:raw_epoll": "two awaits for each 4 KiB, 32 for a message.",
        },
    ),
    Row(
        "tcp-large-64k",
        "TCP, 64 KiB messages, 16 connections, 64 KiB at a time",
        "echo",
        against(io_uring="raw_uring asio libuv", epoll="raw_epoll asio libuv"),
        16,
        {"size": 65536, "receive_size": 65536},
    ),
    Row(
        "churn",
        "Connect, one echo, close",
        "churn",
        against(**TCP),
        64,
        remarks={
            "coax-io_uring:raw_uring": "it has no frame and no descriptor to make for each connection; its accept stays armed.",
            "coax-io_uring:asio": "the load has no time left while the server has, so speed is the load's; why it takes longer was not found.",
            "coax-io_uring:libuv": "as against asio: it is the load that has no time left.",
            "coax-epoll:raw_epoll": "it has no frame and no descriptor to make for each connection.",
            "coax-epoll:asio": "as on io_uring.",
            "coax-poll:raw_epoll": "poll(2) looks at every socket each time.",
        },
    ),
    Row(
        "udp",
        "UDP, 64 bytes, 16 sockets × 16 in flight, one at a time",
        "udp",
        against(io_uring="raw asio libuv", epoll="raw asio libuv", poll="raw"),
        16,
        remarks={
            "coax-io_uring:raw": "a call for each datagram that is sent is most of it for both; a sixth of our time is spent between the calls.",
            "coax-epoll:raw": "the same; and, probably, each datagram that comes or leaves calls epoll inside the kernel.",
            "coax-poll:raw": "as on io_uring.",
        },
    ),
    Row(
        "udp-batch",
        "UDP, 64 bytes, 16 sockets × 16 in flight, 64 at a time",
        "udp",
        tuple(f"coax-{backend}-batch:{rival}" for rival in ("raw-batch", "raw") for backend in BACKENDS),
        16,
    ),
    Row(
        "udp-send",
        "UDP, 1 200 bytes one way, sender",
        "send",
        SCENARIOS["send"].pair_list(),
        1,
        remarks={
            f"coax-{backend}-{way}:raw-{way}": reason
            for way, reason in {
                "single": "a call for each datagram is most of it for both; between the calls a coroutine is asked to go on.",
                "offload": "the size of the pieces goes with each run, by hand it is set once; and the loop looks at the system now and then.",
            }.items()
            for backend in BACKENDS
        },
    ),
    Row("udp-receive", "UDP, 1 200 bytes one way, receiver", "receive", SCENARIOS["receive"].pair_list(), 1),
    Row(
        "idle",
        "Memory of an idle TCP connection",
        "idle",
        against(io_uring="raw_uring asio libuv", epoll="raw_epoll asio libuv"),
        8000,
        remarks={
            "coax-io_uring:raw_uring": "a descriptor in a table, and no code that waits: there is less to keep.",
            "coax-io_uring:libuv": "a coroutine's frame has room for each operation that it awaits, side by side in g++ 12 (clang 19 overlays them: 529 bytes).",
        },
    ),
    Row(
        "calls",
        "System calls for an echo, 64 connections",
        "calls",
        against(io_uring="raw_uring", epoll="raw_epoll asio libuv", poll="raw_epoll"),
        64,
    ),
)
BY_NAME = {row.name: row for row in ROWS}
