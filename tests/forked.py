"""An `omconf` whose processes are copies of one that has imported it: real ones, without the start-up.

Nine tenths of a short run go to starting Python and importing modules. A test that runs omconf often
has the folder of `forks()` in its PATH. The `omconf` there is a small client, which passes its streams,
folder, environment and arguments to a server. That copies itself (a fork); the copy takes all of these
over, in the namespaces of another process if the client says so, and runs omconf's own `main`. Signals
reach the client alone.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import marshal
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tests.command import OWN_CODE, ROOT, omconf

CLIENT = """\
#!{python} -IS
import os, sys
numbers = []
for number in (0, 1, 2):
    try:
        os.fstat(number)
    except OSError:
        continue
    numbers.append(number)
import _socket, marshal
folder, mask, words = {folder!r} or os.getcwd(), os.umask(0), sys.argv[1:]
asked = marshal.dumps((numbers, folder, mask, dict(os.environ), words, {place!r}))
fds = b"".join(number.to_bytes(4, sys.byteorder) for number in numbers)
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)] if fds else []
server.sendmsg([len(asked).to_bytes(8, "big")], rights)
server.sendall(asked)
code = int(server.recv(16))
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""
LIBC = ctypes.CDLL(None, use_errno=True)
SPACES = ("mnt", "net", "pid")


class Forks:
    """The server; `folder` is for PATH."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="omconf-forks-")
        self.folder = Path(self._temporary.name)
        self.folder.chmod(0o755)
        self.address = self.folder / "socket"
        words = [sys.executable, "-m", "tests.forked", str(self.address)]
        environment = {"PATH": os.environ["PATH"], "HOME": "/", "LC_ALL": "C.UTF-8", **OWN_CODE}
        self._server = subprocess.Popen(words, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
        self.omconf = self.client("omconf")
        while not self.address.exists():
            assert self._server.poll() is None, "the server ended"
            time.sleep(0.01)

    def client(self, name: str, space: int = 0, root: str = "/", folder: str = "") -> Path:
        """Make a program that runs omconf in the namespaces of a process, in a folder below a root."""
        made = self.folder / name
        made.write_text(
            CLIENT.format(
                python=sys.executable,
                address=str(self.address),
                folder=folder,
                place=(space, root),
            )
        )
        made.chmod(0o755)
        return made

    def close(self) -> None:
        self._server.kill()
        self._server.wait()
        self._temporary.cleanup()


@functools.cache
def forks() -> Forks:
    """The server of this process."""
    made = Forks()
    atexit.register(made.close)
    return made


def _serve(address: str) -> list[str]:
    """Copy this process for each client; gives the arguments of omconf, in a copy."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "om1").mkdir()
        example = Path("examples/clustering-page/cluster.yaml").absolute()
        local = ("--local", "om1", "--root", "om1", "--yes")
        # These import what they use.
        for words in (
            ("--help",),
            ("validate", example),
            ("build", example, "-o", "bundle"),
            ("plan", example, "--deployed", "."),
            ("apply", example, *local),
            ("undo", example, *local),
        ):
            omconf(*words, cwd=Path(folder))
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{address}.new")
    server.listen(100)
    os.rename(f"{address}.new", address)
    between: list[int] = []
    while True:
        client, _ = server.accept()
        between = [child for child in between if os.waitpid(child, os.WNOHANG) == (0, 0)]
        if child := os.fork():
            between.append(child)
            client.close()
            continue
        server.close()
        head, fds, *_ = socket.recv_fds(client, 8, 4)
        size = int.from_bytes(head, "big")
        asked = marshal.loads(client.recv(size, socket.MSG_WAITALL))
        _enter(*asked[-1])
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            client.sendall(b"%d" % os.waitstatus_to_exitcode(status))
            os._exit(0)
        client.close()
        return _take_over(fds, *asked[:-1])


def _enter(space: int, root: str) -> None:
    """Enter the namespaces of a process and a root there; a copy made later is in its PIDs, too."""
    if not space:
        return
    for kind in SPACES:
        held = os.open(f"/proc/{space}/ns/{kind}", os.O_RDONLY)
        if LIBC.setns(held, 0):
            raise OSError(ctypes.get_errno(), f"setns {kind}")
        os.close(held)
    os.chroot(root)


def _take_over(
    fds: Sequence[int],
    numbers: list[int],
    folder: str,
    mask: int,
    environment: dict[str, str],
    words: list[str],
) -> list[str]:
    """Be what the client was started as."""
    kept = [os.dup2(fd, 100 + fd) for fd in fds]
    os.closerange(0, 100)
    for number, fd in zip(numbers, kept, strict=False):
        os.dup2(fd, number)
    os.closerange(100, 200)
    os.chdir(folder)
    os.umask(mask)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.stdin, sys.stdout, sys.stderr = map(_opened, (0, 1, 2))
    return words


def _opened(number: int) -> TextIO:
    """What Python makes of a stream as it starts: nothing of one that is closed."""
    try:
        os.fstat(number)
    except OSError:
        return None  # type: ignore[return-value]
    errors = "backslashreplace" if number == 2 else "strict"
    line = number == 2 or os.isatty(number)
    return open(
        number,
        "w" if number else "r",
        buffering=1 if line else -1,
        encoding="utf-8",
        errors=errors,
        closefd=False,
    )


if __name__ == "__main__":
    from omconf.cli import main

    sys.argv = ["omconf", *_serve(sys.argv[1])]
    try:
        main()
    except SystemExit as ended:
        # All is written. To take the modules down would copy each page of memory that they are in.
        os._exit(int(ended.code or 0))
