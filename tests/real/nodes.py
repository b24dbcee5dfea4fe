"""The nodes of a small cluster: a network and a mount namespace each, with a built bundle laid there.

Each node has a copy of /etc, an /opt and a /usr/local/sbin of its own, and the shared data folder.
Programs of `stand_in.py` stand for OpenMeetings and for the database.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import Any

import yaml

from tests.clusters import spec_of
from tests.command import omconf
from tests.needs import program
from tests.real import by_ssh
from tests.real.programs import Network, run

DATABASE = "10.1.1.250"
HEALTHY = '{"inited":true,"installed":true,"dbOk":true}'
ANSWERS = "net.ipv4.icmp_echo_ignore_broadcasts"
"""Whether a node is silent when a ping goes to a multicast group; Linux's own choice is 1."""
NEEDS_NODES = ("network namespaces", "mount namespaces")
NEEDS_RUNNING = (*NEEDS_NODES, "sysctl", "ss")
NEEDS_SSH = ("ssh", "ssh-keygen", "sshd", "ss")
NEEDS_CHECK = ("curl", "getent", "nc", "ping", "runuser")
"""What the check of a node runs on a healthy one."""
ETC = """
    alternatives/awk alternatives/nc environment gai.conf group gshadow host.conf hostname hosts
    iproute2 ld.so.cache ld.so.conf ld.so.conf.d login.defs nsswitch.conf pam.d passwd
    protocols resolv.conf security services shadow shells ssh ssl/certs/ca-certificates.crt
    ssl/openssl.cnf sudo.conf sudoers sudoers.d
"""
"""What programs on a node read of the host's /etc; copying all of it took most of a test's time."""
BLOCK = "# BEGIN omconf: conference\n"


