"""Nothing that omconf prints acts on a terminal: every form, every place hostile text comes from."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from omconf.cli import output
from omconf.views import github
from omconf.views import text as text_view
from omconf.views.visible import lines, visible
from tests.cli.test_verify import SCHEMA as VERIFY_SCHEMA
from tests.command import ROOT, Result, omconf
from tests.needs import needs

CONTROLS = [chr(n) for n in (*range(1, 10), *range(11, 32), *range(0x7F, 0xA0))]
TURNS = list("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
UNSEEN = list(
    "\u00ad\u034f\u115f\u17b4\u180b\u180e\u200b\u200c\u200d\u2028\u2029\u2060\u2064\u206a\u3164"
    "\ufe0f\ufeff\uffa0\ufff9\ufffa\ufffb\U000e0001\U000e0041\U000e007f\U000e0100"
)
HALVES = ["\udc80", "\udcff", "\ud800"]
FORBIDDEN = re.compile("[" + "".join(map(re.escape, CONTROLS + TURNS + UNSEEN + HALVES)) + "]")
TEXT = "a" + "".join(TURNS + UNSEEN) + "z"
"""What stands in any text, XML and YAML too."""
RAW = "a\x1b[2J\x1b]0;x\x07\x08\x7f\x85\x9b1m\x0b" + TEXT
"""What stands in a text file, a program's output, a path."""
NAME = "a\x1b[2J\x07\x7f\x9b\u061c\u200b\u202e\u2028\u2066\u3164\ufeff\U000e0041z"
"""The same, no longer than a file's name may be."""
CLASSES = "opt/om/webapps/openmeetings/WEB-INF/classes"
PERSISTENCE = f"{CLASSES}/META-INF/persistence.xml"
HAZELCAST = f"{CLASSES}/hazelcast.xml"
UNIT = "etc/systemd/system/openmeetings.service.d/omconf.conf"
SPEC = """\
omconf: 1
cluster: conference
openmeetings: {release: "9.1.0"}
database: {kind: postgresql, host: 10.1.1.10, user: openmeetings, password: {env: OM_DB}}
storage: {kind: nfs, server: om1}
nodes:
  om1: {address: 10.1.1.1, url: "https://om1.example.org:5443/openmeetings"}
  om2: {address: 10.1.1.2, url: "https://om2.example.org:5443/openmeetings"}
"""
HUMAN: tuple[str, ...] = ()
JSON: tuple[str, ...] = ("--json",)
PLANS: tuple[tuple[str, ...], ...] = ((), ("--json",), ("--markdown",), ("-q",))
FINDINGS: tuple[tuple[str, ...], ...] = tuple(
    ("--format", form) for form in ("human", "json", "github", "sarif")
)
PICTURES: tuple[tuple[str, ...], ...] = tuple(
    ("--format", form) for form in ("mermaid", "dot", "svg")
)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles")
    (folder / "cluster.yaml").write_text(SPEC)
    built = omconf("build", "-o", "b", "--reveal-secrets", cwd=folder, env={"OM_DB": "pw-1x"})
    assert built.code == 0, built.err
    for node in ("om1", "om2"):
        for part in ("files", "blocks"):
            shutil.copytree(folder / "b" / node / part, folder / "d" / node, dirs_exist_ok=True)
    return folder


@pytest.fixture
def world(bundles: Path, tmp_path: Path) -> Path:
    for name in ("cluster.yaml", "d"):
        source = bundles / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    return tmp_path


def run(folder: Path, *words: str, **environment: str) -> Result:
    """Run omconf, and look at both streams."""
    done = omconf(*words, cwd=folder, env={"OM_DB": "pw-1x", **environment})
    assert "unforeseen" not in done.err, done.err
    for stream in (done.out, done.err):
        assert not FORBIDDEN.search(stream), ascii(stream)
        stream.encode()
    if {"--json", "json", "sarif"} & set(words):
        assert done.out.isascii()
        json.loads(done.out)
    return done


