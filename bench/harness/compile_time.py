"""How long the compiler takes for the same echo server in coax and in asio."""

import json
import os
import shlex
import subprocess
import tempfile
import time
from pathlib import Path

from .processes import Failure
from .statistics import Spread
from .table import render

DIRECTORY = Path(__file__).resolve().parent.parent / "compile_time"
UNITS = ("coax_echo", "asio_echo")


def _include_options(unit, build):
    """The include directories and definitions of the build for this unit: it knows where generated headers lie."""
    source = DIRECTORY / f"{unit}.cpp"
    for entry in json.loads((build / "compile_commands.json").read_text()):
        directory = Path(entry["directory"])
        if (directory / entry["file"]).resolve() != source:
            continue
        options = []
        for word in shlex.split(entry["command"]):
            if word.startswith("-I"):
                options.append(f"-I{(directory / word[2:]).resolve()}")
            elif word.startswith("-isystem") and len(word) > len("-isystem"):
                options += ["-isystem", str((directory / word[len("-isystem"):]).resolve())]
            elif word.startswith("-D"):
                options.append(word)
        return options
    raise Failure(f"{build} does not build {source.name}: is what it needs installed?")


def _compile(command):
    """Wall and CPU seconds of one run of the compiler."""
    start = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, "CCACHE_DISABLE": "1"})
    try:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise Failure(f"the compiler failed: {shlex.join(command)}")
    return {"wall": time.monotonic() - start, "cpu": usage.ru_utime + usage.ru_stime}


def compare(compiler, build, rounds):
    """Compiles both units in the order A B, B A, …; prints medians and ratios; gives all times."""
    with tempfile.TemporaryDirectory() as scratch:
        commands = {
            unit: [compiler, "-std=c++20", "-O2", "-c", *_include_options(unit, build), str(DIRECTORY / f"{unit}.cpp")]
            + ["-o", str(Path(scratch) / f"{unit}.o")]
            for unit in UNITS
        }
        for unit in UNITS:
            _compile(commands[unit])  # the first run reads the headers from the disk
        times = []
        for index in range(rounds):
            order = UNITS if index % 2 == 0 else UNITS[::-1]
            done = {unit: _compile(commands[unit]) for unit in order}
            times.append([done[unit] for unit in UNITS])

    rows = []
    for kind in ("wall", "cpu"):
        medians = [Spread([pair[side][kind] for pair in times]).median for side in (0, 1)]
        ratio = Spread([pair[0][kind] / pair[1][kind] for pair in times])
        rows.append([kind, *(f"{value:.2f}" for value in medians), str(ratio)])
    print(f"\n### compile time, {compiler} -std=c++20 -O2 -c, {rounds} pairs\n")
    print(render(["seconds", *UNITS, "ratio"], rows), flush=True)
    return {"compiler": compiler, "units": UNITS, "pairs": times}
