"""Real nodes: sshds in namespaces of their own, with their files on disk (as root)."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from bench.cases import OMCONF
from bench.measure import Command, Rounds, peak
from bench.table import Row, memory, timed
from tests.needs import closure, missing
from tests.real import machines
from tests.real.applied import Applied
from tests.real.machines import Machines
from tests.real.nodes import NEEDS_NODES, NEEDS_SSH, Nodes
from tests.real.programs import Network

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from tests.real.applied import Done
    from tests.real.timeline import Line

COUNT = 8
MANY = 50
KEPT = 10
"""How many applies a node remembers: a plan reads what it knows of them."""
CLASSES = "opt/om/webapps/openmeetings/WEB-INF/classes"
FILES = (
    "etc/omconf/conference/check.conf",
    f"{CLASSES}/META-INF/persistence.xml",
    f"{CLASSES}/hazelcast.xml",
    "usr/local/sbin/omconf-multicast-route",
    "usr/local/sbin/omconf-node-check",
)
"""Files of a node that no program on it checks; nothing has to be run when their modes alone change."""
MANIFEST = "etc/omconf/conference/manifest.json"
CHECKED = "etc/systemd/system/omconf-multicast-route.service"
OTHER_MODE = 0o604
PLAYBOOK = """\
- hosts: all
  gather_facts: false
  vars: {variables}
  tasks:
    - ansible.builtin.copy:
        src: "{{{{ trees }}}}/{{{{ inventory_hostname }}}}/{{{{ item }}}}"
        dest: "/{{{{ item }}}}"
        mode: "0644"
      loop: "{{{{ paths }}}}"
"""


def lacking() -> list[str]:
    """Name what is not here and nodes need."""
    return missing(closure(("root", *NEEDS_NODES, *NEEDS_SSH, *machines.NEEDS)))


@contextmanager
def _nodes(folder: Path, count: int, *, running: bool = False) -> Iterator[Nodes]:
    """Make nodes that are as the spec says, and remember nothing of it."""
    folder.mkdir()
    before = os.umask(0o022)
    network = Network(f"bench{os.getpid()}n{count}")
    try:
        nodes = Nodes(network, folder, count, running=running)
        nodes.own.append("/var/lib")
        for name in nodes.names:
            (nodes.tree(name) / "var/lib").mkdir(parents=True)
        nodes.ssh()
        yield nodes
    finally:
        network.close()
        os.umask(before)


def _spoil(nodes: Nodes, paths: Iterable[str] = FILES) -> None:
    """Give files another mode, so that an apply writes them anew."""
    for name in nodes.names:
        for path in paths:
            (nodes.tree(name) / path).chmod(OTHER_MODE)


def _apply(nodes: Nodes, paths: Iterable[str] = FILES) -> Command:
    words = [OMCONF, "apply", nodes.spec, "--ssh", "--yes"]
    return Command(words, partial(_spoil, nodes, paths), env=_found(nodes))


def _found(nodes: Nodes) -> Mapping[str, str]:
    """Give the environment in which `ssh` reaches the nodes."""
    return {"PATH": nodes.environment["PATH"], "OM_DB_PASSWORD": "not-a-real-password"}


def _parallel(nodes: Nodes, script: str, *, stdin: str = "/dev/null") -> Command:
    """Run a script on all nodes by parallel ssh."""
    each = f'ssh -o BatchMode=yes "$one" "$0" <{stdin} >/dev/null & all="$all $!"'
    both = f'all=; for one; do {each}; done; for one in $all; do wait "$one" || exit 1; done'
    return Command(["sh", "-c", both, script, *nodes.names], env=_found(nodes))


def _copy(nodes: Nodes, paths: Iterable[str] = (*FILES, MANIFEST)) -> Command:
    """Write the same bytes by tar, and have them on the disk."""
    told = " ".join(paths)
    for name in nodes.names:
        archive = nodes.folder / f"{name}.tar"
        subprocess.run(["tar", "-C", nodes.tree(name), "-cf", archive, *told.split()], check=True)
    script = f"cd / && tar -xf - && sync -- {told}"
    return _parallel(nodes, script, stdin=f'{nodes.folder}/"$one".tar')


def _ansible(nodes: Nodes, *options: str) -> Command:
    """Have Ansible's own module copy the same files, to all nodes at a time."""
    folder = nodes.folder / "ansible"
    folder.mkdir(exist_ok=True)
    for name in nodes.names:
        for path in (*FILES, MANIFEST):
            copy = nodes.folder / "trees" / name / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(nodes.tree(name) / path, copy)
    (folder / "ansible.cfg").touch()  # and not the machine's own
    (folder / "inventory").write_text("\n".join([*nodes.names, ""]))
    told = {"trees": f"{nodes.folder}/trees", "paths": [*FILES, MANIFEST]}
    (folder / "playbook.yml").write_text(PLAYBOOK.format(variables=json.dumps(told)))
    env = {
        **_found(nodes),
        "ANSIBLE_CONFIG": f"{folder}/ansible.cfg",
        "ANSIBLE_FORKS": str(COUNT),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_SSH_TRANSFER_METHOD": "piped",  # the sshd here has no sftp
        "ANSIBLE_LOCAL_TEMP": f"{folder}/tmp",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
    }
    words = ["ansible-playbook", "-i", folder / "inventory", folder / "playbook.yml", *options]
    return Command(words, None if "--check" in options else partial(_spoil, nodes), env=env)


