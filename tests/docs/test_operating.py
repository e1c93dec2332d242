"""The commands of docs/operating.md do what the page says.

Each `console` block is run. A line that begins with `$ ` is a command for the one shell of the block. The lines below it are
what is printed until the next one, by the command and by what runs in the background; `…` stands for anything in its line,
and alone in a line for any lines. How wide a blank is makes no difference. A command below which nothing stands must succeed.
A comment in front of a block says

    <!-- needs: PROGRAM… -->    it is skipped where a program is missing; so are `io_uring`, which stands for the backend,
                                and `refused_io_uring`, for deny_io_uring
    <!-- not run: WHY -->       it is only shown
    <!-- file: NAME -->         the block, of whatever language, is a file where the commands are run

With COAX_TESTS_REQUIRE=tools a program that `scripts/setup checks` installs must not be missing. Ports are other ones here,
the build directory is `build`, and /usr/local/bin/lines is the server of the guide.
"""

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
import unittest
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("COAX_EXPECTED", "automatic")
os.environ.setdefault("COAX_EXAMPLES", os.environ["COAX_BUILD"])

from support import LIMIT, Case, can_have  # noqa: E402

PAGE = Path(os.environ["COAX_PAGE"])
BUILD = Path(os.environ["COAX_BUILD"])
SETUP = Path(os.environ["COAX_SETUP"])
REQUIRED = os.environ.get("COAX_TESTS_REQUIRE") == "tools"

PORTS = ("50007", "50008", "50009")
BEST = "(io_uring, the best one here)"
PATH = os.environ["PATH"] + os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"
# What stands in for a file that comes with a container engine.
STAND_INS = {
    "default.json": '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}'
}


@dataclass
class Block:
    """A fenced block of the page."""

    line: int
    language: str
    heading: str
    text: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    file: str = ""
    not_run: str = ""

    def steps(self):
        """Pairs of a command and the lines that it is to print."""
        found = []
        lines = iter(self.text)
        for line in lines:
            if line.startswith("$ "):
                command = line[2:]
                while command.endswith("\\"):
                    command = command[:-1] + next(lines).strip()
                found.append((command, []))
            elif found:
                found[-1][1].append(line)
            else:
                raise ValueError(f"line {self.line}: a console block begins with a command")
        return found


def read_page():
    blocks, block, heading, said = [], None, "", {}
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), 1):
        if block is not None:
            if line == "```":
                block = None
            else:
                block.text.append(line)
        elif line.startswith("```"):
            block = Block(number, line[3:], heading)
            block.needs = said.get("needs", "").split()
            block.file = said.get("file", "")
            block.not_run = said.get("not run", "")
            blocks.append(block)
            said = {}
        elif comment := re.fullmatch(r"<!-- (needs|file|not run): (.+) -->", line):
            said[comment[1]] = comment[2]
        elif said:
            raise ValueError(f"line {number}: no block follows the comment")
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return blocks


BLOCKS = read_page()


def installed_for_checks(program):
    return f'"have {program}"' in SETUP.read_text(encoding="utf-8")


def is_there(name):
    if name == "io_uring":
        return can_have("io_uring")
    if name == "refused_io_uring":
        return (BUILD / "tests/deny_io_uring").exists()
    return shutil.which(name, path=PATH) is not None


