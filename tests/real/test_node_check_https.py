"""Health and certificate as a node's check asks for them: real HTTPS servers, every client there is.

The URL's host resolves nowhere: what answers was asked at the node's own address.
"""

from __future__ import annotations

import http.server
import os
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from omconf.artifacts import node_check
from tests.needs import fixture_needs, needs, program
from tests.real.programs import SHELLS, run

HOST = "om1.example.invalid"
HEALTHY = b'{"inited":true,"installed":true,"dbOk":true}'
PAGE = "/openmeetings/services/info/health"
CLIENTS = [
    pytest.param("curl", marks=needs("curl")),
    pytest.param("wget", marks=needs("wget")),
    pytest.param("busybox", marks=needs("busybox")),
]
CA_CONFIG = """
[ca]
default_ca = d
[d]
database = index
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = p
copy_extensions = copy
[p]
commonName = supplied
"""
KEY = ("-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


@dataclass
class CA:
    """A CA in a folder."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "ca.cnf").write_text(CA_CONFIG)
        (self.folder / "index").touch()
        name = ("-subj", "/CN=A CA", "-keyout", "ca.key", "-out", "ca.pem", "-days", "9000")
        self.run("req", "-x509", *KEY, *name)

    def run(self, *words: str) -> None:
        run(program("openssl"), *words, cwd=self.folder)

    def sign(self, name: str, start: str = "-30 days", end: str = "40 days 1 hour") -> str:
        """Sign a certificate for a name like `DNS:om1`, valid between two dates that `date` reads."""
        subject = ("-subj", "/CN=OpenMeetings", "-addext", f"subjectAltName={name}")
        self.run("req", "-new", *KEY, *subject, "-keyout", "own.key", "-out", "own.csr")
        dates = ("-startdate", _date(start), "-enddate", _date(end))
        files = ("-cert", "ca.pem", "-keyfile", "ca.key", "-in", "own.csr", "-out", "own.pem")
        self.run("ca", "-batch", "-notext", "-config", "ca.cnf", *dates, *files)
        return self._both()

    def self_signed(self, name: str) -> str:
        subject = ("-subj", "/CN=OpenMeetings", "-addext", f"subjectAltName={name}")
        self.run("req", "-x509", *KEY, *subject, "-keyout", "own.key", "-out", "own.pem")
        return self._both()

    def _both(self) -> str:
        both = self.folder / "both.pem"
        both.write_text("".join((self.folder / f"own.{end}").read_text() for end in ("key", "pem")))
        return str(both)


def _date(text: str) -> str:
    return run("date", "-u", "-d", text, "+%Y%m%d%H%M%SZ").stdout.strip()


@pytest.fixture
@fixture_needs("openssl")
def ca(tmp_path: Path) -> CA:
    folder = tmp_path / "ca"
    folder.mkdir()
    return CA(folder)


@dataclass
class Site:
    """A server on loopback, and a node whose address that is."""

    root: Path
    server: http.server.ThreadingHTTPServer
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Paths and `Host` of requests."""
    names: list[str | None] = field(default_factory=list)
    """Names of TLS (SNI) that clients sent."""
    body: bytes = HEALTHY
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    endless: bool = False
    old: str = ""
    """A program in the place of wget."""

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def secure(self, certificate: str) -> None:
        """Show a certificate from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

        def named(_socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
            self.names.append(name)

        context.sni_callback = named
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def connectors(self, text: str) -> None:
        """Write Tomcat's server.xml."""
        folder = self.root / "opt/om/conf"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "server.xml").write_text(text)

    def check(
        self,
        url: str,
        client: str,
        shell: list[str] | None = None,
        *,
        hide: str = "",
        env: dict[str, str] | None = None,
    ) -> dict[str, tuple[str, str]]:
        """Run the check with one client for HTTP, and without some programs."""
        folder = self.root / "etc/omconf/conference"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "check.conf").write_text(
            f"node=om1\naddress=127.0.0.1\nurl={url}\nhome=/opt/om\ndata_dir=/opt/omdata\n"
            "mount=no\nuser=root\ngroup=root\ndatabase=127.0.0.1 1\ncommit_port=5636\n"
        )
        path = self.programs({"curl", "wget", *hide.split()} - {client}, client)
        done = subprocess.run(
            [*(shell or ["/bin/sh"]), node_check.TEXT, "--root", self.root],
            capture_output=True,
            text=True,
            timeout=90,
            env={"PATH": path, **(env or {})},
        )
        assert done.stderr == ""
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        return {name: (status, text) for status, name, text in lines}

    def programs(self, hidden: set[str], client: str) -> str:
        """A folder of all programs but some; BusyBox's wget can take the place of wget."""
        folder = self.root / "bin"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for place in ("/usr/bin", "/bin"):
            for entry in os.scandir(place):
                if entry.name not in hidden and not (folder / entry.name).is_symlink():
                    (folder / entry.name).symlink_to(entry.path)
        if client == "busybox":
            (folder / "wget").symlink_to(program("busybox"))
        if self.old:
            (folder / "wget").write_text(self.old)
            (folder / "wget").chmod(0o755)
        return str(folder)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, self.headers["Host"]))
            self.send_response(made.status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            if not made.endless:
                self.send_header("Content-Length", str(len(made.body)))
            self.end_headers()
            self.wfile.write(made.body)
            while made.endless:
                self.wfile.write(made.body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            pass

    made = Site(tmp_path / "root", Server(("127.0.0.1", 0), Handler))
    made.root.mkdir()
    thread = threading.Thread(target=made.server.serve_forever, args=[0.05])
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


WELL = ("ok", "inited, installed and dbOk are true")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("shell", SHELLS)
def test_its_own_address_is_asked_whatever_the_certificate(
    site: Site, ca: CA, client: str, shell: list[str]
) -> None:
    site.secure(ca.self_signed("DNS:elsewhere.example.org"))
    shell = [program(shell[0]), *shell[1:]]
    found = site.check(f"https://{HOST}:{site.port}/openmeetings/", client, shell)
    assert found["health"] == WELL
    (path, host) = site.asked[0]
    assert path == PAGE
    assert (host or "").partition(":")[0] == HOST
    status, text = found["certificate"]
    assert status == "warn"
    assert re.fullmatch(
        rf"127.0.0.1:{site.port}: self-signed, not for {HOST}, (29|30) days left", text
    )
    if client == "curl":
        assert site.names == [HOST, HOST]


@pytest.mark.parametrize("client", CLIENTS)
def test_behind_a_load_balancer_tomcat_itself_is_asked(site: Site, ca: CA, client: str) -> None:
    """The URL's port is that of the load balancer: server.xml says the node's own."""
    site.secure(ca.self_signed(f"DNS:{HOST}"))
    site.connectors(
        '<Server port="8005">\n<!-- <Connector port="2" SSLEnabled="true"/> -->\n'
        '<Connector port="3" protocol="AJP/1.3"/><Connector port="4"\n protocol="HTTP/1.1"/>'
        f'<Connector\n\tport = \'{site.port}\' SSLEnabled="true" address="0.0.0.0">\n</Connector>'
    )
    found = site.check(f"https://{HOST}/openmeetings", client)
    assert found["health"] == WELL
    assert site.asked[0][0] == PAGE
    assert found["certificate"][0] == "warn"


@needs("curl")
def test_tls_may_end_before_the_node(site: Site) -> None:
    """Where server.xml has no HTTPS, something in front of the node has the certificate."""
    site.connectors(
        f'<Connector port="{site.port}" address="127.0.0.1" scheme="https" secure="true"/>'
    )
    found = site.check(f"https://{HOST}:1/openmeetings", "curl")
    assert found["health"] == WELL
    assert "certificate" not in found


@needs("curl")
@pytest.mark.parametrize(
    "written",
    [
        "",
        "<Connector",
        '<Connector port="${http.port}"/>',
        "<!-- <Connector",
        "\0\xff<Connector />",
    ],
)
def test_a_server_xml_that_says_nothing(site: Site, written: str) -> None:
    site.connectors(written)
    assert site.check(f"http://{HOST}:{site.port}/openmeetings", "curl")["health"] == WELL


@needs("curl")
def test_a_port_that_another_program_has(site: Site) -> None:
    """A load balancer on the node has the URL's port: it would answer for any node."""
    site.connectors('<Connector port="1"/>')
    status, text = site.check(f"http://{HOST}:{site.port}/openmeetings", "curl")["health"]
    assert status == "fail"
    assert text.startswith(f"http://127.0.0.1:1{PAGE}: curl: (7)")
    assert site.asked == []


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (200, b'{"inited":true,"installed":true,"dbOk":false}', "dbOk is not true"),
        (200, b"", "inited is not true, installed is not true, dbOk is not true"),
        (200, b"\0\xff\x1b[31mcurl: (0) x\ny\tz\n" * 9, "inited is not true, installed"),
        (404, HEALTHY, "HTTP 404: the web application does not run, or at another place"),
        (503, b"", "HTTP 503: "),
    ],
)
def test_what_is_no_health(site: Site, client: str, status: int, body: bytes, text: str) -> None:
    site.status, site.body = status, body
    found = site.check(f"http://{HOST}:{site.port}/openmeetings", client)
    assert found["health"][0] == "fail"
    assert found["health"][1].startswith(f"http://127.0.0.1:{site.port}{PAGE}: {text}")


