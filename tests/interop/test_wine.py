"""The echo programs for Windows, run by Wine: with each other, and with the article's programs on this machine."""

import ast
import os
import re
import signal
import sys
import unittest

from support import MESSAGE, Case, Outcome, Program, connect, example

WINE = os.environ.get("MESON_EXE_WRAPPER", "wine").split()
ARTICLE = (sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "article.py"))
PATIENCE = 120  # seconds for one test: the first program waits until Wine has started


class Windows(Case):
    def setUp(self):
        super().setUp()
        signal.alarm(PATIENCE)

    def server(self, name):
        """Gives the program, and the port on which it listens."""
        program = Program(self, *WINE, example(name + ".exe"), "--port", "0")
        line = program.line().rstrip("\r")
        found = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+) \(poll\)", line)
        self.assertIsNotNone(found, f"{name} says {line!r}")
        return program, found[1]

    def client(self, name, *arguments):
        return Outcome(*WINE, example(name + ".exe"), *arguments)

    def assert_echo(self, outcome, message=MESSAGE):
        self.assertEqual((outcome.code, outcome.errors), (0, ""))
        self.assertEqual(outcome.output.splitlines(), [message])

    def our_pair(self, protocol):
        _, port = self.server(protocol + "_echo_server")
        for message in (MESSAGE, "again"):
            self.assert_echo(self.client(protocol + "_echo_client", "--port", port, message), message)

    def their_client(self, protocol):
        _, port = self.server(protocol + "_echo_server")
        self.assert_echo(Outcome(*ARTICLE, protocol + "_client", "inet", "127.0.0.1", port))

    def their_server(self, protocol):
        server = Program(self, *ARTICLE, protocol + "_server", "inet", "127.0.0.1", "0")
        port = str(ast.literal_eval(server.line())[1])
        self.assert_echo(self.client(protocol + "_echo_client", "--port", port))

    def test_tcp(self):
        self.our_pair("tcp")

    def test_udp(self):
        self.our_pair("udp")

    def test_tcp_with_a_client_of_this_machine(self):
        self.their_client("tcp")

    def test_udp_with_a_client_of_this_machine(self):
        self.their_client("udp")

    def test_tcp_with_a_server_of_this_machine(self):
        self.their_server("tcp")

    def test_udp_with_a_server_of_this_machine(self):
        self.their_server("udp")

    def test_many_peers_at_once(self):
        server, port = self.server("tcp_echo_server")
        server.port = int(port)
        peers = [connect(server) for _ in range(50)]
        for number, peer in enumerate(peers):
            peer.sendall(b"%d" % number * 1000)
        for number, peer in enumerate(peers):
            expected = b"%d" % number * 1000
            heard = b""
            while len(heard) < len(expected):
                heard += peer.recv(65536)
            self.assertEqual(heard, expected)
            peer.close()

    def test_a_server_that_is_not_there(self):
        server, port = self.server("udp_echo_server")  # nobody listens there for streams
        outcome = self.client("tcp_echo_client", "--port", port)
        self.assertEqual((outcome.code, outcome.output), (1, ""))
        self.assertRegex(outcome.errors, r"\A[^\n]*127\.0\.0\.1:" + port + r"[^\n]*refused[^\n]*\n\Z")


if __name__ == "__main__":
    unittest.main(verbosity=2)