def in_yaml(text: str) -> str:
    """A text in double quotes, with the escapes of YAML."""
    drawn: str = yaml.safe_dump(text, default_style='"', width=10_000)
    return drawn.strip()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode("utf-8", "surrogateescape"))


def deployed(folder: Path) -> None:
    """Items of every ownership, known and not, and lines that their programs refuse."""
    node = folder / "d/om2"
    tag = f'<property name="{TEXT}">{TEXT}</property></properties>'
    edit(node / HAZELCAST, "</properties>", tag)
    edit(node / HAZELCAST, ">54327<", f">{TEXT}<")
    tag = f'<property name="{TEXT}" value="{TEXT}&#10;{TEXT}"/></properties>'
    edit(node / PERSISTENCE, "</properties>", tag)
    edit(node / UNIT, "[Service]", f"[Service]\n{RAW}\udcff=1")
    edit(
        node / "opt/om/bin/setenv.sh",
        "-Duser.timezone=",
        f"-D{RAW}={RAW}\udcff \\\n  -Duser.timezone=",
    )
    edit(node / "etc/fstab", " nfs ", f" nfs {RAW}\udcff,")
    edit(node / "etc/fstab", "# BEGIN", f"/x {RAW} nfs x x {RAW}\n# BEGIN")
    edit(folder / "d/om1/etc/exports", "10.1.1.2(", f"{RAW}\udcff(rw,{RAW}) {RAW}(x 10.1.1.2(")


def manifests(folder: Path) -> None:
    """A path that a manifest lists, and a manifest that is none."""
    for node, data in (("om1", None), ("om2", f'{{"files": [{{"path": "/{TEXT}"}}]}}')):
        file = folder / "d" / node / "etc/omconf/conference/manifest.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        path = f"/srv/{TEXT[:60]}/persistence.xml"
        entry = {"path": path, "kind": "persistence", "ownership": "file", "sha256": TEXT}
        whole = {"format_version": "1.0", "cluster": "conference", "node": node, "files": [entry]}
        file.write_text(data or json.dumps(whole))
        there = folder / "d" / node / path[1:]
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "d" / node / PERSISTENCE, there)


def broken(folder: Path) -> None:
    """Files that do not parse, and markers that do not pair up."""
    edit(folder / "d/om2" / PERSISTENCE, "<persistence-unit", f"<{TEXT}")
    edit(folder / "d/om2" / HAZELCAST, "</hazelcast>", RAW)
    edit(folder / "d/om2/etc/fstab", "# END", f"# BEGIN omconf: {RAW}\n# EN")
    (folder / "d/om1" / HAZELCAST).unlink()
    (folder / "d/om1" / HAZELCAST).symlink_to(f"/{NAME}")


def secrets(folder: Path) -> None:
    """What the program of a secret says when it fails."""
    program = folder / NAME
    program.write_bytes(b"#!/bin/sh\ncat said >&2\nexit 1\n")
    program.chmod(0o700)
    (folder / "said").write_bytes(f"{RAW}\udcff\n{RAW}".encode("utf-8", "surrogateescape"))
    command = in_yaml(f"./{NAME}")
    edit(folder / "cluster.yaml", "{env: OM_DB}", f"{{command: [{command}]}}")


def secret_file(folder: Path) -> None:
    edit(folder / "cluster.yaml", "{env: OM_DB}", f"{{file: {in_yaml(NAME)}}}")


PLACES: tuple[Callable[[Path], None], ...] = (deployed, manifests, broken, secrets, secret_file)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_plan(world: Path, place: Callable[[Path], None]) -> None:
    place(world)
    plain = run(world, "plan", "--deployed", "d", "--out", "saved")
    assert plain.out
    assert (world / "saved").read_bytes().isascii()
    for form in PLANS:
        done = run(world, "plan", "--deployed", "d", *form)
        shown = done if form == ("-q",) else run(world, "show", "saved", *form)
        if form == JSON:
            assert json.loads(done.out) == json.loads(shown.out)
        elif form != ("-q",):
            assert done.out == shown.out
    if place is deployed:
        assert TEXT in json.dumps(
            json.loads(run(world, "plan", "--deployed", "d", "--json").out), ensure_ascii=False
        )
        assert "\\u202e" in plain.out
        assert "\\x1b[2J" in plain.out


