"""Three nodes with a systemd of their own on one switch, for tests of whole clusters by ssh.

A test of a module that has `pytestmark = needs(*machines.NEEDS)` takes the fixture `three`:

    def test_something(three: Machines) -> None:
        three.restore("laid")                    # or "bare": nothing of omconf's is there
        three.write_spec(openmeetings={"java_options": ["-Xmx2g"]})
        began = time.time()
        done = three.omconf("apply", "--ssh", "--yes", "--json")
        three.wait_until_healthy()
        line = three.line(began)
        assert line.fewest_members() >= 2        # the largest cluster, at its worst moment
        assert line.fewest_healthy() >= 2
        line.seconds()                           # from the first stop to the last healthy node

The nodes boot once a module, in 3 seconds. `restore` puts all files of a state back and starts what ran
in it, on the nodes where anything was changed, which takes 5 to 9 seconds. A test makes states of its
own with `save`. It may leave anything behind: cut cables, nodes without power, a stopped sshd.

- `three["om2"]` is the node (`Machine`): `.run(...)` on it, `.root` its files as this host sees them.
- `cut`, `heal`, `stop_ssh`, `start_ssh`, `power_off`, `power_on` break one node and mend it.
- `refuse("om2", "Xmx2g")`: what stands for OpenMeetings does not start while its setenv.sh or
  hazelcast.xml holds that text, or never, without a text; `sicken` likewise: it starts and is not
  healthy, by what it read at its start; `slow` says how many seconds it takes beside joining.
- `three.words(...)` is the command for a Popen, `three.environment` its environment: the `ssh` there is
  the real one, in the network of the nodes. `write_spec(user="admin")` is for `--sudo`.
- `three.now()`: which members each node's Hazelcast sees at present, empty where it does not run.

What is real: systemd, sshd, sudo, the network with its multicast, Hazelcast with the deployed
hazelcast.xml and its log, exportfs as far as it goes without a kernel NFS. What only stands in:
OpenMeetings (java/StandIn.java: health by HTTPS with a self-signed certificate, a port for remote
commits), the database (an open port), NFS (mount.nfs mounts a folder of this host's, which all nodes
have at /srv/shared). By itself that is mounted at /opt/omdata by the nodes' admin, as `storage: {kind:
mounted}` has it; `unmount` makes room for a mount of omconf's.
Hazelcast misses a silent member after 5 seconds instead of 60, and two clusters merge after 5 instead
of 300: `options` says otherwise.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.clusters import spec_of
from tests.command import ROOT, omconf
from tests.needs import ANSIBLE, JARS
from tests.real import by_ssh, furnish, machine
from tests.real.machine import Machine
from tests.real.nodes import ANSWERS, DATABASE, NEEDS_CHECK, NEEDS_SSH, lay
from tests.real.programs import Network, run
from tests.real.timeline import Line

NEEDS = (
    *machine.NEEDS,
    *NEEDS_CHECK,
    *NEEDS_SSH,
    "findmnt",
    "java",
    "javac",
    "jars",
    "openssl",
    "sysctl",
)
SECONDS = 60
"""How long anything may take on a busy machine."""
KEPT = """
    etc/exports etc/exports.d etc/fstab etc/hosts etc/nftables.conf etc/omconf etc/systemd/system
    opt/om usr/local/sbin var/lib/omconf var/lib/nfs/etab
"""
"""What a state holds of a node's files."""
LOGS = "opt/om/logs"
UNITS = ("omconf-multicast-route.service", "openmeetings.service")
MOUNT = "opt-omdata.mount"


