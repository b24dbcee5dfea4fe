"""The first look at a node that no spec knows yet: where OpenMeetings is, and which units run it.

Only names are learned here, and what links say; the files themselves are read afterwards, by the same
reader as for a plan. All of it is hostile input, and bounded.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.deployed.tree import NO_NODE
from omconf.diagnostics import Finding
from omconf.files import read
from omconf.files.tree import Tree, UnresolvedError
from omconf.formats import unit_file
from omconf.rules import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ABOVE = (
    *(
        "",
        "/opt",
        "/opt/tomcat",
        "/srv",
        "/usr/local",
        "/usr/share",
        "/usr/lib",
        "/var/lib",
        "/var",
    ),
    *("/home", "/home/*", "/root", "/data", "/app", "/apps"),
)
"""Folders in which installers, the wiki's tutorials (`/opt/open900`) and Docker images (`/opt/om`) put
OpenMeetings: each folder of one is looked at. `/home/*` stands for every folder there."""
UNITS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
ZONE_LINK = "/etc/localtime"
HAZELCAST = "webapps/{webapp}/WEB-INF/classes/hazelcast.xml"
DROP_IN = "omconf.conf"
"""omconf's own drop-in beside the unit of OpenMeetings."""
MAX_NAMES = 1000
"""Names of one folder that are looked at, in their order."""
MAX_UNITS = 2000
MAX_HOMES = 8
MAX_UNIT = 64 * 1024
"""Bytes of a unit file."""
SPEAKS = re.compile(r"openmeetings|catalina|tomcat", re.IGNORECASE)
"""A unit that may run OpenMeetings says one of these words, or the path of a home."""
_FOLDER_KEYS = ("WorkingDirectory", "Environment", "ExecStart")
_PATH = re.compile(r"/[^\s\"'=:;]+")


@dataclass(frozen=True, slots=True)
class Survey:
    """What the first look at one node found. `label` is what the source calls it."""

    label: str
    homes: tuple[tuple[str, str], ...] = ()
    """Tomcat's base and the web application's folder, of each hazelcast.xml."""
    units: tuple[str, ...] = ()
    """Paths of unit files that speak of OpenMeetings or Tomcat, or of one of the homes."""
    has_units: bool = False
    """Whether there are unit files at all: a copy of a few files has none."""
    zone: str = ""
    """Where /etc/localtime leads."""
    host: str = ""
    """The node's own name, where it was asked."""
    addresses: tuple[str, ...] = ()
    """Its IPv4 addresses, where it was asked."""
    data: tuple[tuple[str, str], ...] = ()
    """The folders in which OpenMeetings looks for its data by default, where there are such, and
    where they lead: another path for a link, their own path for a folder."""
    odd: tuple[str, ...] = ()
    """Web applications that are left out, as their paths hold characters that cannot be seen."""
    real: tuple[tuple[str, str], ...] = ()
    """Where the `webapps` of each base really lies: several paths may lead to one installation."""
    problem: Finding | None = None


