"""The pages of the rules, read as data, and what omconf says of the examples on them.

In a page's sections Bad and Good stand fenced files or sessions. A file's fence is headed by the
language and the file, with the place that omconf is expected to name: `yaml cluster.yaml:3:18`,
`text om1:/etc/exports:2`. The sections of a `cluster.yaml` replace those of the smallest spec; a
node's file is deployed there. A `console` fence is run command by command, as it stands, in a folder
that holds the smallest spec.

`python -m tests.rule_pages` prints docs/rules/index.md.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from omconf.rules import all_rules
from tests.clusters import SMALLEST
from tests.command import OWN_CODE, ROOT, omconf
from tests.forked import forks

PAGES = ROOT / "docs/rules"
SECTIONS = ("What", "Why", "Bad", "Good", "Fix")
SECRETS = {"OM_DB_PASSWORD": "not-a-real-password", "TURN_SECRET": "not-a-real-secret"}

_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"(.+?)((?::\d+)*)")
_TOP_KEY = re.compile(r"^(\w+):", re.MULTILINE)
_SAID = re.compile(r"^(?:(\S+): )?(error|warning)\[(OM\d+)\]: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Fence:
    """One fenced example: a file with the place that is expected in it, or a session."""

    language: str
    file: str
    expected: str
    text: str


@dataclass(frozen=True)
class Page:
    """One rule's page; sections by their headings."""

    id: str
    title: str
    severity: str
    sections: dict[str, str]

    def examples(self, section: str) -> list[Fence]:
        """The fenced examples of a section."""
        return [
            Fence(language, *_split(place), text)
            for language, place, text in _FENCE.findall(self.sections.get(section, ""))
        ]

    def expected(self) -> list[str]:
        """The places that the bad example must be found wrong at; none of a file's: as a whole."""
        return [fence.expected for fence in self.examples("Bad") if fence.expected] or [""]


@dataclass(frozen=True)
class Found:
    """What omconf said."""

    rule: str
    severity: str
    place: str
    message: str


def read(path: Path) -> Page:
    """Read a page: a title line, the severity, and sections."""
    head, *parts = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)
    title, severity = (line for line in head.splitlines() if line)
    sections = {name: text for name, _, text in (part.partition("\n") for part in parts)}
    return Page(path.stem, title, severity, sections)


def pages() -> list[Page]:
    """Read all pages, by id."""
    return [read(path) for path in sorted(PAGES.glob("OM*.md"))]


def run(examples: list[Fence], folder: Path) -> list[Found]:
    """Lay a section's files into a folder, or run its sessions there; tell what omconf says."""
    if any(fence.language == "console" for fence in examples):
        return said("".join(session(fence.text, folder) for fence in examples))
    spec, before = SMALLEST, 0
    for fence in examples:
        if fence.file == "cluster.yaml":
            rest = _without(SMALLEST, set(_TOP_KEY.findall(fence.text)))
            spec, before = rest + fence.text, rest.count("\n")
        elif fence.file.startswith(("om1:", "om2:")):
            place = folder / "deployed" / fence.file.replace(":", "", 1)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(fence.text)
        else:
            (folder / fence.file).write_text(fence.text)
    (folder / "cluster.yaml").write_text(spec)
    deployed = (folder / "deployed").exists()
    command = ("plan", "--deployed", "deployed", "--json")
    printed = omconf(
        *(command if deployed else ("validate", "--format", "json")), cwd=folder, env=SECRETS
    )
    return [_found(d, before) for d in json.loads(printed.out)["diagnostics"]]


def session(text: str, folder: Path) -> str:
    """Run the commands of a session, each in a shell of its own; what they print as it is printed."""
    (folder / "cluster.yaml").write_text(SMALLEST)
    path = f"{forks().folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8", **OWN_CODE}
    printed = []
    for command in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        printed.append(f"$ {command}\n{done.stdout}".replace(str(folder), "/srv/cluster"))
    return "".join(printed)


def said(text: str) -> list[Found]:
    """Read findings as they are printed for people."""
    return [Found(rule, severity, place, m) for place, severity, rule, m in _SAID.findall(text)]


def index() -> str:
    """Write the table of all rules, each with what omconf says of its page's bad example."""
    lines = [
        "# The rules",
        "",
        "All rules of omconf. An error stops a build; a warning does not. `omconf explain OM201`",
        "prints a rule's page. `make diagnostics` generates this table; the messages are those for",
        "the bad examples.",
        "",
        "The tests run all examples as they are. The sections of a `cluster.yaml` there replace those",
        "of this spec:",
        "",
        "```yaml",
        *SMALLEST.splitlines(),
        "```",
        "",
        "| rule | severity | catches | for example |",
        "| --- | --- | --- | --- |",
    ]
    rules = all_rules()
    for page in pages():
        rule = rules[page.id]
        with tempfile.TemporaryDirectory() as folder:
            examples = page.examples("Bad")
            runnable = page.id not in NOT_RUN
            found = (
                run(examples, Path(folder)) if runnable else said("".join(e.text for e in examples))
            )
        message = next(f.message for f in found if f.rule == page.id)
        cells = (f"[{rule.id}]({rule.id}.md)", rule.severity, rule.title, message)
        lines.append(f"| {' | '.join(_cell(c) for c in cells)} |")
    return "\n".join(lines) + "\n"


NOT_RUN = {
    "OM602": "it takes two at once; tests/apply/test_apply.py has them",
    "OM606": "a node goes away between the plan and its apply",
    "OM604": "an apply has another name each time; tests/apply/test_apply.py has some",
    "OM360": "it needs ansible-core; tests/test_rule_pages.py has its message",
    "OM361": "it needs ansible-core; tests/test_rule_pages.py has its message",
    "OM362": "it needs another ansible-core; tests/test_rule_pages.py has its message",
    "OM317": "it needs files of this host's root; tests/deployed/test_sources.py has some",
    "OM264": "it needs a jar of Hazelcast; tests/real/test_hazelcast_extra.py has one",
    "OM271": "its example would be of over 1,000 nodes",
    "OM400": "no spec causes it: it reports bugs of omconf",
    "OM412": "its example would be of over 4 MiB",
}
"""Rules whose examples are not run, with the reason."""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _split(place: str) -> tuple[str, str]:
    file, numbers = _PLACE.fullmatch(place).groups() if place else ("", "")  # type: ignore[union-attr]
    return file, place if numbers else ""


def _without(text: str, keys: set[str]) -> str:
    """Take whole sections out of a spec."""
    parts = re.split(r"^(?=\w+:)", text, flags=re.MULTILINE)
    return "".join(part for part in parts if part.partition(":")[0] not in keys)


def _found(d: dict[str, object], before: int) -> Found:
    file, line, column = d.get("path", ""), d.get("line"), d.get("column")
    if file == "cluster.yaml" and isinstance(line, int):
        line -= before
    numbers = "".join(f":{number}" for number in (line, column) if number is not None)
    node = f"{d['node']}:" if "node" in d else ""
    return Found(str(d["rule"]), str(d["severity"]), f"{node}{file}{numbers}", str(d["message"]))


if __name__ == "__main__":
    sys.stdout.write(index())
