"""The RESP server: redis-cli and redis-benchmark, and by hand what they would not do."""

import re
import socket

from support import Case, Outcome, Server, connect, main, needs


def command(*arguments):
    return b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%b\r\n" % (len(text), text) for text in arguments)


class Resp(Case):
    def start(self):
        return Server(self, "resp_server", "--port", "0")

    def converse(self, requests, replies):
        """Sends all of them at once, ends its direction, and reads until the other one ends."""
        server = self.start()
        with connect(server) as conn, conn.makefile("rb") as file:
            conn.sendall(requests)
            conn.shutdown(socket.SHUT_WR)
            self.assertEqual(file.read(), replies)
        self.assert_clean_end(server)

    def test_commands(self):
        for request, reply in (
            ([b"PING"], b"+PONG\r\n"),
            ([b"ping", b"a\r\nb"], b"$4\r\na\r\nb\r\n"),
            ([b"ECHO", b""], b"$0\r\n\r\n"),
            ([b"ECHO"], b"-ERR wrong number of arguments for 'ECHO' command\r\n"),
            ([b"GET", b"none"], b"$-1\r\n"),
            ([b"SELECT", b"0"], b"+OK\r\n"),
            ([b"SELECT", b"1"], b"-ERR DB index is out of range\r\n"),
            ([b"CONFIG", b"GET", b"save"], b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
            ([b"COMMAND", b"DOCS"], b"*0\r\n"),
            ([b"HELLO", b"3"], b"-ERR unknown command 'HELLO'\r\n"),
            ([b"a\r\nb"], b"-ERR unknown command 'a??b'\r\n"),
        ):
            with self.subTest(request):
                self.converse(command(*request), reply)

    def test_values(self):
        large = bytes(range(256)) * 4096
        self.converse(
            command(b"SET", b"k", large)
            + command(b"GET", b"k")
            + command(b"INCR", b"k")
            + command(b"SET", b"n", b"9223372036854775806")
            + command(b"INCR", b"n") * 2
            + command(b"INCR", b"new")
            + command(b"EXISTS", b"k", b"n", b"none", b"k")
            + command(b"DEL", b"k", b"n", b"none")
            + command(b"GET", b"k"),
            b"+OK\r\n$%d\r\n%b\r\n" % (len(large), large)
            + b"-ERR value is not an integer or out of range\r\n"
            + b"+OK\r\n:9223372036854775807\r\n-ERR value is not an integer or out of range\r\n"
            + b":1\r\n:3\r\n:2\r\n$-1\r\n",
        )

    def test_lines_that_a_person_types(self):
        self.converse(
            b"\r\nset  a 1\nGET a\r\n" + command(b"GET", b"a") + b"quit\r\nPING\r\n",
            b"+OK\r\n" + b"$1\r\n1\r\n" * 2 + b"+OK\r\n",
        )

    def test_replies_do_not_wait_for_what_has_not_come(self):
        server = self.start()
        with connect(server) as conn, conn.makefile("rb") as file:
            whole = command(b"ECHO", b"there")
            for cut in range(1, len(whole)):
                conn.sendall(b"PING\r\n" + whole[:cut])
                self.assertEqual(file.readline(), b"+PONG\r\n")
                conn.sendall(whole[cut:])
                self.assertEqual(file.read(11), b"$5\r\nthere\r\n")
        self.assert_clean_end(server)

    def test_what_is_no_command(self):
        for request, problem in (
            (b"*x\r\n", b"invalid multibulk length"),
            (b"*-1\r\n", b"invalid multibulk length"),
            (b"*2147483647\r\n", b"invalid multibulk length"),
            (b"*1\r\n:1\r\n", b"expected '$'"),
            (b"*1\r\n$-1\r\n", b"invalid bulk length"),
            (b"*1\r\n$4294967296\r\n", b"invalid bulk length"),
            (b"*2\r\n$65536\r\n" + bytes(65536) + b"\r\n$67108864\r\n", b"invalid bulk length"),  # together
            (b"x" * 65536, b"too big inline request"),
        ):
            with self.subTest(request[:20]):
                self.converse(b"PING\r\n" + request, b"+PONG\r\n-ERR Protocol error: " + problem + b"\r\n")

    def test_options(self):
        self.assert_options("resp_server")
        self.assert_signals("resp_server")

    def clients(self, name, *where):
        """redis-cli or redis-benchmark with both kinds of servers."""
        server = self.start()
        yield server, [name, "-h", "127.0.0.1", "-p", str(server.port)]
        server = Server(self, "resp_server", "--unix", self.path())
        yield server, [name, "-s", self.path()]

    @needs("redis-cli")
    def test_redis_cli(self):
        for server, client in self.clients("redis-cli"):
            for arguments, output in (
                (["PING"], "PONG\n"),
                (["SET", "key", "a value"], "OK\n"),
                (["GET", "key"], "a value\n"),
                (["DEL", "key"], "1\n"),
                (["INCR", "n"], "1\n"),
            ):
                outcome = Outcome(*client, *arguments)
                self.assertEqual((outcome.code, outcome.output), (0, output), outcome.errors)
            typed = Outcome(*client, input=b"SET a 1\nINCR a\n")
            self.assertEqual((typed.code, typed.output), (0, "OK\n2\n"), typed.errors)
            self.assert_clean_end(server)

    @needs("redis-benchmark")
    def test_redis_benchmark(self):
        for server, client in self.clients("redis-benchmark"):
            outcome = Outcome(*client, "-q", "-n", "2000", "-P", "16", "-t", "ping,set,get")
            self.assertEqual((outcome.code, outcome.errors), (0, ""))
            done = re.findall(r"([A-Z_]+): [\d.]+ requests per second", outcome.output)
            self.assertEqual(done, ["PING_INLINE", "PING_MBULK", "SET", "GET"], outcome.output)
            self.assert_clean_end(server)


if __name__ == "__main__":
    main()
