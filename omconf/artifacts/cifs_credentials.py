"""The credentials file of the cifs mount: the Samba account, for root's eyes alone.

The reader follows mount.cifs of cifs-utils 7.0: a key counts by its first letters, in either case;
all behind the `=` is the value, blanks too; a line that is neither is passed over, a comment so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from omconf.actions import Do, Manual, Run, Stage
from omconf.artifacts.contents import Artifact, Meaning, Ownership, Placeholder, line
from omconf.artifacts.effect import Change, Effect, remount
from omconf.artifacts.model import Kind
from omconf.artifacts.reading import Reading
from omconf.cluster.places import OWN
from omconf.formats import header
from omconf.formats.paths import CREDENTIALS, MAX_PATH
from omconf.origin import FromDefault, FromPage
from omconf.secrets import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.cluster.model import Cluster, Node

STEP = FromPage("File systems: the shared folder over Samba")
FILE = FromDefault("storage.password", "/etc/fstab can be read by everybody")
MAX_PASSWORD = 512
"""What mount.cifs takes of a password, in bytes, each comma counted twice."""
_KEYS = {"user": "username", "pass": "password", "dom": "domain"}
"""What a key of the file says, by its first letters; `workgroup` is one of mount options alone."""


class CifsCredentials(Kind):
    """One file on every node that mounts the share."""

    name: ClassVar[str] = "cifs_credentials"
    ownership: ClassVar[Ownership] = Ownership.FILE
    stage: ClassVar[Stage] = Stage.PROTECT
    purpose: ClassVar[str] = "holds the Samba account that mounts the shared data folder"
    places: ClassVar[tuple[str, ...]] = ("/etc/omconf/{cluster}/storage.credentials",)

    def paths(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """The file that the spec names too: where it is another one, omconf's own goes."""
        samba = cluster.storage.samba
        own = super().paths(cluster, node)
        return tuple(dict.fromkeys((*own, samba.credentials.value))) if samba else own

    def settings_of(self, path: str, cluster: str | None) -> Mapping[str, str] | None:
        """Take any path that a spec may name."""
        found = super().settings_of(path, cluster)
        plain = len(path) <= MAX_PATH and CREDENTIALS.fullmatch(path)
        return {} if found is None and plain and not path.startswith(f"{OWN}/") else found

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return the credentials file; the node that serves the share needs none."""
        samba = cluster.storage.samba
        if samba is None or cluster.storage.node == node.name.value:
            return []
        items = {"username": samba.user.value}
        if samba.domain:
            items["domain"] = samba.domain.value
        password = Placeholder("storage.password", samba.password.value, encode)
        lines = (
            line("# ", header.text(cluster.name), why=(FILE,)),
            line("username=", samba.user, why=(STEP,)),
            *((line("domain=", samba.domain, why=(STEP,)),) if samba.domain else ()),
            line("password=", password, why=(STEP, samba.password.origin)),
        )
        return [
            Artifact(
                self.name,
                samba.credentials.value,
                self.ownership,
                lines,
                mode=0o600,
                placeholders=(password,),
                meaning=Meaning(self.read, items),
            )
        ]

    def read(self, text: str) -> Reading:
        """Read what mount.cifs takes: of two lines with the same key the last one."""
        reading = Reading()
        for name, value, number in said(text):
            user, percent, _ = value.partition("%")  # mount.cifs takes a password after it
            shown = f"{user}%{HIDDEN}" if percent and name == "username" else value
            reading.add(name, shown, number)
        return reading

    def same(self, key: str, before: str, after: str) -> bool:
        """Compare what Windows compares: a domain has the same name in any case of letters."""
        if key == "username":  # `user@domain`
            one, other = (value.rpartition("@") for value in (before, after))
            return one[:2] == other[:2] and bool(one[1]) and one[2].lower() == other[2].lower()
        return key == "domain" and before.lower() == after.lower()

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Mount again: until it is unmounted, a mount logs in with the account that it knows."""
        if action != "update":
            why = "the mount of the shared folder reads it"
            check = Run(("mount.cifs", "-V"))
            text = "Install cifs-utils, whose mount.cifs reads the file."
            tool = Do(Manual("admin", text, check=check))
            return Effect("mount", why, manual=tool if action == "create" else None)
        why = "a mount keeps its old account until it is unmounted"
        return remount(cluster, why)


KIND = CifsCredentials()


def said(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield what mount.cifs takes from a credentials file: `username`, `password` or `domain`.

    With each its value, a secret among them, and its line.
    """
    for number, raw in enumerate(text.split("\n"), 1):
        key, equals, value = raw.lstrip(" \t").partition("=")
        for start, name in _KEYS.items():
            if equals and key.lower().startswith(start):
                yield name, value, number


def encode(password: str) -> str:
    """Return a password as it stands in the file: as it is, to the end of its line.

    Raises ValueError, without the password, for one that mount.cifs cannot read there.
    """
    if any(char in password for char in "\n\0"):
        raise ValueError("mount.cifs cannot read a Samba password with a line break or NUL")
    if len(password.encode("utf-8", "surrogatepass")) + password.count(",") > MAX_PASSWORD:
        raise ValueError(
            f"mount.cifs accepts a Samba password of at most {MAX_PASSWORD} bytes,"
            " counting each comma twice"
        )
    return password
