"""A cluster on the three nodes of machines.py that omconf itself applied, and what an apply did to it.

Tests follow one another on the same nodes: each changes the spec to something new, and brings what it
leaves to its end by `settle`. Only where one fails are the nodes restored.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.real.machines import LOGS, Machines
from tests.real.programs import run
from tests.real.timeline import Line

SECRET = "not-a-real-password"
SECONDS = 120
CLASSES = "opt/om/webapps/openmeetings/WEB-INF/classes"
SETENV = "opt/om/bin/setenv.sh"
FOREIGN = {
    SETENV: "# ours\nexport OURS=1\n",
    "opt/om/bin/ours.sh": "echo ours\n",
    f"{CLASSES}/ours.xml": "<ours/>\n",
    "etc/systemd/system/openmeetings.service.d/ours.conf": "[Service]\nNice=1\n",
    "etc/omconf/ours": "ours\n",
}
"""What the nodes have of their admin's; in setenv.sh omconf has a block below it."""
LOOKED_AT = """
    etc/exports etc/fstab etc/hosts etc/nftables.conf etc/omconf etc/systemd/system opt/om
    usr/local/sbin
"""
HOLDERS = ("persistence.xml", "/var/lib/omconf/")
"""Where a secret may be: its file, and the copies that undo needs."""
OWN = ("nodes", "removed")
"""Sections that `write` replaces itself."""
Files = dict[str, tuple[int, int, int, str]]


@dataclass(frozen=True)
class Done:
    """How an apply or an undo ended."""

    code: int
    events: list[dict[str, Any]]
    err: str
    began: float

    @property
    def how(self) -> tuple[str, int]:
        return str(self.events[-1]["outcome"]), self.code

    @property
    def why(self) -> str:
        """What the last line says of it: why, or the diagnostics of what is refused."""
        last = self.events[-1]
        return " ".join([last.get("why", ""), *(d["message"] for d in last["diagnostics"])])

    @property
    def hints(self) -> str:
        return " ".join(d.get("hint", "") for d in self.events[-1]["diagnostics"])