class Machines:
    """The nodes om1, om2, ..., booted; `spec` is the file of their cluster."""

    def __init__(self, network: Network, folder: Path, count: int = 3) -> None:
        self.network, self.folder = network, folder
        self.spec = folder / "cluster.yaml"
        self.data = folder / "data"
        self.data.mkdir()
        shutil.chown(self.data, "nobody", "nogroup")
        names = [f"om{i}" for i in range(1, count + 1)]
        hosts = tuple(f"{address(name)} {name} {name}.example.org" for name in names)
        self.machines: dict[str, Machine] = {}
        for name in names:
            (folder / name).mkdir()
            space = network.host(address(name))
            network.run(space, "sysctl", "-qw", f"{ANSWERS}=0")
            self.machines[name] = Machine(
                folder / name,
                space,
                name,
                hosts,
                furnish.UNIT,
                (f"--bind={self.data}:/srv/shared", f"--bind-ro={JARS.resolve()}:/srv/jars"),
            )
        self.client = network.host("10.1.1.251")
        self.environment = by_ssh.client(folder / "ssh", self.client, names) | {
            "PYTHONPATH": str(ROOT),
            "OM_DB_PASSWORD": "not-a-real-password",
        }
        self.by: tuple[str, ...] = ("--ssh",)
        """The options by which omconf reaches the nodes."""
        stand_in = Path(__file__).with_name("stand_in.py")
        network.start(network.host(DATABASE), sys.executable, "-S", "-E", stand_in, "5432")
        self.states: dict[str, _State] = {}

    def __getitem__(self, name: str) -> Machine:
        return self.machines[name]

    def boot(self) -> None:
        """Make the nodes, boot them all, and keep the state `bare`."""
        files = furnish.files(self.folder)
        for one in self.machines.values():
            one.make()
            furnish.node(one, files, self.folder / "ssh")
        self.write_spec()
        self._each(self.power_on, self.machines)
        self.save("bare")

    def close(self) -> None:
        # Connections that Ansible's ssh keeps for the next time.
        for process in run("ip", "netns", "pids", self.client, check=False).stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        for one in self.machines.values():
            with suppress(AssertionError, OSError):
                one.close()

    # ---- omconf ----

    def by_ansible(self, version: str) -> None:
        """From now on reach the nodes by Ansible: its `oldest` or its `newest` version."""
        self.by = ("--ansible",)
        path = (self.folder / "ssh/bin", ANSIBLE / version / "bin", os.environ["PATH"])
        self.environment["PATH"] = ":".join(map(str, path))

    def write_spec(self, count: int = 0, user: str = "root", **sections: Any) -> None:
        """Write the spec anew: its first `count` nodes, or all, with sections replaced."""
        sections = {"storage": {"kind": "mounted"}} | sections
        data = spec_of(count or len(self.machines), **sections)
        if data["storage"]["kind"] == "mounted":
            data["storage"].pop("server", None)
        for name, node in data["nodes"].items():
            if user != "root":
                node["ssh"] = f"{user}@{name}"
        self.spec.write_text(yaml.safe_dump(data))

    def words(self, verb: str, *options: str) -> list[str]:
        return [sys.executable, "-m", "omconf", verb, str(self.spec), *options]

    def omconf(self, verb: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run omconf on the spec, as people do."""
        done = subprocess.run(
            self.words(verb, *options),
            capture_output=True,
            text=True,
            timeout=300,
            env=self.environment,
            cwd=self.folder,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def lay(self) -> None:
        """Lay the bundles of the spec by hand, and start OpenMeetings everywhere."""
        bundles = self.folder / "bundles"
        shutil.rmtree(bundles, ignore_errors=True)
        env = {"OM_DB_PASSWORD": self.environment["OM_DB_PASSWORD"]}
        built = omconf("build", self.spec, "-o", bundles, "--reveal-secrets", env=env)
        assert built.code == 0, built.err
        names = [name for name in self.machines if (bundles / name).exists()]
        for name in names:
            lay(bundles / name, self[name].root)
            shutil.chown(self[name].root / "opt/om/bin", "nobody", "nogroup")
        self._each(lambda name: self._start(self[name], names.index(name), enable=True), names)
        self.wait_until_healthy(*names)

    # ---- the time line ----

    def line(self, began: float = 0) -> Line:
        """What has become of the nodes, as they wrote it down."""
        written = (
            (name, _read(one.root / furnish.STATE / "timeline"))
            for name, one in self.machines.items()
        )
        return Line.of(written, began)

    def now(self) -> dict[str, frozenset[str]]:
        """Which members each node sees; none where OpenMeetings does not run."""
        *_, (_, sees) = self.line().members()
        return {name: sees.get(name, frozenset()) for name in self.machines}

    def wait_until_healthy(self, *names: str) -> None:
        """Wait until these nodes, or all, are healthy, and members of one cluster."""
        those = {*(names or self.machines)}
        wanted = frozenset(those)
        self.wait(
            lambda: (
                self.line().healthy() >= those and all(self.now()[name] == wanted for name in those)
            )
        )

    def wait(self, done: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, self._shown()
            time.sleep(0.1)

    def _shown(self) -> str:
        logs = (_read(one.root / LOGS / "openmeetings.log")[-1500:] for one in self)
        moments = self.line(time.time() - 2 * SECONDS)
        return f"{[m for m in moments.moments if m.at >= moments.began]}\n{'-----'.join(logs)}"

    def __iter__(self) -> Iterator[Machine]:
        return iter(self.machines.values())

    # ---- what a test breaks ----

    def refuse(self, name: str, text: str = "") -> None:
        self._tell(name, "refuse", text)

    def sicken(self, name: str, text: str = "") -> None:
        self._tell(name, "sick", text)

    def slow(self, name: str, seconds: int) -> None:
        self._tell(name, "seconds", str(seconds))

    def options(self, name: str, *words: str) -> None:
        """More options of Java, which count."""
        self._tell(name, "options", " ".join(words))

    def well(self, name: str) -> None:
        """Take back all that was told to a node."""
        for told in furnish.TOLD:
            (self[name].root / furnish.STATE / told).unlink(missing_ok=True)

    def _tell(self, name: str, what: str, text: str) -> None:
        (self[name].root / furnish.STATE / what).write_text(text)

    def cut(self, name: str) -> None:
        self.network.plugged(address(name), into=False)

    def heal(self, name: str) -> None:
        self.network.plugged(address(name), into=True)

    def stop_ssh(self, name: str) -> None:
        """Stop sshd and end its connections; what they ran goes on until it notices."""
        self[name].run("systemctl", "stop", "ssh.service")
        for process in self[name].processes("sshd"):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def start_ssh(self, name: str) -> None:
        self[name].run("systemctl", "start", "ssh.service")
        self.wait(lambda: self._takes_ssh(name))

    def _takes_ssh(self, name: str) -> bool:
        return ":22 " in self[name].run("ss", "-ltnH").stdout

    def unmount(self, name: str) -> None:
        """Take the admin's own mount of the shared folder away: for `storage: {kind: nfs}`."""
        self[name].run("systemctl", "disable", "--now", MOUNT)
        (self[name].root / "etc/systemd/system" / MOUNT).unlink()
        self[name].run("systemctl", "daemon-reload")

    def power_off(self, name: str) -> None:
        """Pull the plug."""
        self[name].power_off()
        with (self[name].root / furnish.STATE / "timeline").open("a") as line:
            line.write(f"{time.time():.3f} down\n")

    def power_on(self, name: str) -> None:
        """Boot a node; whatever is enabled there starts."""
        self[name].boot()
        self.wait(lambda: self._takes_ssh(name))

    # ---- states ----

    def save(self, state: str) -> None:
        """Keep the nodes' files and what runs under a name."""
        kept = self.folder / "states" / state
        shutil.rmtree(kept, ignore_errors=True)
        for name, one in self.machines.items():
            _copy(one.root, kept / name)
        _copy_all(self.data, kept / "data")
        self.states[state] = self._state()

    def restore(self, state: str) -> None:
        """Bring all nodes to a state that was saved; `laid` is made when it is first asked for."""
        if state == "laid" and state not in self.states:
            self.restore("bare")
            self.lay()
            self.save("laid")
            return
        self.write_spec()
        for name, one in self.machines.items():
            self.heal(name)
            self.well(name)
            if one.nspawn is None or one.nspawn.poll() is not None:
                self.power_on(name)
            elif not self._takes_ssh(name):
                self.start_ssh(name)
        wanted, kept = self.states[state], self.folder / "states" / state
        now = self._state()
        changed = [name for name in self.machines if now.of(name) != wanted.of(name)]

        def back(name: str) -> None:
            one = self.machines[name]
            one.run("systemctl", "stop", *UNITS, MOUNT)
            _restore(one.root, kept / name)
            one.run("ip", "route", "del", "224.0.0.0/4")
            one.run("systemctl", "daemon-reload")
            one.run("systemctl", "reset-failed")
            one.run("systemctl", "start", MOUNT)
            if wanted.runs[name]:
                self._start(one, changed.index(name))

        self._each(back, changed)
        if now.files["data"] != wanted.files["data"]:
            run("find", self.data, "-mindepth", "1", "-delete")
            _copy_all(kept / "data", self.data)
        if runs := [name for name, process in wanted.runs.items() if process]:
            self.wait_until_healthy(*runs)
        self.states[state] = self._state()

    def _start(self, one: Machine, after: int, *, enable: bool = False) -> None:
        """Start OpenMeetings on a node, some seconds after another: as omconf's steps have it."""
        time.sleep(after)
        there = [unit for unit in UNITS if (one.root / "etc/systemd/system" / unit).exists()]
        if enable:
            one.run("systemctl", "daemon-reload")
            one.run("systemctl", "enable", *there)
        done = one.run("systemctl", "start", *there)
        assert done.returncode == 0, done.stderr

    def _state(self) -> _State:
        prints = {name: _print(one.root, KEPT) for name, one in self.machines.items()}
        prints["data"] = _print(self.data, ".")
        return _State(prints, {name: one.started() for name, one in self.machines.items()})

    def _each(self, work: Callable[[str], None], names: Iterable[str]) -> None:
        with ThreadPoolExecutor(len(self.machines)) as pool:
            list(pool.map(work, names))


@dataclass(frozen=True)
class _State:
    files: dict[str, frozenset[tuple[object, ...]]]
    runs: dict[str, str]
    """By which process OpenMeetings runs; empty for none."""

    def of(self, name: str) -> tuple[object, str]:
        return self.files[name], self.runs[name]


def address(name: str) -> str:
    return f"10.1.1.{name.removeprefix('om')}"


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _files(root: Path, parts: str) -> Iterator[Path]:
    for part in map(root.__truediv__, parts.split()):
        if part.exists():
            yield part
            yield from part.rglob("*")


def _print(root: Path, parts: str) -> frozenset[tuple[object, ...]]:
    """All that can be seen of the files that are kept, without reading them."""
    found = []
    for path in _files(root, parts):
        name = str(path.relative_to(root))
        if not name.startswith(LOGS):
            stat = path.lstat()
            size = () if path.is_dir() else (stat.st_size, stat.st_mtime_ns)
            found.append((name, stat.st_mode, stat.st_uid, stat.st_gid, *size))
    return frozenset(found)


def _copy(root: Path, there: Path) -> None:
    there.mkdir(parents=True)
    parts = [part for part in KEPT.split() if os.path.lexists(root / part)]
    run("cp", "-a", "--parents", *parts, there, cwd=root)


def _restore(root: Path, kept: Path) -> None:
    run("rm", "-rf", *(root / part for part in KEPT.split()))
    _copy_all(kept, root)


def _copy_all(folder: Path, there: Path) -> None:
    there.mkdir(exist_ok=True)
    run("cp", "-a", f"{folder}/.", there)
