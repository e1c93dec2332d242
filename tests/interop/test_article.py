"""The article's pairs, half of each in Python and half in ours: every conversation gives the article's output."""

import ast
import os
import sys

from support import MESSAGE, Case, Outcome, Program, Server, main, needs_inet6

ARTICLE = (sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "article.py"))


class Article(Case):
    def python_server(self, role, family, *where):
        """Gives the server and the name it is bound to."""
        server = Program(self, *ARTICLE, role, family, *where)
        return server, ast.literal_eval(server.line())

    def python_client(self, role, family, *where):
        outcome = Outcome(*ARTICLE, role, family, *map(str, where))
        self.assert_echo(outcome)

    def their_tcp_server(self, family, host):
        server, name = self.python_server("tcp_server", family, host, "0")
        self.assert_echo(self.client("tcp_echo_client", "--host", host, "--port", name[1]))
        code, rest = server.end()
        self.assertEqual(code, 0)
        self.assertRegex(rest[0], rf"^Connected by \('{host}', \d+")
        self.assertEqual(rest[1:], [MESSAGE])

    def their_udp_server(self, family, host):
        server, name = self.python_server("udp_server", family, host, "0")
        self.assert_echo(self.client("udp_echo_client", "--host", host, "--port", name[1]))
        code, rest = server.end()
        self.assertEqual(code, 0)
        self.assertRegex(rest[0], rf"^Received from \('{host}', \d+")
        self.assertEqual(rest[1:], [MESSAGE])

    def our_tcp_server(self, family, host, shown):
        server = Server(self, "tcp_echo_server", "--host", host, "--port", "0")
        self.assertEqual(server.name, f"{shown}:{server.port}")
        self.python_client("tcp_client", family, host, server.port)
        self.python_client("tcp_client", family, host, server.port)
        lines = [server.line() for _ in range(4)] + self.assert_clean_end(server)
        self.assertEqual(len([line for line in lines if line.startswith(shown + ":")]), 4, lines)
        self.assertEqual(len([line for line in lines if line.endswith(" connected")]), 2, lines)
        self.assertEqual(len([line for line in lines if line.endswith(f" left after {len(MESSAGE)} bytes")]), 2, lines)

    def our_udp_server(self, family, host, shown):
        server = Server(self, "udp_echo_server", "--host", host, "--port", "0")
        self.assertEqual(server.name, f"{shown}:{server.port}")
        self.python_client("udp_client", family, host, server.port)
        self.python_client("udp_client", family, host, server.port)
        lines = self.assert_clean_end(server)
        self.assertEqual(len(lines), 2)
        for line in lines:
            self.assertTrue(line.startswith(shown + ":"), line)
            self.assertTrue(line.endswith(f" sent {len(MESSAGE)} bytes"), line)


class Tcp(Article):
    def test_python_client(self):
        self.our_tcp_server("inet", "127.0.0.1", "127.0.0.1")

    @needs_inet6
    def test_python_client_inet6(self):
        self.our_tcp_server("inet6", "::1", "[::1]")

    def test_python_client_by_name_to_any_address(self):
        server = Server(self, "tcp_echo_server", "--host", "", "--port", "0")
        self.assertEqual(server.name, f"0.0.0.0:{server.port}")
        self.python_client("tcp_client", "inet", "localhost", server.port)
        self.assert_clean_end(server)

    def test_python_client_over_a_path(self):
        server = Server(self, "tcp_echo_server", "--unix", self.path())
        self.assertEqual(server.name, "unix:" + self.path())
        self.python_client("tcp_client", "local", self.path())
        self.assert_clean_end(server)

    def test_python_server(self):
        self.their_tcp_server("inet", "127.0.0.1")

    @needs_inet6
    def test_python_server_inet6(self):
        self.their_tcp_server("inet6", "::1")

    def test_python_server_by_the_name_localhost(self):
        server, name = self.python_server("tcp_server", "inet", "127.0.0.1", "0")
        self.assert_echo(self.client("tcp_echo_client", "--port", name[1]))
        self.assertEqual(server.end()[0], 0)

    def test_python_server_over_a_path(self):
        server, name = self.python_server("tcp_server", "local", self.path())
        self.assertEqual(name, self.path())
        self.assert_echo(self.client("tcp_echo_client", "--unix", self.path()))
        code, rest = server.end()
        self.assertEqual((code, rest[1:]), (0, [MESSAGE]))


class Udp(Article):
    def test_python_client(self):
        self.our_udp_server("inet", "127.0.0.1", "127.0.0.1")

    @needs_inet6
    def test_python_client_inet6(self):
        self.our_udp_server("inet6", "::1", "[::1]")

    def test_python_server(self):
        self.their_udp_server("inet", "127.0.0.1")

    @needs_inet6
    def test_python_server_inet6(self):
        self.their_udp_server("inet6", "::1")


class Ours(Case):
    """Both halves ours, for comparison."""

    def test_tcp(self):
        server = Server(self, "tcp_echo_server", "--port", "0")
        self.assert_echo(self.client("tcp_echo_client", "--port", server.port))
        self.assert_clean_end(server)

    def test_unix(self):
        server = Server(self, "tcp_echo_server", "--unix", self.path())
        self.assert_echo(self.client("tcp_echo_client", "--unix", self.path()))
        self.assert_clean_end(server)

    def test_udp(self):
        server = Server(self, "udp_echo_server", "--port", "0")
        self.assert_echo(self.client("udp_echo_client", "--port", server.port))
        self.assert_clean_end(server)


if __name__ == "__main__":
    main()
