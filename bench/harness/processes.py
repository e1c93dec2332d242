"""Starts what is measured, each on its own core, and sees to it that nothing outlives the benchmark."""

import os
import resource
import select
import subprocess
import time
from pathlib import Path

START_LIMIT = 10  # seconds for a server to say where it listens
END_LIMIT = 10  # seconds for a server to end by itself


class Failure(Exception):
    """A run that gives no result; the text says why."""


class Unavailable(Exception):
    """What a scenario needs is not to be had on this machine."""


def raise_descriptor_limit():
    """Thousands of connections need thousands of descriptors; the children inherit the limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def choose_cores():
    """A core for the server and one for the load: not two threads of one core where that can be helped."""
    usable = sorted(os.sched_getaffinity(0))
    server = usable[0]
    path = Path(f"/sys/devices/system/cpu/cpu{server}/topology/thread_siblings_list")
    try:
        siblings = _parse_cpu_list(path.read_text())
    except OSError:
        siblings = {server}
    others = [cpu for cpu in usable if cpu not in siblings] or usable[1:] or [server]
    return server, others[0]


def _parse_cpu_list(text):
    cpus = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return cpus


class Server:
    """A running server; as a context manager it is gone, whatever happened, when the block is left.

    Its standard input is a pipe from here, and servers end when that closes: even a killed benchmark leaves none.
    """

    def __init__(self, command, core):
        self._name = Path(command[0]).name
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        try:
            self.address = self._read_address()
        except BaseException:
            self._kill()
            raise

    @property
    def pid(self):
        return self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        try:
            status = self._close()
        except Failure as failure:
            raise failure from value
        finally:
            self._kill()
        if status != 0 and kind is None:
            raise Failure(f"{self._name} ended with status {status}")

    def end(self):
        """Has it end; gives what it wrote after its first line."""
        self._close()
        return self._process.stdout.read().decode()

    def _close(self):
        self._process.stdin.close()
        try:
            return self._process.wait(END_LIMIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self._name} did not end when its standard input closed") from None

    def _read_address(self):
        line = b""
        limit = time.monotonic() + START_LIMIT
        while not line.endswith(b"\n"):
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise Failure(f"{self._name} does not say where it listens")
            piece = os.read(self._process.stdout.fileno(), 4096)
            if not piece:
                raise Failure(f"{self._name} ended before it listened, status {self._process.wait(END_LIMIT)}")
            line += piece
        words = line.decode().split()
        if words[:2] != ["listening", "on"] or len(words) < 3:
            raise Failure(f"{self._name} does not say where it listens: {line!r}")
        return words[2]

    def _kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


def run_to_end(command, core, limit):
    """Runs a command on a core and gives what it wrote to standard output; it is killed after `limit` seconds."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=limit,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"{name} was still running after {limit:.0f} s") from None
    if done.returncode != 0:
        raise Failure(f"{name} ended with status {done.returncode}")
    return done.stdout.decode()