class Nodes:
    """Healthy nodes om1, om2, ... until a test breaks something.

    With `running` False they only hold files: nothing stands for OpenMeetings.
    """

    def __init__(
        self,
        network: Network,
        folder: Path,
        count: int = 3,
        *,
        running: bool = True,
        **sections: Any,
    ) -> None:
        self.network, self.folder = network, folder
        self.own = ["/etc", "/opt", "/usr/local/sbin"]
        self.names = [f"om{i}" for i in range(1, count + 1)]
        data = spec_of(count, **sections)
        for i, name in enumerate(self.names, 1):
            if running:
                data["nodes"][name]["url"] = f"http://10.1.1.{i}:5080/openmeetings"
        self.spec = folder / "cluster.yaml"
        self.spec.write_text(yaml.safe_dump(data))
        self.data = folder / "data"
        self.data.mkdir()
        self.data_dir = data["openmeetings"].get("data_dir", "/opt/omdata")
        shutil.chown(self.data, "nobody", "nogroup")
        bundles = folder / "bundles"
        env = {"OM_DB_PASSWORD": "not-a-real-password", "TURN_SECRET": "not-a-real-secret"}
        built = omconf("build", self.spec, "-o", bundles, "--reveal-secrets", env=env)
        assert built.code == 0, built.err
        self.spaces = {n: network.host(f"10.1.1.{i}") for i, n in enumerate(self.names, 1)}
        for name in self.names:
            self.lay(bundles / name, name)
        self.sshd: dict[str, subprocess.Popen[str]] = {}
        if running:
            self.run_all()

    def run_all(self) -> None:
        """Start what stands for the database and for OpenMeetings on every node."""
        database = self.network.host(DATABASE)
        self.database = self.stand_in(database, "5432")
        self.om = {name: self.start(name) for name in self.names}
        for name in self.names:
            own = (f"net.ipv6.conf.{device}.disable_ipv6" for device in ("all", "eth0"))
            self.sysctl(name, **dict.fromkeys(own, 1), **{ANSWERS: 0})
            self.run(name, "/usr/local/sbin/omconf-multicast-route", "up")
        self.wait("5432", [database])
        self.wait("5080", self.spaces.values())

    def tree(self, name: str) -> Path:
        """Where the files of a node really lie."""
        return self.folder / name

    def lay(self, bundle: Path, name: str) -> None:
        """Lay a node's bundle as an admin would: files with their modes and owners, blocks."""
        tree = self.tree(name)
        (tree / "etc").mkdir(parents=True)
        there = [name for name in ETC.split() if os.path.lexists(f"/etc/{name}")]
        run("cp", "-a", "--parents", *there, tree / "etc", cwd="/etc")
        self.names_itself(name, f"10.1.1.{name[2:]}")
        (tree / "etc/localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")
        for folder in (self.data_dir[1:], "opt/om/logs", "usr/local/sbin"):
            (tree / folder).mkdir(parents=True)
        lay(bundle, tree)
        listed = (f"{node} 10.1.1.{node[2:]}\n" for node in self.names)
        (tree / "etc/omconf/list").write_text("".join(listed))
        (tree / "health").write_text(HEALTHY)
        self.members(name, self.names)

    def names_itself(self, name: str, address: str) -> None:
        """Give the host's own name an address on a node, and no other."""
        hosts = self.tree(name) / "etc/hosts"
        there = hosts.read_text().splitlines() if hosts.exists() else []
        kept = [line for line in there if platform.node() not in line.split()]
        hosts.write_text("\n".join([*kept, f"{address} {platform.node()}", ""]))

    def members(self, name: str, seen: list[str]) -> None:
        """Write what Hazelcast logs when its members change."""
        lines = [f"Members {{size:{len(seen)}, ver:{len(seen)}}} ["]
        for other in seen:
            this = " this" if other == name else ""
            lines.append(f"\tMember [10.1.1.{other[2:]}]:5701 - 3a1f5f0e-63c2-4a52{this}")
        log = self.tree(name) / "opt/om/logs/openmeetings.log"
        alone = "Members {size:1, ver:1} [\n\tMember [10.9.9.9]:5701 - 0 this\n]\n"
        log.write_text("\n".join(["INFO before", alone, *lines, "]", "", "INFO after", ""]))

    def start(
        self, name: str, ports: str = "5701,5636", group: str = "224.2.2.3"
    ) -> subprocess.Popen[str]:
        """Start what stands for a node's OpenMeetings."""
        address = f"10.1.1.{name[2:]}"
        return self.stand_in(self.spaces[name], ports, group, address, self.tree(name) / "health")

    def stand_in(self, space: str, *arguments: str | Path) -> subprocess.Popen[str]:
        script = Path(__file__).with_name("stand_in.py")
        return self.network.start(space, sys.executable, "-S", "-E", script, *arguments)

    def wait(self, port: str, spaces: Iterable[str]) -> None:
        """Wait until something listens on a port in each of the namespaces."""
        end = time.monotonic() + 30
        waiting = list(spaces)
        while waiting:
            listed = run("ip", "netns", "exec", waiting[0], "ss", "-ltnH").stdout
            if re.search(rf"[*\]0-9]:{port} ", listed):
                waiting.pop(0)
            elif time.monotonic() > end:
                raise AssertionError(f"nothing listens on {port}: {listed}")
            else:
                time.sleep(0.1)

    def ssh(self) -> None:
        """Start an sshd on every node, and make the `environment` in which `ssh` reaches them."""
        folder = self.folder / "ssh"
        self.environment = by_ssh.client(folder, self.network.host("10.1.1.251"), self.names)
        for name in self.names:
            by_ssh.let_in(self.tree(name) / "etc", folder)
            self.start_ssh(name)

    def start_ssh(self, name: str, *, mounted: bool = True) -> None:
        """Start a node's sshd; what it runs sees the node's own files."""
        private = "mount -t tmpfs none /run; mkdir /run/sshd"
        server = (program("sshd"), "-D", "-e", "-f", self.folder / "ssh/sshd_config")
        command = self.command(name, *server, mounted=mounted, before=private)
        self.sshd[name] = self.network.start(self.network.name, *command)
        self.wait("22", [self.spaces[name]])

    def bind(self, name: str, folder: str) -> None:
        """Give a node one more folder of its own, and its sshd anew."""
        (self.tree(name) / folder[1:]).mkdir(exist_ok=True)
        self.own.append(folder)
        self.stop_ssh(name)
        self.start_ssh(name)

    def restore(self, name: str, part: str, source: Path) -> None:
        """Restore a node's tree to the contents of `source`."""
        there, before = self.tree(name) / part, source / part
        if before.is_file():
            there.write_bytes(before.read_bytes())
            return
        for path in there.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        if before.exists():
            run("cp", "-a", f"{before}/.", there)

    def stop_ssh(self, name: str) -> None:
        """Stop a node's sshd."""
        self.sshd[name].kill()
        self.sshd[name].wait()

    def sysctl(self, name: str, **settings: int) -> None:
        """Set kernel parameters of a node."""
        words = [f"{key}={value}" for key, value in settings.items()]
        self.network.run(self.spaces[name], "sysctl", "-qw", *words)

    def drop(self, name: str, what: str) -> None:
        """Let a node's packet filter drop what comes in."""
        space = self.spaces[name]
        rules = f"table ip t {{ chain c {{ type filter hook input priority 0; {what} drop; }}\n}}\n"
        run("ip", "netns", "exec", space, "nft", "-f", "-", input=rules)

    def command(
        self, name: str, *words: str | Path, mounted: bool = True, before: str = ""
    ) -> list[str]:
        """A command as it runs on a node."""
        tree = self.tree(name)
        mounts = [(tree / folder[1:], folder) for folder in self.own]
        if mounted:
            mounts.append((self.data, self.data_dir))
        script = "".join(
            f"mount --bind {quote(str(source))} {quote(str(target))}\n" for source, target in mounts
        )
        inside = ["unshare", "-m", "-u", "--propagation", "private", "sh", "-ec"]
        inside += [f'{script}{before}\nexec "$@"', "sh"]
        return ["ip", "netns", "exec", self.spaces[name], *inside, *(str(w) for w in words)]

    def run(
        self, name: str, *words: str | Path, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a node to its end."""
        return run(*self.command(name, *words, **options), check=False, timeout=120)


def lay(bundle: Path, tree: Path) -> None:
    """Lay a node's bundle into its tree as an admin would: files with modes and owners, blocks."""
    listing = json.loads((bundle / "manifest.json").read_text())
    for entry in listing["files"]:
        path = tree / entry["path"].lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry["ownership"] in ("file", "keys"):
            part = "files" if entry["ownership"] == "file" else "keys"
            shutil.copy(bundle / part / entry["path"].lstrip("/"), path)
            shutil.chown(path, entry["owner"], entry["group"])
            path.chmod(int(entry["mode"], 8))
        else:
            block = (bundle / "blocks" / entry["path"].lstrip("/")).read_text()
            before = path.read_text() if path.exists() else ""
            path.write_text(f"{before.rstrip()}\n{block}# the admin's own\n")
    shutil.copy(bundle / "manifest.json", tree / "etc/omconf/conference")


def left_over(folder: Path) -> list[str]:
    """What checks left in the data folder."""
    return sorted(name for name in os.listdir(folder) if name.startswith(".omconf"))
