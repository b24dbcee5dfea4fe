"""Runs one case in this process and says what must never be.

That is an exception, a place outside of the file, output that nobody can print, a secret in it, or a
spec without errors whose bundle is not valid, not read back as it was rendered, or not equal to itself
in a plan. Each is a `Broken` with a kind, by which many cases of one mistake count once.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import jsonschema

from omconf.artifacts import kinds
from omconf.bundle.compile import files
from omconf.bundle.model import Bundle
from omconf.deployed.directory import Directory
from omconf.deployed.git import Git
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.diagnostics import Diagnostic, has_errors
from omconf.origin import Span
from omconf.pipeline import plan as plans
from omconf.pipeline.compiled import Compiled, compile_spec
from omconf.pipeline.validate import by_xmlschema
from omconf.plan.compare import compare
from omconf.plan.model import Plan
from omconf.rules import all_rules
from omconf.secret_sources import Secrets, Unresolved
from omconf.secrets import Secret
from omconf.spec.load import load
from omconf.views import document, github, sarif
from omconf.views import text as text_view
from tests.command import ROOT
from tests.fuzz.bases import OURS, THEIRS, Base, Bases
from tests.fuzz.cases import SENT, Case

PLAIN = text_view.Paint(colour=False)
NASTY_SECRETS = ("a,b\"c'd", " x", "]]>&<\0", "${a}\\", "\ud800", "é\u2028\n", "'")
_GOOD: set[tuple[str, bytes]] = set()
"""What was read back already: most of a bundle is the same from case to case."""
rules = cache(all_rules)


class Broken(Exception):  # noqa: N818 - what a case shows, not an error of the tests
    """What is wrong; `kind` is equal for cases that show the same mistake."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


def run(
    bases: Bases, case: Case, seen: set[frozenset[str]], *, thorough: bool
) -> tuple[list[str], str]:
    """Run a case; returns the ids of its rules, and what was shown, when it was looked at fully.

    `seen` are the sets of ids that were looked at fully before. Raises Broken.
    """
    base = bases.by_name[case.base]
    checks = {"deployed": _deployed, "git": _git, "stream": _stream, "check": _check}
    check = checks.get(case.family, _spec)
    with nullcontext() if case.family in SENT else _in_place(base, case):
        try:
            return check(base, case, seen, thorough=thorough)
        except Broken:
            raise
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            ours = [f for f in frames if "/omconf/" in f.filename] or frames
            place = f"{ours[-1].filename.rpartition('/omconf/')[2]} in {ours[-1].name}"
            raise Broken(
                f"{type(error).__name__} {place}", "".join(traceback.format_exception(error))
            ) from error


@contextmanager
def _in_place(base: Base, case: Case) -> Iterator[None]:
    """Put a case's files into the base's folder, and the base's own back afterwards."""
    for path, content in case.files.items():
        place = base.folder / path
        if isinstance(content, bytes):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.replace(b"@HERE@", os.fsencode(base.folder)))
        else:
            _put(place, content)
    try:
        yield
    finally:
        odd = [
            base.folder / path for path, content in case.files.items() if content.__class__ is str
        ]
        for place in odd:
            _clear(place)
        if odd:
            base.write()
        _clear(base.folder / "repo")
        for path in case.files:
            if path in base.files:
                (base.folder / path).write_bytes(base.files[path])


def _clear(place: Path) -> None:
    if place.is_symlink() or place.is_file() or place.is_fifo():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)


def _put(place: Path, odd: str) -> None:
    _clear(place)
    kind, _, target = odd.partition(":")
    match kind:
        case "folder":
            place.mkdir()
        case "fifo":
            os.mkfifo(place)
        case "link":
            place.symlink_to(target)
        case _:
            pass


class _Known(Secrets):
    """Secrets whose values are known, so that no case's own command is ever run."""

    def get(self, name: str) -> Secret | Unresolved:
        return Secret(OURS)


def _spec(
    base: Base, case: Case, seen: set[frozenset[str]], *, thorough: bool
) -> tuple[list[str], str]:
    compiled = compile_spec(str(base.spec))
    found = compiled.diagnostics
    ids = [d.rule.id for d in found]
    if compiled.bundle is None and not has_errors(found):
        raise Broken("no bundle, and no error", str(ids))
    _placed(found, base, case)
    full = thorough or frozenset(ids) not in seen
    seen.add(frozenset(ids))
    if compiled.bundle is not None:
        _compiled(base, compiled, compiled.bundle, thorough=thorough)
    if not full:
        return ids, ""
    shown = _views(found)
    _secret(shown, case)
    if thorough and shown != _views(compile_spec(str(base.spec)).diagnostics):
        raise Broken("not the same again", shown)
    return ids, shown