class Running:
    """An omconf that runs, with `--json`."""

    def __init__(self, three: Machines, verb: str, *options: str, spec: Path | None = None) -> None:
        words = three.words(verb, *options, "--json")
        if spec is not None:
            words[words.index(str(three.spec))] = str(spec)
        self.began = time.time()
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=three.environment,
            cwd=three.folder,
        )
        self.lines: list[str] = []
        self.err: list[str] = []
        self._threads = [
            threading.Thread(target=_keep, args=(self.process.stdout, self.lines), daemon=True),
            threading.Thread(target=_keep, args=(self.process.stderr, self.err), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def until(self, node: str, what: str, state: str = "started") -> None:
        """Wait until an action is at a point on a node: a `put`, `health`, or the verb of a service."""
        end = time.monotonic() + SECONDS
        while not any(_is(event, node, what, state) for event in self.events):
            assert self.process.poll() is None, self.lines[-1:]
            assert time.monotonic() < end, self.lines[-1:]
            time.sleep(0.01)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines[:] if line.endswith("\n")]

    def end(self) -> Done:
        code = self.process.wait(SECONDS)
        self._close()
        both = "".join((*self.lines, *self.err))
        assert "Traceback" not in both, both
        assert SECRET not in both
        return Done(code, self.events, "".join(self.err), self.began)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(SECONDS)
        self._close()

    def _close(self) -> None:
        for thread in self._threads:
            thread.join(SECONDS)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@dataclass
class Applied:
    """The cluster; `sections` are those of its spec that are not the smallest spec's."""

    three: Machines
    sections: dict[str, Any] = field(default_factory=dict)
    settled: bool = False
    slack: float = 2
    """Seconds that omconf's own commands may take while all nodes are stopped, together."""
    _changes: int = 0

    def begin(self) -> None:
        """Bring the nodes to where a first apply left them, unless the test before did."""
        if self.settled:
            self.settled = False
            return
        if "first" not in self.three.states:
            self.first()
        else:
            self.three.restore("first")
            self.sections = {}
            self._quick()
        self.settled = False

    def _quick(self) -> None:
        for name in self.three.machines:
            self.three.slow(name, 0)

    def first(self) -> list[Done]:
        """Apply for the first time, on nodes that hold nothing but the admin's own."""
        self.three.restore("bare")
        self.sections = {}
        for one in self.three:
            for path, text in FOREIGN.items():
                file = one.root / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            run("chown", "-R", "nobody:nogroup", one.root / "opt/om")
            one.run("systemctl", "daemon-reload")
        self._quick()
        ended = self.apply_all()
        self.three.save("first")
        return ended

    # ---- the spec ----

    def write(self, count: int = 0, user: str = "root", **sections: Any) -> None:
        self.sections = self.sections | sections
        rest = {name: its for name, its in self.sections.items() if name not in OWN}
        self.three.write_spec(count, user, **rest)
        if own := {name: its for name, its in self.sections.items() if name in OWN}:
            spec = yaml.safe_load(self.three.spec.read_text())
            self.three.spec.write_text(yaml.safe_dump(spec | own))

    def rolling(self) -> str:
        """Change what nodes read when they start, one by one; gives the new text."""
        self._changes += 1
        text = f"-Dtry={self._changes}."
        self.write(openmeetings={"java_options": [text]})
        return text

    def whole(self) -> str:
        """Change what no member may have otherwise than the rest; gives the new text."""
        self._changes += 1
        text = f"239.9.{self._changes}.9"
        self.write(discovery={"kind": "multicast", "group": text})
        return text

    def as_before(self, sections: dict[str, Any]) -> None:
        """Write the spec of before."""
        self.sections = dict(sections)
        self.write()

    # ---- omconf ----

    def start(self, *options: str) -> Running:
        return Running(self.three, "apply", *self.three.by, "--yes", *options)

    def apply(self, *options: str) -> Done:
        return self.start(*options).end()

    def apply_all(self) -> list[Done]:
        """Apply until no step of a person's is waited for: those of the database are one's."""
        ended = [self.apply()]
        while ended[-1].how == ("waiting", 1) and len(ended) < 4:
            ended.append(self.apply())
        assert ended[-1].how == ("applied", 0), (ended[-1].why, ended[-1].err)
        return ended

    def undo(self, *options: str) -> Done:
        return Running(self.three, "undo", *self.three.by, "--yes", *options).end()

    def plan(self, *options: str) -> dict[str, Any]:
        done = self.three.omconf("plan", *self.three.by, "--json", *options)
        assert SECRET not in done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def log(self) -> list[dict[str, Any]]:
        done = self.three.omconf("log", *self.three.by, "--json")
        assert (done.returncode, SECRET in done.stdout) == (0, False), done.stdout + done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["entries"]
        return found

    # ---- the nodes ----

    def line(self, done: Done | Running) -> Line:
        return self.three.line(done.began)

    def processes(self) -> dict[str, str]:
        """By which process OpenMeetings runs on each node."""
        return {one.name: one.started() for one in self.three}

    def files(self) -> dict[str, Files]:
        """All files of the nodes, of omconf's and of others, but for what omconf remembers."""
        return {one.name: dict(_files(one.root)) for one in self.three}

    def whole_and_own(self, before: dict[str, Files], *texts: str) -> None:
        """Check that files are old or hold a new text, whole, and that others' are untouched."""
        for one in self.three:
            now = dict(_files(one.root))
            was = before[one.name]
            changed = {path for path in {*now, *was} if now.get(path) != was.get(path)}
            for path in (one.root / p for p in changed if not p.endswith("manifest.json")):
                if path.name.startswith(".omconf-"):
                    continue  # staged; the next apply sweeps it
                assert any(text in path.read_text() for text in texts), path
            for name, text in FOREIGN.items():
                assert (one.root / name).read_text().startswith(text), name
            ours = (one.root / SETENV).read_text()
            assert ours.count("# BEGIN omconf") == ours.count("# END omconf") == 1

    def settle(self) -> None:
        """Bring to its end what is owed; then nothing is, all are healthy, and no secret lies about."""
        plan = self.plan()
        if plan["has_changes"]:
            # A node program that lost its omconf completes what it has begun, and holds its lock.
            done = self.apply("--lock-timeout", "30")
            assert done.how == ("applied", 0), (done.why, done.err)
            plan = self.plan()
        assert not plan["has_changes"]
        verified = json.loads(self.three.omconf("verify", *self.three.by, "--json").stdout)
        assert verified["healthy"], verified
        for one in self.three:
            for path, text in FOREIGN.items():
                assert (one.root / path).read_text().startswith(text), path
            assert not [
                *(one.root / "opt").rglob(".omconf-*"),
                *(one.root / "etc").rglob(".omconf-*"),
            ]
            found = run("grep", "-rlsF", SECRET, one.folder / "upper", check=False).stdout
            assert found
            for path in found.splitlines():
                assert any(holder in path for holder in HOLDERS), path
        self.settled = True


def _is(event: dict[str, Any], node: str, what: str, state: str) -> bool:
    action = event.get("action", {})
    return (event.get("node"), event.get("state"), event.get("undo", False)) == (
        node,
        state,
        False,
    ) and what in (action.get("type"), action.get("do"))


def _keep(stream: Any, lines: list[str]) -> None:
    lines.extend(iter(stream.readline, ""))


def _files(root: Path) -> Iterable[tuple[str, tuple[int, int, int, str]]]:
    for part in LOOKED_AT.split():
        for path in [root / part, *(root / part).rglob("*")]:
            name = str(path.relative_to(root))
            if name.startswith(LOGS) or not (path.is_symlink() or path.exists()):
                continue
            stat = path.lstat()
            if path.is_symlink():
                held = str(path.readlink())
            else:
                held = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            yield name, (stat.st_mode, stat.st_uid, stat.st_gid, held)