@pytest.mark.parametrize("client", CLIENTS)
def test_an_answer_without_an_end(site: Site, client: str) -> None:
    site.endless, site.body = True, b"x" * 5000
    found = site.check(f"http://{HOST}:{site.port}/openmeetings", client)
    text = f"http://127.0.0.1:{site.port}{PAGE}: it sent more than a health page"
    assert found["health"] == ("fail", text)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_redirect_and_a_proxy_lead_nowhere(site: Site, client: str) -> None:
    site.status, site.headers = 302, {"Location": f"http://127.0.0.1:{site.port}/elsewhere"}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:1")
    found = site.check(f"http://{HOST}:{site.port}/openmeetings", client, env=proxies)
    text = f"http://127.0.0.1:{site.port}{PAGE}: HTTP 302: it leads elsewhere"
    assert found["health"] == ("fail", text)


def test_without_a_client_nothing_is_known(site: Site) -> None:
    found = site.check(f"https://{HOST}:{site.port}/openmeetings", "", hide="openssl")
    assert found["health"] == ("unknown", "curl and wget are missing")
    assert found["certificate"] == ("unknown", "openssl and curl are missing")


def test_a_client_that_is_too_old(site: Site) -> None:
    site.old = (
        "#!/bin/sh\necho \"wget: unrecognized option '--no-check-certificate'\" >&2; exit 1\n"
    )
    found = site.check(f"https://{HOST}:{site.port}/openmeetings", "")
    assert found["health"][0] == "unknown"
    assert found["health"][1].endswith("this curl or wget is too old to ask it")


