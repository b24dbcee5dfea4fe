"""Reads `database.tls` from the URL's parameters, if it can express exactly the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from omconf.artifacts.persistence import KIND as PERSISTENCE
from omconf.cluster import database_url
from omconf.cluster.model import DatabaseTls, NodeFile
from omconf.cluster.resolve_database import format_of
from omconf.formats.paths import PLAIN
from omconf.origin import FromFormat, Value
from omconf.secret_sources import SecretRef
from omconf.secrets import Secret, SecretFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.adopt.model import Seen
    from omconf.releases import Release

KEY = ("database", "tls")
_FOUND = FromFormat("an import")
_MODES = {
    "postgresql": ("sslmode", {mode: mode for mode in ("require", "verify-ca", "verify-full")}),
    "mysql": (
        "sslMode",
        {"REQUIRED": "require", "VERIFY_CA": "verify-ca", "VERIFY_IDENTITY": "verify-full"},
    ),
    "mssql": ("trustServerCertificate", {"true": "require", "false": "verify-full"}),
}
"""The parameter that sets the mode, and the spec's names for its values."""
_FILES = {
    "postgresql": {"ca": "sslrootcert", "client_cert": "sslcert", "client_key": "sslkey"},
    "mysql": {"ca": "trustCertificateKeyStoreUrl", "client_key": "clientCertificateKeyStoreUrl"},
    "mssql": {"ca": "trustStore"},
}
_PASSWORDS = {
    "postgresql": {"client_key_password": "sslpassword"},
    "mysql": {
        "ca_password": "trustCertificateKeyStorePassword",
        "client_key_password": "clientCertificateKeyStorePassword",
    },
    "mssql": {"ca_password": "trustStorePassword"},
}
_OURS = re.compile(r"/etc/omconf/[^/]+/database-(?:ca|client-cert|client-key)\.[a-z0-9]+")
"""A file that omconf installs on the nodes."""


def variable(key: str) -> str:
    """Propose an environment variable for a secret of the database's URL."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", key).strip("_").upper()
    return f"OM_DB_{words}"


def facts(
    node: Seen, kind: str, options: Mapping[str, str], release: Release, place: tuple[str, int]
) -> set[str]:
    """Note TLS; returns the parameters that it covers, none if it would add others."""
    node.covers.add(KEY)
    if kind not in _MODES:
        return set()
    parameter, modes = _MODES[kind]
    mode = modes.get(options.get(parameter, ""))
    if mode is None:
        return set()
    files = {}
    for key, name in _FILES[kind].items():
        path = options.get(name)
        if path is not None:
            files[key] = unquote(path.removeprefix("file:")) if kind == "mysql" else path
    passwords = {key: name for key, name in _PASSWORDS[kind].items() if name in options}
    tls = _model(mode, files, passwords)
    parameters = database_url.of_tls(kind, tls, release)
    written = {name: value.value for name, value in parameters.items()}
    of_tls = {name for name in options if database_url.OF_TLS[kind].fullmatch(name.lower())}
    of_tls |= written.keys() & options.keys()
    same = all(
        isinstance(value, SecretRef) or options.get(name) == value
        for name, value in written.items()
    )
    if not same or of_tls != written.keys():
        return set()
    node.tell((*KEY, "mode"), mode, place)
    for key, path in files.items():
        _file(node, key, path, place)
    for key, name in passwords.items():
        value = options[name]
        secret = Secret(value) if value and "@omconf:" not in value else None
        node.tell((*KEY, key), {"env": variable(key)}, place, secret=secret)
    return of_tls


def _model(mode: str, files: Mapping[str, str], passwords: Mapping[str, str]) -> DatabaseTls:
    given: dict[str, Any] = {
        key: NodeFile(Value(path, _FOUND), None, format_of(path)) for key, path in files.items()
    }
    given |= {key: Value(SecretRef("env", (variable(key),)), _FOUND) for key in passwords}
    keys = ("ca", "ca_password", "client_cert", "client_key", "client_key_password")
    return DatabaseTls(Value(mode, _FOUND), **{key: given.get(key) for key in keys})


def ours(cluster: str) -> list[str]:
    """Return the paths of TLS files that omconf may have installed on a node."""
    return [
        f"/etc/omconf/{cluster}/database-{name}.{end}"
        for name in ("ca", "client-cert", "client-key")
        for end in ("pem", "pk8", "p12", "jks")
    ]


def named(node: Seen) -> list[str]:
    """Return the files of TLS in the database's URL, of those that omconf may have put there."""
    text = node.text(node.path(PERSISTENCE.places[0])) or ""
    return [path for path in dict.fromkeys(_OURS.findall(text)) if PLAIN.fullmatch(path)][:8]


def _file(node: Seen, key: str, path: str, place: tuple[str, int]) -> None:
    """Note a file's path, or, for one that omconf installs, where its content is read from."""
    if not _OURS.fullmatch(path):
        node.tell((*KEY, key), path, place)
        return
    content = node.text(path)
    node.lacks(path, "The database's URL", place, "")
    secret = SecretFile(content) if content and "@omconf:" not in content else None
    value = {"file": path.rpartition("/")[2], "whole": True}
    node.tell((*KEY, key), value, place, secret=secret)
