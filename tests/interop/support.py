"""What the interoperability tests share: starting programs, reading their lines, and never waiting for ever.

Nothing here sleeps: a server is ready when it has printed its line, and whatever hangs is ended by an alarm.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

SKIPPED = 77  # what meson takes for "skipped"
LIMIT = 20  # seconds for one test; a test needs milliseconds

BACKEND = os.environ["COAX_EXPECTED"]  # the one that is to run, by whatever means it was chosen
EXAMPLES = os.environ["COAX_EXAMPLES"]

MESSAGE = "Hello, world"


def example(name):
    return os.path.join(EXAMPLES, name)


class Program:
    """A program that runs beside the test: ended with it, and to be read line by line."""

    def __init__(self, test, *command, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options}
        self.process = subprocess.Popen(command, **options)
        test.addCleanup(self._clean_up)

    def _clean_up(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def line(self):
        """The next line of its standard output, without its end; "" when there is no more."""
        return self.process.stdout.readline().decode().rstrip("\n")

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """Waits for its end. Gives its exit code and the rest of its output in lines."""
        rest = self.process.stdout.read().decode().splitlines()
        return self.process.wait(), rest


class Server(Program):
    """One of the servers among the examples, listening."""

    def __init__(self, test, name, *arguments, backend=BACKEND, env=None):
        super().__init__(test, example(name), *arguments, env=env)
        line = self.line()
        found = re.fullmatch(r"listening on (.+) \((\w+)\)", line)
        test.assertIsNotNone(found, f"{name} says {line!r}")
        test.assertEqual(found[2], backend)
        self.name = found[1]
        port = re.search(r":(\d+)$", self.name)
        self.port = int(port[1]) if port else None

    def stop(self, number=signal.SIGTERM):
        self.signal(number)
        return self.end()


class Outcome:
    """What a program that ran to its end has left."""

    def __init__(self, *command, **options):
        done = subprocess.run(command, capture_output=True, timeout=LIMIT, **options)
        self.code = done.returncode
        self.output = done.stdout.decode()
        self.errors = done.stderr.decode()


class Case(unittest.TestCase):
    """A test that ends in time and has a directory of its own."""

    def setUp(self):
        def too_late(number, frame):
            raise TimeoutError(f"not done after {LIMIT} seconds")

        signal.signal(signal.SIGALRM, too_late)
        signal.alarm(LIMIT)
        self.addCleanup(signal.alarm, 0)
        # A UNIX path has about a hundred bytes of room, so the directory is not one below the build's.
        self.directory = tempfile.mkdtemp(prefix="coax")
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name="s"):
        return os.path.join(self.directory, name)

    def client(self, name, *arguments):
        """Runs one of the two echo clients to its end."""
        return Outcome(example(name), *map(str, arguments))

    def assert_echo(self, outcome, message=MESSAGE):
        self.assertEqual((outcome.code, outcome.errors), (0, ""))
        self.assertEqual(outcome.output, message + "\n")

    def assert_failure(self, outcome, reason):
        """Exit code 1, and one line about it on standard error."""
        self.assertEqual((outcome.code, outcome.output), (1, ""), outcome.errors)
        self.assertRegex(outcome.errors, r"\A[^\n]*" + reason + r"[^\n]*\n\Z")

    def assert_options(self, name, *needed):
        """What every server promises: mistakes are one line, and so is an address that is taken."""
        for arguments in (["--nonsense"], ["--backend", "iocp"], ["--port"], ["--port", "70000"], ["--host", "1.2.3"]):
            with self.subTest(arguments):
                self.assert_failure(self.client(name, *needed, *arguments), re.escape(f"{name}: "))
        server = Server(self, name, *needed, "--port", "0")
        second = self.client(name, *needed, "--port", server.port)
        self.assert_failure(second, f"{name}: .*[Aa]ddress .*in use")
        self.assert_clean_end(server)

    def assert_signals(self, name, *arguments):
        """Either signal ends it well, right after its first line, and with a peer connected that says nothing."""
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                self.assertEqual(Server(self, name, "--port", "0", *arguments).stop(number), (0, []))
                server = Server(self, name, "--port", "0", *arguments)
                with connect(server):
                    self.assertEqual(server.stop(number)[0], 0)

    def assert_clean_end(self, server):
        code, rest = server.stop()
        self.assertEqual(code, 0)
        return rest


def have_inet6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def needs(program):
    """For a test that has nothing to do without this program."""
    return unittest.skipUnless(shutil.which(program), f"there is no {program}")


needs_inet6 = unittest.skipUnless(have_inet6(), "this machine has no [::1]")


def connect(server):
    """A connection to a server, by its port or its path."""
    if server.port is not None:
        conn = socket.create_connection(("127.0.0.1", server.port))
    else:
        conn = socket.socket(socket.AF_UNIX)
        conn.connect(server.name.removeprefix("unix:"))
    conn.settimeout(LIMIT / 2)
    return conn


def can_have(backend):
    """Whether the programs can run on this backend here."""
    return Outcome(os.environ["COAX_EXPECT_BACKEND"], backend, env=os.environ | {"COAX_BACKEND": backend}).code == 0


def main(needed=None):
    """Runs the tests of the calling file. `needed` names a program without which there is nothing to do."""
    if needed is not None and shutil.which(needed) is None:
        print(f"skipped: there is no {needed}")
        sys.exit(SKIPPED)
    # A machine may refuse io_uring; COAX_TESTS_REQUIRE says that this one has what it takes.
    usable = Outcome(os.environ["COAX_EXPECT_BACKEND"], BACKEND)
    if usable.code != 0:
        print(f"{BACKEND} is not to be had here: {usable.output}{usable.errors}", end="")
        sys.exit(SKIPPED if BACKEND == "io_uring" and "COAX_TESTS_REQUIRE" not in os.environ else 1)
    unittest.main(verbosity=2)
