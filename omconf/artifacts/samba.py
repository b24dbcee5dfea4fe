"""The share in `/etc/samba/smb.conf` on the data server: who may mount the shared data folder.

The reader follows lib/util/tini.c and lib/param/loadparm.c of Samba 4.17: a comment is a line of its
own, a backslash at a line's end continues it, several blanks are one, neither case nor blanks count
in a parameter's name, and a section that stands twice is one section in which the last word counts.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from omconf.actions import Do, Manual, Run, Stage, reload, run
from omconf.artifacts.contents import Artifact, ExternalFile, Line, Meaning, line
from omconf.artifacts.effect import (
    Change,
    Effect,
    listed,
    make_folder,
    mount_manually,
    remount,
    remount_elsewhere,
)
from omconf.artifacts.model import BlockKind
from omconf.diagnostics import Diagnostic, Finding
from omconf.findings import report
from omconf.formats import smb_conf, smb_hosts
from omconf.formats.block import MARKERS, MAX_ENTRIES, Entry, markers, too_many
from omconf.origin import FromDefault, FromPage
from omconf.regex import regex
from omconf.rules import BEHIND, CONTRADICTION, SHUT_OUT, UNCARRIABLE, UNUSABLE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omconf.cluster.model import Cluster, Node, Samba

PATH = "/etc/samba/smb.conf"
STEP = FromPage("File systems: the shared folder over Samba")
ACCESS = FromDefault("storage.kind", "the nodes alone, with their account alone")
OWNER = FromDefault("storage.kind", "files are OpenMeetings' own, whoever logs in")
COHERENT = FromDefault(
    "storage.kind", "the data server's own OpenMeetings writes the same files beside smbd"
)
GUEST = "nobody"
"""Samba's guest account. Without an entry (a disabled one will do), Samba takes the owner of its
files and the forced user for two, and refuses all writing (measured with 4.17)."""
_GLOBAL_HOSTS = ("[global]/hosts allow", "[global]/hosts deny")

_SPEC_KEYS = {
    "path": "storage.export",
    "valid users": "storage.user",
    "force user": "openmeetings.user",
    "force group": "openmeetings.group",
}
"""What decides the parameters that have keys in the spec."""


class Share(BlockKind):
    """The block in `/etc/samba/smb.conf`: one share."""

    name = "samba"
    purpose = "lets the other nodes mount the shared data folder over SMB"
    places = (PATH,)
    stage = Stage.SERVE
    last_counts = True

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Share the data folder with every other node, on the data server only."""
        storage = cluster.storage
        if storage.samba is None or storage.node != node.name.value:
            return []
        clients = [n for n in cluster.nodes if n.name.value != node.name.value]
        if not clients:
            return []
        lines = _lines(cluster, storage.samba, clients)
        meaning = _meaning(cluster, storage.samba, clients)
        return [Artifact(self.name, PATH, self.ownership, lines, meaning=meaning)]

    def external_files(self, cluster: Cluster) -> list[ExternalFile]:
        """Return the share for all nodes, for the administrator of an external Samba server."""
        samba = cluster.storage.samba
        if samba is None or cluster.storage.node is not None or samba.of_domain:
            return []
        lines = _lines(cluster, samba, cluster.nodes)
        meaning = _meaning(cluster, samba, cluster.nodes)
        return [ExternalFile("storage/smb.conf", lines, meaning=meaning)]

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Check that smb.conf can carry the path: Samba makes one blank of two, and reads `%`."""
        export, samba = cluster.storage.export, cluster.storage.samba
        if samba and samba.of_domain:
            return
        if samba and samba.user.value == GUEST:
            message = f"`{GUEST}` is Samba's guest account: nobody can log in with it."
            hint = "Give the nodes an account of their own: `user: openmeetings`."
            yield CONTRADICTION.at(samba.user.span, message, hint=hint)
        if samba and not smb_conf.PATH.fullmatch(export.value):
            yield UNCARRIABLE.at(
                export.span,
                f"smb.conf cannot carry the path `{export.value}`.",
                hint="Use a folder without `%`, and without two blanks beside each other.",
            )

    def entries(self, text: str) -> tuple[list[Entry], list[Finding]]:
        """Read the sections and their parameters: `[share]`, `[share]/parameter`.

        A value is told by its meaning where omconf writes the parameter: a list's words sorted,
        yes or no, an octal mode. Findings: OM301 for a line at which Samba gives the file up; here
        reading goes on.
        """
        return _read(text)

    def mistakes(self, entries: list[Entry], taken: list[Entry]) -> list[Entry]:
        """Take a share over as a whole: Samba would join what is left of it with ours."""
        shares = {_share(entry) for entry in taken}
        known = frozenset(taken)
        return [e for e in entries if _share(e) in shares and e not in known]

    def behind(self, text: str) -> list[Finding]:
        """Find parameters behind the block that no section begins: they belong to our share."""
        entries, _ = _read(text)
        return [
            Finding(
                BEHIND,
                entry.line,
                f"`{entry.key.partition('/')[2]}` comes directly after the block, so it belongs to"
                " the share that the block ends with.",
                "Move it before the block, into its own section.",
            )
            for entry in takewhile(lambda entry: entry.key.startswith("[global]/"), entries)
        ]

    def beside(self, entries: list[Entry], wanted: Mapping[str, Entry]) -> list[Finding]:
        """Report what Samba reads besides, and hosts of `[global]` that shut nodes out."""
        unread = smb_conf.unread(entries)
        theirs = self.counted([e for e in entries if e.key in _GLOBAL_HOSTS])
        allow, deny = (theirs[key].value if key in theirs else "" for key in _GLOBAL_HOSTS)
        ours = next((e.value for key, e in wanted.items() if key.endswith("]/hosts allow")), "")
        out = [a for a in ours.split() if theirs and smb_hosts.allows(a, allow, deny) is False]
        if not out:
            return unread
        message = f"`[global]` shuts {listed(out)} out, whatever a share allows."
        hint = "Add the nodes' addresses to its `hosts allow`, or leave hosts to the shares."
        return [*unread, Finding(SHUT_OUT, max(e.line for e in theirs.values()), message, hint)]

    def keep(self, key: str, replaced: bool) -> str:
        """Return the key of `storage` that a replaced setting comes from."""
        return _SPEC_KEYS.get(key.rpartition("/")[2], "") if replaced else ""

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Return that smbd reloads; whoever is connected keeps the share as it was."""
        again = reload("smbcontrol", "smbd", "reload-config")
        samba = cluster.storage.samba
        if samba is None or action == "delete":
            mounted = cluster.storage.kind.value == "mounted"
            why = "the folder is no longer shared from here"
            manual = mount_manually(cluster) if cluster.storage.by_hand else None
            folders = {c.before for key, c in changes.items() if key.endswith("]/path")}
            moves = mounted or folders != {_tidy(cluster.storage.export.value)}
            clients = remount_elsewhere(cluster)
            return Effect(
                "smbcontrol",
                why,
                not mounted,
                run=(again,),
                moves=moves,
                clients=clients,
                manual=manual,
            )
        if any(key.endswith("]/path") and change.before for key, change in changes.items()):
            why = (
                "the share is another folder: nodes that still use the old one would not see what"
                " the others write"
            )
            place = make_folder(cluster, cluster.storage.export.value)
            close = Do(Run(("smbcontrol", "smbd", "close-share", samba.share.value)), again=True)
            return Effect(
                "smbcontrol",
                why,
                rolling=False,
                run=(place, again, close),
                moves=True,
                clients=replace(remount(cluster, why), moves=True),
                decided_by=tuple(key for key in changes if key.endswith("]/path")),
            )
        folder = (make_folder(cluster, cluster.storage.export.value),) if action == "create" else ()
        why = "Samba reads its shares again; existing mounts stay"
        remove = (
            f"Unless it was there before: `smbpasswd -x {samba.user.value}` removes the account."
        )
        account = Do(Manual("admin", _account(cluster, samba)), Manual("admin", remove))
        manual = account if action == "create" else None
        does = (*folder, again, run("testparm", "-s"))
        new = action == "create"
        clients = remount_elsewhere(cluster) if new else None
        return Effect("smbcontrol", why, run=does, moves=new, clients=clients, manual=manual)

    def external(self, cluster: Cluster) -> Manual | None:
        """Have whoever runs an outside Samba server share the folder."""
        storage, om = cluster.storage, cluster.openmeetings
        if storage.samba is None or storage.node is not None or storage.server is None:
            return None
        if storage.samba.of_domain:
            clients = ", ".join(node.storage_address.value for node in cluster.nodes)
            text = (
                f"On the file server {storage.server.value}: share a folder as"
                f" `{storage.samba.share.value}`, in which `{storage.samba.account}` may read, write"
                f" and delete, and let in {clients} (SMB, port 445)."
            )
            return Manual("storage", text)
        text = (
            f"On the Samba server {storage.server.value}: create `{storage.export.value}`, owned by"
            f" `{om.user.value}:{om.group.value}`, and add `storage/smb.conf` to `{PATH}`."
            f" {_account(cluster, storage.samba)} Then run `smbcontrol smbd reload-config`."
        )
        return Manual("storage", text, ("storage/smb.conf",))