def escaped(text: str) -> str:
    r"""Write what cannot be seen as Python does: `\n`, `\x1b`, and `\udcff` for a byte of no UTF-8."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def of_tree(label: str, root: str, *, dir_fd: int | None = None) -> Survey:
    """Look at a root tree; a link that leads out of it is followed inside."""
    try:
        tree = Tree.at(root, dir_fd=dir_fd)
    except NotADirectoryError:
        return Survey(label, problem=NO_NODE)
    except OSError as error:
        problem = Finding(UNREADABLE, 0, f"It cannot be read: {error.strerror}.")
        return Survey(label, problem=problem)
    with tree:
        units, said = _units(tree)
        homes = dict.fromkeys(_homes(tree, [*_bases(tree), *said]))
        plain = [home for home in homes if "".join(home).isprintable()]
        odd = [escaped("/webapps/".join(home)) for home in homes if home not in set(plain)]
        chosen = tuple(plain[:MAX_HOMES])
        speak = tuple(p for p, text in units.items() if _speaks(p, text, chosen))
        has_units = any(p.endswith(".service") for p in units)
        data = tuple(_data(tree, [f"{base}/webapps/{webapp}/data" for base, webapp in chosen]))
        real = tuple(_real(tree, dict.fromkeys(base for base, _ in chosen)))
        left = tuple(odd[:MAX_HOMES])
        return Survey(label, chosen, speak, has_units, _zone(tree), data=data, odd=left, real=real)


def led(folder: str, target: str) -> str:
    """Return the path to which a link at `folder` leads; empty for one that cannot be shown."""
    path = os.path.normpath(os.path.join(os.path.dirname(folder), target))
    return path if path.isprintable() else ""


def _data(tree: Tree, folders: Iterable[str]) -> Iterator[tuple[str, str]]:
    for folder in folders:
        with suppress(OSError, UnresolvedError):
            try:
                leads = led(folder, tree.link(folder))
            except OSError as error:
                if error.errno != errno.EINVAL:  # no link
                    raise
                tree.names(folder)
                leads = folder
            yield folder, leads


def _real(tree: Tree, bases: Iterable[str]) -> Iterator[tuple[str, str]]:
    for base in bases:
        with suppress(OSError, UnresolvedError):
            yield base, tree.real(f"{base}/webapps")


def _speaks(path: str, text: str, homes: Iterable[tuple[str, str]]) -> bool:
    """Tell whether a unit file may be the one that runs OpenMeetings."""
    if path.endswith(f".d/{DROP_IN}"):
        return True
    return bool(SPEAKS.search(text)) or any(home in text for home, _ in homes)


def _names(tree: Tree, folder: str) -> list[str]:
    with suppress(OSError, UnresolvedError, ValueError):
        found = sorted(tree.names(folder))
        return [n for n in found if "/" not in n][:MAX_NAMES]
    return []


def _bases(tree: Tree) -> Iterator[str]:
    for above in ABOVE:
        folder, star, _ = above.partition("/*")
        parents = [f"{folder}/{name}" for name in _names(tree, folder)] if star else [above]
        for parent in parents:
            yield from (f"{parent}/{name}" for name in _names(tree, parent or "/"))


def _homes(tree: Tree, bases: Iterable[str]) -> Iterator[tuple[str, str]]:
    for base in dict.fromkeys(bases):
        for webapp in _names(tree, f"{base}/webapps"):
            above = f"{base}/{HAZELCAST.format(webapp=webapp)}".rpartition("/")[0]
            if "hazelcast.xml" in _names(tree, above):
                yield base, webapp


def _units(tree: Tree) -> tuple[dict[str, str], list[str]]:
    """Read the unit files by their path, and the folders that those of Tomcat speak of."""
    texts: dict[str, str] = {}
    said: list[str] = []
    for folder in UNITS:
        for name in _unit_names(tree, folder):
            if len(texts) == MAX_UNITS:
                return texts, said
            path = f"{folder}/{name}"
            with suppress(OSError, UnresolvedError):
                data = tree.read(path, MAX_UNIT).contents.data
                texts[path] = data.decode("utf-8", "replace")
                if SPEAKS.search(texts[path]):
                    said += bases_of(texts[path])
    return texts, said


def _unit_names(tree: Tree, folder: str) -> list[str]:
    with suppress(OSError, UnresolvedError):
        names = [n for n in sorted(tree.names(folder)) if n.isprintable()]
        own = [f"{n}/{DROP_IN}" for n in names if n.endswith(".service.d")]
        return [n for n in names if n.endswith(".service") and not n.startswith("omconf-")] + own
    return []


def bases_of(text: str) -> list[str]:
    """Return the folders in which a unit says that Tomcat is."""
    found: list[str] = []
    for setting in unit_file.settings(text):
        if setting.section == "Service" and setting.key in _FOLDER_KEYS:
            paths = islice(_PATH.findall(setting.value), 8)
            found += [re.sub(r"/bin/[^/]+$", "", p).rstrip("/") for p in paths]
    return [path for path in found if path.startswith("/")][:16]


def _zone(tree: Tree) -> str:
    """Return where /etc/localtime leads, which is how systemd keeps the time zone; or empty."""
    with suppress(OSError, UnresolvedError):
        return tree.link(ZONE_LINK)
    return ""


def labels(path: str) -> list[str]:
    """Return the folders of a directory that may be nodes: no links, nothing hidden."""
    folder = read.folder(path)
    try:
        names = [n for n in sorted(os.listdir(folder)) if n[:1] != "."]
        return [n for n in names if stat.S_ISDIR(os.lstat(n, dir_fd=folder).st_mode)]
    finally:
        os.close(folder)
