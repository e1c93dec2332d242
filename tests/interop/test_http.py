"""The HTTP server: curl and wrk, and by hand what they would not do."""

import http.client
import os
import re
import socket
import sys

from support import SKIPPED, Case, Outcome, Server, connect, example, main, needs

GREETING = b"Hello, world\n"
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


class Http(Case):
    def start(self, *arguments):
        return Server(self, "http_hello", "--port", "0", *arguments)

    def answer(self, file, head=False):
        """The next answer: its status, its headers, its body."""
        status = re.fullmatch(rb"HTTP/1\.1 (\d+) [^\r\n]+\r\n", file.readline())
        headers = http.client.parse_headers(file)
        body = b"" if head else file.read(int(headers["Content-Length"]))
        return int(status[1]), headers, body

    def test_keeps_the_connection(self):
        server = self.start()
        with connect(server) as conn, conn.makefile("rb") as file:
            for request in (GET, b"GET /another?one=1 HTTP/1.1\r\nHost: here\r\n\r\n"):
                conn.sendall(request)
                status, headers, body = self.answer(file)
                self.assertEqual((status, body, headers["Connection"]), (200, GREETING, "keep-alive"))
            conn.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            self.assertEqual(self.answer(file)[1]["Connection"], "close")
            self.assertEqual(file.read(), b"")
        self.assertEqual(self.assert_clean_end(server), [])

    def test_the_old_version_closes_unless_it_is_asked_not_to(self):
        server = self.start()
        with connect(server) as conn, conn.makefile("rb") as file:
            conn.sendall(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            self.assertEqual(self.answer(file)[1]["Connection"], "keep-alive")
            conn.sendall(b"GET / HTTP/1.0\r\n\r\n")
            self.assertEqual(self.answer(file)[1]["Connection"], "close")
            self.assertEqual(file.read(), b"")
        self.assert_clean_end(server)

    def test_a_pipeline_is_answered_in_order(self):
        server = self.start()
        head = b"HEAD / HTTP/1.1\r\nHost: here\r\n\r\n"
        post = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nGET /"
        chunked = b"PUT / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        with connect(server) as conn, conn.makefile("rb") as file:
            conn.sendall((GET + head + post + chunked) * 50)
            for _ in range(50):
                self.assertEqual(self.answer(file)[::2], (200, GREETING))
                status, headers, _ = self.answer(file, head=True)
                self.assertEqual((status, headers["Content-Length"]), (200, str(len(GREETING))))
                for _ in ("post", "put"):
                    status, headers, body = self.answer(file)
                    self.assertEqual((status, headers["Allow"], body), (405, "GET, HEAD", b""))
        self.assert_clean_end(server)

    def test_a_request_in_pieces(self):
        server = self.start()
        with connect(server) as conn, conn.makefile("rb") as file:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in GET:
                conn.sendall(bytes([byte]))
            self.assertEqual(self.answer(file)[0], 200)
            # The answer to one that is whole does not wait for one that is not.
            conn.sendall(GET + GET[:-3])
            self.assertEqual(self.answer(file)[0], 200)
            conn.sendall(GET[-3:])
            self.assertEqual(self.answer(file)[0], 200)
        self.assert_clean_end(server)

    def test_bad_requests(self):
        server = self.start()
        for request in (b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01", b"x" * 1000000):
            with self.subTest(request[:20]), connect(server) as conn, conn.makefile("rb") as file:
                conn.sendall(GET + request)
                self.assertEqual(self.answer(file)[0], 200)
                status, headers, body = self.answer(file)
                self.assertEqual((status, headers["Connection"]), (400, "close"), body)
                self.assertEqual(file.read(), b"")
        self.assert_clean_end(server)

    def test_a_request_that_does_not_come(self):
        server = self.start("--timeout", "0.2")
        with connect(server) as conn, conn.makefile("rb") as file:
            conn.sendall(GET[:10])
            self.assertEqual(self.answer(file)[0], 408)
            self.assertEqual(file.read(), b"")
        with connect(server) as conn, conn.makefile("rb") as file:
            conn.sendall(GET + GET[:10])
            self.assertEqual([self.answer(file)[0], self.answer(file)[0]], [200, 408])
            self.assertEqual(file.read(), b"")
        for requests in ((), (GET,)):
            with connect(server) as conn, conn.makefile("rb") as file:
                for request in requests:
                    conn.sendall(request)
                    self.assertEqual(self.answer(file)[0], 200)
                self.assertEqual(file.read(), b"")  # it has asked for nothing more, and gets nothing more
        self.assert_clean_end(server)

    def test_who_does_not_read_the_answers_is_dropped(self):
        server = Server(self, "http_hello", "--unix", self.path(), "--timeout", "0.5")
        with connect(server) as conn:
            conn.sendall(GET)
            answer = conn.recv(1000)
            # Until the server leaves, which nothing else would make it do.
            with self.assertRaises(ConnectionError):
                while True:
                    conn.sendall(GET * 1000)
            received = b""
            try:
                while data := conn.recv(1 << 16):
                    received += data
            except ConnectionError:  # what it had not read is lost
                pass
            # Answers, of which the last one may have been cut, and nothing in the middle of it.
            self.assertGreater(len(received), len(answer))
            self.assertEqual(received, (answer * (len(received) // len(answer) + 1))[: len(received)])
        self.assertRegex(server.line(), r" lost: ")
        self.assert_clean_end(server)

    def test_options(self):
        self.assert_options("http_hello")
        self.assert_signals("http_hello")
        self.assert_failure(self.client("http_hello", "--timeout", "0"), "http_hello: --timeout: 0 ")

    @needs("curl")
    def test_curl(self):
        server = self.start()
        where = f"http://127.0.0.1:{server.port}/"
        self.assertEqual(Outcome("curl", "-sS", where).output, GREETING.decode())
        twice = Outcome("curl", "-sSv", where, where)
        self.assertEqual((twice.code, twice.output), (0, GREETING.decode() * 2))
        self.assertRegex(twice.errors, r"Re-using existing connection")
        refused = Outcome("curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", "-d", "data", where)
        self.assertEqual((refused.code, refused.output), (0, "405"))
        self.assert_clean_end(server)
        server = Server(self, "http_hello", "--unix", self.path())
        local = Outcome("curl", "-sS", "--unix-socket", self.path(), "http://here/")
        self.assertEqual((local.code, local.output), (0, GREETING.decode()))
        self.assert_clean_end(server)

    @needs("wrk")
    def test_wrk(self):
        server = self.start()
        outcome = Outcome("wrk", "-t", "1", "-c", "20", "-d", "1s", f"http://127.0.0.1:{server.port}/")
        self.assertEqual(outcome.code, 0, outcome.errors)
        self.assertRegex(outcome.output, r"\n +[1-9]\d* requests in ")
        self.assertNotRegex(outcome.output, r"Socket errors|Non-2xx")
        self.assert_clean_end(server)


if __name__ == "__main__":
    if not os.path.exists(example("http_hello")):
        print("skipped: http_hello was not built, its parser is missing")
        sys.exit(SKIPPED)
    main()
