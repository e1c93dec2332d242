"""nc (OpenBSD) on the other end: over TCP, UDP and UNIX sockets, as a client of ours and as a server for ours."""

import os
import re
import shutil
import subprocess
import sys

from support import MESSAGE, SKIPPED, Case, Outcome, Program, Server, example, main, needs_inet6


class Client(Case):
    def converse(self, server, *where):
        # -N: when its input ends, it ends its direction of the stream, and leaves when ours has ended too.
        outcome = Outcome("nc", "-N", *where, input=MESSAGE.encode())
        self.assertEqual((outcome.code, outcome.output, outcome.errors), (0, MESSAGE, ""))
        self.assert_clean_end(server)

    def test_tcp(self):
        server = Server(self, "tcp_echo_server", "--port", "0")
        self.converse(server, "127.0.0.1", str(server.port))

    @needs_inet6
    def test_tcp_inet6(self):
        server = Server(self, "tcp_echo_server", "--host", "::1", "--port", "0")
        self.converse(server, "::1", str(server.port))

    def test_unix(self):
        server = Server(self, "tcp_echo_server", "--unix", self.path())
        self.converse(server, "-U", self.path())

    def test_udp(self):
        server = Server(self, "udp_echo_server", "--port", "0")
        # Datagrams have no end: its input stays open until the echo is here.
        nc = Program(self, "nc", "-u", "127.0.0.1", str(server.port), stdin=subprocess.PIPE)
        os.write(nc.process.stdin.fileno(), MESSAGE.encode())
        self.assertEqual(os.read(nc.process.stdout.fileno(), 1024), MESSAGE.encode())
        self.assert_clean_end(server)


class Listener(Case):
    """nc only shows what it receives and sends what it is given: the echo is the test's."""

    def listen(self, *where):
        nc = Program(self, "nc", "-v", "-n", "-l", *where, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        line = nc.process.stderr.readline().decode()
        self.assertRegex(line, "^(Listening|Bound) on ")
        return nc, line.split()[-1]

    def converse(self, nc, name, *arguments):
        client = Program(self, example(name), *arguments)
        heard = os.read(nc.process.stdout.fileno(), 1024)
        self.assertEqual(heard, MESSAGE.encode())
        os.write(nc.process.stdin.fileno(), heard)
        self.assertEqual(client.end(), (0, [MESSAGE]))

    def test_tcp(self):
        nc, port = self.listen("127.0.0.1", "0")
        self.converse(nc, "tcp_echo_client", "--port", port)

    @needs_inet6
    def test_tcp_inet6(self):
        nc, port = self.listen("::1", "0")
        self.converse(nc, "tcp_echo_client", "--host", "::1", "--port", port)

    def test_unix(self):
        nc, _ = self.listen("-U", self.path())
        # It says where it is bound before it listens, and only then that it does.
        self.assertRegex(nc.process.stderr.readline().decode(), "^Listening on ")
        self.converse(nc, "tcp_echo_client", "--unix", self.path())

    def test_udp(self):
        nc, port = self.listen("-u", "127.0.0.1", "0")
        self.converse(nc, "udp_echo_client", "--port", port)


if __name__ == "__main__":
    if shutil.which("nc") is not None and "OpenBSD" not in Outcome("nc", "-h").errors:
        print("skipped: this nc is another one than OpenBSD's")
        sys.exit(SKIPPED)
    main(needed="nc")