VALID = "trusted, for {name}, 40 days left"
CERTIFICATES = {
    "good": ("DNS:" + HOST, {}, "ok", VALID),
    "wildcard": ("DNS:*.example.invalid", {}, "ok", VALID),
    "address": ("IP:127.0.0.1", {}, "ok", VALID),
    "other": ("DNS:om2.example.invalid", {}, "fail", "trusted, not for {name}, 40 days left"),
    "soon": (
        "DNS:" + HOST,
        {"end": "1 day 1 hour"},
        "warn",
        "trusted, for {name}, 1 day left",
    ),
    "expired": (
        "DNS:" + HOST,
        {"end": "-49 hours"},
        "fail",
        "trusted, for {name}, expired 3 days ago",
    ),
    "early": (
        "DNS:" + HOST,
        {"start": "1 day"},
        "fail",
        "not valid yet, for {name}, 40 days left",
    ),
    "leap": (
        "DNS:" + HOST,
        {"end": "2028-02-29 12:00:00"},
        "ok",
        "trusted, for {name}, LEFT days left",
    ),
}


@needs("curl")
@pytest.mark.parametrize("case", CERTIFICATES)
def test_a_certificate_of_a_ca(site: Site, ca: CA, case: str) -> None:
    name, dates, status, text = CERTIFICATES[case]
    site.secure(ca.sign(name, **dates))
    host = "127.0.0.1" if case == "address" else HOST
    left = run(
        "sh", "-c", "echo $((($(date -d '2028-02-29 12:00 UTC' +%s) - $(date +%s)) / 86400))"
    )
    wanted = text.format(name=host).replace("LEFT", left.stdout.strip())
    url = f"https://{host}:{site.port}/openmeetings"
    trusting = {"SSL_CERT_FILE": str(ca.folder / "ca.pem")}
    found = site.check(url, "curl", env=trusting)
    assert found["certificate"] == (status, f"127.0.0.1:{site.port}: {wanted}")
    assert found["health"] == WELL
    # Without the CA it is no fault, whatever else is wrong: the host may not be a browser.
    unknown = site.check(url, "curl", env={"SSL_CERT_FILE": "/dev/null"})
    assert unknown["certificate"][0] == "warn"
    assert "of a CA that this host does not know, " in unknown["certificate"][1]
    # curl tells it in its own words.
    bare = site.check(url, "curl", hide="openssl", env=trusting)
    assert bare["certificate"][0] == ("ok" if case == "soon" else status)
    assert re.search("trusted|certificate", bare["certificate"][1])


@needs("curl", "openssl")
def test_a_server_that_speaks_no_tls(site: Site) -> None:
    found = site.check(f"https://{HOST}:{site.port}/openmeetings", "curl")
    assert found["health"][0] == "fail"
    text = f"127.0.0.1:{site.port} shows none"
    assert found["certificate"] == ("unknown", text)
