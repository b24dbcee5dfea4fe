"""What a change of a file does to the running cluster, and the actions that go with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from omconf.actions import Do, Manual, Run, run
from omconf.dataclass import dataclass
from omconf.formats import names
from omconf.releases import is_earlier
from omconf.waits import MOUNT_SECONDS

if TYPE_CHECKING:
    from omconf.cluster.model import Cluster


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to the running cluster, and the actions that go with it.

    `action`: `restart`, `exportfs`, `mount`, `route` ..., `none`. A `restart` is one restart of the
    node, however many changes ask for it; a `next-restart` can wait for one. With `rolling` False,
    members with the old value and members with the new one must not run at the same time. `release`
    comes before the file is written or deleted, `run` after it. With `stopped`, OpenMeetings must
    not run meanwhile. With `moves`, a node that ran before finds the shared folder in another place,
    or begins or ends to serve one. `clients` is what becomes of the nodes that mount it from this one.
    `manual` is what a person does before OpenMeetings starts. `needs` names folders of the bundle
    (`database`, `storage`) for outside servers, which come first. `decided_by` are the keys of the
    items without which the effect would be a lesser one; none, or all, where any item has it.
    """

    action: str
    why: str
    rolling: bool = True
    release: tuple[Do, ...] = ()
    run: tuple[Do, ...] = ()
    stopped: bool = False
    moves: bool = False
    clients: Effect | None = None
    manual: Do | None = None
    needs: tuple[str, ...] = ()
    decided_by: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """Whether a change concerns its node alone, or the whole cluster."""
        return "node" if self.rolling else "cluster"


def restart(
    why: str,
    *,
    rolling: bool = True,
    needs: tuple[str, ...] = (),
    decided_by: tuple[str, ...] = (),
) -> Effect:
    """The effect of a file that OpenMeetings reads when it starts."""
    return Effect("restart", why, rolling, needs=needs, decided_by=decided_by)


HOME = "OpenMeetings moves to another home, and the files of the earlier one are not compared"
"""Why nodes stop whose home changes."""


def other_release(before: str, after: str) -> str:
    """Return why nodes cannot run two releases side by side."""
    tables = "a new release changes the database tables"
    if is_earlier(after, before):
        tables = "an earlier release cannot use the database tables of a later one"
    return (
        f"OpenMeetings {before} changes to {after}: Hazelcast rejects members of another minor"
        f" version, and {tables}"
    )


def make_folder(cluster: Cluster, folder: str) -> Do:
    """Create the shared folder with its owner where there is none, or an empty one of another owner."""
    om = cluster.openmeetings
    script = '[ -n "$(ls -A "$1" 2>&-)" ] || install -d -o "$2" -g "$3" "$1"'
    return run("sh", "-c", script, "sh", folder, om.user.value, om.group.value)


def remount(cluster: Cluster, why: str) -> Effect:
    """Mount the shared folder anew: what a mount knows, it knows until it is unmounted."""
    folder = cluster.openmeetings.data_dir.value
    mount, umount = Run(("mount", folder), MOUNT_SECONDS), Run(("umount", folder))
    return Effect(
        "mount",
        why,
        release=(Do(umount, mount),),
        run=(Do(mount, umount), run("findmnt", folder)),
        stopped=True,
    )


def name_leads(cluster: Cluster) -> Do | None:
    """Have the name in fstab lead to the data server; None where fstab has its address."""
    storage = cluster.storage
    if storage.mount_from is None or storage.server is None:
        return None
    name, address = storage.mount_from.value, storage.server.value
    if not names.NUMERIC.fullmatch(address) or name == address:
        return None
    text = f"Resolve `{name}` to the data server ({address}) on this node, in DNS or /etc/hosts."
    script = 'getent ahostsv4 "$1" | grep -q "^$2 "'
    back = f"Resolve `{name}` to its previous address."
    check = Run(("sh", "-c", script, "sh", name, address))
    return Do(Manual("admin", text, check=check), Manual("admin", back))


def remount_elsewhere(cluster: Cluster) -> Effect | None:
    """What clients do when another host is the data server, and fstab has its name: mount it anew."""
    if cluster.storage.mount_from is None:
        return None
    why = "another host becomes the data server under the same name"
    return replace(remount(cluster, why), moves=True, manual=name_leads(cluster))


def mount_manually(cluster: Cluster) -> Do:
    """Have the admin mount the shared folder (`storage.kind: mounted`)."""
    folder = cluster.openmeetings.data_dir.value
    text = f"Mount the shared folder at `{folder}`: OpenMeetings must not start on an empty folder."
    undo = f"Unmount the shared folder at `{folder}`, unless it was mounted there before."
    return Do(Manual("admin", text, check=Run(("findmnt", folder))), Manual("admin", undo))


class Change(NamedTuple):
    """What the plan does to one item: its action, and the values before and after, None for none."""

    action: str
    before: str | None = None
    after: str | None = None


def listed(clients: list[str]) -> str:
    """Return some clients in words, with the number of the others."""
    more = f" and {len(clients) - 5} more" if len(clients) > 5 else ""
    return ", ".join(clients[:5]) + more
