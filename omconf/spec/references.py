"""What the spec says by reference: a server, a node to ssh, a secret by where it is read from."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from omconf.diagnostics import meant
from omconf.formats import names
from omconf.regex import regex
from omconf.rules import PLAIN_SECRET, WRONG_VALUE
from omconf.secret_sources import SecretRef
from omconf.spec import addresses, checks, folders, mistakes
from omconf.spec.refusal import refuse

_WAYS = "{env: NAME}, {file: PATH} or {command: [argv, ...]}"
_FILES = "Write a path on the nodes, or `{file: PATH, whole: true}` for omconf to copy it there."
_CONTENT = regex(r"-----BEGIN |\A[A-Za-z0-9+=_-][A-Za-z0-9+/=_-]{39,}\s*\Z")
"""PEM, or base64 of a key or store, instead of a file path."""
_SOURCES = ("env", "file", "command")


def _unclear(message: str, hint: str = "") -> NoReturn:
    refuse(WRONG_VALUE, message, hint)


class HostRef(str):
    """A server as the spec says it; `form` is `node`, `host` or, for a plain text, `name`.

    `port` is set where the spec gives one server of several a port of its own.
    """

    form: str = "name"
    port: int | None = None


def host(value: Any, with_port: str = "") -> HostRef:
    """Read a server: a plain text, `{node: NAME}` or `{host: NAME}`.

    `with_port` is what to write for `NAME:PORT`, where another key has no place for the port.
    """
    form = "name"
    if isinstance(value, dict):
        if len(value) != 1 or next(iter(value)) not in ("node", "host"):
            refuse(
                WRONG_VALUE,
                "Write a server as `{node: NAME}` or `{host: NAME}`, with one key.",
            )
        form, value = next(iter(value.items()))
    if not isinstance(value, str):
        refuse(
            WRONG_VALUE,
            "A server is a node's name, an address, a dotted name, or `{host: NAME}`.",
        )
    addresses.no_ipv6(value, addresses.IPV4_ONLY, "Give the server's IPv4 address, or its name.")
    host, _, port = value.rpartition(":")
    if not names.HOST.fullmatch(checks.clean(value)) or len(value) > names.MAX_HOST:
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a host name or address.",
            with_port or f"Write `{host}`; the port of a database goes to `database.port`."
            if port.isdecimal() and names.HOST.fullmatch(host)
            else mistakes.host(value) or "Write `10.1.1.10` or `db.example.org`, for example.",
        )
    if names.NUMERIC.fullmatch(value):
        addresses.ipv4(value)
    found = HostRef(value)
    found.form = form
    return found


def listed(value: Any) -> Any:
    """Make a list of a value that stands alone."""
    return value if isinstance(value, list) else [value]


def database_host(value: Any) -> HostRef:
    """Read a database server: as `host` does, or with a port: `{host: NAME, port: N}`."""
    if isinstance(value, str):
        several = [part.strip() for part in value.split(",")]
        if len(several) > 1 and all(names.HOST.fullmatch(p.partition(":")[0]) for p in several):
            refuse(
                WRONG_VALUE,
                f"`{value[:80]}` is not a host name or address.",
                "Write several servers as a list: `[db1, {host: db2, port: 5433}]`.",
            )
        name, _, port = value.rpartition(":")
        return host(value, f"Write `{{host: {name[:80]}, port: {port}}}`.")
    if not isinstance(value, dict) or "port" not in value:
        return host(value)
    port = value["port"]
    if not isinstance(port, int) or isinstance(port, bool):
        refuse(WRONG_VALUE, "The port of a database server must be a whole number.")
    found = host({key: name for key, name in value.items() if key != "port"})
    found.port = addresses.port(port)
    return found


def node_text(template: str, name: str, address: str) -> str:
    """Put a node's own name and address into a value of `node_defaults` (or of its own)."""
    return template.replace("{name}", name).replace("{address}", address)


def ssh_destination(value: str) -> str:
    """Check an OpenSSH destination: no option of ssh's, nothing that its configuration expands."""
    plain = node_text(value, "om1", "10.1.1.1")
    if not names.SSH_DESTINATION.fullmatch(plain):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not an ssh destination.",
            "Write `om1`, `root@om1.example.org` or `ssh://root@10.1.1.1:2222`.",
        )
    return value


def removed_destination(value: str) -> str:
    """Check the OpenSSH destination of a removed node, which has no address in the spec."""
    if "{address}" in ssh_destination(value):
        refuse(
            WRONG_VALUE,
            "A removed node has no `{address}`.",
            "Write its address, or the name by which ssh reaches it.",
        )
    return value


