"""Stands for OpenMeetings on a host of a test: its ports, its multicast group, its health page.

usage: stand_in.py PORT,PORT,... [GROUP ADDRESS HEALTH-FILE]

A test starts several of them, so it imports little.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import SocketIO
    from typing import BinaryIO

POSTGRESQL = 5432


def listen(port: int) -> None:
    server = socket.create_server(("", port))
    while True:
        with suppress(OSError, struct.error), server.accept()[0] as connection:
            if port == POSTGRESQL:
                let_in(connection.makefile("rwb", 0))


def let_in(client: SocketIO) -> None:
    """Speak as much of PostgreSQL's protocol as lets anybody in, and answers any query with 1."""
    while True:
        length, code = struct.unpack("!ii", client.read(8) or b"")
        client.read(length - 8)
        if code == 3 << 16:
            break
        client.write(b"N")  # no TLS, no GSSAPI
    ready = b"Z\0\0\0\5I"
    client.write(b"R\0\0\0\x08\0\0\0\0" + ready)
    while client.read(1) == b"Q":
        client.read(struct.unpack("!i", client.read(4) or b"")[0] - 4)
        column = b"n\0" + struct.pack("!ihihih", 0, 0, 23, 4, -1, 0)
        for kind, body in (
            (b"T", b"\0\1" + column),
            (b"D", b"\0\1\0\0\0\0011"),
            (b"C", b"SELECT 1\0"),
        ):
            client.write(kind + struct.pack("!i", len(body) + 4) + body)
        client.write(ready)


def page(health: str) -> None:
    """Answer HTTP requests one after the other."""
    server = socket.create_server(("", 5080))
    while True:
        # Who only looks whether the port is open asks nothing and is gone before the answer.
        with suppress(OSError), server.accept()[0] as connection:
            connection.sendall(answer(connection.makefile("rb"), health))


def answer(request: BinaryIO, health: str) -> bytes:
    """The health page, or that there is no such page."""
    words = request.readline().split()
    while request.readline().strip():
        pass
    if words[1:2] != [b"/openmeetings/services/info/health"]:
        return b"HTTP/1.0 404 Not Found\r\n\r\n<html>"
    with open(health, "rb") as file:
        return b"HTTP/1.0 200 OK\r\n\r\n" + file.read()


def main(ports: str, group: str = "", address: str = "", health: str = "") -> None:
    for port in ports.split(","):
        threading.Thread(target=listen, args=[int(port)]).start()
    if not group:
        return
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if group != "none":
        both = struct.pack("=4s4s", socket.inet_aton(group), socket.inet_aton(address))
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, both)
    page(health)


main(*sys.argv[1:])
