"""Discovery: services on a multicast group of the loopback interface, and the client that asks them."""

import os
import re
import signal
import socket
import unittest

from support import Case, Program, Server, example, main, needs_inet6

LOOPBACK = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))


def carries(group):
    """Whether the loopback interface has a route for the group. On Linux tests/support/own_network makes one."""
    if ":" not in group:
        return True
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(LOOPBACK))
        try:
            probe.sendto(b"?", (group, 9))
        except OSError:
            return False
    return True


class Discovery(Case):
    def service(self, group, name, port=0):
        return Server(self, "discovery", "--host", group, "--port", str(port), "--name", name)

    def ask(self, group, port, count):
        """A client; gives the first so many answers, and does not wait for the end of its time."""
        client = Program(self, example("discovery"), "--host", group, "--port", str(port), "--timeout", "15")
        return sorted(client.line() for _ in range(count)), client

    def check(self, group):
        if not carries(group):
            if "COAX_TESTS_OWN_NETWORK" in os.environ:
                self.fail(f"the loopback interface does not carry {group}")
            self.skipTest(f"the loopback interface does not carry {group}")
        first = self.service(group, "printer")
        second = self.service(group, "zwei Wörter", first.port)
        answers, client = self.ask(group, first.port, 2)
        named = []
        for answer in answers:
            found = re.fullmatch(r"(.+):(\d+) is (.+)", answer)
            self.assertEqual(int(found[2]), first.port)
            named.append(found[3])
        self.assertEqual(sorted(named), ["printer", "zwei Wörter"])
        client.signal(signal.SIGKILL)
        client.end()
        for service in (first, second):
            self.assertRegex(service.line(), r" asked$")
            self.assertEqual(self.assert_clean_end(service), [])

    def test_inet(self):
        self.check("239.255.42.98")

    @needs_inet6
    def test_inet6(self):
        self.check("ff12::c0a")

    def test_a_client_ends_in_time(self):
        outcome = self.client("discovery", "--host", "239.255.42.97", "--timeout", "0.05", "--port", "9")
        self.assertEqual((outcome.code, outcome.output, outcome.errors), (0, "", ""))

    def test_a_question_that_is_none_gets_no_answer(self):
        service = self.service("239.255.42.96", "service")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            for message in (b"", b"who is there", b"who is there? you?", b"who is there?"):
                sock.sendto(message, ("127.0.0.1", service.port))
            self.assertEqual(sock.recv(100), b"service")
            self.assertEqual(service.line(), "127.0.0.1:%d asked" % sock.getsockname()[1])
        self.assertEqual(self.assert_clean_end(service), [])

    def test_options(self):
        for arguments, reason in (
            (["--nonsense"], "nonsense"),
            (["--interface", "coax-none"], "if_nametoindex coax-none: No such device"),
            (["--name", "x", "--host", "127.0.0.1"], r"join_group 127\.0\.0\.1:\d+: Invalid argument"),
            (["--timeout", "0"], "--timeout: 0"),
        ):
            with self.subTest(arguments):
                self.assert_failure(self.client("discovery", *arguments), "discovery: .*" + reason)

    def test_an_interface_by_its_name(self):
        service = Server(self, "discovery", "--port", "0", "--name", "x", "--interface", LOOPBACK)
        answers, client = self.ask("239.255.42.99", service.port, 1)
        self.assertRegex(answers[0], rf":{service.port} is x$")
        client.signal(signal.SIGTERM)
        client.end()
        self.assert_clean_end(service)


if __name__ == "__main__":
    main()
