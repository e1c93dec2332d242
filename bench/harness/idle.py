"""What an idle connection costs in memory."""

import json

from .echo import Echo
from .figures import Figure
from .processes import Server, run_to_end
from .scenario import Scenario

LIMIT = 60  # seconds for all connections to be made


class Idle(Scenario):
    """The servers are those of the echo."""

    name = "idle"
    servers = Echo.servers
    server_directory = Echo.name
    is_timed = False
    pairs = "coax-io_uring:asio,coax-io_uring:libuv,coax-epoll:asio,coax-epoll:libuv"
    connections = "8000"
    figures = (
        Figure("resident", "bytes each", compared="memory"),
        Figure("proportional", "of these its own"),
        Figure("whole", "process MiB", 1 << 20, 1),
    )

    def describe(self, options):
        return "resident bytes of the server for each connection that has had one echo and rests"

    def measure(self, name, connections, options):
        with Server(self.command_of(name, options), options.server_core) as server:
            command = [str(self.program("load", options.build)), server.address]
            command += ["--server-pid", str(server.pid), "--connections", str(connections)]
            return json.loads(run_to_end(command, options.load_core, LIMIT))
