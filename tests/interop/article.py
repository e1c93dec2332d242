"""The article's four programs, call by call, on an address of the caller's choice.

    article.py tcp_server|tcp_client|udp_server|udp_client FAMILY ADDRESS...

FAMILY is inet or inet6, with a host and a port, or local, with a path. A server first prints the name it is bound to,
so that it can be given port 0. Everything here is Python's own socket module: this is the other side of the tests.
"""

import socket
import sys


def tcp_server(family, address):
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(1)
    print(repr(listener.getsockname()))
    conn, addr = listener.accept()
    print("Connected by", addr)
    while True:
        data = conn.recv(1024)
        if not data:
            break
        print(data.decode())
        conn.sendall(data)
    conn.close()


def tcp_client(family, address):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.connect(address)
    sock.sendall(b"Hello, world")
    data = sock.recv(1024)
    sock.close()
    print(data.decode())


def udp_server(family, address):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind(address)
    print(repr(sock.getsockname()))
    data, addr = sock.recvfrom(1024)
    print("Received from", addr)
    print(data.decode())
    sock.sendto(data, addr)


def udp_client(family, address):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.sendto(b"Hello, world", address)
    data, addr = sock.recvfrom(1024)
    print(data.decode())


def main():
    role, family, *where = sys.argv[1:]
    families = {"inet": socket.AF_INET, "inet6": socket.AF_INET6, "local": socket.AF_UNIX}
    address = where[0] if family == "local" else (where[0], int(where[1]))
    programs = {program.__name__: program for program in (tcp_server, tcp_client, udp_server, udp_client)}
    sys.stdout.reconfigure(line_buffering=True)
    programs[role](families[family], address)


if __name__ == "__main__":
    main()
