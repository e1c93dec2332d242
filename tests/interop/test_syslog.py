"""The syslog sink: logger over TCP and UDP, and by hand what it would not send."""

import socket

from support import Case, Outcome, Server, connect, main, needs, needs_inet6


def taken_for_datagrams():
    """A socket on a port that streams can still have. Connections that have ended hold many ports for a minute."""
    for _ in range(100):
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken.bind(("127.0.0.1", 0))
        try:
            socket.create_server(taken.getsockname()).close()
        except OSError:
            taken.close()
        else:
            return taken
    raise AssertionError("no port is free for streams")


class Syslog(Case):
    def start(self, *arguments):
        return Server(self, "syslog_sink", "--port", "0", *arguments)

    @needs("logger")
    def test_logger(self):
        server = self.start()
        for transport, options in (("tcp", ["--tcp", "--octet-count"]), ("udp", ["--udp"])):
            for priority in ("user.notice", "local3.err", "mail.debug"):
                outcome = Outcome(
                    *["logger", "--server", "127.0.0.1", "--port", str(server.port), *options],
                    *["--priority", priority, "--tag", "test", "zwei Wörter"],
                )
                self.assertEqual((outcome.code, outcome.errors), (0, ""))
                self.assertRegex(server.line(), rf"^{priority} {transport} 127\.0\.0\.1:\d+: .* test .*zwei Wörter$")
        self.assertEqual(self.assert_clean_end(server), [])

    def test_frames_in_any_pieces(self):
        server = self.start()
        with connect(server) as conn:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"6 <0>one14 <191>two\nlines":
                conn.sendall(bytes([byte]))
            conn.sendall(b"6 nopri\n")
            sender = "tcp %s:%d: " % conn.getsockname()
            self.assertEqual(server.line(), f"kern.emerg {sender}one")
            self.assertEqual(server.line(), f"local7.debug {sender}two?lines")
            self.assertEqual(server.line(), f"user.notice {sender}nopri")
        self.assert_clean_end(server)

    def test_priorities_that_are_none(self):
        server = self.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", server.port))
            sender = "udp %s:%d: " % sock.getsockname()
            for message in ("<192>x", "<>x", "<-1>x", "<1x", "<0013>x", "", "\x1b[31m"):
                sock.send(message.encode())
                self.assertEqual(server.line(), f"user.notice {sender}" + message.replace("\x1b", "?"))
        self.assert_clean_end(server)

    def test_frames_that_are_none(self):
        server = self.start()
        for data, reason in (
            (b"<13>no length\n", "not well-formed|malformed|no frame"),
            (b"65536 ", "too long|longer"),
            (b"10 short", "ended|truncated|middle"),
        ):
            with self.subTest(data), connect(server) as conn:
                conn.sendall(data)
                conn.shutdown(socket.SHUT_WR)
                self.assertRegex(server.line(), r"^127\.0\.0\.1:\d+ lost: .*(" + reason + ")")
        self.assert_clean_end(server)

    @needs_inet6
    def test_inet6(self):
        server = self.start("--host", "::1")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"<14>hello", ("::1", server.port))
            self.assertEqual(server.line(), "user.info udp [::1]:%d: hello" % sock.getsockname()[1])
        self.assert_clean_end(server)

    def test_options(self):
        self.assert_options("syslog_sink")
        self.assert_signals("syslog_sink")

    def test_a_port_that_is_taken_for_datagrams(self):
        with taken_for_datagrams() as taken:
            outcome = self.client("syslog_sink", "--port", taken.getsockname()[1])
            self.assert_failure(outcome, "syslog_sink: bind .*[Aa]ddress .*in use")


if __name__ == "__main__":
    main()