def free_ports():
    """As many ports as the page names, free at this moment."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    ports = [str(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def spaced(line):
    """With one blank in the place of any: columns are as wide as what is in them."""
    return re.sub(r"\s+", " ", line).strip()


def pattern(line, exactly):
    text = re.escape(spaced(line)).replace("…", ".*")
    if not exactly:
        text = text.replace(re.escape(BEST), r"\(\w+, .+\)")
    return re.compile(text)


def matches(expected, lines, ordered):
    """Whether these are the lines that were expected."""
    if not expected:
        return not lines
    if expected[0].pattern == ".*":
        return any(matches(expected[1:], lines[skipped:], ordered) for skipped in range(len(lines) + 1))
    for index, line in enumerate(lines[:1] if ordered else lines):
        if expected[0].fullmatch(line) and matches(expected[1:], lines[:index] + lines[index + 1 :], ordered):
            return True
    return False


class Shell:
    """One shell, which is told commands and asked what was printed meanwhile."""

    def __init__(self, directory):
        ours = re.compile("COAX_|LISTEN_|LC_|LANG")
        environment = {name: value for name, value in os.environ.items() if not ours.match(name)}
        environment |= {"LC_ALL": "C.UTF-8", "PATH": PATH}
        self.directory = Path(directory)
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # whatever it leaves in the background ends with its group
        )
        self.printed = b""
        self.asked = 0

    def end(self):
        for daemon in self.directory.glob("*.pid"):  # has a session of its own
            try:
                os.kill(int(daemon.read_text()), signal.SIGKILL)
            except (ProcessLookupError, ValueError):
                pass
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def run(self, command, expected, ordered):
        """Gives the exit code, the lines, and whether they are the expected ones, for which it waits a while."""
        self.asked += 1
        # The commands read nothing of what is meant for the shell.
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\036{self.asked} %d\\036' $?\n".encode())
        self.process.stdin.flush()
        mark = re.compile(rb"\x1e%d (\d+)\x1e" % self.asked)
        until = time.monotonic() + LIMIT / 2
        while True:
            found = mark.search(self.printed)
            lines = [spaced(line) for line in mark.sub(b"", self.printed).decode().splitlines()]
            if found and matches(expected, lines, ordered):
                self.printed = b""
                return int(found[1]), lines, True
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not more:
                return int(found[1]) if found else None, lines, False
            self.printed += more


class Operating(Case):
    """A test for each block is added below."""

    def files(self, replaced):
        for name, text in STAND_INS.items():
            Path(self.path(name)).write_text(text, encoding="utf-8")
        for block in BLOCKS:
            if block.file:
                Path(self.path(block.file)).write_text(replaced("\n".join(block.text)) + "\n", encoding="utf-8")
        if not os.path.lexists(self.path("build")):
            os.symlink(BUILD, self.path("build"))

    def attempt(self, block):
        """Nothing if all went well, otherwise what did not."""
        others = dict(zip(PORTS, free_ports())) | {"/usr/local/bin/lines": str(BUILD / "tests/docs/guide-server")}

        def replaced(text):
            for ours, theirs in others.items():
                text = text.replace(ours, theirs)
            return text

        self.files(replaced)
        shell = Shell(self.directory)
        background = False
        try:
            for command, lines in block.steps():
                expected = [pattern(replaced(line), "io_uring" in block.needs) for line in lines]
                background = background or command.endswith(" &")
                code, printed, right = shell.run(replaced(command), expected, not background)
                if not right or (not lines and code != 0):
                    where = f"{PAGE.name}, block at line {block.line}: $ {command}"
                    return "\n".join([where, f"exit code {code}, printed:", *printed])
        finally:
            shell.end()
        return None

    def run_block(self, block):
        missing = [name for name in block.needs if not is_there(name)]
        for name in missing:
            if REQUIRED and (installed_for_checks(name) or name in os.environ["COAX_BACKENDS"].split()):
                self.fail(f"there is no {name}, and scripts/setup checks installs it")
        if missing:
            self.skipTest("there is no " + ", no ".join(missing))
        for _ in range(10):  # somebody else may have been faster to take a port
            failure = self.attempt(block)
            if failure is None or "in use" not in failure:
                break
        if failure is not None:
            self.fail(failure)

    def test_json(self):
        for block in BLOCKS:
            if block.language == "json":
                json.loads("\n".join(block.text))

    def test_some_are_run(self):
        runnable = [block for block in BLOCKS if block.language == "console" and not block.not_run]
        self.assertGreater(len(runnable), 5)


def add(block):
    name = re.sub(r"\W+", "_", block.heading.lower()).strip("_")
    setattr(Operating, f"test_line_{block.line:03}_{name}", lambda self: self.run_block(block))


for each in BLOCKS:
    if each.language == "console" and not each.not_run:
        add(each)

if __name__ == "__main__":
    unittest.main(verbosity=2)
