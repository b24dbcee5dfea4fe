"""Rules about TLS to the database: what each driver can do, and what contradicts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.cluster import database_url
from omconf.rules import CANNOT, TLS_OPTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster, DatabaseTls, NodeFile
    from omconf.diagnostics import Diagnostic
    from omconf.origin import Span


_DER = "openssl pkcs8 -topk8 -nocrypt -outform DER -in key.pem -out key.pk8"
_STORE = "keytool -importcert -noprompt -file ca.pem -keystore ca.p12 -storetype PKCS12"


def check(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check TLS, where the spec asks for it."""
    tls = cluster.database.tls
    if tls is None:
        return
    kind = cluster.database.kind.value
    if kind in ("oracle", "db2"):
        yield CANNOT.at(
            tls.mode.span or _first(tls),
            f"omconf does not support TLS to {kind}: its driver was not tested.",
            hint="Remove `tls`, and set the options from the driver's manual "
            "in `openmeetings.java_options`.",
        )
        return
    for name, value in cluster.database.options.items():
        if database_url.OF_TLS[kind].fullmatch(name.lower()):
            hint = "Remove this option, or remove `database.tls`."
            place = getattr(name, "span", None) or value.span
            yield TLS_OPTION.at(place, f"`database.tls` already sets `{name}`.", hint=hint)
    if tls.ca and tls.mode.value == "require":
        yield CANNOT.at(
            tls.ca.path.span,
            "With `mode: require` the driver accepts any server and does not use a CA.",
            hint="Write `mode: verify-full`, or remove `ca`.",
        )
    yield from _OF_KIND[kind](cluster, tls)


def _postgresql(cluster: Cluster, tls: DatabaseTls) -> Iterator[Diagnostic]:
    if tls.ca and tls.ca.format in ("p12", "jks"):
        yield _format(
            tls.ca, "PostgreSQL's driver reads CA certificates in PEM format.", "Write a PEM file."
        )
    if tls.ca_password:
        yield _useless(tls.ca_password.span, "ca_password", "A PEM file does not have a password.")
    key, cert = tls.client_key, tls.client_cert
    store = key is not None and key.format == "p12"
    if (key is None) != (cert is None) and not store:
        there = key or cert
        yield CANNOT.at(
            there.path.span if there else None,
            "A certificate needs its key, and a key its certificate.",
            hint="Write `client_cert` and `client_key`, or a PKCS#12 store as `client_key`.",
        )
    if key and key.format == "jks":
        yield _format(
            key, "PostgreSQL's driver does not read JKS stores.", "Write a PKCS#12 store."
        )
    release = cluster.openmeetings.release.value
    if key and key.format == "pem" and not release.pgjdbc_reads_pem:
        driver = release.jdbc_drivers["postgresql"]
        yield _format(
            key, f"The driver of {release.name}, {driver}, does not read PEM keys.", f"`{_DER}`"
        )
    if (shown := key or cert) and not tls.ca and tls.mode.value != "require":
        yield CANNOT.at(
            shown.path.span,
            "Without `ca`, PostgreSQL's driver does not send a client certificate.",
            hint="Set `ca` too.",
        )


def _mysql(_: Cluster, tls: DatabaseTls) -> Iterator[Diagnostic]:
    yield from _stores(tls, "MySQL's driver")
    if tls.client_cert:
        message = "MySQL's driver reads the certificate and the key from one store."
        hint = "Set `client_key` to a PKCS#12 store that holds both."
        yield CANNOT.at(tls.client_cert.path.span, message, hint=hint)
    if tls.client_key and tls.client_key.format not in ("p12", "jks"):
        yield _format(tls.client_key, "MySQL's driver reads a key store.", "Write a PKCS#12 store.")


def _mssql(_: Cluster, tls: DatabaseTls) -> Iterator[Diagnostic]:
    yield from _stores(tls, "SQL Server's driver")
    if tls.mode.value == "verify-ca":
        message = "SQL Server's driver always checks the server's name against its certificate."
        yield CANNOT.at(tls.mode.span, message, hint="Write `mode: verify-full`.")
    for file in (tls.client_cert, tls.client_key):
        if file:
            message = "SQL Server does not accept client certificates over the network."
            yield CANNOT.at(file.path.span, message, hint="Remove it.")


_OF_KIND = {"postgresql": _postgresql, "mysql": _mysql, "mssql": _mssql}


def _stores(tls: DatabaseTls, driver: str) -> Iterator[Diagnostic]:
    if tls.ca and tls.ca.format not in ("p12", "jks"):
        yield _format(tls.ca, f"{driver} reads CA certificates from a trust store.", f"`{_STORE}`")
    for file, password, key in (
        (tls.ca, tls.ca_password, "ca_password"),
        (tls.client_key, tls.client_key_password, "client_key_password"),
    ):
        if password and not file:
            yield _useless(password.span, key, f"`{key.removesuffix('_password')}` is not set.")


def _format(file: NodeFile, message: str, hint: str) -> Diagnostic:
    return CANNOT.at(file.path.span, message, hint=hint)


def _useless(span: Span | None, key: str, why: str) -> Diagnostic:
    return CANNOT.at(span, f"`{key}` has no effect here. {why}", hint="Remove it.")


def _first(tls: DatabaseTls) -> Span | None:
    """A place in the section, where its mode is not said."""
    return next((file.path.span for file in tls.files.values()), None)