def _compiled(base: Base, compiled: Compiled, bundle: Bundle, *, thorough: bool) -> None:
    """A spec without errors gives a bundle that is written, read back and planned as itself."""
    if any(d.rule.id == "OM400" for d in compiled.diagnostics):
        raise Broken("a compiled file fails our own schema", str(compiled.diagnostics))
    if has_errors(compiled.diagnostics):
        return
    _secret("".join(file.data.decode() for file in files(bundle).values()))
    # An export option that is merely not known is a warning here, and an error when deployed.
    if not any(d.rule.id == "OM233" for d in compiled.diagnostics):
        _read_back(bundle)
    if thorough:
        if found := by_xmlschema(bundle):
            raise Broken("xmlschema refuses what libxml2 takes", str(found))
        _planned_as_itself(compiled, bundle)
        _filled(bundle)
        _known_to_the_schema(base)


def _read_back(bundle: Bundle) -> None:
    by_name = {kind.name: kind for kind in kinds()}
    for node in bundle.nodes:
        for artifact in node.artifacts:
            if (artifact.kind, artifact.data) in _GOOD:
                continue
            reading = by_name[artifact.kind].read(artifact.text)
            if reading.broken or reading.findings:
                raise Broken(f"our own {artifact.kind} is refused", str(reading.findings))
            _GOOD.add((artifact.kind, artifact.data))


def _planned_as_itself(compiled: Compiled, bundle: Bundle) -> None:
    assert compiled.cluster is not None
    nodes = {
        node.node: NodeFiles({a.path: DeployedFile(a.data) for a in node.artifacts})
        for node in bundle.nodes
    }
    snapshot = Snapshot("directory", nodes)
    plan = compare(compiled.cluster, bundle, snapshot, _Known({}))
    if plan.changes:
        raise Broken("a bundle that is deployed has changes", str(plan.changes))


def _filled(bundle: Bundle) -> None:
    names = {p.name for n in bundle.nodes for a in n.artifacts for p in a.placeholders}
    for secret in NASTY_SECRETS:
        try:
            files(bundle, dict.fromkeys(names, Secret(secret)))
        except ValueError as error:
            if isinstance(error, UnicodeError) or secret in str(error):
                raise Broken("a secret that cannot be written", repr(secret)) from error


def _known_to_the_schema(base: Base) -> None:
    """What omconf takes, editors take too."""
    data = load(base.spec.read_bytes(), str(base.spec)).document.data
    error = jsonschema.exceptions.best_match(_validator("cluster.schema.json").iter_errors(data))
    if error is not None:
        raise Broken(
            "valid by omconf, not by the JSON schema", f"{error.json_path}: {error.message}"
        )


@cache
def _validator(name: str) -> Any:
    schema = json.loads((ROOT / "schemas" / name).read_text())
    return jsonschema.validators.validator_for(schema)(schema)


def _deployed(
    base: Base, case: Case, seen: set[frozenset[str]], *, thorough: bool
) -> tuple[list[str], str]:
    compiled = base.compiled
    assert compiled is not None

    touched = {path.split("/")[1] for path in case.files}

    def planned() -> Plan:
        made = plans.plan(
            compiled,
            Directory(str(base.folder / "deployed")),
            only=() if thorough else touched,
            strict=thorough,
        )
        if not isinstance(made, Plan):
            raise Broken("no plan", str(made))
        return made

    plan = planned()
    ids = [d.rule.id for d in plan.diagnostics]
    _placed(plan.diagnostics, base, case)
    full = thorough or frozenset(ids) not in seen
    seen.add(frozenset(ids))
    shown = _planned_views(plan, full=full)
    _secret(shown, case)
    if thorough and shown != _planned_views(planned(), full=full):
        raise Broken("not the same again", shown)
    return ids, shown


def _git(
    base: Base, case: Case, seen: set[frozenset[str]], *, thorough: bool
) -> tuple[list[str], str]:
    """Plan against a repository: whatever it holds, nothing runs and nothing is left behind."""
    compiled, folder = base.compiled, base.folder / "repo"
    assert compiled is not None
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    for name in ("objects", "refs"):
        if (folder / ".git").is_dir():
            (folder / ".git" / name).mkdir(exist_ok=True)
    revision = case.files["revision"]
    assert isinstance(revision, bytes)

    def planned() -> tuple[list[str], str]:
        source = Git(revision.decode(), str(folder / "bundles"))
        made = plans.plan(compiled, source, strict=thorough)
        if not isinstance(made, Plan):
            return [d.rule.id for d in made], _views(made)
        ids = [d.rule.id for d in made.diagnostics]
        full = thorough or frozenset(ids) not in seen
        return ids, _planned_views(made, full=full)

    with mock.patch.object(tempfile, "tempdir", str(folder / "tmp")):
        ids, shown = planned()
        again = planned()[1] if thorough else shown
    seen.add(frozenset(ids))
    if shown != again:
        raise Broken("not the same again", shown)
    if (base.folder / "RAN").exists():
        (base.folder / "RAN").unlink()
        raise Broken("a command of the repository was run", shown)
    if left := os.listdir(folder / "tmp"):
        raise Broken("something is left behind", str(left))
    if str(folder / "tmp") in shown:
        raise Broken("a temporary folder is shown", shown)
    return ids, shown


