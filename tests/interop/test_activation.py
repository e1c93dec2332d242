"""Socket activation: systemd-socket-activate listens, and the echo server takes over what it is given."""

import os
import socket
import subprocess

from support import BACKEND, MESSAGE, Case, Program, example, main


class Activation(Case):
    def activate(self, address, *arguments):
        """What listens for the server, until somebody connects."""
        command = ["systemd-socket-activate", "-l", address, "-E", "COAX_BACKEND", example("tcp_echo_server")]
        program = Program(self, *command, *arguments, stderr=subprocess.PIPE)
        said = program.process.stderr.readline().decode()
        return (program, said) if said.startswith("Listening on ") else (None, said)

    def converse(self, program, client, name):
        client.settimeout(10)
        client.sendall(MESSAGE.encode())
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(program.line(), f"listening on {name} ({BACKEND})")
        self.assertEqual(client.makefile("rb").read(), MESSAGE.encode())
        self.assertRegex(program.line(), r" connected$")
        self.assertRegex(program.line(), rf" left after {len(MESSAGE)} bytes$")

    def end(self, program):
        program.signal(15)
        self.assertEqual(program.end(), (0, []))

    def test_tcp(self):
        for _ in range(10):  # somebody else may be faster
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            program, said = self.activate(f"127.0.0.1:{port}", "--port", str(port))
            if program is not None:
                break
        self.assertIsNotNone(program, said)
        with socket.create_connection(("127.0.0.1", port)) as client:
            self.converse(program, client, f"127.0.0.1:{port}")
        self.end(program)

    def test_unix(self):
        program, said = self.activate(self.path(), "--unix", self.path())
        self.assertIsNotNone(program, said)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path())
            self.converse(program, client, "unix:" + self.path())
        self.end(program)
        self.assertTrue(os.path.exists(self.path()))  # it is the service manager's


if __name__ == "__main__":
    main(needed="systemd-socket-activate")
