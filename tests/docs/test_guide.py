"""The programs of docs/guide.md do what the guide says."""

import os
import re
import signal
import socket
import subprocess
import unittest

PROGRAMS = os.environ["COAX_PROGRAMS"]
# The helpers of the interoperability tests want to know where programs are.
os.environ.setdefault("COAX_EXAMPLES", PROGRAMS)

from support import BACKEND, LIMIT, Case, Outcome, Program, connect, main  # noqa: E402


def program(name):
    return os.path.join(PROGRAMS, "guide-" + name)


class Lines(Program):
    """The production server: what it says is on its standard error."""

    def __init__(self, test, *arguments):
        super().__init__(test, program("server"), *arguments, stdout=None, stderr=subprocess.PIPE)
        self.listening = [self.said() for _ in range(int(arguments[1]) if len(arguments) > 1 else 1)]
        for line in self.listening:
            test.assertRegex(line, rf"^listening on .+ \({BACKEND}, .+\)$")
        port = re.search(r":(\d+) \(", self.listening[0])
        self.port = int(port[1]) if port else None

    def said(self):
        return self.process.stderr.readline().decode().rstrip("\n")

    def end(self):
        self.signal(signal.SIGTERM)
        rest = self.process.stderr.read().decode().splitlines()
        return self.process.wait(), rest


class Server(Case):
    def converse(self, conn, text="hello"):
        conn.sendall(text.encode() + b"\n")
        reply = conn.makefile("rb").readline().decode()
        self.assertEqual(reply, f"{len(text)} {text}\n")

    def test_one_thread(self):
        server = Lines(self, "127.0.0.1:0")
        with connect(server) as conn:
            self.converse(conn)
        self.assertEqual(server.end(), (0, []))

    def test_threads_share_the_port(self):
        server = Lines(self, "127.0.0.1:0", "3")
        self.assertEqual(len({line.split()[2] for line in server.listening}), 1)
        for _ in range(20):
            with connect(server) as conn:
                self.converse(conn)
        self.assertEqual(server.end(), (0, []))

    def test_any_address(self):
        server = Lines(self, ":0")
        with connect(server) as conn:
            self.converse(conn)
        self.assertEqual(server.end(), (0, []))

    def test_it_drains(self):
        server = Lines(self, "127.0.0.1:0")
        with connect(server) as conn:
            self.converse(conn)
            self.assertEqual(server.end(), (0, []))  # long before the drain_timeout
            self.assertEqual(conn.recv(100), b"")

    def test_path(self):
        server = Lines(self, "unix:" + self.path())
        self.assertEqual(os.stat(self.path()).st_mode & 0o777, 0o600)
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(LIMIT / 2)
            conn.connect(self.path())
            self.converse(conn)
        self.assertEqual(server.end(), (0, []))
        self.assertFalse(os.path.exists(self.path()))

    def test_address_in_use(self):
        server = Lines(self, "127.0.0.1:0")
        second = Outcome(program("server"), f"127.0.0.1:{server.port}")
        self.assertEqual(second.code, 1)
        self.assertRegex(second.errors, r"^create_server 127\.0\.0\.1:\d+: Address already in use\n$")

    def test_proxy(self):
        for at in ("127.0.0.1:0", ":0"):
            with self.subTest(at):
                server = Lines(self, at, "1", "proxy")
                with connect(server) as conn:
                    conn.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 50008\r\n")
                    self.converse(conn)
                with connect(server) as conn:
                    conn.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 50008\r\n" + 2000 * b"x")
                    self.assertRegex(server.said(), r"^192\.0\.2\.7:40000: ")
                with connect(server) as conn:
                    conn.sendall(b"no header\n")
                    self.assertRegex(server.said(), r"127\.0\.0\.1.*PROXY")
                self.assertEqual(server.end(), (0, []))

    def test_client(self):
        server = Lines(self, "127.0.0.1:0")
        outcome = Outcome(program("client"), "127.0.0.1", str(server.port), "hello world")
        self.assertEqual((outcome.code, outcome.output, outcome.errors), (0, "11 hello world\n", ""))


class Others(Case):
    def test_client_gives_up(self):
        with socket.socket() as unused:  # bound, so that nobody else listens there
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            outcome = Outcome(program("client"), "127.0.0.1", str(port), "hello")
        self.assertEqual((outcome.code, outcome.output), (1, ""))
        self.assertEqual(outcome.errors.splitlines()[-1], f"127.0.0.1:{port}: Connection refused")
        self.assertEqual(len(outcome.errors.splitlines()), 5)

    def test_udp_echo(self):
        server = Program(self, program("udp_echo"), "127.0.0.1:0")
        port = int(re.fullmatch(r"bound to 127\.0\.0\.1:(\d+)", server.line())[1])
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(LIMIT / 2)
            for data in (b"hello", b"", bytes(20000)):
                sock.sendto(data, ("127.0.0.1", port))
                self.assertEqual(sock.recv(65535), data)

    def test_the_tests(self):
        outcome = Outcome(program("test"))
        self.assertEqual((outcome.code, outcome.output, outcome.errors), (0, "", ""))


if __name__ == "__main__":
    main()