KIND = Share()


def _account(cluster: Cluster, samba: Samba) -> str:
    """Return the instruction to create the nodes' account, for the server's administrator."""
    user = samba.user.value
    guest = f" Then `smbpasswd -a -n {GUEST}` and `smbpasswd -d {GUEST}`."
    return (
        f"Add the account `{user}` (`useradd --system --shell /usr/sbin/nologin {user}`) and give it"
        f" the password: `smbpasswd -s -a {user}` reads it from two lines of its input."
        f"{guest if cluster.openmeetings.user.value == GUEST else ''}"
    )


def _lines(cluster: Cluster, samba: Samba, clients: Iterable[Node]) -> tuple[Line, ...]:
    om = cluster.openmeetings
    addresses = [part for client in clients for part in (" ", client.storage_address)]
    begin, end = markers(cluster.name)
    lines = [
        line(begin, why=(MARKERS,)),
        line("[", samba.share, "]", why=(STEP,)),
        line("    path = ", cluster.storage.export, why=(STEP,)),
        line("    valid users = ", samba.user, why=(ACCESS,)),
        line("    guest ok = no", why=(ACCESS,)),
        line("    read only = no", why=(STEP,)),
        line("    browseable = no", why=(ACCESS,)),
        line("    hosts allow =", *addresses, why=(STEP,)),
        line("    hosts deny = ALL", why=(ACCESS,)),
        line("    force user = ", om.user, why=(OWNER,)),
        line("    force group = ", om.group, why=(OWNER,)),
        line("    create mask = 0640", why=(OWNER,)),
        line("    directory mask = 0750", why=(OWNER,)),
    ]
    if cluster.storage.node is not None:
        lines += [
            line("    oplocks = no", why=(COHERENT,)),
            line("    level2 oplocks = no", why=(COHERENT,)),
        ]
    return (*lines, line(end, why=(MARKERS,)))


