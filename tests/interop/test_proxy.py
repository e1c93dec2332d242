"""The TCP proxy: both directions at once and each to its own end, by hand, with iperf3 and with socat."""

import os
import re
import socket
import threading

from support import MESSAGE, Case, Outcome, Program, Server, connect, main, needs


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Proxy(Case):
    def target(self):
        """Somebody to be connected to, and a proxy in front."""
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(10)
        self.addCleanup(listener.close)
        return listener, self.start("127.0.0.1:%d" % listener.getsockname()[1])

    def start(self, target):
        return Server(self, "tcp_proxy", "--port", "0", "--target", target)

    def pair(self):
        listener, proxy = self.target()
        client = connect(proxy)
        self.addCleanup(client.close)
        server, _ = listener.accept()
        server.settimeout(10)
        self.addCleanup(server.close)
        return proxy, client, server

    def test_each_direction_has_its_own_end(self):
        for swapped in (False, True):
            with self.subTest(swapped=swapped):
                proxy, client, server = self.pair()
                first, second = (server, client) if swapped else (client, server)
                first.sendall(b"question")
                first.shutdown(socket.SHUT_WR)
                self.assertEqual(second.makefile("rb").read(), b"question")
                # The one has finished; the other may speak for as long as it likes.
                for _ in range(3):
                    second.sendall(b"answer")
                    self.assertEqual(first.recv(6, socket.MSG_WAITALL), b"answer")
                second.shutdown(socket.SHUT_WR)
                self.assertEqual(first.recv(1), b"")
                sent, received = (18, 8) if swapped else (8, 18)
                peer = "%s:%d" % client.getsockname()
                self.assertEqual(proxy.line(), f"{peer} sent {sent} bytes and received {received}")
                self.assert_clean_end(proxy)

    def test_both_directions_at_once(self):
        proxy, client, server = self.pair()
        data = os.urandom(1 << 20) * 8

        def send(sock):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)

        # Neither reads before it has sent: the proxy must not either wait for the one to serve the other.
        threads = [threading.Thread(target=send, args=[sock]) for sock in (client, server)]
        for thread in threads:
            thread.start()
        for sock in (client, server):
            self.assertEqual(sock.makefile("rb").read(), data)
        for thread in threads:
            thread.join()
        self.assertRegex(proxy.line(), f" sent {len(data)} bytes and received {len(data)}$")
        self.assert_clean_end(proxy)

    def test_a_reset_reaches_the_other_side(self):
        proxy, client, server = self.pair()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        self.assertRegex(proxy.line(), r" lost: .*[Rr]eset")
        try:
            self.assertEqual(server.recv(1), b"")
        except ConnectionResetError:
            pass
        self.assert_clean_end(proxy)

    def test_a_target_that_is_not_there(self):
        proxy = self.start("localhost:%d" % free_port())
        for _ in range(2):
            with connect(proxy) as client:
                self.assertEqual(client.recv(1), b"")
            self.assertRegex(proxy.line(), r" lost: .*[Rr]efused")
        self.assert_clean_end(proxy)

    def test_targets(self):
        server = Server(self, "tcp_echo_server", "--port", "0")
        local = Server(self, "tcp_echo_server", "--unix", self.path())
        for target in (f"127.0.0.1:{server.port}", f"localhost:{server.port}", "unix:" + self.path()):
            with self.subTest(target):
                proxy = self.start(target)
                self.assert_echo(self.client("tcp_echo_client", "--port", proxy.port))
                self.assert_clean_end(proxy)
        for wrong in ("nowhere", "host:", "host:http", "host:0", "host:65536", "unix:"):
            with self.subTest(wrong):
                self.assert_failure(self.client("tcp_proxy", "--target", wrong), "tcp_proxy: .*")
        for echo in (server, local):
            self.assert_clean_end(echo)

    def test_options(self):
        self.assert_options("tcp_proxy", "--target", "127.0.0.1:1")
        self.assert_failure(self.client("tcp_proxy"), "tcp_proxy: --target")
        server = Server(self, "tcp_echo_server", "--port", "0")
        self.assert_signals("tcp_proxy", "--target", server.name)
        self.assert_clean_end(server)

    @needs("socat")
    def test_socat(self):
        server = Server(self, "tcp_echo_server", "--port", "0")
        proxy = self.start(server.name)
        # Its input ends before the echo is there, and it leaves when the echo has ended, too.
        outcome = Outcome("socat", "-t", "10", "-", f"TCP:127.0.0.1:{proxy.port}", input=MESSAGE.encode())
        self.assertEqual((outcome.code, outcome.output, outcome.errors), (0, MESSAGE, ""))
        self.assert_clean_end(proxy)
        self.assert_clean_end(server)

    @needs("iperf3")
    def test_iperf3(self):
        for direction in ([], ["-R"]):
            with self.subTest(direction):
                server, port = self.iperf3_server()
                proxy = self.start(f"127.0.0.1:{port}")
                outcome = Outcome("iperf3", "-c", "127.0.0.1", "-p", str(proxy.port), "-n", "20M", *direction)
                self.assertEqual(outcome.code, 0, outcome.output + outcome.errors)
                self.assertRegex(outcome.output, r"\n\[.*[1-9].* receiver\n")
                self.assertEqual(server.process.wait(), 0)
                self.assert_clean_end(proxy)

    def iperf3_server(self):
        """It is told a port. Somebody else may be faster: try again then."""
        for _ in range(10):
            port = free_port()
            server = Program(self, "iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", str(port), "--forceflush")
            while line := server.line():
                if re.search(rf"listening on {port}", line):
                    return server, port
        return self.fail("iperf3 does not listen")


if __name__ == "__main__":
    main()
