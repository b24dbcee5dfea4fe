"""Reads the account of a cifs mount, and the share that a node serves, into facts of the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.adopt.mounts import mounts
from omconf.artifacts.cifs_credentials import said as credentials_said
from omconf.artifacts.fstab import MODES
from omconf.artifacts.samba import KIND as SAMBA
from omconf.artifacts.samba import PATH as SMB_PATH
from omconf.cluster.places import OWN
from omconf.formats.paths import CREDENTIALS, PLAIN
from omconf.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.adopt.model import Seen
    from omconf.adopt.mounts import Mount

ENV = "OM_STORAGE_PASSWORD"
_FILES = ("credentials", "cred")
_LOGIN = {
    **dict.fromkeys(("username", "user"), "username"),
    **dict.fromkeys(("password", "pass"), "password"),
    **dict.fromkeys(("domain", "dom", "workgroup"), "domain"),
    "password2": "",
}
"""Mount options of the account (mount.cifs(8)); the spec has no key for a second password."""


def credentials(node: Seen) -> list[str]:
    """Return the paths of the credentials files that a node's mounts name."""
    named = [
        option.partition("=")[2]
        for mount in mounts(node)
        for option in mount.options
        if option.partition("=")[0] in _FILES
    ]
    return [path for path in named if path.startswith("/") and PLAIN.fullmatch(path)][:8]


def options(mount: Mount) -> list[str]:
    """Note the account, and return the mount's options without those that omconf writes for it."""
    node = mount.node
    said: dict[str, tuple[str, tuple[str, int]]] = {}
    unknown = False
    for option in mount.options:
        name, equals, value = option.partition("=")
        if equals and name in _FILES:
            named = value if CREDENTIALS.fullmatch(value) and not value.startswith(OWN) else None
            node.tell(("storage", "credentials"), named, mount.place, default=None)
            node.lacks(value, "The mount", mount.place, "It has the user and the domain.")
            unknown = node.text(value) is None
            for key, text, number in credentials_said(node.text(value) or ""):
                said[key] = (text, (value, number))
        elif equals and _LOGIN.get(name):
            said[_LOGIN[name]] = (value, mount.place)
    _account(mount, said, unknown=unknown)
    written = {mode.value for mode in MODES}
    for name, key, usual in (("uid", "user", "nobody"), ("gid", "group", "nogroup")):
        fact = node.fact("openmeetings", key)
        written.add(f"{name}={fact.value if fact else usual}")
    # omconf writes these in front of the spec's options.
    own = (
        o for o in mount.options if "=" not in o or o.partition("=")[0] not in (*_LOGIN, *_FILES)
    )
    return [option for option in own if option not in written]


def _account(mount: Mount, said: dict[str, tuple[str, tuple[str, int]]], *, unknown: bool) -> None:
    """Note user, domain and password; the user may include both, as in `DOMAIN/user%password`.

    If its file cannot be read, the account is `unknown`.
    """
    node = mount.node
    account, place = said.get("username", ("", mount.place))
    account, percent, behind = account.partition("%")
    domain, slash, user = account.replace("/", "\\").partition("\\")
    if not slash:
        domain, user = "", domain
    if user or not unknown:
        node.tell(("storage", "user"), user or "openmeetings", place, default="openmeetings")
    domain, where = (domain, place) if domain else said.get("domain", ("", place))
    if domain:
        node.tell(("storage", "domain"), domain, where)
    password, where = (behind, place) if percent else said.get("password", ("", place))
    secret = Secret(password) if password and "@omconf:" not in password else None
    node.tell(("storage", "password"), {"env": ENV}, where, secret=secret)


def samba(nodes: Sequence[Seen]) -> None:
    """Note the path of the share on the node that serves it."""
    shares = {f.value.lower() for n in nodes if (f := n.fact("storage", "share"))}
    for node in nodes:
        text = node.text(SMB_PATH)
        for entry in SAMBA.entries(text)[0] if text is not None and shares else ():
            section, _, name = entry.key.partition("/")
            if name == "path" and section.strip("[]").lower() in shares:
                for each in nodes:
                    place = (SMB_PATH, entry.line)
                    each.tell(("storage", "export"), entry.value, place)