def member(value: str) -> str:
    """Check what a member list calls a node: a host's name or an IPv4 address, without a port."""
    plain = node_text(checks.clean(value), "om1", "10.1.1.1")
    addresses.no_ipv6(plain, addresses.IPV4_ONLY, "Give the node's IPv4 address, or its name.")
    name, _, port = value.rpartition(":")
    if not names.HOST.fullmatch(plain) or len(plain) > names.MAX_HOST:
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a host name or address.",
            f"Write `{name[:80]}`; the port of Hazelcast goes to `hazelcast.port`."
            if port.isdecimal() and names.HOST.fullmatch(node_text(name, "om1", "10.1.1.1"))
            else mistakes.host(value) or "Write `om1.example.org`, for example.",
        )
    if names.NUMERIC.fullmatch(plain):
        addresses.reachable(plain)
    if plain.lower() in names.LOOPBACK:
        refuse(WRONG_VALUE, f"`{value}` is a different host on each node.")
    return value


def option(value: Any) -> SecretRef | str:
    """Read the value of an option: a text, or where a secret comes from."""
    if isinstance(value, dict):
        return secret(value)
    found = checks.text(value)
    if not isinstance(found, str) or not found:
        hint = "Write a value, or remove the option."
        refuse(WRONG_VALUE, "The value of an option must be a text.", hint)
    return checks.clean(found)


def node_file(value: Any) -> SecretRef | str:
    """Read a file that a driver needs on each node: its path there, or what omconf is to put there."""
    if isinstance(value, str):
        if _CONTENT.search(value):
            refuse(PLAIN_SECRET, "This is the content of the file, not its path.", _FILES)
        if value.isprintable() and not value.startswith("/"):
            refuse(
                WRONG_VALUE,
                f"`{value[:80]}` is not an absolute path, which a file on the nodes needs.",
                f"Write `/PATH`, or `{{file: {value[:80]}, whole: true}}` for omconf to copy it there.",
            )
        return folders.folder(checks.clean(value))
    if not isinstance(value, dict) or not value.keys() <= {"env", "file", "command", "whole"}:
        # What else stands here may be the key itself, and is not shown.
        message = "This is neither a path on the nodes nor a file."
        refuse(PLAIN_SECRET, message, _FILES)
    whole = value.get("whole")
    if whole is not True:
        refuse(
            WRONG_VALUE,
            "This file can only be read as a whole.",
            f"Add `whole: true`. {_FILES}",
        )
    found = secret({key: given for key, given in value.items() if key != "whole"})
    return SecretRef(found.source, found.argument, found.base, whole=True)


def secret(value: Any) -> SecretRef:
    """Read where a secret comes from; a secret itself is refused."""
    if value is None or value == "":
        _unclear("Nothing stands here: a secret needs a reference.", f"Write {_WAYS}.")
    if not isinstance(value, dict):
        refuse(
            PLAIN_SECRET,
            "A secret stands here in plain text; a spec only says where it is read from.",
            f"Write {_WAYS}; for `$OM_DB_PASSWORD`, write `{{env: OM_DB_PASSWORD}}`.",
        )
    if "whole" in value:
        _unclear("Of this secret the first line counts, never the whole file.", "Remove `whole`.")
    unknown = next((key for key in value if key not in _SOURCES), None)
    if unknown is not None:
        # A key is not shown: it may be the secret itself.
        near = meant(unknown, _SOURCES)
        hint = f"Did you mean `{near}`?" if near else f"Write {_WAYS}."
        _unclear("A key here is none of a secret's reference.", hint)
    if len(value) != 1:
        _unclear("A secret's reference has one key.", f"Write one of {_WAYS}.")
    source, argument = next(iter(value.items()))
    words = _words(source, argument)
    if any("-----BEGIN " in w for w in words):
        refuse(PLAIN_SECRET, "This is the content of the file, not its path.", _FILES)
    if source == "env" and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", words[0]):
        _unclear("This is not the name of an environment variable.", mistakes.VARIABLE_ALONE)
    return SecretRef(source, tuple(words))


def _words(source: str, argument: Any) -> list[str]:
    """Check what a secret's reference names: one text, or the words of a command."""
    words = argument if isinstance(argument, list) else [argument]
    if source == "command" and not isinstance(argument, list):
        _unclear(
            "`command` must be a list: the program and its arguments.",
            "Write `{command: [pass, show, openmeetings/db]}`, for example.",
        )
    if source != "command" and isinstance(argument, (list, dict)):
        _unclear(f"`{source}` must be text.", f"Write {_WAYS}.")
    if not words or any(word is None or word == "" for word in words):
        _unclear(f"`{source}` has an empty value.", f"Write {_WAYS}.")
    for number, word in enumerate(words, 1):
        which = f"Item {number} of `{source}`" if source == "command" else f"`{source}`"
        if not isinstance(word, str):
            scalar = not isinstance(word, (list, dict))
            _unclear(f"{which} must be text.", "Put it in quotes." if scalar else "")
        if "\0" in word:
            _unclear(f"{which} contains a NUL character.", "Remove it.")
    return words
