"""Compares programs two at a time: many short rounds, each with one run of both, in the order A B, B A, A B, …

What else happens on a machine changes speed by a third within minutes. Two runs right after each other see the same
machine, so the ratio of each round means something where the numbers themselves do not; turning the order round takes
the effect of being first out of it.
"""

import sys
from statistics import median

from .processes import Failure
from .statistics import ENOUGH, Spread, verdict
from .table import render

ENOUGH_FOR_INTERVAL = 15
COUNTED_ALIKE = 0.02  # what is counted and not timed differs by this much from one run to the next
LOAD_BOUND = 0.97  # a load busier than this may be what limits the faster server
DISTURBED = 0.9  # a spinning load that gets less of its core than this has to share it


class Comparison:
    """The rounds of one pair at one number of connections."""

    def __init__(self, scenario, first, second, connections):
        self.scenario = scenario
        self.first = first
        self.second = second
        self.connections = connections
        self.rounds = []
        self.failures = []

    def run(self, options):
        for index in range(options.rounds):
            order = (self.first, self.second) if index % 2 == 0 else (self.second, self.first)
            results = {}
            try:
                for name in order:
                    results[name] = self.scenario.measure(name, self.connections, options)
            except Failure as failure:
                self.failures.append(str(failure))
                print(f"  round {index + 1}, {self.connections} {self.scenario.of}: {failure}", file=sys.stderr)
                if not self.rounds and len(self.failures) == 3:
                    return  # it does not work at all
                continue
            self.rounds.append((results[self.first], results[self.second]))

    def compared(self):
        return [figure for figure in self.scenario.figures if figure.compared]

    def medians(self, key):
        return [median(pair[side][key] for pair in self.rounds) for side in (0, 1)]

    def ratio(self, figure):
        return Spread([figure.ratio(first, second) for first, second in self.rounds])

    def verdict(self, figure, options):
        if figure.needs_own_cores and self.is_disturbed(options):
            return "disturbed"
        return verdict(self.ratio(figure), *((ENOUGH,) if self.scenario.is_timed else (1, COUNTED_ALIKE)))

    def row(self, options):
        if not self.rounds:
            return [str(self.connections), "no result", *[""] * (len(header(self.scenario)) - 2)]
        cells = [str(self.connections)]
        for figure in self.scenario.figures:
            cells.append(" / ".join(figure.text(value) for value in self.medians(figure.key)))
            if figure.compared:
                wins = sum(figure.ratio(first, second) > 1 for first, second in self.rounds)
                cells += [str(self.ratio(figure)), f"{wins}/{len(self.rounds)}", self.verdict(figure, options)]
        return cells

    def is_load_bound(self):
        return self._knows("load_busy") and max(self.medians("load_busy")) > LOAD_BOUND

    def is_disturbed(self, options):
        if not options.spin or not self._knows("load_cpu_s"):
            return False
        return min(self.medians("load_cpu_s")) < DISTURBED * min(self.medians("seconds"))

    def _knows(self, key):
        return bool(self.rounds) and key in self.rounds[0][0]

    def summary(self, options):
        """What is kept of it: medians, ratios and verdicts."""
        kept = {"first": self.first, "second": self.second, "connections": self.connections}
        kept |= {"rounds": len(self.rounds), "failures": self.failures, "figures": {}, "ratios": {}}
        for figure in self.scenario.figures if self.rounds else []:
            kept["figures"][figure.key] = self.medians(figure.key)
            if figure.compared:
                kept["ratios"][figure.compared] = self.ratio(figure).as_dict()
                kept["ratios"][figure.compared]["verdict"] = self.verdict(figure, options)
        return kept


def header(scenario):
    cells = [scenario.of]
    for figure in scenario.figures:
        cells.append(figure.title)
        if figure.compared:
            cells += [f"{figure.compared} ratio", "rounds won", figure.compared]
    return cells


def compare(scenario, pairs, connection_counts, options):
    """Runs and prints every comparison; gives them all."""
    comparisons = []
    for first, second in pairs:
        print(f"\n### {first} against {second}\n", flush=True)
        group = [Comparison(scenario, first, second, count) for count in connection_counts]
        for comparison in group:
            comparison.run(options)
            comparisons.append(comparison)
        print(render(header(scenario), [comparison.row(options) for comparison in group]), flush=True)
        print_remarks(group, options)
    return comparisons


def print_remarks(group, options):
    """What the reader of a table should know about its rows."""

    def rows(condition):
        return ", ".join(str(comparison.connections) for comparison in group if condition(comparison))

    of = group[0].scenario.of
    for comparison in group:
        if len(comparison.rounds) >= ENOUGH_FOR_INTERVAL:
            intervals = []
            for figure in comparison.compared():
                low, high = comparison.ratio(figure).interval()
                intervals.append(f"{figure.compared} {low:.3f} to {high:.3f}")
            print(f"\n{comparison.connections} {of}: 95 % interval of the median ratio, {', '.join(intervals)}.")
        if comparison.failures:
            print(f"\n{comparison.connections} {of}: {len(comparison.failures)} rounds failed.")
    if disturbed := rows(lambda comparison: comparison.is_disturbed(options)):
        print(f"\n{disturbed} {of}: other processes competed for the cores; only the CPU columns count.")
    elif bound := rows(Comparison.is_load_bound):
        print(f"\n{bound} {of}: the load was saturated, too; the CPU ratio tells more than the speed.")
