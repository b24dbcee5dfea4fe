"""What a roll-out does to a cluster, action by action: an oracle for the order of its steps.

`World` takes the actions of a plan (files, mounts, units, what people are asked to do), each on a host
of its own; what members do together is what tests/real/test_rolling.py proves of real ones. After every
action `World.check` compares the state with what must never be. Every command that is not known here,
or that would fail on a real host, fails the test.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

from omconf.actions import Action, Health, Manual, Put, Remove, Run, Service, Step
from omconf.rollout.outside import UNTIL_THEN
from tests.rollout.hosts import (
    BY_HAND,
    EXPORTS,
    FIREWALL,
    FSTAB,
    KINDS,
    MOUNT_FROM,
    READ_AT_START,
    ROUTE,
    SCRIPT,
    SHIPPED,
    SMB,
    STOCK,
    SYSTEM,
    URL,
    Desired,
    Fails,
    Folder,
    Host,
    Process,
    Wrong,
    folder_of,
    items_of,
)
from tests.rollout.state import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.cluster.model import Node

KNOWN = ("Install ", "Have `", "Configure ", "Stop running ", "Unless it was there before")
"""Begin what people do that a simulated host does not show."""


class World(State):
    """A cluster on which actions are taken; one spec after the other is rolled out."""

    def roll(self, steps: Iterable[Step], *, side_by_side: bool = False) -> None:
        """Take steps; `side_by_side`: each action on all nodes of the step before the next one."""
        for number, step in enumerate(steps, len(self.before) + 1):
            self.before.append({name: dict(h.files) for name, h in self.hosts.items()})
            self.servers.append((copy.deepcopy(self.access), copy.deepcopy(self.outside)))
            self._take(f"{number}", step.nodes, step.actions, side_by_side=side_by_side)

    def undo(self, steps: Iterable[Step], back: Desired, *, side_by_side: bool = False) -> None:
        """Take back what was taken, the last step first; hosts may be incompatible again."""
        self.apart = set(self.apart_at_first)
        self.heals = False
        for number, step in reversed([*enumerate(steps, 1)]):
            self._take(
                f"undo {number}", step.nodes, step.undo, side_by_side=side_by_side, back=back
            )
            self.before.pop()
            self.servers.pop()

    def _take(
        self,
        label: str,
        nodes: Iterable[str],
        actions: Iterable[Action],
        *,
        side_by_side: bool,
        back: Desired | None = None,
    ) -> None:
        pairs = [(node, action) for node in nodes for action in actions]
        if side_by_side:
            pairs = [(node, action) for action in actions for node in nodes]
        for node, action in pairs:
            self.trace.append(f"{label} {node}: {action}")
            try:
                self.act(self.hosts[node], action, back)
                self.check()
            except Wrong as wrong:
                raise Wrong("\n".join([str(wrong), *self.trace])) from None

    def act(self, host: Host, action: Action, back: Desired | None = None) -> None:  # noqa: C901 - one case a command
        """Take one action on one host; with `back` on the way back to that spec."""
        if self.pending not in (None, host.name):
            raise Wrong(f"something else happens between a file of {self.pending} and its start")
        match action:
            case Put(paths):
                for path in paths:
                    self._put(host, path, back)
            case Remove(paths):
                for path in paths:
                    if path not in host.files:
                        raise Wrong(f"{path} is not there")
                    del host.files[path]
                    self._touched(host, path)
            case Run(argv):
                self._run(host, argv)
            case Service(do, unit, _, apart):
                if unit in host.units and do in ("start", "restart", "stop"):
                    self._begins(host, do, bool(apart))
                self._service(host, do, unit, back)
            case Health():
                if host.process is None:
                    raise Wrong(f"{host.name} does not run and cannot be healthy")
                self.begun = None
                if self.altering and self.altering[0] == host.name:
                    self.altering = None
            case Manual():
                self._manual(host, action, back)
                if action.check:
                    self._run(host, action.check.argv)

    def _begins(self, host: Host, do: str, apart: bool) -> None:
        """No two nodes start in the same instant: they would ignore each other's remote commits."""
        if do != "stop" and self.begun not in (None, host.name) and not apart:
            raise Wrong(f"{host.name} starts in the same instant as {self.begun}")
        if do != "stop" or self.begun == host.name:
            self.begun = None if do == "stop" else host.name

    def _put(self, host: Host, path: str, back: Desired | None) -> None:
        before = host.files.get(path)
        data = self.spec.write(host.name, path, before) if back is None else None
        if back is not None:
            data = self.before[-1][host.name].get(path)
        self.wrote(host, path, data, back=back is not None)

    def wrote(self, host: Host, path: str, data: bytes | None, *, back: bool) -> None:
        """Take note of what a file holds now; None: it is gone."""
        if self.pending not in (None, host.name):
            raise Wrong(f"something else happens between a file of {self.pending} and its start")
        if data is None:
            host.files.pop(path, None)
        else:
            host.files[path] = data
        self._touched(host, path)
        now = (host.name, path) not in self.late and path in host.paths.values()
        if not back and now and host.name in self.spec.nodes:
            self.pending = host.name

    def _touched(self, host: Host, path: str) -> None:
        if self.spec.cluster.openmeetings.has_systemd:
            host.stale |= path.startswith(SYSTEM) or path == FSTAB

    def _service(self, host: Host, do: str, unit: str, back: Desired | None) -> None:
        if do == "enable":
            host.enabled.add(unit)
        elif do == "disable":
            host.enabled.discard(unit)
        elif unit in host.units:
            self._openmeetings(host, do, back, unit)
        else:
            self._own_unit(host, do, unit)

    def _own_unit(self, host: Host, do: str, unit: str) -> None:
        if do != "stop" and host.stale and not self.torn:
            raise Wrong(f"systemd on {host.name} has not read {unit}")
        if self.faulty and (unit in host.active) == (do == "start") and do in ("start", "stop"):
            return
        if do == "reload" and unit not in host.active:
            raise Fails(f"{unit} does not run on {host.name}")
        if do == "stop" and unit not in host.active:
            raise Wrong(f"{unit} was stopped already on {host.name}")
        on = do != "stop"
        (host.active.add if on else host.active.discard)(unit)
        if unit == ROUTE:
            if SCRIPT not in host.files:
                raise Fails(f"{SCRIPT} is not there")
            host.route = on
        elif unit == FIREWALL:
            host.table = self._nft(host) if on else None
        else:
            raise Wrong(f"no unit {unit}")

    def _nft(self, host: Host) -> bytes:
        path = f"/etc/omconf/{self.spec.cluster.name.value}/firewall.nft"
        if path not in host.files:
            raise Fails(f"{path} is not there")
        return host.files[path]

    def _openmeetings(self, host: Host, do: str, back: Desired | None, unit: str = "") -> None:
        if self.faulty and self._is_so(host, do, unit):
            return
        if do in ("stop", "restart") and (host.process or not self.faulty):
            if host.process is None:
                raise Wrong(f"{host.name} does not run")
            if host.process.unit != unit:
                raise Wrong(f"{host.name} runs by {host.process.unit}, not by {unit}")
            host.process = None
            if back is None:
                self.downs.append(host.name)
                self.all_down |= not any(h.process for h in self.hosts.values())
        if do in ("start", "restart"):
            if host.process is not None:
                raise Wrong(f"{host.name} runs already")
            if host.stale and unit and not self.torn:
                raise Wrong(f"systemd on {host.name} has not read what OpenMeetings needs")
            self.start(host, back or self.spec, unit)
            self.pending = None

    def _is_so(self, host: Host, do: str, unit: str) -> bool:
        """Tell whether there is nothing to start or to stop."""
        if do == "stop":
            return host.process is None or host.process.unit != unit
        return do == "start" and host.process is not None and host.process.unit == unit

    def start(self, host: Host, spec: Desired, unit: str) -> None:
        """Start OpenMeetings, as a node of a spec."""
        if self.altering:
            raise Wrong(f"{host.name} starts while {self.altering[0]} alters the tables")
        process = self.process_of(host, unit)
        wanted = host.read(FSTAB, "fstab").get(process.data_dir)
        if spec.by_hand():
            wanted = BY_HAND
        if self.faulty and unit and wanted not in (None, process.mount):
            # By RequiresMountsFor= systemd mounts it first.
            self._run(host, ("mount", process.data_dir))
            process = self.process_of(host, unit)
        if wanted != process.mount and not self.torn:
            raise Wrong(f"{host.name} starts on {process.mount}, not on {wanted}")
        if process.folder not in self.full and not self.torn:
            raise Wrong(f"{host.name} starts on an empty folder: {process.folder}")
        host.process = process
        known = self.tables.setdefault(process.database, process.release)
        if known != process.release:
            if process.release < known:
                raise Wrong(f"{process.release} cannot use the tables of {known}")
            self.tables[process.database] = process.release
            self.altering = (host.name, process.release)

    def process_of(self, host: Host, unit: str) -> Process:
        """What OpenMeetings would run on, were it started now."""
        if host.release is None:
            raise Wrong(f"OpenMeetings is not installed on {host.name}")
        read = {}
        for kind, path in host.paths.items():
            data = host.files.get(path, b"")
            if STOCK in data:
                raise Wrong(f"{host.name} starts with {path} as it was shipped")
            read[kind] = items_of(kind, data) if data else {}
        folder = read["jvm"].get("-DDATA_DIR")
        if folder is None:
            raise Wrong(f"{host.name} starts without a setenv.sh")
        mount = host.mounts.get(folder, (None,))[0]
        where = self.folder(host, folder)
        return Process(host.release, read, where, mount, host.home, unit)

    def _manual(self, host: Host, action: Manual, back: Desired | None) -> None:  # noqa: C901 - one case a command
        text = action.text
        cluster = self.spec.cluster
        if found := re.match("(Start|Stop|Restart) OpenMeetings on ", text):
            self._begins(host, found[1].lower(), "after another node" in text)
            self._openmeetings(host, found[1].lower(), back)
        elif found := re.match(r"Install OpenMeetings (\S+) in `(.+)`, without", text):
            if host.process:
                raise Wrong(f"{host.name} runs while it is installed anew")
            host.releases[found[2]] = found[1]
            host.folders.add(found[2])
            for kind, data in SHIPPED.items():
                host.files[host.homes[found[2]][kind]] = data
            host.files.pop(host.homes[found[2]]["openmeetings_properties"], None)
        elif found := re.match(r"Have .* start OpenMeetings from `(.+)`\.", text):
            if host.process:
                raise Wrong(f"{host.name} runs while its home changes")
            host.home = found[1]
        elif text.startswith("Undo this"):
            self.access, self.outside = copy.deepcopy(self.servers[-1])
        elif found := re.match(rf"Resolve `{MOUNT_FROM}` to the data server \((.+?)\)", text):
            host.leads.append(found[1])
        elif text.startswith(f"Resolve `{MOUNT_FROM}` to its previous"):
            if len(host.leads) > 1 or self.faulty:
                host.leads.pop()
        elif action.who in ("database", "storage") and ("On the " in text or " ready: " in text):
            self.let_in(action.who, self.spec, adds=UNTIL_THEN in text)
        elif text.startswith("Restore the database "):
            if any(h.process for h in self.hosts.values() if h.name not in self.gone):
                raise Wrong("the database is restored while it is used")
            assert back is not None
            self.tables[self.url(back)] = back.cluster.openmeetings.release.value.name
            self.altering = None
        elif text.startswith("Back up the database") and "Then restore a backup" in text:
            if any(h.process for h in self.hosts.values() if h.name not in self.gone):
                raise Wrong("the database is restored while it is used")
            self.tables[self.url(self.spec)] = self.spec.cluster.openmeetings.release.value.name
        elif text.startswith(("If the database is empty", "Back up the database", "Copy the data")):
            pass
        elif self.faulty and back is None and text.startswith("Move") and self._moved():
            host.earlier_mounts.append({k: v for k, v in host.mounts.items() if v[0] == BY_HAND})
        elif text.startswith("Move the shared data"):
            if any(h.process for h in self.hosts.values() if h.name not in self.gone):
                raise Wrong("the shared data move while they are used")
            self.full = {folder_of(back or self.spec)}
            self._mount_by_hand(host, None if back else {})
        elif found := re.match(r"Mount the shared folder at `(.+?)`: ", text):
            if self.faulty and host.mounts.get(found[1], ("",))[0] == BY_HAND:
                return
            if host.process and host.process.data_dir == found[1]:
                raise Wrong(f"the data folder of {host.name} is mounted while it runs")
            if host.mounts.get(found[1], (BY_HAND,))[0] != BY_HAND:
                raise Wrong(f"{found[1]} is mounted on {host.name} already")
            self._mount_by_hand(host, {found[1]: (BY_HAND, (BY_HAND, ""))})
        elif text.startswith("Unmount the shared folder at"):
            self._mount_by_hand(host, None)
        elif text.startswith("Add the account"):
            host.accounts = True
        elif not text.startswith(KNOWN):
            raise Wrong(f"nobody knows what this does: {text} {cluster.name}")

    def _moved(self) -> bool:
        """Tell whether the data are where they are wanted."""
        return self.full == {folder_of(self.spec)}

    def _mount_by_hand(self, host: Host, mounts: dict[str, tuple[str, Folder]] | None) -> None:
        """Mount these by hand and nothing else; None: what was so before."""
        own = {k: v for k, v in host.mounts.items() if v[0] == BY_HAND}
        if mounts is None:
            mounts = host.earlier_mounts.pop() if host.earlier_mounts else own
        else:
            host.earlier_mounts.append(own)
        host.mounts = {k: v for k, v in host.mounts.items() if k not in own} | mounts

    def url(self, spec: Desired) -> str:
        """The database of a spec."""
        node = next(iter(spec.artifacts))
        kind = KINDS["persistence"]
        path = kind.paths(spec.cluster, spec.nodes[node])[0]
        return items_of("persistence", spec.artifacts[node][path].data)[URL]

    def let_in(self, who: str, spec: Desired, *, adds: bool = False) -> None:
        """Have an outside server let in the nodes of a spec, and no others but with `adds`."""
        cluster = spec.cluster
        if who == "database":
            addresses = {(cluster.database.user.value, n.address.value) for n in cluster.nodes}
            before = self.access.get(self.url(spec), set()) if adds else set()
            self.access[self.url(spec)] = before | addresses
        elif cluster.storage.fstab:
            server = cluster.storage.fstab.what.value.partition(":")[0]
            clients = self.outside.get(server, set()) if adds else set()
            self.outside[server] = clients | {n.storage_address.value for n in cluster.nodes}
        elif cluster.storage.server is not None and cluster.storage.node is None:
            server = cluster.storage.server.value
            clients = self.outside.get(server, set()) if adds else set()
            self.outside[server] = clients | {n.storage_address.value for n in cluster.nodes}

    def _run(self, host: Host, argv: tuple[str, ...]) -> None:  # noqa: C901 - one case a command
        match argv:
            case ("exportfs", "-ra"):
                host.exports = host.read(EXPORTS, "exports")
                for key in host.exports:
                    if (folder := key.rpartition(" ")[0]) not in host.folders:
                        raise Wrong(f"{host.name} exports {folder}, which is not there")
            case ("smbcontrol", "smbd", "reload-config"):
                host.shares = host.read(SMB, "samba")
            case ("exportfs", "-s") | ("testparm", "-s") | ("mount.cifs", "-V"):
                pass
            case ("smbcontrol", "smbd", "close-share", _):
                pass
            case ("systemctl", "daemon-reload"):
                host.stale = False
            case ("systemctl", "reload-or-restart", unit):
                self._own_unit(host, "restart", unit)
            case ("mkdir", "-p", folder):
                host.folders.add(folder)
            case ("mount", folder):
                entry = host.read(FSTAB, "fstab").get(folder)
                if entry is None or folder in host.mounts:
                    raise Fails(f"{host.name} cannot mount {folder}: {entry or 'no line for it'}")
                if host.process and host.process.data_dir == folder:
                    raise Wrong(f"{host.name} runs while {folder} is mounted")
                if not self.faulty and host.stale and SYSTEM in "".join(host.files):
                    raise Wrong(f"systemd on {host.name} would mount {folder} as it was")
                try:
                    host.mounts[folder] = (entry, self.served(host, entry))
                except Wrong as wrong:
                    raise Fails(str(wrong)) from None
            case ("umount", folder):
                if folder not in host.mounts:
                    raise Fails(f"{folder} is not mounted on {host.name}")
                if self.faulty and host.process and host.process.data_dir == folder:
                    raise Fails(f"{folder} is in use on {host.name}")
                del host.mounts[folder]
            case ("findmnt", folder):
                if folder not in host.mounts:
                    raise Fails(f"{folder} is not mounted on {host.name}")
            case ("nft", "-f", _):
                host.table = self._nft(host)
            case ("nft", what) if what.startswith("add table"):
                host.table = None
            case (script, verb) if script == SCRIPT and verb in ("up", "down", "check"):
                if SCRIPT not in host.files:
                    raise Fails(f"{SCRIPT} is not there")
                if verb == "check" and not host.route:
                    raise Fails(f"{host.name} has no route")
                host.route = verb != "down"
            case ("sh", "-c", script, "sh", *rest):
                self._shell(host, script, rest)
            case _:
                raise Wrong(f"nobody knows what this does: {argv}")

    def _shell(self, host: Host, script: str, rest: list[str]) -> None:  # noqa: C901
        match script:
            case '[ -n "$(ls -A "$1" 2>&-)" ] || install -d -o "$2" -g "$3" "$1"':
                host.folders.add(rest[0])
            case 'ls "$1"/openmeetings-*-"$2".jar':
                of = [r for home, r in host.releases.items() if rest[0].startswith(f"{home}/")]
                if rest[1] not in of:
                    raise Fails(f"{host.name} has {host.releases}, not {rest[1]}")
            case (
                '[ -n "$(ls -A "$1" | grep -vx lost+found)" ] || runuser -u "$2" -- cp -R "$3" "$1"'
            ):
                self.full.add(self.folder(host, rest[0]))
            case 'command -v "$1"':
                pass
            case _ if "getent ahostsv4" in script:
                if host.leads[-1:] != rest[1:]:
                    raise Fails(f"{rest[0]} does not lead to {rest[1]}")
            case _ if "mountinfo" in script:
                if rest[0] not in host.mounts:
                    raise Fails(f"{rest[0]} is not mounted on {host.name}")
            case _ if "prober" in script:
                pass  # whether the database's port answers
            case _:
                raise Wrong(f"nobody knows what this does: {script}")


