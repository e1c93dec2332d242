"""socat on the other end: over TCP, UDP and UNIX sockets, as a client of ours and as a server for ours."""

import os
import re
import socket
import subprocess

from support import MESSAGE, Case, Outcome, Program, Server, main, needs_inet6


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Client(Case):
    def converse(self, server, address):
        # Its input ends, so it ends its direction of the stream, and leaves when ours has ended too.
        outcome = Outcome("socat", "-t", "10", "-", address, input=MESSAGE.encode())
        self.assertEqual((outcome.code, outcome.output, outcome.errors), (0, MESSAGE, ""))
        self.assert_clean_end(server)

    def test_tcp(self):
        server = Server(self, "tcp_echo_server", "--port", "0")
        self.converse(server, f"TCP:127.0.0.1:{server.port}")

    @needs_inet6
    def test_tcp_inet6(self):
        server = Server(self, "tcp_echo_server", "--host", "::1", "--port", "0")
        self.converse(server, f"TCP6:[::1]:{server.port}")

    def test_unix(self):
        server = Server(self, "tcp_echo_server", "--unix", self.path())
        self.converse(server, "UNIX-CONNECT:" + self.path())

    def test_udp(self):
        server = Server(self, "udp_echo_server", "--port", "0")
        # Datagrams have no end: its input stays open until the echo is here.
        socat = Program(self, "socat", "-", f"UDP:127.0.0.1:{server.port}", stdin=subprocess.PIPE)
        os.write(socat.process.stdin.fileno(), MESSAGE.encode())
        self.assertEqual(os.read(socat.process.stdout.fileno(), 1024), MESSAGE.encode())
        self.assert_clean_end(server)


class Listener(Case):
    def listen(self, address):
        """A socat that echoes. Gives it and what it says about where it listens."""
        socat = Program(self, "socat", "-d", "-d", address, "PIPE", stderr=subprocess.PIPE)
        said = []
        while line := socat.process.stderr.readline().decode():
            if found := re.search(r" (?:listening|receiving) on (.*)", line):
                return socat, found[1]
            said.append(line)
        return None, "".join(said)

    def test_tcp(self):
        _, where = self.listen("TCP-LISTEN:0,bind=127.0.0.1")
        port = re.search(r":(\d+)$", where)[1]
        self.assert_echo(self.client("tcp_echo_client", "--port", port))

    @needs_inet6
    def test_tcp_inet6(self):
        _, where = self.listen("TCP6-LISTEN:0,bind=[::1]")
        port = re.search(r":(\d+)$", where)[1]
        self.assert_echo(self.client("tcp_echo_client", "--host", "::1", "--port", port))

    def test_unix(self):
        socat, said = self.listen("UNIX-LISTEN:" + self.path())
        self.assertIsNotNone(socat, said)
        self.assert_echo(self.client("tcp_echo_client", "--unix", self.path()))

    def test_udp(self):
        # It does not tell which port it was given, so it is told one. Somebody else may be faster: try again then.
        for _ in range(10):
            port = free_udp_port()
            socat, said = self.listen(f"UDP-RECVFROM:{port},bind=127.0.0.1")
            if socat is not None:
                break
        self.assertIsNotNone(socat, said)
        self.assert_echo(self.client("udp_echo_client", "--port", port))


if __name__ == "__main__":
    main(needed="socat")
