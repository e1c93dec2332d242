"""haproxy in front of the echo server: it says whose connection it passes on, in each form that it knows."""

import os
import socket
import subprocess

from support import MESSAGE, Case, Program, Server, main, needs_inet6

CONFIGURATION = """
global
    log stderr local0 warning
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
listen front
    bind {bind}
    server back {server} {options}
"""

FORMS = {
    "version 1": "send-proxy",
    "version 2": "send-proxy-v2",
    "version 2 with extensions": "send-proxy-v2 proxy-v2-options crc32c,unique-id",
}


class Haproxy(Case):
    def proxy(self, bind, server, options, files=()):
        """Starts a haproxy that has its listening socket already, so that nobody has to wait for it."""
        with open(self.path("haproxy.cfg"), "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(bind=bind, server=server, options=options))
        return Program(self, "haproxy", "-db", "-q", "-f", file.name, pass_fds=files, stderr=subprocess.DEVNULL)

    def converse(self, client):
        """The message there and back, and the end of the stream."""
        client.settimeout(10)
        client.sendall(MESSAGE.encode())
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(client.makefile("rb").read(), MESSAGE.encode())

    def pass_on(self, family, host, server, name, options):
        """Talks to the server through the proxy; the server has to know who it was."""
        with socket.create_server((host, 0), family=family) as front:
            self.proxy(f"fd@{front.fileno()}", name, options, [front.fileno()])
            with socket.create_connection(front.getsockname()[:2]) as client:
                self.converse(client)
                port = client.getsockname()[1]
        shown = f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
        self.assertEqual(server.line(), shown + " connected")
        self.assertEqual(server.line(), f"{shown} left after {len(MESSAGE)} bytes")

    def test_tcp(self):
        server = Server(self, "tcp_echo_server", "--port", "0", "--proxy")
        for name, options in FORMS.items():
            with self.subTest(name):
                self.pass_on(socket.AF_INET, "127.0.0.1", server, f"127.0.0.1:{server.port}", options)
        self.assert_clean_end(server)

    @needs_inet6
    def test_tcp_inet6(self):
        server = Server(self, "tcp_echo_server", "--port", "0", "--proxy")
        for name, options in FORMS.items():
            with self.subTest(name):
                self.pass_on(socket.AF_INET6, "::1", server, f"127.0.0.1:{server.port}", options)
        self.assert_clean_end(server)

    def test_unix_server(self):
        server = Server(self, "tcp_echo_server", "--unix", self.path(), "--proxy")
        for name, options in FORMS.items():
            with self.subTest(name):
                self.pass_on(socket.AF_INET, "127.0.0.1", server, "unix@" + self.path(), options)
        self.assert_clean_end(server)

    def test_unix_client(self):
        # It has no name that could be passed on: the header says so, and the peer is haproxy.
        server = Server(self, "tcp_echo_server", "--port", "0", "--proxy")
        for name, options in FORMS.items():
            with self.subTest(name), socket.socket(socket.AF_UNIX) as front, socket.socket(socket.AF_UNIX) as client:
                path = self.path(name)
                front.bind(path)
                front.listen()
                self.proxy(f"fd@{front.fileno()}", f"127.0.0.1:{server.port}", options, [front.fileno()])
                client.connect(path)
                self.converse(client)
                self.assertRegex(server.line(), r"^127\.0\.0\.1:\d+ connected$")
                self.assertRegex(server.line(), r" left after 12 bytes$")
        self.assert_clean_end(server)

    def test_health_check(self):
        # haproxy speaks for itself, with LOCAL, says nothing more, and leaves with a reset, which may be faster than the server: then the
        # peer has no name any more, or its header is lost, and the next check comes soon.
        server = Server(self, "tcp_echo_server", "--port", "0", "--proxy")
        with socket.create_server(("127.0.0.1", 0)) as front:
            self.proxy(
                f"fd@{front.fileno()}",
                f"127.0.0.1:{server.port}",
                "send-proxy-v2 check check-send-proxy inter 50ms",
                [front.fileno()],
            )
            while not (line := server.line()).endswith(" connected"):
                self.assertNotRegex(line, r"\A\Z|no PROXY protocol header")
            self.assertRegex(line, r"^(127\.0\.0\.1:\d+|unnamed) connected$")

    def test_nobody_else(self):
        server = Server(self, "tcp_echo_server", "--port", "0", "--proxy")
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.settimeout(10)
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            try:
                self.assertEqual(client.recv(100), b"")
            except ConnectionResetError:
                pass  # there was something that it has not read
        self.assert_clean_end(server)


if __name__ == "__main__":
    # Some systems have it where only the administrator looks.
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    main(needed="haproxy")
