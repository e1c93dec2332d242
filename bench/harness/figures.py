"""The numbers that a run gives, and how the tables show them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A number of each run; with `compared`, the name of its ratio, two programs are compared by it."""

    key: str
    title: str
    scale: float = 1
    digits: int = 0
    compared: str = ""
    more_is_better: bool = False
    needs_own_cores: bool = False  # says nothing while other processes compete for the cores

    def text(self, value):
        return f"{value / self.scale:.{self.digits}f}"

    def ratio(self, first, second):
        """Above 1 the first is better."""
        return first[self.key] / second[self.key] if self.more_is_better else second[self.key] / first[self.key]


SPEED = Figure("msg_per_s", "k msg/s", 1000, 1, compared="speed", more_is_better=True, needs_own_cores=True)
CPU = Figure("server_cpu_ns", "CPU ns/msg", compared="CPU")
WAITING = (
    Figure("p50_us", "p50 µs"),
    Figure("p99_us", "p99 µs"),
    Figure("tail", "p99/p50", digits=1),
    Figure("evenness", "even", digits=2),
)
BUSY = (Figure("server_busy", "server %", 0.01), Figure("load_busy", "load %", 0.01))