def _meaning(cluster: Cluster, samba: Samba, clients: Iterable[Node]) -> Meaning:
    om, share = cluster.openmeetings, f"[{samba.share.value.lower()}]"
    items = {
        "path": _tidy(cluster.storage.export.value),
        "valid users": samba.user.value,
        "guest ok": "no",
        "read only": "no",
        "hosts allow": " ".join(sorted(client.storage_address.value for client in clients)),
        "hosts deny": "ALL",
        "force user": om.user.value,
        "force group": om.group.value,
    }
    named = {f"{share}/{name}": value for name, value in items.items()}
    return Meaning(KIND.read, {share: "section", **named}, whole=False)


_BOOLS = ("guest ok", "read only", "browseable", "oplocks", "level2 oplocks")
_LISTS = ("valid users", "hosts allow", "hosts deny")
_HOST_WORDS = ("ALL", "EXCEPT")
"""What counts in any case of letters (list_match in lib/util/access.c)."""
_MODES = ("create mask", "directory mask")
# Synonyms of what omconf writes (smb.conf(5)), without blanks; True for one that says the opposite.
_NAMES = {
    **{
        name.replace(" ", ""): (name, False)
        for name in (*_BOOLS, *_LISTS, *_MODES, "path", "force user", "force group")
    },
    "directory": ("path", False),
    "public": ("guest ok", False),
    "browsable": ("browseable", False),
    "allowhosts": ("hosts allow", False),
    "denyhosts": ("hosts deny", False),
    "group": ("force group", False),
    "createmode": ("create mask", False),
    "directorymode": ("directory mask", False),
    **dict.fromkeys(("writeable", "writable", "writeok"), ("read only", True)),
}
_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")

