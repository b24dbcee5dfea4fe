"""Keys, an sshd and a client of a test's own, so that `ssh` reaches its nodes and nothing else."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.needs import program
from tests.real.programs import run


def client(folder: Path, space: str, names: Iterable[str]) -> dict[str, str]:
    """Make keys and the configuration of sshd; returns an environment whose `ssh om1` gets to 10.1.1.1.

    The `ssh` of its PATH is the real one, run in a network namespace with a configuration of its own.
    """
    folder.mkdir()
    for name in ("host", "user"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    (folder / "sshd_config").write_text(
        f"HostKey {folder}/host\nAuthorizedKeysFile /etc/ssh/authorized\nStrictModes no\n"
        "UsePAM no\nPidFile none\nUseDNS no\n"
    )
    known = (folder / "host.pub").read_text()
    names = [*names]
    (folder / "known").write_text("".join(f"{name} {known}" for name in names))
    hosts = [f"Host {name}\n  HostName 10.1.1.{name[2:]}\n  HostKeyAlias {name}" for name in names]
    (folder / "config").write_text(
        "\n".join(hosts) + f"\nHost *\n  User root\n  IdentityFile {folder}/user\n"
        f"  UserKnownHostsFile {folder}/known\n  GlobalKnownHostsFile none\n"
    )
    wrapper = folder / "bin/ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\nexec ip netns exec {space} {program("ssh")} -F {folder}/config "$@"\n'
    )
    wrapper.chmod(0o755)
    # Ansible keeps connections open by the names of hosts, which other tests have as well.
    home = {"ANSIBLE_HOME": f"{folder}/ansible", "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{folder}/cp"}
    return {**os.environ, **home, "PATH": f"{wrapper.parent}:{os.environ['PATH']}"}


def let_in(etc: Path, folder: Path) -> None:
    """Let the key of the folder in as root, whatever the host's own root has."""
    shadow, passwd = etc / "shadow", etc / "passwd"
    shadow.write_text(re.sub("^root:[^:]*", "root:*", shadow.read_text()))
    passwd.write_text(re.sub("^(root:.*:).*", r"\1/bin/sh", passwd.read_text()))
    shutil.copy(folder / "user.pub", etc / "ssh/authorized")