def specs() -> Iterator[str]:
    """Specs with hostile texts as keys and values, in names, addresses, paths, options."""
    text, raw = in_yaml(TEXT), in_yaml(RAW)
    yield SPEC.replace("conference", text)
    yield SPEC.replace("om2:", f"{raw}:")
    yield SPEC.replace("10.1.1.10", raw)
    yield SPEC.replace("user: openmeetings", f"user: {text}")
    yield SPEC.replace("om2.example.org", TEXT)
    yield SPEC.replace("kind: nfs", f"kind: nfs, {text}: {text}, options: [{raw}]")
    yield SPEC.replace("{env: OM_DB}", f"{{env: {raw}}}")
    yield SPEC.replace("server: om1", f"server: {{host: {text}}}")
    yield SPEC.replace('"9.1.0"', f"'{TEXT}'")
    yield SPEC + f"hazelcast: {{properties: {{{text}: {text}}}, extra: {in_yaml(NAME)}}}\n"
    yield SPEC + f"# {TEXT}\n{TEXT}: [\n"
    yield SPEC + f"x: {RAW}\n"
    yield SPEC + f"ignore: [{{rule: {raw}, why: {text}}}]\n"


@pytest.mark.parametrize("number", range(13))
def test_a_spec(tmp_path: Path, number: int) -> None:
    text = list(specs())[number]
    (tmp_path / "cluster.yaml").write_text(text, encoding="utf-8")
    for form in FINDINGS:
        run(tmp_path, "validate", *form)
    for form in PICTURES:
        run(tmp_path, "graph", *form)
    for words in (("build", "-o", "b"), ("build", "-o", "b", "--check"), ("plan", "--git", "x")):
        run(tmp_path, *words)
    for line in ("om1:/etc/fstab", f"om1:/{HAZELCAST}", f"om1:/{HAZELCAST}:5"):
        for form in (HUMAN, JSON):
            run(tmp_path, "explain", line, *form)


def test_paths_of_the_command_line(world: Path) -> None:
    name = NAME + "\udcff"
    shutil.copy(world / "cluster.yaml", world / name)
    (world / "sub").mkdir()
    for form in FINDINGS:
        run(world, "validate", name, *form)
        run(world, "validate", f"no-{name}", *form)
        run(world, "validate", "--hazelcast-jar", name, *form)
    run(world, "init", name)
    run(world, "init", f"sub/{name}")
    run(world, "init", f"no/{name}")
    run(world, "build", "-o", f"b-{name}")
    run(world, "build", "-o", f"b-{name}", "--check")
    run(world, "build", "-o", f"{name}/x")
    run(world, "build", "-o", f"r-{name}", "--reveal-secrets")
    for form in (HUMAN, JSON):
        run(world, "plan", "--deployed", name, *form)
        run(world, "plan", "--deployed", "d", "--node", name, *form)
        run(world, "plan", "--git", name, "-o", name, *form)
        run(world, "plan", "--deployed", "d", "--out", name, *form)
        run(world, "plan", "--deployed", "d", "--html", f"no/{name}", *form)
        run(world, "plan", "--local", name, "--root", name, *form)
        run(world, "show", name, *form)
        run(world, "explain", name, *form)
        run(world, "explain", f"om1:/{name}", *form)
        run(world, "verify", "--local", name, *form)
    run(world, "releases", "--read", name)