def deployed(before: Desired, after: Desired, by_hand: Mapping[str, Mapping[str, bytes]]) -> World:
    """The world in which `before` runs, with files changed by hand, and `after` is wanted."""
    earlier = {n.name.value: n.renamed_from for n in after.cluster.nodes if n.renamed_from}
    origin = {new: old.value for new, old in earlier.items() if old.value in before.nodes}
    names = [*after.nodes, *(n for n in before.nodes if n not in after.nodes)]
    names = [name for name in names if name not in origin.values() or name in after.nodes]
    hosts, was = [], {}
    for name in names:
        old = origin.get(name, name)
        node = after.nodes.get(name) or before.nodes[name]
        spec = after if name in after.nodes else before
        om = (before if old in before.nodes else after).cluster.openmeetings
        both = [s.cluster.openmeetings for s in (before, after)]
        host = Host(
            name,
            node.address.value,
            _homes(spec, node) | (_homes(before, before.nodes[old]) if old in before.nodes else {}),
            node.home.value,
            frozenset(each.service.value for each in both if each.has_systemd),
        )
        storage = before.cluster.storage
        if storage.mount_from and storage.server:
            host.leads.append(storage.server.value)
        if old in before.nodes:
            was[name] = old
            host.files = {**before.files(old), **by_hand.get(old, {})}
            host.home = before.nodes[old].home.value
            host.releases[host.home] = om.release.value.name
            if om.has_systemd:
                host.enabled.add(om.service.value)
        hosts.append(host)
    world = World(after, hosts)
    url = world.url(before)
    world.tables[url] = before.cluster.openmeetings.release.value.name
    world.let_in("database", before)
    world.let_in("storage", before)
    world.full = {folder_of(before)}
    for name in was:
        _begin(world, world.hosts[name], before)
    for name in was:
        _mount(world, world.hosts[name], before)
    for name in was:
        host = world.hosts[name]
        om = before.cluster.openmeetings
        host.process = world.process_of(host, om.service.value if om.has_systemd else "")
    world.apart = world.split()
    world.apart_at_first = frozenset(world.apart)
    world.check()
    return world


def _homes(spec: Desired, node: Node) -> dict[str, dict[str, str]]:
    paths = {kind: KINDS[kind].paths(spec.cluster, node)[0] for kind in READ_AT_START}
    return {node.home.value: paths}


def _begin(world: World, host: Host, before: Desired) -> None:
    """What runs on a host but OpenMeetings."""
    host.folders.add(before.cluster.storage.export.value)
    for unit in (ROUTE, FIREWALL):
        if f"{SYSTEM}/system/{unit}" in host.files:
            host.active.add(unit)
            host.enabled.add(unit)
    host.route = SCRIPT in host.files
    table = f"/etc/omconf/{before.cluster.name.value}/firewall.nft"
    host.table = host.files.get(table)
    host.exports = host.read(EXPORTS, "exports")
    host.shares = host.read(SMB, "samba")
    host.accounts = bool(host.shares)


def _mount(world: World, host: Host, before: Desired) -> None:
    if before.by_hand():
        host.mounts[before.cluster.openmeetings.data_dir.value] = (BY_HAND, (BY_HAND, ""))
    for folder, entry in host.read(FSTAB, "fstab").items():
        host.mounts[folder] = (entry, world.served(host, entry))
