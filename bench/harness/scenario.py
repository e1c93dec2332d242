"""What a scenario is: the programs it compares, how one run of one of them is made, and the figures of a run."""

import json
from pathlib import Path

from . import figures
from .processes import Failure, Server, run_to_end


class Scenario:
    """Each has a directory in bench/; its programs are named there, and on the command line by the keys of `servers`."""

    name = ""
    servers = {}
    server_directory = ""  # of another scenario, whose servers these are
    pairs = ""
    connections = "1"
    is_timed = True  # or counted, which gives the same in every round
    of = "connections"  # what is counted by --connections
    in_flight = 1
    figures = (figures.SPEED, figures.CPU, *figures.WAITING, *figures.BUSY)

    def prepare(self):
        """Throws `Unavailable` where it cannot be measured."""

    def describe(self, options):
        """What is measured, in a line."""
        raise NotImplementedError

    def measure(self, name, connections, options):
        """Starts a fresh server, measures one run, ends it; gives what the figures ask for.

        A fresh process for every run: where a process happens to lie in memory is worth some percent, and would
        otherwise favour one server for all rounds.
        """
        raise NotImplementedError

    def settings(self, options):
        """Arguments that every server of the scenario takes."""
        return []

    def program(self, name, build):
        return Path(build) / "bench" / self.name / name

    def command_of(self, name, options):
        """The command line of a server: NAME, NAME@OTHER_BUILD, or the path of a program that behaves like one."""
        if "/" in name and "@" not in name:
            command = [name]
        else:
            name, _, other = name.partition("@")
            if name not in self.servers:
                raise Failure(f"no server of {self.name} is called {name}; there are {', '.join(self.servers)}")
            program, *arguments = self.servers[name]
            directory = Path(other or options.build) / "bench" / (self.server_directory or self.name)
            command = [str(directory / program), *arguments]
        if not Path(command[0]).exists():
            raise Failure(f"{command[0]} does not exist: is what it needs installed?")
        return command + self.settings(options)

    def pair_list(self):
        return tuple(self.pairs.split(","))

    def is_built(self, name, options):
        try:
            self.command_of(name, options)
        except Failure:
            return False
        return True


def run_load(program, name, server, connections, options, *more):
    """Puts a load on a running server; gives its line, with the CPU cost of one message."""
    command = [str(program), server.address, "--server-pid", str(server.pid)]
    command += ["--connections", str(connections), "--size", str(options.size)]
    command += ["--in-flight", str(options.in_flight)]
    command += ["--seconds", str(options.seconds), "--warmup", str(options.warmup), *more]
    if options.spin:
        command.append("--spin")
    result = json.loads(run_to_end(command, options.load_core, options.seconds + options.warmup + 30))
    if result["messages"] == 0:
        raise Failure(f"{name} answered nothing in {options.seconds} s")
    result["server_cpu_ns"] = result["server_cpu_s"] * 1e9 / result["messages"]
    result["server_busy"] = result["server_cpu_s"] / result["seconds"]
    result["tail"] = result["p99_us"] / max(result["p50_us"], 0.001)
    return result


class LoadScenario(Scenario):
    """One whose load is called `load` and behaves like that of the echo."""

    def measure(self, name, connections, options):
        with Server(self.command_of(name, options), options.server_core) as server:
            return run_load(self.program("load", options.build), name, server, connections, options)
