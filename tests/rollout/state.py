"""The state of a simulated cluster, and what must never be true of it.

`State` has all hosts and the servers outside, and works out what they do together: who mounts which
folder, whom a database lets in, which members see each other. `check` raises `Wrong`, for example, for
two members on one database that do not see each other.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from tests.rollout.hosts import (
    BY_HAND,
    FIREWALL,
    MOUNT_FROM,
    ROUTE,
    SCRIPT,
    SYSTEM,
    Desired,
    Folder,
    Host,
    Process,
    Wrong,
    let_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

Servers = tuple[dict[str, set[tuple[str, str]]], dict[str, set[str]]]
"""Which accounts and addresses each database lets in, and each outside data server."""


class State:
    """All hosts, and the servers outside: what they do together, and what must never be."""

    def __init__(self, spec: Desired, hosts: Iterable[Host]) -> None:
        """All of `spec` is deployed and runs, but for what is new."""
        self.spec = spec
        self.hosts = {host.name: host for host in hosts}
        self.access: dict[str, set[tuple[str, str]]] = {}
        self.outside: dict[str, set[str]] = {}
        self.tables: dict[str, str] = {}
        self.altering: tuple[str, str] | None = None
        self.full: set[Folder] = set()
        self.apart: set[frozenset[str]] = set()
        self.heals = True
        self.apart_at_first: frozenset[frozenset[str]] = frozenset()
        self.before: list[dict[str, dict[str, bytes | None]]] = []
        self.servers: list[Servers] = []
        self.pending: str | None = None
        self.begun: str | None = None
        """The node that was started last, until a node was waited for."""
        self.trace: list[str] = []
        self.downs: list[str] = []
        self.all_down = False
        self.late: frozenset[tuple[str, str]] = frozenset()
        """Nodes and paths whose change waits for the next start, whenever that is."""
        self.faulty = False
        """Something went wrong: systemd is asked for what is so already, and people as well."""
        self.gone: set[str] = set()
        """Hosts that nobody reaches: nothing can be done about what they run."""
        self.torn = False
        """Something could not be taken back."""
        self.cut: set[tuple[str, str]] = set()
        """Hosts and mounts whose server refused them before: they wait until it lets them in again."""
        self.shut: set[str] = set()
        """Hosts that were lost and run on, while their database went back to what it was."""
        self.strays: set[str] = set()
        """Hosts that were incompatible at first, and go back to what they were."""
        self.began = 0.0
        """When a node was started last, in seconds."""

    def host_at(self, address: str) -> Host | None:
        return next((h for h in self.hosts.values() if h.address == address), None)

    def folder(self, host: Host, path: str) -> Folder:
        """Which folder a path of a host is."""
        return host.mounts[path][1] if path in host.mounts else (host.address, path)

    def served(self, client: Host, entry: str) -> Folder:  # noqa: C901
        """Which folder a line of fstab mounts; Wrong when its server would refuse."""
        device, kind, _, *_ = entry.rsplit(" ", 4)
        if kind == "none":
            return client.address, device
        if kind in ("nfs", "glusterfs"):
            address, _, path = device.partition(":")
        else:
            address, _, path = device.removeprefix("//").partition("/")
        if address == MOUNT_FROM:
            if not client.leads:
                raise Wrong(f"{client.name} does not know {address}")
            address = client.leads[-1]
        server = self.host_at(address)
        if server is None:
            if client.address not in self.outside.get(address, ()):
                raise Wrong(f"{address} does not let {client.name} mount {path}")
            return address, path
        if server.table is not None and client.address not in let_in(server.table):
            raise Wrong(f"the firewall of {server.name} is closed to {client.name}")
        if kind == "nfs":
            if not {f"{path} {client.address}", f"{path} 10.1.0.0/16"} & server.exports.keys():
                raise Wrong(f"{server.name} does not export {path} to {client.name}")
            return address, path
        share = f"[{path.lower()}]/"
        if client.address not in server.shares.get(f"{share}hosts allow", "").split():
            raise Wrong(f"{server.name} does not share {path} with {client.name}")
        if not server.accounts:
            raise Wrong(f"{server.name} has no account for {path}")
        if self.credentials not in client.files:
            raise Wrong(f"{client.name} has no credentials for {path}")
        return address, server.shares[f"{share}path"]

    def cuts(self) -> set[tuple[str, str]]:
        """Which mounts have no server any more."""
        found = set()
        for host in self.hosts.values():
            for entry, _ in host.mounts.values():
                try:
                    if entry != BY_HAND:
                        self.served(host, entry)
                except Wrong:
                    found.add((host.name, entry))
        return found

    @property
    def credentials(self) -> str:
        return f"/etc/omconf/{self.spec.cluster.name.value}/storage.credentials"

    def sees(self, one: Host, other: Host) -> bool:
        """Tell whether two that run are members of one cluster."""
        a, b = one.process, other.process
        assert a
        assert b
        if a.joins() != b.joins() or not (a.lists(other.address) or b.lists(one.address)):
            return False
        return all(
            x.table is None or y.address in let_in(x.table) for x, y in ((one, other), (other, one))
        )

    def refusal(self, host: Host, process: Process) -> str:
        """Say why a process cannot use its database, if it cannot."""
        if (process.account, host.address) not in self.access.get(process.database, ()):
            return f"{host.name} runs and may not log in to {process.database}"
        if self.tables[process.database] != process.release:
            return f"{host.name} runs {process.release} on other tables"
        return ""

    def split(self) -> set[frozenset[str]]:
        """Pairs that run on one database and must not: apart, or on other data."""
        found = set()
        reached = [host for host in self.hosts.values() if host.name not in self.gone]
        for one, other in combinations([h for h in reached if h.process], 2):
            a, b = one.process, other.process
            assert a
            assert b
            zone = "-Duser.timezone"
            if a.database == b.database and not (
                self.sees(one, other)
                and a.folder == b.folder
                and a.release == b.release
                and a.read["jvm"].get(zone) == b.read["jvm"].get(zone)
            ):
                found.add(frozenset((one.name, other.name)))
        return found

    def check(self) -> None:
        """Hold the state against what must never be, while no way back has failed."""
        if self.torn:
            return
        split = self.split()
        running = {host.name for host in self.hosts.values() if host.process}
        if new := {pair for pair in split - self.apart if not pair & self.strays}:
            raise Wrong(f"run side by side and must not: {sorted(map(sorted, new))}")
        if self.heals:
            self.apart = {pair for pair in self.apart if pair in split or not pair <= running}
        for host in self.hosts.values():
            if host.name not in self.gone:
                self._check(host)

    def _check(self, host: Host) -> None:
        if host.process:
            self._runs(host, host.process)
        for entry, _ in host.mounts.values():
            if entry != BY_HAND and (host.name, entry) not in self.cut:
                self.served(host, entry)
        for unit in (ROUTE, FIREWALL):
            used = unit in host.enabled | host.active
            if used and f"{SYSTEM}/system/{unit}" not in host.files:
                raise Wrong(f"{unit} is in use on {host.name} and has no file")
        if host.route and SCRIPT not in host.files:
            raise Wrong(f"nothing on {host.name} can take the route away")

    def _runs(self, host: Host, process: Process) -> None:
        now = host.mounts.get(process.data_dir, (None,))[0]
        if now != process.mount or self.folder(host, process.data_dir) != process.folder:
            raise Wrong(f"the data folder of {host.name} changes while it runs")
        refusal = self.refusal(host, process)
        if refusal and host.name not in self.shut:
            raise Wrong(refusal)
        if not refusal:
            self.shut.discard(host.name)
