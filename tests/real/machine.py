"""A node with a systemd of its own: an overlay over this host's root, booted by systemd-nspawn.

It has its own network namespace, and none of this host's services. What stands for OpenMeetings is a
unit, by itself one that runs stand_in.py; systemd, exportfs, ip and everything else are the real ones.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.clusters import spec_of
from tests.command import ROOT
from tests.needs import program

NEEDS = (
    "network namespaces",
    "mount namespaces",
    "systemd",
    "systemd-nspawn",
    "nsenter",
    "exportfs",
)
UNIT = """[Unit]
Description=stands for OpenMeetings
[Service]
User=nobody
Group=nogroup
ExecStartPre=/bin/sh -c '! grep -qs Xbroken /opt/om/bin/setenv.sh'
ExecStart=/usr/bin/python3 -S -E /srv/stand_in.py 5701,5636 none - /srv/health
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
"""
MASKED = """
    postgresql.service postgresql@.service mariadb.service rpcbind.service rpcbind.socket
    rpc-statd.service nfs-server.service nfs-blkmap.service nfs-mountd.service
    nfs-idmapd.service nfsdcld.service proc-fs-nfsd.mount run-rpc_pipefs.mount
    var-lib-nfs-rpc_pipefs.mount nfs-ganesha.service docker.service containerd.service
    smbd.service nmbd.service samba-ad-dc.service cron.service ssh.service
    systemd-networkd.service systemd-networkd-wait-online.service systemd-resolved.service
    systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer
    e2scrub_all.timer e2scrub_reap.service fstrim.timer logrotate.timer man-db.timer
    tomcat10.service nftables.service systemd-update-utmp.service
    systemd-update-utmp-runlevel.service
"""
BOOT_SECONDS = 60
HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")
"""Where a systemd has its control groups, on hosts with cgroup v2 and with both versions."""
OWN_CGROUP = f"""
for above in {" ".join(HIERARCHIES)}; do
    [ -e "$above/cgroup.procs" ] || continue
    mkdir -p "$above/$1" && echo $$ >"$above/$1/cgroup.procs"
done
shift
exec "$@"
"""
"""Machines in one control group would remove each other's services' groups as theirs stop."""


@dataclass
class Machine:
    """The machine, booted; `folder` holds its overlay."""

    folder: Path
    space: str
    name: str = "om1"
    hosts: tuple[str, ...] = ("10.1.1.1 om1",)
    """Lines of /etc/hosts."""
    unit: str = UNIT
    options: tuple[str, ...] = ()
    """More words for systemd-nspawn."""
    nspawn: subprocess.Popen[bytes] | None = None
    spec: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def make(self) -> None:
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir()
        lower = f"lowerdir=/,upperdir={self.folder}/upper,workdir={self.folder}/work"
        _run("mount", "-t", "overlay", "overlay", "-o", lower, self.root)
        etc = self.root / "etc"
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "hosts").write_text("\n".join(["127.0.0.1 localhost", *self.hosts, ""]))
        for name in ("fstab", "exports", "machine-id"):
            (etc / name).write_text("")
        units = etc / "systemd/system"
        for wants in units.glob("*.wants"):
            for link in wants.iterdir():
                link.unlink()
        for name in MASKED.split():
            (units / name).unlink(missing_ok=True)
            (units / name).symlink_to("/dev/null")
        (units / "openmeetings.service").write_text(self.unit)
        _run(
            "sh",
            "-c",
            f"cd {self.root}; rm -rf opt/om opt/omdata etc/omconf var/lib/omconf root/.*rc",
        )
        lib = self.root / "opt/om/webapps/openmeetings/WEB-INF/lib"
        lib.mkdir(parents=True)
        (lib / "openmeetings-core-9.1.0.jar").touch()
        _run("chown", "-R", "nobody:nogroup", self.root / "opt/om")
        shutil.copy(ROOT / "tests/real/stand_in.py", self.root / "srv")
        (self.root / "srv/health").write_text('{"inited":true,"installed":true,"dbOk":true}')
        self.write_spec()

    def boot(self) -> None:
        words = [
            *("sh", "-c", OWN_CGROUP, "sh", self.space),
            *(program("systemd-nspawn"), "-q", "-D", str(self.root), "-M", self.space),
            *("--register=no", "--keep-unit", "--capability=all", "--console=pipe", "-b"),
            f"--network-namespace-path=/run/netns/{self.space}",
            *(f"--bind-ro={ROOT}", f"--bind-ro={Path(sys.executable).resolve().parents[1]}"),
            *self.options,
        ]
        self.nspawn = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + BOOT_SECONDS
        while "running" not in self.state() and "degraded" not in self.state():
            assert time.monotonic() < end, f"the machine does not boot: {self.state()}"
            assert self.nspawn.poll() is None, "systemd-nspawn ended"
            time.sleep(0.1)

    def state(self) -> str:
        if not self._init():
            return ""
        return self.run("systemctl", "is-system-running").stdout.strip()

    def _init(self) -> str:
        assert self.nspawn is not None
        children = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text()
        return (children.split() or [""])[0]

    def power_off(self) -> None:
        """Pull the plug."""
        if self.nspawn is not None and self.nspawn.poll() is None:
            if init := self._init():
                os.kill(int(init), signal.SIGKILL)
            self.nspawn.kill()
            self.nspawn.wait()
            # Its network namespace outlives it, the routes of a host do not.
            for state in ("down", "up"):
                _run("ip", "-n", self.space, "link", "set", "eth0", state)
        self.nspawn = None

    def close(self) -> None:
        self.power_off()
        for above in HIERARCHIES:
            for folder, _, _ in os.walk(f"{above}/{self.space}", topdown=False):
                with suppress(OSError):
                    os.rmdir(folder)
        subprocess.run(["umount", "-l", str(self.root)], check=False)

    def inside(self, *words: str) -> list[str]:
        """A command line that runs on the machine."""
        enter = [program("nsenter"), "-t", self._init(), "-m", "-u", "-i", "-n", "-p", "-r", "-w"]
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return [*enter, "env", "-i", path, "HOME=/root", *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.inside(*words), capture_output=True, text=True, timeout=120)

    def words(self, verb: str, *options: str) -> list[str]:
        env = ("env", "-C", "/root", f"PYTHONPATH={ROOT}", "OM_DB_PASSWORD=not-a-real-password")
        omconf = [sys.executable, "-m", "omconf", verb, "cluster.yaml", "--local", "om1", *options]
        return self.inside(*env, *omconf)

    def omconf(self, verb: str, *options: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.words(verb, *options), capture_output=True, text=True, timeout=120
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def write_spec(self, count: int = 2, **sections: Any) -> None:
        data = spec_of(count, **sections)
        data["nodes"]["om1"]["url"] = "http://10.1.1.1:5080/openmeetings"
        (self.root / "root/cluster.yaml").write_text(yaml.safe_dump(data))

    def processes(self, name: str) -> list[int]:
        """The processes of the machine that run a program, by their numbers on this host."""
        inside = os.readlink(f"/proc/{self._init()}/ns/pid")
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                program = (folder / "comm").read_text().strip()
                if (program, os.readlink(folder / "ns/pid")) == (name, inside):
                    found.append(int(folder.name))
        return found

    def started(self) -> str:
        """By which process OpenMeetings runs now; empty for none."""
        found = self.run("systemctl", "show", "-p", "MainPID", "--value", "openmeetings.service")
        return found.stdout.strip().removeprefix("0")


def _run(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)
