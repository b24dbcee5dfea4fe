"""Rules about the shared data folder (OM231 to OM236)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import Diagnostic, Rule, Severity
from omconf.formats import cifs_options, nfs_options
from omconf.spec.checks import EXPORT_PATH
from omconf.spec.storage import MOUNT_OPTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from omconf.cluster.model import Cluster
    from omconf.formats.options import Verdict
    from omconf.origin import Value

ROOT_EXPORT = Rule("OM231", Severity.WARNING, "root on any node is root on the shared data")
DATA_LOSS = Rule("OM232", Severity.WARNING, "an export or mount that can lose data")
IGNORED_OPTION = Rule("OM234", Severity.WARNING, "a mount option that Linux ignores")
NOT_NETDEV = Rule("OM235", Severity.WARNING, "a mount that boot may wait for, or not wait for")

IN_THE_WAY = Rule("OM236", Severity.ERROR, "a data folder that hides OpenMeetings, or lies in it")
_OTHERS = ("/etc", "/usr/local/sbin", "/usr/lib/systemd")
"""Folders that a node needs, whatever is mounted."""


def check(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check the options of exports and mounts."""
    yield from _folder(cluster)
    export = cluster.storage.export
    if export.value == "/" and (cluster.storage.node or cluster.storage.kind.value != "nfs"):
        message = "The whole root file system cannot be the export: it must be a path below `/`."
        hint = "Write `export: /opt/omdata`; `/` is the root of an outside NFSv4 server."
        yield EXPORT_PATH.at(export.span, message, hint=hint)
    kind = cluster.storage.kind.value
    if kind == "nfs":
        yield from _exports(cluster)
        yield from _mounts(cluster)
        yield from _unknown(cluster.storage.options, nfs_options.judge_mount)
    elif kind == "cifs":
        yield from _mounts(cluster)
        yield from _unknown(cluster.storage.options, cifs_options.judge_mount)


def _folder(cluster: Cluster) -> Iterator[Diagnostic]:
    """The page wants the data outside of OpenMeetings; a mount above it would hide it."""
    data_dir = cluster.openmeetings.data_dir
    folder = data_dir.value.rstrip("/") + "/"
    homes = {node.home.value.rstrip("/") + "/" for node in cluster.nodes}
    inside = next((home for home in sorted(homes) if folder.startswith(home)), "")
    hidden = [p for p in (*sorted(homes), *(f"{o}/" for o in _OTHERS)) if p.startswith(folder)]
    if inside or hidden:
        what = f"lies in {inside[:-1]}" if inside else f"hides {hidden[0][:-1]} where it is mounted"
        message = f"The data folder {data_dir.value} {what}."
        hint = "Give it a folder of its own, as `/opt/omdata`."
        yield IN_THE_WAY.at(data_dir.span, message, hint=hint)


def _exports(cluster: Cluster) -> Iterator[Diagnostic]:
    user = cluster.openmeetings.user.value
    for option in cluster.storage.export_options:
        if option.value == "no_root_squash" and user != "root":
            yield ROOT_EXPORT.at(
                option.span,
                "With `no_root_squash`, as the clustering page has it, root on any node is root on"
                f" the data, though OpenMeetings runs as `{user}`.",
                hint="Write `root_squash`, or `all_squash` with `anonuid=` and `anongid=` of"
                f" `{user}` on the data server.",
            )
        if option.value == "async":
            yield DATA_LOSS.at(
                option.span,
                "With `async` the data server says `written` before it is: a crash loses data.",
                hint="Write `sync`.",
            )


def _mounts(cluster: Cluster) -> Iterator[Diagnostic]:
    storage = cluster.storage
    names = {option.value for option in storage.options}
    for option in storage.options:
        if option.value == "soft" or (option.value == "softerr" and storage.kind.value == "nfs"):
            yield DATA_LOSS.at(
                option.span,
                f"A `{option.value}` mount gives up on a slow data server: recordings are cut off in"
                " silence.",
                hint="Write `hard`.",
            )
        if option.value in ("intr", "nointr") and storage.kind.value == "nfs":
            yield IGNORED_OPTION.at(
                option.span,
                f"`{option.value}` is ignored by Linux since 2.6.25.",
                hint="Remove it.",
            )
    if cluster.openmeetings.has_systemd:
        return  # which knows nfs and cifs for network file systems, and waits for the mount
    if not names & {"_netdev", "noauto"}:
        yield NOT_NETDEV.at(
            next((o.span for o in storage.options if o.span), None),
            "Without `_netdev` the mount is tried before the network is up: boot hangs, or"
            " OpenMeetings starts on an empty folder.",
            hint="Add `_netdev` to `storage.options`.",
        )
    for option in storage.options:
        if option.value in ("nofail", "noauto"):
            yield NOT_NETDEV.at(
                option.span,
                f"With `{option.value}`, and no systemd to wait for the mount, OpenMeetings may start"
                " on an empty folder.",
                hint="Remove it, or have what starts OpenMeetings mount the folder first.",
            )


def _unknown(
    options: Iterable[Value[str]], judge: Callable[[str], Verdict | None]
) -> Iterator[Diagnostic]:
    for option in options:
        verdict = judge(option.value)
        if verdict and verdict.kind == "unknown":
            yield MOUNT_OPTION.at(option.span, verdict.message, severity=Severity.WARNING)
