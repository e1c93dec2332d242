"""The chat: many people at once, people who do not listen, and the two programs in conversation with each other."""

import re
import selectors
import signal
import socket
import subprocess

from support import Case, Program, Server, connect, example, main, needs

PEOPLE = 200
LINES = 10


class Person:
    """Somebody who is connected, to be read line by line."""

    def __init__(self, test, server, name=None):
        self.socket = connect(server)
        self.file = self.socket.makefile("rb")
        test.addCleanup(self.close)
        test.assertEqual(self.line(), "* what is your name?")
        if name is not None:
            self.say(name)
            test.assertEqual(self.line(), f"* welcome, {name}")

    def close(self):
        self.file.close()
        self.socket.close()

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def line(self):
        return self.file.readline().decode().rstrip("\n")


class ChatServer(Case):
    def start(self):
        return Server(self, "chat_server", "--port", "0")

    def test_names(self):
        server = self.start()
        anna = Person(self, server, "anna")
        bob = Person(self, server)
        for wrong in ("two words", "x" * 31, "/nick two words"):
            bob.say(wrong)
            self.assertEqual(bob.line(), "* a name is one word, and not a long one")
        bob.say("anna")
        self.assertEqual(bob.line(), "* anna is here already")
        bob.say("/nick bob")
        self.assertEqual(bob.line(), "* welcome, bob")
        self.assertEqual(anna.line(), "* bob has joined")
        bob.say("/nick 你好")
        self.assertEqual(bob.line(), "* you are now 你好")
        self.assertEqual(anna.line(), "* bob is now 你好")
        anna.say("/who")
        self.assertEqual(anna.line(), "* here are: anna 你好")
        anna.say("/dance")
        self.assertEqual(anna.line(), "* there are /nick NAME, /who and /quit")
        bob.say("/nick bob")
        self.assertEqual(bob.line(), "* you are now bob")
        self.assertEqual(anna.line(), "* 你好 is now bob")
        self.assert_clean_end(server)

    def test_what_is_said_is_heard_by_the_others(self):
        server = self.start()
        anna, bob, eve = (Person(self, server, name) for name in ("anna", "bob", "eve"))
        self.assertEqual([anna.line(), anna.line()], ["* bob has joined", "* eve has joined"])
        self.assertEqual(bob.line(), "* eve has joined")
        anna.say("good morning\r")  # as a telnet sends it
        bob.say("\x1b[2J and a tab\t")
        self.assertEqual(sorted([eve.line(), eve.line()]), ["anna: good morning", "bob: ?[2J and a tab\t"])
        self.assertEqual(anna.line(), "bob: ?[2J and a tab\t")
        self.assertEqual(bob.line(), "anna: good morning")
        self.assert_clean_end(server)

    def test_leaving(self):
        server = self.start()
        anna = Person(self, server, "anna")
        for way in ("quit", "end", "reset", "too long"):
            with self.subTest(way):
                bob = Person(self, server, "bob")
                self.assertEqual(anna.line(), "* bob has joined")
                if way == "quit":
                    bob.say("/quit")
                elif way == "end":
                    bob.socket.shutdown(socket.SHUT_WR)
                elif way == "reset":
                    bob.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    bob.close()
                else:
                    bob.say("x" * 1001)
                self.assertEqual(anna.line(), "* bob has left")
                self.assertRegex(server.line(), r" left$" if way in ("quit", "end") else r" lost: ")
        self.assert_clean_end(server)

    def test_who_does_not_listen_has_to_go(self):
        server = self.start()
        deaf = Person(self, server, "deaf")
        anna = Person(self, server, "anna")
        bob = Person(self, server, "bob")
        self.assertEqual(anna.line(), "* bob has joined")
        text = "x" * 900
        heard = []
        # Nobody waits: bob hears each line although the third never reads one.
        while not heard or "* deaf has left" not in heard[-1]:
            for _ in range(100):
                anna.say(text)
            for _ in range(100):
                heard.append(bob.line())
                if heard[-1] == "* deaf has left":
                    break
                self.assertEqual(heard[-1], "anna: " + text)
        self.assertRegex(server.line(), r" dropped, it does not read$")
        deaf.close()
        self.assert_clean_end(server)

    def test_who_asks_and_does_not_listen_has_to_go(self):
        # By the bytes that lie there for somebody: these answers are fewer than the lines that are kept, and megabytes.
        server = Server(self, "chat_server", "--unix", self.path())
        people = [Person(self, server, f"{number:030}") for number in range(100)]
        deaf = Person(self, server, "deaf")
        deaf.socket.sendall(b"/who\n" * 1500)
        self.assertRegex(server.line(), r" dropped, it does not read$")
        deaf.close()
        last = people[-1]
        self.assertEqual([last.line(), last.line()], ["* deaf has joined", "* deaf has left"])
        last.say("/who")
        self.assertEqual(len(last.line()), len("* here are:") + 100 * 31)
        self.assert_clean_end(server)

    def test_who_quits_is_gone_at_once(self):
        # Also where lines are left to send: more than a socket takes, fewer than are kept.
        server = Server(self, "chat_server", "--unix", self.path())
        deaf = Person(self, server, "deaf")
        anna = Person(self, server, "anna")
        for _ in range(500):
            anna.say("x" * 900)
        anna.say("/who")
        self.assertEqual(anna.line(), "* here are: anna deaf")
        deaf.say("/quit")
        anna.socket.settimeout(5)  # the server waits twice as long before it gives up sending
        self.assertEqual(anna.line(), "* deaf has left")
        deaf.close()
        self.assert_clean_end(server)

    def test_many_lines_at_once(self):
        # They arrive faster than any channel is emptied, and are nobody's fault who listens.
        server = self.start()
        anna = Person(self, server, "anna")
        bob = Person(self, server, "bob")
        lines = 30000
        anna.socket.sendall(b"x\n" * lines)
        for _ in range(lines):
            self.assertEqual(bob.line(), "anna: x")
        self.assert_clean_end(server)

    def test_many_at_once(self):
        server = self.start()
        people = [Person(self, server, f"p{number}") for number in range(PEOPLE)]
        # The last to join says so: then all have joined, and whatever comes afterwards was said.
        for number, person in enumerate(people):
            for later in range(number + 1, PEOPLE):
                self.assertEqual(person.line(), f"* p{later} has joined")
        expected = {f"p{number}": [f"line {line} from p{number}" for line in range(LINES)] for number in range(PEOPLE)}
        bytes_in_all = sum(len(f"{name}: {line}\n") for name, lines in expected.items() for line in lines)

        class Side:
            def __init__(self, number, person):
                self.name = f"p{number}"
                self.socket = person.socket
                self.unsent = "".join(line + "\n" for line in expected[self.name]).encode()
                own = sum(len(f"{self.name}: {line}\n") for line in expected[self.name])
                self.missing = bytes_in_all - own
                self.heard = []

        selector = selectors.DefaultSelector()
        sides = [Side(number, person) for number, person in enumerate(people)]
        for side in sides:
            side.socket.setblocking(False)
            selector.register(side.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, side)
        while selector.get_map():
            for key, events in selector.select():
                side = key.data
                if events & selectors.EVENT_WRITE and side.unsent:
                    # A line at a time, so that all of them talk at the same time.
                    size = side.unsent.index(b"\n") + 1
                    side.unsent = side.unsent[side.socket.send(side.unsent[:size]) :]
                    if not side.unsent:
                        selector.modify(side.socket, selectors.EVENT_READ, side)
                if events & selectors.EVENT_READ:
                    data = side.socket.recv(1 << 16)
                    self.assertNotEqual(data, b"", f"{side.name} was dropped")
                    side.heard.append(data)
                    side.missing -= len(data)
                if side.missing <= 0 and not side.unsent:
                    selector.unregister(side.socket)
        for side in sides:
            heard = {}
            for line in b"".join(side.heard).decode().splitlines():
                name, text = line.split(": ", 1)
                heard.setdefault(name, []).append(text)
            self.assertEqual(heard, {name: lines for name, lines in expected.items() if name != side.name})
        self.assert_clean_end(server)

    def test_says_good_bye_on_a_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server = self.start()
            anna = Person(self, server, "anna")
            code, rest = server.stop(number)
            self.assertEqual(code, 0)
            self.assertRegex("\n".join(rest), r"\A\S+ left\Z")
            self.assertEqual(anna.line(), "")

    def test_options(self):
        self.assert_options("chat_server")
        self.assert_signals("chat_server")

    @needs("socat")
    def test_socat(self):
        server = Server(self, "chat_server", "--unix", self.path())
        socat = Program(self, "socat", "-t", "10", "-", "UNIX-CONNECT:" + self.path(), stdin=subprocess.PIPE)
        socat.process.stdin.write(b"anna\n/who\n")
        socat.process.stdin.close()  # it goes on listening
        said = ["* what is your name?", "* welcome, anna", "* here are: anna"]
        self.assertEqual(socat.end(), (0, said))
        self.assert_clean_end(server)


