"""What the example programs promise: their options, their lines, their exit codes, and that no peer can end a server."""

import os
import re
import resource
import signal
import socket
import struct
import unittest

from support import BACKEND, MESSAGE, Case, Program, Server, can_have, example, main


def connect(port):
    conn = socket.create_connection(("127.0.0.1", port))
    conn.settimeout(10)
    return conn


def exchange(conn, message):
    conn.sendall(message)
    echo = b""
    while len(echo) < len(message):
        data = conn.recv(len(message) - len(echo))
        if not data:
            break
        echo += data
    return echo


class TcpServer(Case):
    def start(self, *arguments):
        return Server(self, "tcp_echo_server", "--port", "0", *arguments)

    def test_serves_many_peers_at_once(self):
        server = self.start()
        peers = [connect(server.port) for _ in range(100)]
        # The last to come is the first to be served: nobody waits for anybody else.
        for number, conn in reversed(list(enumerate(peers))):
            message = b"%d" % number * 5000
            self.assertEqual(exchange(conn, message), message)
        for conn in peers:
            conn.close()
        lines = [server.line() for _ in range(200)]
        self.assertEqual(self.assert_clean_end(server), [])
        self.assertEqual(len([line for line in lines if line.endswith(" connected")]), 100)

    def test_prints_each_peer_as_it_comes_and_goes(self):
        server = self.start()
        with connect(server.port) as conn:
            peer = "%s:%d" % conn.getsockname()
            self.assertEqual(server.line(), f"{peer} connected")
            exchange(conn, b"four")
        self.assertEqual(server.line(), f"{peer} left after 4 bytes")
        self.assert_clean_end(server)

    def test_echoes_until_the_peer_has_no_more_to_say(self):
        server = self.start()
        with connect(server.port) as conn:
            conn.sendall(b"half")
            conn.shutdown(socket.SHUT_WR)
            self.assertEqual(conn.recv(100, socket.MSG_WAITALL), b"half")
        self.assert_clean_end(server)

    def test_survives_a_reset(self):
        server = self.start()
        conn = connect(server.port)
        self.assertTrue(server.line().endswith(" connected"))
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()
        self.assertRegex(server.line(), r" lost: .*[Rr]eset")
        with connect(server.port) as conn:
            self.assertEqual(exchange(conn, b"still there?"), b"still there?")
        self.assert_clean_end(server)

    def test_ends_cleanly_on_each_signal_with_peers_connected(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                server = self.start()
                with connect(server.port) as conn:
                    self.assertTrue(server.line().endswith(" connected"))
                    code, rest = server.stop(number)
                    self.assertEqual(code, 0)
                    self.assertEqual(rest, ["%s:%d dropped, the server ends" % conn.getsockname()])
                    self.assertEqual(conn.recv(1), b"")

    def test_ends_cleanly_right_after_its_first_line(self):
        for _ in range(20):
            self.assertEqual(self.start().stop(), (0, []))

    def test_its_port_is_free_as_soon_as_it_has_ended(self):
        server = self.start()
        with connect(server.port) as conn:
            exchange(conn, b"x")
            self.assert_clean_end(server)
        again = Server(self, "tcp_echo_server", "--port", str(server.port))
        self.assert_clean_end(again)

    @unittest.skipUnless(hasattr(resource, "prlimit"), "only Linux limits a process that runs already")
    def test_goes_on_after_it_ran_out_of_descriptors(self):
        server = self.start()
        pid = server.process.pid
        opened = len(os.listdir(f"/proc/{pid}/fd"))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (opened + 3, hard))
        peers = [connect(server.port) for _ in range(12)]
        # They are served in the order in which they came, each as soon as enough of those before it have left.
        for number, conn in enumerate(peers):
            message = b"peer %d" % number
            self.assertEqual(exchange(conn, message), message)
            conn.close()
        self.assert_clean_end(server)

    def test_an_address_that_is_taken(self):
        server = self.start()
        second = self.client("tcp_echo_server", "--port", server.port)
        self.assert_failure(second, "tcp_echo_server: .*[Aa]ddress .*in use")
        self.assert_clean_end(server)

    def test_removes_the_path_it_made(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server = Server(self, "tcp_echo_server", "--unix", self.path())
            self.assertTrue(os.path.exists(self.path()))
            self.assertEqual(server.stop(number)[0], 0)
            self.assertFalse(os.path.exists(self.path()))

    def test_leaves_a_path_alone_that_it_did_not_make(self):
        with open(self.path(), "w") as file:
            file.write("precious")
        self.assert_failure(self.client("tcp_echo_server", "--unix", self.path()), "[Aa]ddress .*in use")
        with open(self.path()) as file:
            self.assertEqual(file.read(), "precious")


class UdpServer(Case):
    def test_answers_each_peer_and_each_size(self):
        server = Server(self, "udp_echo_server", "--port", "0")
        peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(10)]
        for number, sock in enumerate(peers):
            self.addCleanup(sock.close)
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(10)
            for size in (0, 1, 1400, 65507):
                message = b"%d" % number * size
                sock.sendto(message, ("127.0.0.1", server.port))
                data, peer = sock.recvfrom(65535)
                self.assertEqual((data, peer), (message, ("127.0.0.1", server.port)))
                self.assertEqual(server.line(), "%s:%d sent %d bytes" % (*sock.getsockname(), size))
        self.assertEqual(self.assert_clean_end(server), [])

    def test_survives_a_peer_that_is_gone(self):
        server = Server(self, "udp_echo_server", "--port", "0")
        for _ in range(3):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
                gone.sendto(b"and away", ("127.0.0.1", server.port))
        self.assert_echo(self.client("udp_echo_client", "--port", server.port))
        self.assert_clean_end(server)

    def test_ends_cleanly_right_after_its_first_line(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.assertEqual(Server(self, "udp_echo_server", "--port", "0").stop(number), (0, []))


class UdpBlast(Case):
    def test_counts_on_both_sides(self):
        for options in ([], ["--offload"]):
            with self.subTest(options=options):
                sink = Server(self, "udp_blast", "--sink", "--port", "0", *options)
                outcome = self.client("udp_blast", "--port", sink.port, "--timeout", "0.2", *options)
                self.assertEqual((outcome.code, outcome.errors), (0, ""))
                self.assertRegex(outcome.output, r"^[1-9][0-9]* datagrams/s\n$")
                self.assertRegex(sink.line(), r"^[1-9][0-9]* datagrams/s$")
                self.assert_clean_end(sink)


class TcpClient(Case):
    def listener(self):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(10)
        self.addCleanup(listener.close)
        return listener, listener.getsockname()[1]

    def test_sends_what_it_is_given(self):
        server = Server(self, "tcp_echo_server", "--port", "0")
        for message in ("", "x", "zwei Wörter", "你好，世界", "long " * 20000):
            self.assert_echo(self.client("tcp_echo_client", "--port", server.port, message), message)
        self.assert_clean_end(server)
        server = Server(self, "tcp_echo_server", "--unix", self.path())
        self.assert_echo(self.client("tcp_echo_client", "--unix", self.path(), "long " * 20000), "long " * 20000)
        self.assert_clean_end(server)

    def test_puts_the_pieces_of_the_echo_together(self):
        listener, port = self.listener()
        client = Program(self, example("tcp_echo_client"), "--port", str(port))
        conn, _ = listener.accept()
        with conn:
            conn.settimeout(10)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in conn.recv(1024):
                conn.sendall(bytes([byte]))
            self.assertEqual(client.end(), (0, [MESSAGE]))

    def test_a_server_that_leaves_in_the_middle(self):
        listener, port = self.listener()
        client = Program(self, example("tcp_echo_client"), "--port", str(port), stderr=-1)
        conn, _ = listener.accept()
        with conn:
            conn.settimeout(10)
            conn.sendall(conn.recv(1024)[:5])
        errors = client.process.stderr.read().decode()
        self.assertEqual(client.end(), (1, []))
        self.assertEqual(errors, f"tcp_echo_client: the server left after 5 of {len(MESSAGE)} bytes\n")

    def test_a_server_that_is_not_there(self):
        listener, port = self.listener()
        listener.close()
        self.assert_failure(self.client("tcp_echo_client", "--port", port), f"connect .*:{port}.*[Rr]efused")
        self.assert_failure(self.client("tcp_echo_client", "--unix", self.path()), "connect .*[Nn]o such file")

    def test_a_server_that_does_not_answer(self):
        _, port = self.listener()
        outcome = self.client("tcp_echo_client", "--port", port, "--timeout", "0.05")
        self.assert_failure(outcome, "tcp_echo_client: recv .*timed out")

    def test_arguments_that_make_no_sense(self):
        for arguments, reason in (
            (["--host", "no such host"], "no such host"),
            (["--host", "1.2.3"], "1\\.2\\.3"),
            (["--port", "70000"], "70000"),
            (["--port", "http"], "http"),
            (["--unix", "p" * 200], "too long"),
            (["--timeout", "-1"], "--timeout: -1 "),
            (["--timeout", "soon"], "soon"),
        ):
            with self.subTest(arguments):
                self.assert_failure(self.client("tcp_echo_client", *arguments), reason)


class UdpClient(Case):
    def silent_peer(self):
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(peer.close)
        peer.bind(("127.0.0.1", 0))
        return peer, peer.getsockname()[1]

    def test_sends_what_it_is_given(self):
        server = Server(self, "udp_echo_server", "--port", "0")
        for message in ("", "x", "你好，世界", "long " * 13000):
            self.assert_echo(self.client("udp_echo_client", "--port", server.port, message), message)
        self.assert_clean_end(server)

    def test_a_server_that_is_not_there(self):
        peer, port = self.silent_peer()
        peer.close()
        self.assert_failure(self.client("udp_echo_client", "--port", port), "udp_echo_client: .*[Rr]efused")

    def test_a_server_that_does_not_answer(self):
        _, port = self.silent_peer()
        outcome = self.client("udp_echo_client", "--port", port, "--timeout", "0.05")
        self.assert_failure(outcome, "udp_echo_client: recvfrom .*timed out")

    def test_a_message_that_fits_into_no_datagram(self):
        _, port = self.silent_peer()
        self.assert_failure(self.client("udp_echo_client", "--port", port, "x" * 70000), "[Mm]essage too long")


class Options(Case):
    def test_backend_overrides_the_environment(self):
        other = {"poll": "epoll" if can_have("epoll") else "poll"}.get(BACKEND, "poll")
        server = Server(self, "tcp_echo_server", "--port", "0", "--backend", other, backend=other)
        self.assert_echo(self.client("tcp_echo_client", "--port", server.port, "--backend", other))
        self.assert_clean_end(server)

    def test_without_a_choice_there_is_a_backend(self):
        free = {name: value for name, value in os.environ.items() if name != "COAX_BACKEND"}
        program = Program(self, example("udp_echo_server"), "--port", "0", env=free)
        self.assertRegex(program.line(), r"^listening on 127\.0\.0\.1:\d+ \((io_uring|epoll|poll)\)$")
        program.signal(signal.SIGTERM)
        self.assertEqual(program.end(), (0, []))

    def test_the_port_of_the_article(self):
        for name in ("tcp_echo_server", "tcp_echo_client", "udp_echo_server", "udp_echo_client"):
            outcome = self.client(name, "--help")
            self.assertEqual(outcome.code, 0)
            self.assertRegex(outcome.output, r"--port .*\b50007\b")

    def test_mistakes_are_one_line(self):
        for name in ("tcp_echo_server", "tcp_echo_client", "udp_echo_server", "udp_echo_client"):
            for arguments in (["--nonsense"], ["--backend", "iocp"], ["--port"], ["--port", "-1"]):
                with self.subTest(name=name, arguments=arguments):
                    self.assert_failure(self.client(name, *arguments), re.escape(f"{name}: "))


if __name__ == "__main__":
    main()