# What C's isspace() takes for white space; str.isspace() knows more.
_BLANKS = " \t\v\f\r"
_CONTINUED = regex(rf"\\[{_BLANKS}]*$")
_RUN = regex(rf"([{_BLANKS}])[{_BLANKS}]+")


def _logical(text: str) -> Iterator[tuple[int, int, tuple[int, int], str]]:
    """Cut a text into logical lines: the first and the last line's number, the range, the content."""
    parts: list[str] = []
    first = start = at = 0
    lines = text.split("\n")
    for number, raw in enumerate(lines, 1):
        begin, at = at, min(at + len(raw) + 1, len(text))
        if not parts:
            first, start = number, begin
            raw = raw.lstrip(_BLANKS)  # noqa: PLW2901
            if not raw or raw[0] in "#;":
                continue
        # Only the last part can end in a backslash: the one before lost its own.
        continued = _CONTINUED.search(raw) if number < len(lines) else None
        parts.append(raw[: continued.start()] if continued else raw)
        if not continued:
            yield first, number, (start, at), _RUN.sub(r"\1", "".join(parts))
            parts = []


def _read(text: str) -> tuple[list[Entry], list[Finding]]:
    entries: list[Entry] = []
    findings: list[Finding] = []
    section = "global"
    own: list[Entry] = []
    for first, last, place, content in _logical(text):
        if len(entries) + len(own) >= MAX_ENTRIES:
            findings.append(too_many(first))
            break
        if content.startswith("["):
            name, closed, _ = content[1:].partition("]")
            if closed:
                entries += _together(own)
                section = name.lower()
                own = [Entry(f"[{section}]", "section", first, last, place, place)]
                continue
            wrong = "This section's name is not closed with `]`"
        else:
            name, equals, value = content.partition("=")
            if not equals:
                continue  # Samba passes it over
            if name.strip(_BLANKS):
                name, value = _settled(name, value.strip(_BLANKS))
                own.append(Entry(f"[{section}]/{name}", value, first, last, place, place))
                continue
            wrong = "There is no name before the `=`"
        message = f"{wrong}: Samba loads nothing of the file."
        report(findings, Finding(UNUSABLE_FILE, first, message))
    return [*entries, *_together(own)], findings


def _together(section: list[Entry]) -> list[Entry]:
    """Make the entries of a section siblings: with the last of them, its comments go too."""
    if not section:
        return []
    whole = (section[0].span[0], section[-1].span[1])
    return [replace(entry, whole=whole, siblings=len(section)) for entry in section]


def _share(entry: Entry) -> str:
    return entry.key.partition("]")[0]


def _settled(given: str, value: str) -> tuple[str, str]:
    """Name a parameter by its one name, and its value by its meaning, where omconf writes it."""
    bare = re.sub(rf"[{_BLANKS}]", "", given).lower()
    shown = re.sub(rf"[{_BLANKS}]+", " ", given).strip().lower()
    name, opposite = _NAMES.get(bare, (shown, False))
    if name in _BOOLS and value.lower() in (*_YES, *_NO):
        value = "yes" if (value.lower() in _YES) != opposite else "no"
    elif name in _LISTS:
        # Quotes hold a word with blanks together; around any other they say nothing.
        bare_words = re.sub(rf'"([^",{_BLANKS}]*)"', r"\1", value)
        words = [word for word in re.split(rf"[,{_BLANKS}]+", bare_words) if word]
        if name.startswith("hosts"):
            words = [word.upper() if word.upper() in _HOST_WORDS else word for word in words]
        value = " ".join(words if "EXCEPT" in words else sorted(set(words)))
    elif name in _MODES and re.fullmatch("[0-7]{1,6}", value):
        value = f"{int(value, 8):04o}"
    elif name == "path":
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        value = _tidy(value)
    return name, value


def _tidy(path: str) -> str:
    """Write a path without the slashes that say nothing: doubled ones, and one at its end."""
    tidy = re.sub("//+", "/", path)
    return tidy.rstrip("/") or tidy
