"""Stands for OpenMeetings on a host of a test: its ports, its multicast group, its health page.

usage: stand_in.py PORT,PORT,... [GROUP ADDRESS HEALTH-FILE]
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def listen(port: int) -> None:
    server = socket.create_server(("", port))
    while True:
        server.accept()[0].close()


def main(ports: str, group: str = "", address: str = "", health: str = "") -> None:
    for port in ports.split(","):
        threading.Thread(target=listen, args=[int(port)]).start()
    if not group:
        return
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if group != "none":
        both = struct.pack("=4s4s", socket.inet_aton(group), socket.inet_aton(address))
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, both)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there = self.path == "/openmeetings/services/info/health"
            self.send_response(200 if there else 404)
            self.end_headers()
            self.wfile.write(Path(health).read_bytes() if there else b"<html>")

        def log_message(self, *arguments: object) -> None:
            pass

    HTTPServer(("", 5080), Page).serve_forever()


main(*sys.argv[1:])
