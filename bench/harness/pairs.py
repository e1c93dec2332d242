"""Compares servers two at a time: many short rounds, each with one run of both, in the order A B, B A, A B, …

What else happens on a machine changes speed by a third within minutes. Two runs right after each other see the same
machine, so the ratio of each round means something where the numbers themselves do not; turning the order round takes
the effect of being first out of it.
"""

import sys
from statistics import median

from .processes import Failure
from .statistics import Spread, verdict
from .table import render

ENOUGH_FOR_INTERVAL = 15
LOAD_BOUND = 0.97  # a load busier than this may be what limits the faster server
DISTURBED = 0.9  # a spinning load that gets less of its core than this has to share it


class Comparison:
    """The rounds of one pair at one number of connections."""

    def __init__(self, first, second, connections):
        self.first = first
        self.second = second
        self.connections = connections
        self.rounds = []
        self.failures = []

    def run(self, measure, options):
        for index in range(options.rounds):
            order = (self.first, self.second) if index % 2 == 0 else (self.second, self.first)
            results = {}
            try:
                for name in order:
                    results[name] = measure(name, self.connections, options)
            except Failure as failure:
                self.failures.append(str(failure))
                print(f"  round {index + 1}, {self.connections} connections: {failure}", file=sys.stderr)
                if not self.rounds and len(self.failures) == 3:
                    return  # it does not work at all
                continue
            self.rounds.append((results[self.first], results[self.second]))

    def medians(self, key):
        return [median(pair[side][key] for pair in self.rounds) for side in (0, 1)]

    def tails(self):
        """How many times longer than the median the slowest hundredth waits: the median of the rounds."""
        ratios = [[pair[side]["p99_us"] / pair[side]["p50_us"] for pair in self.rounds] for side in (0, 1)]
        return " / ".join(f"{median(ratio):.1f}" for ratio in ratios)

    def speed(self):
        """Messages per second, first over second."""
        return Spread([a["msg_per_s"] / b["msg_per_s"] for a, b in self.rounds])

    def thrift(self):
        """Server CPU per message, second over first: here, too, above 1 is good for the first."""
        return Spread([b["server_cpu_ns"] / a["server_cpu_ns"] for a, b in self.rounds])

    def row(self, options):
        if not self.rounds:
            return [str(self.connections), "no result", *[""] * (len(HEADER) - 2)]

        def both(key, scale=1, digits=0):
            return " / ".join(f"{value / scale:.{digits}f}" for value in self.medians(key))

        speed, thrift = self.speed(), self.thrift()
        wins = sum(a["msg_per_s"] > b["msg_per_s"] for a, b in self.rounds)
        return [
            str(self.connections),
            both("msg_per_s", 1000, 1),
            str(speed),
            f"{wins}/{len(self.rounds)}",
            "disturbed" if self.is_disturbed(options) else verdict(speed),
            both("server_cpu_ns"),
            str(thrift),
            verdict(thrift),
            both("p50_us"),
            both("p99_us"),
            self.tails(),
            both("evenness", digits=2),
            both("server_busy", 0.01),
            both("load_busy", 0.01),
        ]

    def is_load_bound(self):
        return bool(self.rounds) and max(self.medians("load_busy")) > LOAD_BOUND

    def is_disturbed(self, options):
        return options.spin and bool(self.rounds) and min(self.medians("load_cpu_s")) < DISTURBED * options.seconds

    def as_dict(self):
        summary = {
            "first": self.first,
            "second": self.second,
            "connections": self.connections,
            "failures": self.failures,
            "rounds": self.rounds,
        }
        if self.rounds:
            summary["speed_ratio"] = self.speed().as_dict()
            summary["cpu_ratio"] = self.thrift().as_dict()
        return summary


HEADER = [
    "conns",
    "k msg/s",
    "speed ratio",
    "rounds won",
    "speed",
    "CPU ns/msg",
    "CPU ratio",
    "CPU",
    "p50 µs",
    "p99 µs",
    "p99/p50",
    "even",
    "server %",
    "load %",
]


def compare(pairs, connection_counts, measure, options):
    """Runs and prints every comparison; gives them all."""
    comparisons = []
    for first, second in pairs:
        print(f"\n### {first} against {second}\n", flush=True)
        group = [Comparison(first, second, count) for count in connection_counts]
        for comparison in group:
            comparison.run(measure, options)
            comparisons.append(comparison)
        print(render(HEADER, [comparison.row(options) for comparison in group]), flush=True)
        print_remarks(group, options)
    return comparisons


def print_remarks(group, options):
    """What the reader of a table should know about its rows."""

    def rows(condition):
        return ", ".join(str(comparison.connections) for comparison in group if condition(comparison))

    for comparison in group:
        if len(comparison.rounds) >= ENOUGH_FOR_INTERVAL:
            (slow, fast), (dear, cheap) = comparison.speed().interval(), comparison.thrift().interval()
            print(
                f"\n{comparison.connections} connections: 95 % interval of the median ratio, "
                f"speed {slow:.3f} to {fast:.3f}, CPU {dear:.3f} to {cheap:.3f}."
            )
        if comparison.failures:
            print(f"\n{comparison.connections} connections: {len(comparison.failures)} rounds failed.")
    if disturbed := rows(lambda comparison: comparison.is_disturbed(options)):
        print(f"\n{disturbed} connections: other processes competed for the cores; only the CPU columns count.")
    elif bound := rows(Comparison.is_load_bound):
        print(f"\n{bound} connections: the load was saturated, too; the CPU ratio tells more than the speed.")
