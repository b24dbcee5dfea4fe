"""What tests need besides Python: programs, rights and kernel features, declared by name.

A test, a module (`pytestmark`) or a single case (`pytest.param(..., marks=...)`) declares them with
`needs("ip", "root")`, a fixture with `fixture_needs("ip", "root")`. Where one is missing, the test is
skipped and the reason names it; with OMCONF_NOTHING_SKIPPED set, a skip is a failure. `tests/hidden.py`
checks that the declarations are complete.
"""

from __future__ import annotations

import functools
import glob
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

needs = pytest.mark.needs
JARS = Path(__file__).parent / "real/java/lib"
ANSIBLE = Path(__file__).parent.parent / "build/ansible"
"""The environments of ansible_versions.py: `oldest` and `newest`."""
OWN_MOUNTS = ["unshare", "--mount", "--propagation", "private"]
"""The start of a command that may mount."""
if os.geteuid() != 0:
    OWN_MOUNTS += ["--user", "--map-root-user"]
INSTALL = "run `sudo make setup-real`"
NOT_HERE = "this kernel or container does not provide them"


@dataclass(frozen=True)
class Need:
    """One thing that a test can need."""

    text: str
    """How a message calls it."""
    source: str = ""
    """Where it comes from, for a message."""
    plural: bool = False
    hint: str = INSTALL
    place: str = ""
    """For a file: its name in PATH, or a pattern for its path."""
    also: tuple[str, ...] = ()
    """What it needs itself, by name."""
    probe: Callable[[], bool] | None = None
    """Whether it works here; run once, and only when all of `also` is there."""


PACKAGES = {
    "age": "age-keygen",
    "ansible-core": "ansible-vault",
    "bash": "bash",
    "busybox-static": "busybox",
    "chromium": "chromium",
    "cifs-utils": "mount.cifs",
    "cmark-gfm": "cmark-gfm",
    "curl": "curl",
    "dash": "dash",
    "e2fsprogs": "chattr lsattr",
    "fish": "fish",
    "git": "git",
    "gnupg": "gpg gpg-agent gpg-connect-agent gpgconf",
    "graphviz": "dot",
    "groff-base": "groff grotty troff",
    "hostname": "hostname",
    "iproute2": "ip ss",
    "iputils-ping": "ping",
    "libc-bin": "getent",
    "libnfs-utils": "nfs-cp nfs-ls",
    "mariadb-client": "mariadb",
    "mariadb-client-core": "my_print_defaults",
    "mariadb-server": "mariadb-install-db mariadbd",
    "mariadb-server-core": "resolveip",
    "mount": "mount",
    "netcat-openbsd": "nc",
    "nfs-ganesha": "ganesha.nfsd",
    "nfs-ganesha-vfs": "libfsalvfs.so",
    "nfs-kernel-server": "exportfs",
    "nftables": "nft",
    "openjdk-17-jdk-headless": "jar java javac keytool",
    "openssh-client": "ssh ssh-keygen",
    "openssh-server": "sshd",
    "openssl": "openssl",
    "pass": "pass",
    "postgresql": "initdb postgres",
    "postgresql-client": "psql",
    "procps": "sysctl",
    "samba": "smbd smbstatus",
    "samba-common-bin": "smbcontrol smbpasswd testparm",
    "smbclient": "smbclient",
    "strace": "strace",
    "sudo": "sudo",
    "systemd": "systemd systemd-analyze systemd-creds systemd-escape systemd-fstab-generator",
    "systemd-container": "systemd-nspawn",
    "tomcat10-common": "catalina.sh",
    "util-linux": "findmnt nsenter prlimit runuser setpriv unshare",
    "wget": "wget",
    "zsh": "zsh",
}
"""Programs by their Debian package."""
PLACES = {
    "catalina.sh": "/usr/share/tomcat10/bin/catalina.sh",
    "initdb": "/usr/lib/postgresql/*/bin/initdb",
    "libfsalvfs.so": "/usr/lib/*/ganesha/libfsalvfs.so",
    "postgres": "/usr/lib/postgresql/*/bin/postgres",
    "systemd": "/usr/lib/systemd/systemd",
    "systemd-fstab-generator": "/usr/lib/systemd/system-generators/systemd-fstab-generator",
}
"""Of those that are not in PATH."""
ALSO = {
    "ganesha.nfsd": ("libfsalvfs.so",),
    "gpg": ("gpg-agent", "gpg-connect-agent", "gpgconf"),
    "groff": ("grotty", "troff"),
    "mariadb-install-db": ("my_print_defaults", "resolveip"),
    "pass": ("bash", "gpg"),
}


def _shell(script: str) -> Callable[[], bool]:
    return lambda: subprocess.run(["sh", "-ec", script], capture_output=True).returncode == 0


