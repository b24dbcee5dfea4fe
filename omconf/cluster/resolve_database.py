"""The database's section of the spec: its servers, its options, and the files of TLS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omconf.cluster import places
from omconf.cluster.model import Database, DatabaseServer, DatabaseTls, NodeFile
from omconf.origin import FromRelease, Value
from omconf.secret_sources import SecretRef

if TYPE_CHECKING:
    from omconf.cluster.model import Node, OpenMeetings
    from omconf.cluster.spec_values import SpecValues
    from omconf.spec.document import Path
    from omconf.spec.references import HostRef

_FORMATS = {
    **dict.fromkeys(("pem", "key", "crt", "cer"), "pem"),
    **dict.fromkeys(("pk8", "der"), "pk8"),
    **dict.fromkeys(("p12", "pfx", "pkcs12"), "p12"),
    **dict.fromkeys(("jks", "keystore", "truststore"), "jks"),
}
"""What a file holds, by the end of its name. pgJDBC itself tells `.p12`, `.pfx`, `.pem` and `.key`."""


def format_of(path: str) -> str:
    """Return what a file holds, by the end of its name; empty if that is not known."""
    return _FORMATS.get(path.rpartition(".")[2].lower(), "")


def database(spec: SpecValues, om: OpenMeetings, nodes: tuple[Node, ...]) -> Database | None:
    """Resolve the section; None when a server is named that is no node."""
    section = spec.spec.database
    stock = om.release.value.persistence[section.kind]
    shipped = FromRelease(om.release.value.name, f"{section.kind}_persistence.xml")
    port = spec.maybe(section, ("database", "port")) or Value(stock.port, shipped)
    servers = [_server(spec, host, i, nodes, port) for i, host in enumerate(section.host)]
    if not all(servers):
        return None
    return Database(
        kind=spec.value(section, ("database", "kind")),
        servers=tuple(filter(None, servers)),
        name=spec.maybe(section, ("database", "name")) or Value(stock.name, shipped),
        service=spec.maybe(section, ("database", "service")),
        user=spec.value(section, ("database", "user")),
        password=spec.secret(section.password, ("database", "password")),
        tls=_tls(spec, om),
        options=_options(spec),
        pool=spec.mapping(section.pool, ("database", "pool")),
        properties=spec.mapping(spec.spec.persistence.properties, ("persistence", "properties")),
        max_connections=spec.maybe(section, ("database", "max_connections")),
    )


def _server(
    spec: SpecValues, host: HostRef, index: int, nodes: tuple[Node, ...], port: Value[int]
) -> DatabaseServer | None:
    """Resolve one of the servers; there may be no list where there is but one."""
    path: Path = ("database", "host")
    if isinstance(spec.document.value(path), list):
        path = (*path, index)
    found = spec.server(host, path, nodes, "address")
    if found is None:
        return None
    own = None if host.port is None else Value(host.port, spec.origin(path))
    return DatabaseServer(*found, own or port)


def _options(spec: SpecValues) -> dict[str, Value[str] | Value[SecretRef]]:
    """Options by name; each is a text, or a secret."""
    found: dict[str, Value[str] | Value[SecretRef]] = {}
    path: Path = ("database", "options")
    for name, value in spec.mapping(spec.spec.database.options, path).items():
        ref = value.value
        found[name] = (
            spec.secret(ref, (*path, str(name)))
            if isinstance(ref, SecretRef)
            else Value(ref, value.origin)
        )
    return found


def _tls(spec: SpecValues, om: OpenMeetings) -> DatabaseTls | None:
    section = spec.spec.database.tls
    if section is None:
        return None
    path: Path = ("database", "tls")
    passwords = {
        key: spec.secret(ref, (*path, key))
        for key in ("ca_password", "client_key_password")
        if (ref := getattr(section, key)) is not None
    }
    return DatabaseTls(
        mode=spec.value(section, (*path, "mode")),
        ca=_file(spec, om, "ca"),
        ca_password=passwords.get("ca_password"),
        client_cert=_file(spec, om, "client_cert"),
        client_key=_file(spec, om, "client_key"),
        client_key_password=passwords.get("client_key_password"),
    )


def _file(spec: SpecValues, om: OpenMeetings, key: str) -> NodeFile | None:
    """Resolve a file that the admin puts on the nodes, or that omconf does."""
    given: Any = getattr(spec.spec.database.tls, key)
    if given is None:
        return None
    path: Path = ("database", "tls", key)
    origin = spec.origin(path)
    if not isinstance(given, SecretRef):
        return NodeFile(Value(given, origin), None, format_of(given))
    end = ""
    if given.source == "file":
        end = format_of(given.argument[0])
    end = end or _usual(spec.spec.database.kind, om, key)
    source = spec.secret(given, path)
    if key != "client_key":
        source = Value(replace(source.value, public=True), source.origin)
    where = places.DATABASE_FILE.format(
        cluster=spec.spec.cluster, name=key.replace("_", "-"), format=end
    )
    return NodeFile(Value(where, origin), source, end)


def _usual(kind: str, om: OpenMeetings, key: str) -> str:
    """What a file holds whose name does not tell it, or which has none."""
    if kind != "postgresql":
        return "p12"
    return "pem" if key != "client_key" or om.release.value.pgjdbc_reads_pem else "pk8"
