"""Runs omconf under strace: what it prints, the files that it makes, and what it runs."""

from __future__ import annotations

import codecs
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "openat,?open,?creat,execve,write,pwrite64,writev,sendto,sendmsg,?rename,renameat,renameat2,"
    "?fork,?vfork,clone,?clone3,?unlink,unlinkat,?mkdir,mkdirat,?link,linkat,?symlink,symlinkat,?chmod,fchmod,fchmodat"
)
FORKS = ("fork", "vfork", "clone", "clone3")
WRITES = ("write", "pwrite64", "writev")
SENDS = ("sendto", "sendmsg")
OTHERS = re.compile(rb"\./commands/|.*/commands/ssh$|.*/git$|.*/ansible-playbook$")
"""Runs that pass omconf secrets: commands of a spec, nodes, a work tree with errors."""
LONGEST = 1 << 20
"""Bytes of a text that strace shows: more than any file of the tests has."""
_LINE = re.compile(rb"(\d+) +(\w+)\((.*)\) += (-?\d+|\?)(.*)")
_TEXT = re.compile(rb'"((?:[^"\\]|\\.)*)"(\.\.\.)?')


@dataclass(frozen=True)
class Call:
    """One system call: by which process, its arguments as strace writes them, its texts decoded."""

    process: int
    name: str
    arguments: bytes
    texts: tuple[bytes, ...]
    result: int

    @property
    def path(self) -> str:
        """The path that the call is about; a file's, of one that writes or sends."""
        if self.name in WRITES + SENDS:
            return self.arguments.partition(b"<")[2].partition(b">")[0].decode()
        # Of two paths the second, in a folder of its own: `3</a>, "x", 4</b>, "y"`.
        last = -1 if self.name.startswith(("rename", "link", "symlink")) else 0
        folders = re.findall(rb"(?:^|, )\w+<([^>]*)>", self.arguments)
        path = self.texts[last].decode()
        return path if path.startswith("/") or not folders else f"{folders[last].decode()}/{path}"


@dataclass(frozen=True)
class Run:
    """What one run did."""

    code: int
    out: bytes
    err: bytes
    calls: tuple[Call, ...]

    def of(self, *names: str) -> list[Call]:
        """The calls of these names that went well."""
        return [c for c in self.calls if c.name in names and c.result >= 0]

    def made(self) -> set[str]:
        """Every file and folder that was made or written to by name."""
        opened = [c for c in self.of("openat", "open", "creat") if _writes(c)]
        others = self.of("mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat")
        return {c.path for c in (*opened, *others, *self.of("symlink", "symlinkat"))}

    def programs(self) -> list[list[bytes]]:
        """The argument lists of what was run."""
        return [list(c.texts[1:]) for c in self.of("execve")]

    def secrets_read(self, world: Path) -> list[str]:
        """The files opened, and the commands run, that hold the spec's secrets."""
        opened = (c.path for c in self.of("openat", "open", "execve"))
        return [p for p in opened if re.match(rf"({world}/|\./)?(kept|commands)/.", p)]

    def heard(self) -> bytes:
        """All texts of all calls, but for what others write into a pipe or socket: to omconf."""
        parents = {c.result: c.process for c in self.calls if c.name in FORKS}
        theirs = {c.process for c in self.of("execve") if OTHERS.match(c.texts[0])}
        texts: list[bytes] = []
        for call in self.calls:
            process: int | None = call.process
            while process is not None and process not in theirs:
                process = parents.get(process)
            told = call.name in WRITES + SENDS and call.path.startswith(("pipe:", "socket:"))
            if process is None or not told:
                texts += call.texts
        return b"\n".join(texts)


def changes_of_others(run: Run, folder: Path) -> list[str]:
    """What was made outside of a folder."""
    inside = (f"{folder}/", "/dev/null", "/dev/tty")
    return sorted(path for path in run.made() if not path.startswith(inside))


def _writes(call: Call) -> bool:
    return call.name == "creat" or re.search(rb"O_(WRONLY|RDWR|CREAT)", call.arguments) is not None


def traced(
    *arguments: str | Path,
    cwd: Path,
    folder: Path,
    env: Mapping[str, str],
    around: tuple[str, ...] = (),
    before: tuple[str, ...] = (),
    code: str = "",
) -> Run:
    """Run omconf in `cwd`; its output goes to files in `folder`, as temporary files do.

    `around` are words before strace, `before` words before omconf; `code` is run in its Python first.
    """
    log, out, err = (folder / name for name in ("strace", "stdout", "stderr"))
    start = f"{code}\nfrom omconf.cli import main\nmain()"
    program = [*before, sys.executable, "-c", start, *map(str, arguments)]
    options = ["-f", "--seccomp-bpf", "-y", "-qq", "-s", str(LONGEST), "-o", str(log)]
    options += ["-e", f"trace={CALLS}", "-e", "signal=none"]
    with out.open("wb") as stdout, err.open("wb") as stderr:
        done = subprocess.run(
            [*around, "strace", *options, *program],
            cwd=cwd,
            env={**env, "TMPDIR": str(folder / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            timeout=120,
        )
    return Run(done.returncode, out.read_bytes(), err.read_bytes(), tuple(_calls(log.read_bytes())))


def _calls(log: bytes) -> list[Call]:
    """Read strace's lines; a call that another process interrupts stands on two of them."""
    calls, begun = [], dict[bytes, bytes]()
    for raw in log.splitlines():
        line = raw
        process = line.split(b" ", 1)[0]
        if line.endswith(b" <unfinished ...>"):
            begun[process] = line.removesuffix(b" <unfinished ...>")
            continue
        if resumed := re.match(rb"\d+ +<\.\.\. \w+ resumed>(.*)", line):
            line = begun.pop(process) + resumed[1]
        if not (found := _LINE.match(line)):
            assert b"+++" in line or b"---" in line, line
            continue
        texts = _TEXT.findall(found[3])
        assert not any(cut for _, cut in texts), line[:500]
        decoded = tuple(codecs.escape_decode(text)[0] for text, _ in texts)
        result = -1 if found[4] == b"?" else int(found[4])
        calls.append(Call(int(process), found[2].decode(), found[3], decoded, result))
    assert calls
    return calls