BRIDGE = """
space=omconf-probe-$$
ip netns add $space
trap 'ip netns del $space' EXIT
ip -n $space link add br0 type bridge
ip -n $space link add eth0 type veth peer name v1
"""
OTHERS = {
    "actionlint": Need("actionlint", "no Debian package; built with Go", place="actionlint"),
    "sops": Need("sops", "no Debian package; built with Go", place="sops"),
    "jars": Need("the jars under tests/real/java/lib", plural=True, place=str(JARS)),
    "ansible": Need("the newest ansible-core", place=str(ANSIBLE / "newest/bin/ansible-playbook")),
    "oldest ansible": Need(
        "the oldest ansible-core", place=str(ANSIBLE / "oldest/bin/ansible-playbook")
    ),
    "root": Need(
        "root privileges",
        plural=True,
        hint="run the tests as root",
        probe=lambda: os.geteuid() == 0,
    ),
    "tracing": Need(
        "permission to trace processes",
        hint="this container forbids it",
        also=("strace",),
        probe=_shell("strace -o /dev/null true"),
    ),
    "network namespaces": Need(
        "network namespaces with bridges",
        plural=True,
        hint=NOT_HERE,
        also=("root", "ip"),
        probe=_shell(BRIDGE),
    ),
    "mount namespaces": Need(
        "mount namespaces",
        plural=True,
        hint=NOT_HERE,
        also=("root", "unshare", "mount"),
        probe=_shell("unshare -m --propagation private mount -t tmpfs none /tmp"),
    ),
    "nftables": Need(
        "nftables in the kernel",
        plural=True,
        hint=NOT_HERE,
        also=("network namespaces", "unshare", "nft"),
        probe=_shell("unshare -n nft add table inet omconf"),
    ),
    "own mounts": Need(
        "root or user namespaces, for a mount of the test's own,",
        plural=True,
        hint=NOT_HERE,
        also=("unshare", "mount"),
        probe=_shell(f"{' '.join(OWN_MOUNTS)} mount -t tmpfs none /tmp"),
    ),
}
NEEDS = OTHERS | {
    name: Need(
        name, f"Debian package {package}", place=PLACES.get(name, name), also=ALSO.get(name, ())
    )
    for package, names in PACKAGES.items()
    for name in names.split()
}


def fixture_needs(*names: str) -> Callable[[Any], Any]:
    """Declare what a fixture needs, which takes no marks; stands below `@pytest.fixture`."""

    def declare(function: Any) -> Any:
        function.needs = names
        return function

    return declare


def find(name: str) -> str | None:
    """The path of what a need names, if it is there; of several versions, the last."""
    place = NEEDS[name].place
    if not place.startswith("/"):
        return shutil.which(place)
    there = [path for path in glob.glob(place) if os.path.isfile(path) or os.path.isdir(path)]
    return max(there, default=None)


def program(name: str) -> str:
    """The path of a program that the test declares."""
    found = find(name)
    assert found, f"{name} is not there: the test lacks needs({name!r})"
    return found


def closure(names: Iterable[str]) -> tuple[str, ...]:
    """Names with all that these need themselves, each once, in an order that is always the same."""
    found: dict[str, None] = {}

    def add(name: str) -> None:
        for other in NEEDS[name].also:
            add(other)
        found[name] = None

    for name in sorted(names):
        add(name)
    return tuple(found)


def declared(item: pytest.Item) -> tuple[str, ...]:
    """All that a test and its fixtures declare, and what these need themselves."""
    names = {name for mark in item.iter_markers("needs") for name in mark.args}
    information = getattr(item, "_fixtureinfo", None)
    for definitions in information.name2fixturedefs.values() if information else ():
        names.update(*(getattr(definition.func, "needs", ()) for definition in definitions))
    if unknown := sorted(names - NEEDS.keys()):
        raise pytest.UsageError(
            f"{item.nodeid} needs {unknown}, which tests/needs.py does not list"
        )
    return closure(names)


def missing(names: Iterable[str]) -> list[str]:
    """Those of the names, a closure, that are not there; what only fails for lack of others is not."""
    lacking: list[str] = []
    for name in names:
        if (NEEDS[name].place and find(name) is None) or (
            not {*closure(NEEDS[name].also)} & {*lacking} and not _works(name)
        ):
            lacking.append(name)
    return lacking


@functools.cache
def _works(name: str) -> bool:
    probe = NEEDS[name].probe
    return probe is None or probe()


def reason(names: Iterable[str]) -> str:
    """Say which needs are missing, and what to do about it."""
    by_hint: dict[str, dict[str, list[Need]]] = {}
    for need in (NEEDS[name] for name in names):
        by_hint.setdefault(need.hint, {}).setdefault(need.source, []).append(need)
    sentences = []
    for hint, by_source in by_hint.items():
        texts = []
        for source, found in sorted(by_source.items()):
            text = _listed([need.text for need in found])
            texts.append(f"{text} ({source})" if source else text)
        several = len(texts) > 1 or len(found) > 1 or found[0].plural
        sentences.append(f"{_listed(texts)} {'are' if several else 'is'} missing: {hint}")
    return "; ".join(sentences)


def _listed(texts: list[str]) -> str:
    *most, last = texts
    return f"{', '.join(most)} and {last}" if most else last
