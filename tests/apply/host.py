"""A host to apply to in earnest, `apply --local om1`: an overlay over this one's root, in namespaces.

Its systemctl and exportfs are stand-ins, which write down what they are told and, of a start, which
configuration OpenMeetings would read then: what is tried here are kills at any moment, a hundred of
them. The real ones are in tests/real/test_apply.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.clusters import spec_of
from tests.command import ROOT
from tests.forked import forks
from tests.needs import program

NO_ROUTE: dict[str, Any] = {"discovery": {"kind": "tcp-ip"}}
HEALTHY = '{"inited":true,"installed":true,"dbOk":true}'
NEEDS = ("mount namespaces", "network namespaces", "nsenter", "ip", "curl", "getent", "runuser")
LOG = "/var/log/programs"
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "OM_DB_PASSWORD": "not-a-real-password",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
STAND_IN = """#!/bin/sh
name=${0##*/}
# Who only asks what it would say is in a namespace of his own.
if grep -q '^none /var/lib/nfs tmpfs' /proc/self/mounts; then
    { [ -e /var/refuses ] && grep 10.1.1.3 /etc/exports; } || exit 0
    echo 'exportfs: /etc/exports:3: told to refuse not-a-real-password' >&2
    exit 1
fi
if [ -e "/var/fail.$name.${1-}" ]; then
    echo "$name: told to fail, with not-a-real-password" >&2
    exit 1
fi
[ ! -e "/var/slow.$name.${1-}" ] || sleep 0.3
read=$(cat /opt/om/bin/setenv.sh /etc/exports 2>/dev/null | sha256sum)
printf '%s %s|%s\\n' "$name" "$*" "${read%% *}" >>/var/log/programs
"""


@dataclass
class Host:
    """The host, its spec, and what ran on it."""

    folder: Path
    holder: subprocess.Popen[bytes]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    database: list[str] = field(default_factory=list)
    """The command that stands for the database."""
    omconf: Path | None = None
    """The program that runs omconf here."""

    @classmethod
    def boot(cls, folder: Path) -> Host:
        script = (
            'cd "$1"; mkdir -p fs; mount -t tmpfs none fs; cd fs; mkdir upper work root\n'
            "mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root\n"
            "mount -t proc proc root/proc; mount --rbind /dev root/dev; mount -t tmpfs none root/tmp\n"
            'mkdir -p "root$2"; mount --bind "$2" "root$2"\n'
            "mkdir -p root/opt root/srv; ip link set lo up; ip addr add 10.1.1.1/24 dev lo\n"
            "echo ready; exec sleep 100000\n"
        )
        spaces = ["-m", "--propagation", "private", "-n", "-p", "-f", "--kill-child"]
        command = ["unshare", *spaces, "sh", "-c", script, "sh"]
        holder = subprocess.Popen([*command, str(folder), str(ROOT)], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        host = cls(folder, holder)
        try:
            host._prepare()
        except BaseException:
            host.close()
            raise
        return host

    def _prepare(self) -> None:
        self.shell(
            "rm -rf /opt/om /opt/omdata /etc/exports /etc/omconf /var/lib/omconf;"
            " mkdir -p /opt/om /run/systemd/system"
        )
        for name in ("systemctl", "exportfs"):
            self.put(f"/usr/bin/{name}", STAND_IN, 0o755)
            self.shell(f"rm -f /usr/sbin/{name}")
        lib = "/opt/om/webapps/openmeetings/WEB-INF/lib"
        self.put(f"{lib}/openmeetings-core-9.1.0.jar", "")
        self.shell("chown -R nobody:nogroup /opt/om")
        self.put("/root/health", HEALTHY)
        words = [sys.executable, "-S", "-E", str(ROOT / "tests/real/stand_in.py")]
        # On a loopback device, all of 10.1.1.0/24 is this host's: the database's address, too.
        for ports in (["5701,5636", "none", "-", "/root/health"], ["5432"]):
            self.started.append(subprocess.Popen(self.inside(*words, *ports)))
        self.database = [*words, "5432"]
        self.write_spec()

    def start_database(self) -> None:
        self.started.append(subprocess.Popen(self.inside(*self.database)))
        self.shell("until grep -q ':1538 00000000:0000 0A' /proc/net/tcp; do sleep 0.1; done")

    def close(self) -> None:
        assert self.holder.stdout is not None
        self.holder.stdout.close()
        self.holder.kill()
        for process in (self.holder, *self.started):
            process.wait()

    @property
    def root(self) -> str:
        return str(self.folder / "fs/root")

    @property
    def init(self) -> str:
        """The first process of the host, by its number here."""
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        return children.read_text().split()[0]

    def inside(self, *command: str) -> list[str]:
        """A command line that runs on the host."""
        enter = [program("nsenter"), "-t", self.init, "-m", "-n", "-p"]
        return [*enter, "chroot", self.root, *command]

    def shell(self, script: str, stdin: bytes = b"") -> bytes:
        done = subprocess.run(self.inside("sh", "-c", script), input=stdin, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def signal(self, name: str, pattern: str) -> None:
        """Send a signal to what runs with such a command line; nsenter itself is not on the host."""
        self.shell(f"pkill -{name} -f -- '{pattern}' || :")

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        script = f"mkdir -p {path.rpartition('/')[0]}; cat >{path}; chmod {mode:o} {path}"
        self.shell(script, text.encode())

    def read(self, path: str) -> bytes:
        return self.shell(f"cat {path}")

    def write_spec(self, count: int = 2, **sections: Any) -> None:
        data = spec_of(count, **sections)
        data["nodes"]["om1"]["url"] = "http://10.1.1.1:5080/openmeetings"
        self.put("/root/cluster.yaml", yaml.safe_dump(data))

    def words(self, verb: str, *options: str) -> list[str]:
        """The command line of an omconf that can be sent signals."""
        env = ["env", "-C", "/root", *(f"{name}={value}" for name, value in ENVIRONMENT.items())]
        python = [sys.executable, "-m", "omconf", verb, "cluster.yaml", "--local", "om1"]
        return self.inside(*env, *python, *options)

    def run(self, verb: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run omconf to its end."""
        self.omconf = self.omconf or forks().client(
            f"on-{self.holder.pid}", int(self.init), self.root, "/root"
        )
        done = subprocess.run(
            [self.omconf, verb, "cluster.yaml", "--local", "om1", *options],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | ENVIRONMENT,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def plan(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("plan", "--json").stdout)
        return found

    def programs(self) -> list[str]:
        """What ran, oldest first, without what it read."""
        return [line.partition("|")[0] for line in self.log()]

    def log(self) -> list[str]:
        return self.shell(f"cat {LOG} 2>/dev/null || :").decode().splitlines()

    def forget(self) -> None:
        self.shell(f"rm -f {LOG} /var/fail.* /var/slow.*")

    def contents(self) -> dict[str, str]:
        """Digest, mode and owner of each file that omconf may write, by path."""
        found = self.shell(
            "for f in $(find /etc/omconf /etc/exports /etc/fstab /opt/om /usr/local/sbin"
            " /etc/systemd/system -type f 2>/dev/null | sort);"
            ' do sum=$(sha256sum <"$f"); stat -c "%n|${sum%% *} %a %u:%g" "$f"; done'
        )
        return dict(line.split("|") for line in found.decode().splitlines())

    def reading(self) -> str:
        """What OpenMeetings and the NFS server would read now, as the stand-ins write it down."""
        files = "/opt/om/bin/setenv.sh /etc/exports"
        return self.shell(f"cat {files} 2>/dev/null | sha256sum").decode().split()[0]

    def owed(self) -> list[str]:
        """Files of which the node remembers that their readers have not read what is there."""
        # A kill between that note and the file leaves a note of what the file still holds.
        found = self.shell(
            "cd /var/lib/omconf/conference/pending; for each in *.path; do"
            ' [ ! -e "$each" ] || cmp -s "${each%.path}.before" "$(cat "$each")" || cat "$each"; done'
        )
        return found.decode().splitlines()

    def settled(self) -> bool:
        """Whether what runs has read what is there: the last start and the last export did."""
        now = self.reading()
        last = {}
        for line in self.log():
            name, _, read = line.partition("|")
            last[name] = read
        return last.get("systemctl restart openmeetings.service", now) == now


def until(what: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def killed(words: list[str], after: float) -> int:
    """Start a command and kill it with all that it started, after some seconds."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
