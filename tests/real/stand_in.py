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
    from typing import BinaryIO


def listen(port: int) -> None:
    server = socket.create_server(("", port))
    while True:
        server.accept()[0].close()


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
