"""The server that is replaced while it runs: clients that connect all the time notice nothing."""

import os
import re
import signal
import socket
import threading

from support import BACKEND, Case, Program, Server, example, main


class Clients:
    """Connect, ask, read to the end, over and over, each in a thread of its own."""

    def __init__(self, port, count):
        self.port = port
        self.over = threading.Event()
        self.answers = []  # in the order in which they came
        self.failures = []
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=self._run) for _ in range(count)]
        for each in self.threads:
            each.start()

    def _run(self):
        while not self.over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as conn, conn.makefile("rb") as file:
                    conn.sendall(b"who?")
                    answer = file.read().decode()
            except OSError as error:
                self.failures.append(repr(error))
                return
            with self.changed:
                self.answers.append(answer)
                self.changed.notify_all()

    def wait_for(self, answer, count):
        """Until so many more of these answers have come."""
        with self.changed:
            wanted = self.answers.count(answer) + count
            return self.changed.wait_for(lambda: self.answers.count(answer) >= wanted or self.failures, timeout=15)

    def end(self):
        self.over.set()
        for each in self.threads:
            each.join()


class Handover(Case):
    def start(self, name, *arguments):
        return Server(self, "handover", self.path(), "--name", name, *arguments)

    def test_clients_across_generations(self):
        server = self.start("0", "--port", "0")
        clients = Clients(server.port, 4)
        self.addCleanup(clients.end)
        self.assertTrue(clients.wait_for("served by 0\n", 20))
        for generation in range(1, 6):
            successor = self.start(str(generation), "--port", str(server.port))
            self.assertEqual(successor.name, server.name)
            self.assertEqual(server.end(), (0, ["replaced"]))
            server = successor
            self.assertTrue(clients.wait_for(f"served by {generation}\n", 20), clients.failures)
        clients.end()
        self.assertEqual(clients.failures, [])
        self.assertEqual({each for each in clients.answers if not re.fullmatch(r"served by \d\n", each)}, set())
        self.assertEqual(server.stop(), (0, []))
        self.assertFalse(os.path.exists(self.path()))
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=10)

    def test_a_successor_that_dies(self):
        server = self.start("first", "--port", "0")
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(self.path())
            data, handles, _, _ = socket.recv_fds(asking, 16, 2)  # and nothing more is heard of it
            for each in handles:
                os.close(each)
        self.assertEqual((data, len(handles)), (b"listeners", 2))
        clients = Clients(server.port, 1)
        self.addCleanup(clients.end)
        self.assertTrue(clients.wait_for("served by first\n", 3), clients.failures)
        successor = self.start("second", "--port", "0")
        self.assertEqual(server.end(), (0, ["replaced"]))
        self.assertTrue(clients.wait_for("served by second\n", 3), clients.failures)
        clients.end()
        self.assertEqual(clients.failures, [])
        self.assertEqual(successor.stop(signal.SIGINT), (0, []))

    def test_a_path_that_nobody_listens_at(self):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(self.path())
        server = self.start("alone", "--port", "0")
        self.assertEqual(server.stop(), (0, []))

    def test_what_is_no_server(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path())
            listener.listen()
            program = Program(self, example("handover"), self.path(), "--port", "0", env={**os.environ, "COAX_BACKEND": BACKEND})
            conn, _ = listener.accept()
            conn.close()
            status, said = program.end()
            self.assertEqual(status, 1, said)


if __name__ == "__main__":
    main()
