"""The command blocks of README.md and docs/, read as data and run as they stand.

A `console` block is a session: each line after `$ ` is a command, and the lines below it are what
it prints, on both streams. A `sh` block is a script, which has to succeed. The blocks of a page run
in their order, in one scratch folder; a line `...` stands for any lines. Comments above a block,
which readers do not see, say what else there is:

- `<!-- in: examples/adopt -->`: from here on, in a fresh copy of this folder.
- `<!-- before: COMMAND -->`: run this first; nobody compares what it prints.
- `<!-- file: cluster.yaml -->`: the block is this file, which is written.
- `<!-- run by tests/real/test_apply_page.py -->`: that test runs it.
- `<!-- not run: REASON -->`: only its omconf commands are parsed.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.main import get_command

from omconf.cli.app import application
from tests.command import OWN_CODE, ROOT
from tests.forked import forks

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(
    r"(?P<marks>(?:^ *<!-- [^\n]* -->\n)*)^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"<!-- (in: |before: |file: |not run: |run by )(.*) -->")
_COMMAND = re.compile(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_INLINE = re.compile(r"`omconf ([^`]+)`")
_CHANGING = re.compile(
    r"(?P<ID>\b[0-9a-f]{8}\b)|(?P<MOMENT>[0-9-]{10}T[0-9:]{8}Z)|(?P<TOOK>took [0-9.]+ seconds)"
    r"|(?P<SECONDS> \([0-9.]+ s\))|(?P<WHO>by [\w-]+@[\w.-]+)"
)
"""What is another one each time."""
_STATE = "{command}\ncode=$?; env -0 >{state}/env; pwd >{state}/cwd; exit $code"


@dataclass(frozen=True)
class Block:
    """A fenced block with the marks above it."""

    line: int
    language: str
    text: str
    marks: tuple[tuple[str, str], ...]

    @property
    def runs(self) -> bool:
        """Whether it consists of commands that this module runs."""
        elsewhere = {kind for kind, _ in self.marks} & {"not run", "run by"}
        return self.language in ("console", "sh") and not elsewhere

    @property
    def commands(self) -> list[tuple[str, str]]:
        """Each command with what it prints; a script is one command."""
        if self.language == "console":
            return _COMMAND.findall(self.text)
        return [(self.text, "")] if self.language == "sh" else []


def blocks(page: Path) -> list[Block]:
    """Read all fenced blocks of a page."""
    text, found = page.read_text("utf-8"), []
    for match in _BLOCK.finditer(text):
        marks = tuple((kind.strip(" :"), rest) for kind, rest in _MARK.findall(match["marks"]))
        indent = match["indent"]
        lines = [line.removeprefix(indent) for line in match["text"].splitlines(keepends=True)]
        line = text.count("\n", 0, match.start("indent")) + 1
        found.append(Block(line, match["language"], "".join(lines), marks))
    return found


@dataclass
class Session:
    """A shell in a scratch folder: its current folder and variables last from command to command."""

    scratch: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = Path()

    def __post_init__(self) -> None:
        (self.scratch / "state").mkdir()
        self.begin()

    def begin(self, example: str = "") -> None:
        """Start afresh, in a copy of a folder of this project or in an empty folder."""
        shutil.rmtree(self.scratch / "srv", ignore_errors=True)
        self.folder = self.scratch / "srv" / example
        if example:
            shutil.copytree(ROOT / example, self.folder)
        else:
            self.folder.mkdir()
        path = f"{forks().folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        home = str(self.scratch / "state")
        self.environment = {"PATH": path, "HOME": home, "LC_ALL": "C.UTF-8", **OWN_CODE}

    def run(self, command: str) -> tuple[int, str]:
        """Run a command in bash; return its exit code and what it printed."""
        state = self.scratch / "state"
        done = subprocess.run(
            ["bash", "-c", _STATE.format(command=command, state=state)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=120,
        )
        if (state / "cwd").exists():
            self.folder = Path((state / "cwd").read_text().rstrip("\n"))
            said = (state / "env").read_text().split("\0")
            self.environment = dict(pair.split("=", 1) for pair in said if pair)
        return done.returncode, done.stdout.replace(str(self.scratch / "srv"), "/srv")


def replay(page: Path, scratch: Path) -> Iterator[str]:
    """Run what a page has; yield a text for each command that prints something else, or fails."""
    session = Session(scratch)
    for block in blocks(page):
        for kind, rest in block.marks:
            if kind == "in":
                session.begin(rest)
            elif kind == "before":
                code, printed = session.run(rest)
                if code:
                    yield f"{page.name}:{block.line}: before: {rest}\n{printed}"
            elif kind == "file":
                (session.folder / rest).write_text(block.text)
        if not block.runs:
            continue
        for command, wanted in block.commands:
            code, printed = session.run(f"set -e\n{command}" if block.language == "sh" else command)
            wrong = code != 0 if block.language == "sh" else not alike(printed, wanted)
            if wrong:
                yield f"{page.name}:{block.line}: $ {command}\n{printed}"


def alike(printed: str, wanted: str) -> bool:
    """Whether a text is the wanted one, apart from what is another one each time."""
    parts = re.split(r"^\.\.\.\n", _steady(wanted), flags=re.MULTILINE)
    pattern = r"(?:.*\n)*?".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, _steady(printed)) is not None


def _steady(text: str) -> str:
    return _CHANGING.sub(lambda found: str(found.lastgroup), text)


def invocations(command: str) -> Iterator[list[str]]:
    """Yield the arguments of each omconf that a shell command runs."""
    lexer = shlex.shlex(command.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.commenters = "#"
    # A line's end ends a command.
    lexer.whitespace = " \t\r"
    lexer.wordchars += "$@{}[]%,:+"
    words: list[str] = []
    redirected = False
    for token in [*lexer, ";"]:
        if redirected:
            redirected = False
        elif set(token) <= set("<>&") and token.strip("&"):
            redirected = True
            if words and words[-1].isdigit():
                words.pop()
        elif set(token) <= set("();|&\n"):
            if "omconf" in words:
                yield words[words.index("omconf") + 1 :]
            words = []
        else:
            words.append(token)


@functools.cache
def commands() -> dict[str, Any]:
    """Return omconf's commands by name, as click has them."""
    root: Any = get_command(application())
    return dict(root.commands)


def misuse(arguments: list[str]) -> str:
    """Parse a command line as omconf does, without running it; return what is wrong with it."""
    name = next((word for word in arguments if not word.startswith("-")), "")
    command = commands().get(name)
    if command is None:
        return "" if not name and arguments else f"there is no command {name!r}"
    rest = arguments[arguments.index(name) + 1 :]
    if {"-h", "--help"} & {*rest}:
        return ""
    try:
        command.make_context(name, [*rest]).close()
    except Exception as error:  # noqa: BLE001 - Typer carries click's errors under several names
        return str(error) or type(error).__name__
    return ""


def quoted(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands that a page's sentences name, each with its options."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for found in _INLINE.findall(text):
        name, *rest = found.split()
        yield name, [word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
