"""Networks of hosts in namespaces, and running programs on them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.needs import needs

JAVA = Path(__file__).parent / "java"


def shell_case(*command: str) -> Any:
    """A case of a parametrized test: a shell, as the start of a command."""
    return pytest.param([*command], id=command[0], marks=needs(command[0]))


SHELLS = [shell_case("dash"), shell_case("bash", "--posix"), shell_case("busybox", "sh")]


def run(
    *command: str | Path, check: bool = True, **options: object
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with its output as text."""
    done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
        [str(part) for part in command], capture_output=True, text=True, **options
    )
    if check and done.returncode:
        raise AssertionError(f"{command} gave {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


class Network:
    """One bridge, and hosts on it, each a network namespace with one card called `eth0`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.hosts: dict[str, str] = {}
        self.processes: list[subprocess.Popen[str]] = []
        run("ip", "netns", "add", name)
        bridge = "link add br0 type bridge mcast_snooping 0\nlink set br0 up\n"
        run("ip", "-n", name, "-batch", "-", input=bridge)

    def host(self, address: str, prefix: int = 24) -> str:
        """Add a host with this address; returns its namespace."""
        space = f"{self.name}h{len(self.hosts)}"
        run("ip", "netns", "add", space)
        self.hosts[address] = space
        peer = f"v{len(self.hosts)}"
        card = (
            f"link add eth0 type veth peer name {peer} netns {self.name}\n"
            f"address add {address}/{prefix} dev eth0\nlink set lo up\nlink set eth0 up\n"
        )
        run("ip", "-n", space, "-batch", "-", input=card)
        run("ip", "-n", self.name, "link", "set", peer, "master", "br0", "up")
        return space

    def plugged(self, address: str, *, into: bool) -> None:
        """Plug a host's cable into the switch, or pull it out: nothing arrives, and nobody is told."""
        port = f"v{[*self.hosts].index(address) + 1}"
        run("ip", "-n", self.name, "link", "set", port, "up" if into else "down")

    def start(self, space: str, *command: str | Path, **options: object) -> subprocess.Popen[str]:
        """Start a program on a host; it ends with the network."""
        process: subprocess.Popen[str] = subprocess.Popen(  # type: ignore[call-overload]
            ["ip", "netns", "exec", space, *(str(part) for part in command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        self.processes.append(process)
        return process

    def run(
        self, space: str, *command: str | Path, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on a host to its end."""
        return run("ip", "netns", "exec", space, *command, check=check, timeout=120)

    def close(self) -> None:
        """End all programs and take the namespaces away."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.communicate()
        spaces = "".join(f"netns del {space}\n" for space in (*self.hosts.values(), self.name))
        run("ip", "-force", "-batch", "-", input=spaces, check=False)