def beside_ansible(nodes: Nodes) -> Iterator[Row]:
    """What Ansible takes for what a plan and an apply do; each twice, after a run that fills caches."""
    if shutil.which("ansible-playbook") is None:
        print("ansible-playbook is missing", file=sys.stderr)
        return
    plan = Command([OMCONF, "plan", nodes.spec, "--ssh"], env=_found(nodes))
    checks = _ansible(nodes, "--check", "--diff")
    pairs = {
        "plan": ("Ansible compares the same files", {"plan": plan, "Ansible": checks}),
        "apply": ("Ansible copies", {"apply": _apply(nodes), "Ansible": _ansible(nodes)}),
    }
    for ours, (work, commands) in pairs.items():
        yield timed(Rounds(commands, 2), "Ansible", ours, f"{COUNT} nodes by ssh: {work}")


def by_ansible(nodes: Nodes, repeats: int) -> Iterator[Row]:
    """An apply that Ansible carries, against its shortest command on all nodes."""
    if shutil.which("ansible-playbook") is None:
        print("ansible-playbook is missing", file=sys.stderr)
        return
    inventory = nodes.folder / "hosts"
    inventory.write_text("\n".join([*nodes.names, ""]))
    env = {**_found(nodes), "ANSIBLE_HOME": f"{nodes.folder}/home"}
    words = [OMCONF, "apply", nodes.spec, "--ansible", "--yes"]
    apply = Command(words, partial(_spoil, nodes), env=env)
    raw = ["ansible", "all", "-i", inventory, "-f", str(COUNT), "-m", "raw", "-a", "true"]
    floor = "ansible -m raw -a true"
    rounds = Rounds({floor: Command(raw, env=env), "apply": apply}, repeats)
    # Three starts, each of 1.5 times that.
    yield timed(rounds, "apply", floor, f"{COUNT} nodes by Ansible: apply, files only", limit=4.5)


def verified(folder: Path, repeats: int) -> Iterator[Row]:
    """Checks of nodes that run stand-ins, against the same program by parallel ssh."""
    floor = "parallel ssh, the check"
    with _nodes(folder / "running", COUNT, running=True) as nodes:
        words = [OMCONF, "verify", nodes.spec, "--ssh"]
        verify = Command(words, codes=(0, 1), env=_found(nodes))
        check = _parallel(nodes, "omconf-node-check --nodes /etc/omconf/list || [ $? = 1 ]")
        rounds = Rounds({floor: check, "verify": verify}, repeats)
        yield timed(rounds, "verify", floor, f"{COUNT} nodes by ssh: verify")


def restarted(folder: Path, repeats: int) -> Iterator[Row]:
    """Applies that restart what stands for OpenMeetings, against what the nodes take themselves."""
    folder.mkdir()
    network = Network(f"bench{os.getpid()}m")
    three = Machines(network, folder)
    try:
        three.boot()
        applied = Applied(three)
        applied.first()
        told = f"{len(three.machines)} nodes by ssh: "
        floor = "stops and starts, one by one"
        seconds: dict[str, list[float]] = {"apply": [], floor: []}
        over = []
        for _ in range(repeats):
            applied.rolling()
            began = time.perf_counter()
            line = _line(applied, applied.apply())
            seconds["apply"].append(time.perf_counter() - began)
            each = (line.took(name, "stopping", "healthy") for name in three.machines)
            seconds[floor].append(sum(each))
            applied.whole()
            line = _line(applied, applied.apply())
            stops = (line.took(name, "stopping", "down") for name in three.machines)
            starts = (line.took(name, "starting", "healthy") for name in three.machines)
            over.append(line.seconds() - max(stops) - max(starts))
        yield timed(Rounds.of(seconds), "apply", floor, f"{told}apply, nodes restart one by one")
        more = statistics.median(over)
        words = f"{more:.1f} s over the slowest stop and start"
        yield Row(f"{told}outage when all stop", "", words, more, 2.0, "2 s", repeats)
    finally:
        three.close()
        network.close()


def _line(applied: Applied, done: Done) -> Line:
    """Return the time line of an apply; raises RuntimeError where it failed."""
    if done.how != ("applied", 0):
        raise RuntimeError(f"{done.how}: {done.why}")
    return applied.line(done)


def over_ssh(folder: Path, repeats: int) -> Iterator[Row]:
    """Plans and applies of real nodes, against parallel ssh with tar."""
    tar, copy = "parallel ssh, tar -c", "parallel ssh, tar -x, sync"
    named = f"{COUNT} nodes by ssh: "
    with _nodes(folder / "few", COUNT) as nodes:
        apply, checked = _apply(nodes), _apply(nodes, (*FILES, CHECKED))
        Rounds({"": apply}, KEPT)
        files = " ".join((*FILES, MANIFEST))
        rounds = Rounds(
            {
                tar: _parallel(nodes, f"tar -C / -cf - {files}"),
                copy: _copy(nodes),
                "plan": Command([OMCONF, "plan", nodes.spec, "--ssh"], env=_found(nodes)),
                "apply": apply,
                "checked": checked,
            },
            repeats,
        )
        yield timed(rounds, "plan", tar, f"{named}plan, nothing changed", limit=1.3)
        yield timed(rounds, "apply", copy, f"{named}apply, files only", limit=4.0)
        yield timed(rounds, "checked", "apply", f"{named}apply, and a unit that is checked")
        yield memory(f"{named}peak memory of apply", peak(apply))
        yield from beside_ansible(nodes)
        yield from by_ansible(nodes, min(repeats, 3))
    yield from verified(folder, repeats)
    yield from restarted(folder / "three", min(repeats, 3))
    with _nodes(folder / "many", MANY) as nodes:
        yield memory(f"{MANY} nodes by ssh: peak memory of apply", peak(_apply(nodes)))