def _stream(
    base: Base, case: Case, seen: set[frozenset[str]], *, thorough: bool
) -> tuple[list[str], str]:
    from tests.fuzz import answered

    return answered.stream(base, case, full=thorough)


def _check(
    base: Base, case: Case, seen: set[frozenset[str]], *, thorough: bool
) -> tuple[list[str], str]:
    from tests.fuzz import answered

    return answered.check(base, case)


def _planned_views(plan: Plan, *, full: bool) -> str:
    made = document.of_plan(plan)
    if full:
        error = next(_validator("plan.schema.json").iter_errors(made), None)
        if error is not None:
            raise Broken("the plan's JSON is not as its schema says", error.message)
    text = text_view.plan(made, PLAIN)
    text += text_view.diagnostics([document.diagnostic(d) for d in plan.diagnostics], PLAIN)
    return _readable(text) + _json(made)


def _views(found: Iterable[Diagnostic]) -> str:
    made = document.of_diagnostics(found)
    text = text_view.diagnostics(made["diagnostics"], PLAIN)
    drawn = github.commands(made)
    if drawn.count("\n") != len(made["diagnostics"]) or "\r" in drawn:
        raise Broken("a GitHub annotation over several lines", drawn)
    return _readable(text) + _json(made) + drawn + _json(sarif.log(made, rules()))


def _readable(text: str) -> str:
    odd = {c for c in text if not c.isprintable() and c != "\n"}
    if odd:
        raise Broken("what a terminal would obey", ascii(odd) + ascii(text))
    text.encode()
    return text


def _json(made: Any) -> str:
    text = json.dumps(made, ensure_ascii=False)
    text.encode()  # no half characters
    return text


def _placed(found: Iterable[Diagnostic], base: Base, case: Case) -> None:
    """Every place lies inside the file that it names."""
    lines: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for d in found:
        if not d.message:
            raise Broken(f"the message of {d.rule.id}", ascii(d.message))
        if d.span is None:
            continue
        if d.node is not None:
            path = f"deployed/{d.node}{d.path}"
        else:
            path = os.path.relpath(d.span.file, base.folder)
        data = case.files.get(path, base.files.get(path))
        if data is None and path.startswith(".."):
            continue  # a file of this machine's, named in `extra`
        if not isinstance(data, bytes):
            raise Broken(f"{d.rule.id} speaks of a file that is not there", path)
        if path not in lines:
            lines[path] = data.decode("utf-8-sig", "replace").split("\n")
            counts[path] = data.count(b"\n") + 1  # what UTF-16 has for lines
        s = d.span
        if d.node is None and not _inside(lines[path], s):
            raise Broken(f"the place of {d.rule.id}", f"{s} {d.message}")
        if not 1 <= s.line <= counts[path]:
            raise Broken(f"the line of {d.rule.id}", f"{s} {d.message}")


def _inside(lines: list[str], s: Span) -> bool:
    line, end_line, column, end_column = s.line, s.end_line, s.column, s.end_column
    if not 1 <= line <= end_line <= len(lines) or (line, column) > (end_line, end_column):
        return False
    # One character wide where the file or a line of it ends.
    return 1 <= column <= len(lines[line - 1]) + 1 and end_column <= len(lines[end_line - 1]) + 2


def _secret(shown: str, case: Case | None = None) -> None:
    """No secret is shown, unless the case put it where nothing says that it is one."""
    for secret in (OURS, THEIRS):
        at = shown.find(secret)
        if at >= 0 and not (case and _loose(case, secret.encode())):
            raise Broken("a secret is shown", shown[max(0, at - 300) : at + 60])


def _loose(case: Case, secret: bytes) -> bool:
    """Tell whether the secret stands somewhere without a word before it that says so."""
    contents = [c for c in case.files.values() if isinstance(c, bytes)]
    return any(c.count(secret) != len(re.findall(_SAID + secret, c)) for c in contents)


_SAID = (
    rb"(?i)(?:(?:pas+w|pass|\bpw|pwd|secret|token|salt|credential|remember_me"
    rb"|(?:access|license|encryption)[-.]?key)[\w.-]*[\"']?"
    rb"(?:\s{0,3}[:=]\s{0,3}|>|[\"'] value=)[\"'\[]?|//x:)"
)