def test_a_bundle_directory(world: Path) -> None:
    run(world, "build", "-o", "b")
    edit(world / "b/om2/files" / UNIT, "[Service]", f"[Service]\n{RAW}\udcff")
    assert "\\x1b[2J" in run(world, "build", "-o", "b", "--check").out
    (world / "b" / NAME).write_text("x")
    assert "OM401" in run(world, "build", "-o", "b", "--check").err
    assert "OM401" in run(world, "build", "-o", "b").err
    (world / "b" / NAME).unlink()
    listing = json.loads((world / "b/manifest.json").read_text())
    listing["files"].append(f"om1/{TEXT}")
    (world / "b/manifest.json").write_text(json.dumps(listing))
    (world / "b/om1" / TEXT).write_text(RAW)
    assert "OM401" in run(world, "build", "-o", "b", "--check").err
    (world / "b/manifest.json").write_text(f'{{"format_version": {json.dumps(RAW)}}}')
    run(world, "build", "-o", "b", "--check")


def test_what_nodes_say(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = world / "programs"
    programs.mkdir()
    path = f"{programs}:{os.environ['PATH']}"
    raw = RAW.replace("\x0b", "").encode() + b"\xff"
    check = b"ok\tport\t" + raw + b"\nfact\tmember\t" + raw + b"\n"
    answers = {1: raw, 255: raw, 0: check, 126: raw, 77: raw}
    for code, said in answers.items():
        (programs / "said").write_bytes(said)
        stream = 1 if code == 0 else 2
        (programs / "ssh").write_text(f"#!/bin/sh\ncat {programs}/said >&{stream}\nexit {code}\n")
        (programs / "ssh").chmod(0o700)
        for form in (HUMAN, JSON, ("--verbose",)):
            done = run(world, "verify", "--ssh", "--timeout", "5", *form, PATH=path)
            if form == JSON:
                VERIFY_SCHEMA.validate(json.loads(done.out))
        for form in PLANS:
            run(world, "plan", "--ssh", "--timeout", "5", *form, PATH=path)


@needs("git")
def test_what_git_says(world: Path) -> None:
    git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(world))
    run(world, "build", "-o", "b")
    (world / "b" / NAME).mkdir()
    (world / "b" / NAME / "manifest.json").write_text("{}")
    edit(world / "b/om2/files" / UNIT, "[Service]", f"[Service]\n{RAW}")
    for words in (["init", "-q"], ["add", "b"], ["commit", "-qm", RAW.replace("\x08", "")]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    for form in PLANS:
        run(world, "plan", "--git", "HEAD", "-o", "b", *form)
        run(world, "plan", "--git", f"HEAD:{NAME}", "-o", "b", *form)


def test_an_unpacked_openmeetings(tmp_path: Path) -> None:
    lib = tmp_path / "webapps/openmeetings/WEB-INF/lib"
    lib.mkdir(parents=True)
    (lib / f"openmeetings-db-{NAME}.jar").write_text("x")
    (lib / f"hazelcast-{NAME}.jar").write_text("x")
    classes = tmp_path / CLASSES.removeprefix("opt/om/")
    (classes / "META-INF").mkdir(parents=True)
    (classes / "openmeetings.properties").write_bytes(RAW.encode())
    (classes / "hazelcast.xml").write_text(f"<hazelcast><{TEXT}/></hazelcast>")
    (classes / "META-INF/postgresql_persistence.xml").write_text(
        f'<persistence version="{TEXT}"><persistence-unit name="{TEXT}"/></persistence>'
    )
    run(tmp_path, "releases", "--read", ".")


def test_a_saved_plan_that_anybody_made(tmp_path: Path) -> None:
    text = RAW
    item = {"key": text, "action": "update", "before": text, "after": text, "hint": text}
    change = {
        "node": text,
        "path": f"/{text}",
        "kind": text,
        "ownership": "file",
        "action": "update",
        "items": [item, {"key": text, "action": "update", "secret": "different"}],
        "effect": {"action": text, "scope": "node", "rolling": False, "why": text, "run": [text]},
        "notes": [text],
    }
    found = {
        "rule": "OM301",
        "severity": "error",
        "node": text,
        "path": text,
        "line": 1,
        "column": 2,
        "end_line": 1,
        "end_column": 5,
        "message": text,
        "hint": f"{text}\n{text}",
        "source": text,
    }
    counts = ("create", "update", "delete", "reformat", "nodes_changed", "nodes")
    document = {
        "format_version": "1.0",
        "cluster": text,
        "source": {"kind": "ssh"},
        "has_changes": True,
        "complete": True,
        "summary": dict.fromkeys(counts, 1),
        "changes": [change, *({**change, "node": f"{text}{n}"} for n in range(8))],
        "rollout": [{"step": 1, "nodes": [text], "run": [text], "why": text, "check": [text]}],
        "secrets": [{"node": text, "path": f"/{text}", "key": text, "secret": "unknown"}],
        "diagnostics": [found],
    }
    (tmp_path / "plan").write_text(json.dumps(document))
    for form in (HUMAN, JSON, ("--markdown",)):
        done = run(tmp_path, "show", "plan", *form)
        assert "No plan" not in done.out
        if form == JSON:
            assert json.loads(done.out) == document


def test_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    class WrongError(Exception):
        option_name = RAW
        possibilities = ()

    output.wrong_usage(WrongError(), [])
    out, err = capsys.readouterr()
    assert out == ""
    assert not FORBIDDEN.search(err)
    assert err.startswith("error: Unknown option: a\\x1b[2J")


def test_annotations_are_one_line_each() -> None:
    found = {
        "rule": "OM100",
        "severity": "error",
        "path": "a,b:c%\r\n::error::x\x1b",
        "message": "100%\r\n::stop-commands::x\u2028\x1b[1m",
        "hint": "one\ntwo",
    }
    drawn = github.commands({"diagnostics": [found]})
    assert drawn == (
        "::error file=a%2Cb%3Ac%25\\r\\n%3A%3Aerror%3A%3Ax\\x1b,title=OM100"
        "::100%25\\r%0A::stop-commands::x\\u2028\\x1b[1m one%0Atwo\n"
    )


def test_a_view_that_forgets_it_is_held_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    output.write(f"one\n{RAW}\n")
    output.write(f"two\n{RAW}\n", err=True)
    output.tell(f"three\n{RAW}")
    out, err = capsys.readouterr()
    assert not FORBIDDEN.search(out + err)
    assert out.count("\n") == 3
    assert lines("\x1b[31;1mred\x1b[0m\x1b[2J", colour=True) == "\x1b[31;1mred\x1b[0m\\x1b[2J"
    assert text_view.Paint(colour=True)("red", "red") == lines("\x1b[31mred\x1b[0m", colour=True)


def test_json_is_ascii_and_keeps_every_value(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"a": RAW + "".join(HALVES) + "ü\U0001f600"}
    output.print_json(document)
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x7f" not in out
    assert json.loads(out) == document


def test_nothing_else_prints() -> None:
    """`output` is the one way out: what is printed elsewhere in `cli` is omconf's own words."""
    # The live view of an apply prints what `output.screened` gave.
    own = {"app.py": 1, "__init__.py": None, "output.py": 1, "applying.py": 1}
    for path in sorted((ROOT / "omconf").rglob("*.py")):
        calls = len(re.findall(r"\becho\(|\bprint\(|std(?:out|err)\.write\(", path.read_text()))
        allowed = own.get(path.name, 0) if path.parent.name == "cli" else 0
        assert allowed is None or calls == allowed, path


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_visible(text: str) -> None:
    shown = visible(text)
    assert not FORBIDDEN.search(shown)
    assert "\n" not in shown
    assert visible(shown) == shown
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    if text.isascii() and text.isprintable():
        assert shown == text


def test_each_character() -> None:
    for char in CONTROLS + TURNS + UNSEEN + HALVES + ["\n", "\0"]:
        assert visible(f"a{char}b").isascii(), ascii(char)
    assert visible("Zürich 会议 ≈ é") == "Zürich 会议 ≈ é"
