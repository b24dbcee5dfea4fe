"""What a source read from the nodes: the same Snapshot, wherever it came from."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import field, replace
from typing import TYPE_CHECKING, Protocol

from omconf.bundle import applied
from omconf.cluster import places
from omconf.dataclass import dataclass
from omconf.diagnostics import Finding
from omconf.regex import regex
from omconf.rules import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.diagnostics import Diagnostic


MAX_BYTES = 4 * 1024 * 1024
"""A deployed file that is larger is not one of ours."""
TOO_LARGE = Finding(
    UNREADABLE,
    0,
    f"The file is larger than {MAX_BYTES // 1024 // 1024} MiB, the limit for a configuration file.",
)


MAX_AROUND = 64
"""Files that one pattern of a request stands for: nobody has so many drop-ins."""
NODE = regex(r"[a-z0-9-]{1,63}")
"""What a node's folder is called."""


@dataclass(frozen=True, slots=True)
class Access:
    """A file's mode (the permission bits) and the names of its owner and group."""

    mode: int
    owner: str
    group: str


@dataclass(frozen=True, slots=True)
class DeployedFile:
    """One file of a node as it is now: its bytes, or why they cannot be had.

    `access` is there where the source is the node itself: a copy says nothing of it. Two paths of
    a node are one file where `real` (or else the path itself) is the same, or `inode` is.
    """

    data: bytes | None
    problem: Finding | None = None
    access: Access | None = None
    real: str | None = None
    """Where the file lies in a tree, when links of folders lead there; None at its own path."""
    inode: tuple[int, int] | None = None
    """Device and inode of a file that was read from a tree."""
    on_the_way: bool = False
    """Whether a parent of its path is not a directory: there is no file, nor can there be one."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to read of a node: paths that omconf may own, and the manifest, which lists further ones.

    Of those, only files that omconf can have written for the cluster are read. `settings` are the
    node's (see cluster/places.py). `ssh` is its OpenSSH destination, `earlier` the name that it had
    before it was renamed.
    """

    paths: tuple[str, ...]
    cluster: str
    ssh: str
    settings: Mapping[str, str] = field(default_factory=dict)
    earlier: str | None = None
    around: tuple[str, ...] = ()
    """Files of others to be read where they are: paths; the last part may be `*.END`."""
    left: bool = False
    """Whether the spec has no such node any more: then its manifest alone says what to read."""

    @classmethod
    def of_left(cls, requests: Mapping[str, Request]) -> Request:
        """What to read of a node that the spec has no more."""
        one = next(iter(requests.values()))
        own = f"{places.STATE.format(cluster=one.cluster)}/"
        around = tuple(path for path in one.around if path.startswith(own))
        return replace(one, settings={}, ssh="", earlier=None, around=around, left=True)

    @property
    def manifest(self) -> str:
        """Where the node keeps its manifest."""
        return places.manifest(self.cluster)

    @property
    def library(self) -> str | None:
        """Where the jars of OpenMeetings lie; None for a node that the spec no longer has."""
        if not self.settings:
            return None
        return places.LIBRARY.format(**self.settings)

    @property
    def names(self) -> list[str]:
        """What omconf's files are called, wherever they lie."""
        return sorted({path.rpartition("/")[2] for path in self.paths})

    def applied(self, node: str, files: NodeFiles) -> bool | None:
        """Tell whether a manifest says what was applied to this node, and not to a copy's origin.

        None when it cannot be told: something is there and cannot be read.
        """
        own = files.files.get(self.manifest)
        if files.problem or own is None:
            return None if files.problem else False
        try:
            return applied.read(own.data or b"", self.cluster).node == node
        except ValueError:
            return None

    @property
    def own(self) -> tuple[str, ...]:
        """What is read whatever the node's manifest says."""
        return (*(() if self.left else self.paths), self.manifest)

    def asked(self, listing: bytes | None) -> tuple[str, ...]:
        """Every path to be read, by what the node's own manifest says."""
        paths = dict.fromkeys(self.own)
        with suppress(ValueError):
            paths |= dict.fromkeys(
                applied.read(listing or b"", self.cluster, self.settings).entries
            )
        return tuple(paths)


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """The files of one node by their path on it; an `asked` path that is not there does not exist."""

    files: Mapping[str, DeployedFile] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    problem: Finding | None = None
    """Why the node as a whole is unknown."""
    around: Mapping[str, DeployedFile] = field(default_factory=dict)
    """Files of others, by their path."""
    release: str | None = None
    """The release of OpenMeetings that is installed, by the names of its jars; None: not known."""
    hazelcast: tuple[str, ...] = ()
    """The names of Hazelcast's own jars beside those; none: not known."""

    @classmethod
    def unknown(cls, request: Request, why: str, hint: str = "") -> NodeFiles:
        """A node that could not be read: OM302."""
        return cls(asked=request.asked(None), problem=Finding(UNREADABLE, 0, why, hint))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is deployed on all nodes; `kind` is the source's: directory, local, ssh, ansible or git."""

    kind: str
    nodes: Mapping[str, NodeFiles]
    left: Mapping[str, NodeFiles] = field(default_factory=dict)
    """Nodes that the source holds a manifest of and the spec has no more, by name."""
    findings: tuple[Diagnostic, ...] = ()
    """Diagnostics for the source as a whole."""
    options: Mapping[str, str | bool] = field(default_factory=dict)
    """How it was read: `sudo` with ssh; also `inventory` with ansible; `node` and `root` with local."""

    @property
    def live(self) -> bool:
        """True when the files are those that a running node uses, not a copy of them."""
        return self.kind in ("local", "ssh", "ansible")


class Source(Protocol):
    """Where deployed files are read from."""

    def read(self, requests: Mapping[str, Request], *, whole: bool) -> Snapshot | Diagnostic:
        """Read the nodes' files; a diagnostic when the source as a whole cannot be read.

        With `whole` the requests are those of all nodes of the spec.
        """