class ChatClient(Case):
    def start(self, server, *arguments):
        return Program(
            self, example("chat_client"), "--port", str(server.port), *arguments, stdin=subprocess.PIPE, stderr=-1
        )

    def type(self, client, text):
        client.process.stdin.write(text.encode())
        client.process.stdin.flush()

    def test_two_people(self):
        server = Server(self, "chat_server", "--port", "0")
        anna = self.start(server, "anna")
        self.assertEqual([anna.line(), anna.line()], ["* what is your name?", "* welcome, anna"])
        bob = self.start(server)
        self.type(bob, "bob\n")
        self.assertEqual([bob.line(), bob.line()], ["* what is your name?", "* welcome, bob"])
        self.assertEqual(anna.line(), "* bob has joined")
        self.type(bob, "hello\r\n")
        self.assertEqual(anna.line(), "bob: hello")
        self.type(anna, "goodbye\n")
        self.assertEqual(bob.line(), "anna: goodbye")
        self.type(anna, "/quit\n")
        self.assertEqual(anna.end(), (0, []))
        self.assertEqual(bob.line(), "* anna has left")
        # Its input ends: it hears what there is to hear, and leaves.
        bob.process.stdin.close()
        self.assertEqual(bob.end(), (0, []))
        self.assert_clean_end(server)

    def test_ends_on_a_signal_while_it_waits_for_a_line(self):
        server = Server(self, "chat_server", "--port", "0")
        # Names of their own: the server may hear of the second before it hears that the first has gone.
        for name, number in (("anna", signal.SIGINT), ("berta", signal.SIGTERM)):
            client = self.start(server, name)
            self.assertEqual([client.line(), client.line()], ["* what is your name?", f"* welcome, {name}"])
            client.signal(number)
            self.assertEqual(client.end(), (0, []))
        self.assert_clean_end(server)

    def test_ends_with_the_server(self):
        server = Server(self, "chat_server", "--port", "0")
        anna = self.start(server, "anna")
        self.assertEqual([anna.line(), anna.line()], ["* what is your name?", "* welcome, anna"])
        self.assert_clean_end(server)
        self.assertEqual(anna.end(), (0, []))

    def test_mistakes(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.assert_failure(self.client("chat_client", "--port", port), "chat_client: connect .*[Rr]efused")
        self.assert_failure(self.client("chat_client", "--nonsense"), re.escape("chat_client: "))


if __name__ == "__main__":
    main()
