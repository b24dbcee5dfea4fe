"""Repositories that want a command run, or more memory and time than there is."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import pytest

from omconf.deployed import git_objects, git_tree
from omconf.deployed.git import Git
from omconf.deployed.snapshot import Request, Snapshot
from omconf.diagnostics import Diagnostic
from tests.command import ROOT, omconf
from tests.deployed.git_store import FILE, FOLDER, LINK, SUBMODULE, Store, packed_head
from tests.deployed.same import SECRET, build, plan, write_spec
from tests.deployed.test_git import commit, git
from tests.fuzz.test_limits import MAX_KIB, MEASURED
from tests.needs import needs

pytestmark = needs("git")

HOOKS = ("reference-transaction", "post-checkout", "pre-auto-gc", "post-index-change", "pre-commit")


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spec")
    spec = write_spec(folder)
    build(spec, folder / "bundles")
    return spec


def arm(git_dir: Path, marker: Path) -> None:
    """Have a repository name a command in every setting that may run one, and lack an object."""
    run = f"touch {shlex.quote(str(marker))}; false"
    hooks = git_dir / "armed"
    hooks.mkdir()
    for place in (hooks, git_dir / "hooks"):
        place.mkdir(exist_ok=True)
        for name in HOOKS:
            (place / name).write_text(f"#!/bin/sh\n{run}\n")
            (place / name).chmod(0o755)
    (git_dir / "included").write_text(f'[core]\n\tsshCommand = "{run}"\n\tfsmonitor = "{run}"\n')
    settings = f"""
[core]
	repositoryformatversion = 1
	sshCommand = "{run}"
	gitProxy = "{run}"
	fsmonitor = "{run}"
	hooksPath = {hooks}
	pager = "{run}"
	editor = "{run}"
	askPass = "{run}"
	alternateRefsCommand = "{run}"
	attributesFile = {git_dir}/attributes
[extensions]
	partialClone = origin
[remote "origin"]
	url = {git_dir}
	promisor = true
	uploadpack = "{run}"
	receivepack = "{run}"
	partialclonefilter = blob:none
[remote "second"]
	url = "ext::sh -c touch% {marker}"
	promisor = true
[protocol]
	allow = always
[protocol "ext"]
	allow = always
[uploadpack]
	packObjectsHook = "{run}"
[credential]
	helper = "!{run}"
[filter "armed"]
	clean = "{run}"
	smudge = "{run}"
	process = "{run}"
	required = true
[diff]
	external = "{run}"
[diff "armed"]
	textconv = "{run}"
	command = "{run}"
[merge "armed"]
	driver = "{run}"
[alias]
	rev-parse = "!{run}"
	cat-file = "!{run}"
[pager]
	rev-parse = "{run}"
	cat-file = "{run}"
[gpg]
	program = "{run}"
[trailer "armed"]
	command = "{run}"
[include]
	path = included
[includeIf "gitdir:/"]
	path = included
"""
    (git_dir / "config").write_text(settings)
    (git_dir / "attributes").write_text("* filter=armed diff=armed merge=armed\n")
    (git_dir / "info").mkdir(exist_ok=True)
    (git_dir / "info/attributes").write_text("* filter=armed diff=armed merge=armed\n")


def lose(repository: Path, name: str, git_dir: Path) -> None:
    """Remove one loose object, which git would then fetch."""
    found = git(repository, f"--git-dir={git_dir}", "rev-parse", name)
    (git_dir / "objects" / found[:2] / found[2:]).unlink()


@pytest.fixture
def armed(spec: Path, tmp_path: Path) -> Iterator[Path]:
    """A repository with bundles, its settings armed; the marker is made by whatever runs."""
    folder = tmp_path / "outer"
    folder.mkdir()
    git(folder, "init", "-q")
    shutil.copytree(spec.parent / "bundles", folder / "bundles")
    commit(folder)
    arm(folder / ".git", tmp_path / "RAN")
    yield folder
    assert not (tmp_path / "RAN").exists()


def test_no_setting_of_the_repository_runs(spec: Path, armed: Path) -> None:
    for revision in ("HEAD", "main", "HEAD@{0}", "main@{u}", "no-such", ":/bundles"):
        omconf("plan", spec, f"--git={revision}", "-o", "bundles", cwd=armed, env=SECRET)
    found = plan(spec, "--git=HEAD", "-o", "bundles", cwd=armed)
    assert found["changes"] == found["diagnostics"] == []


@pytest.mark.parametrize(
    "lost", ["HEAD", "HEAD:", "HEAD:bundles/om1", "HEAD:bundles/om1/manifest.json"]
)
def test_nothing_is_fetched(spec: Path, armed: Path, lost: str) -> None:
    lose(armed, lost, armed / ".git")
    done = omconf("plan", spec, "--git=HEAD", "-o", "bundles", cwd=armed, env=SECRET)
    assert done.code == 1
    assert "missing or damaged" in done.err
    assert "The clone is partial." in done.err


def test_a_committed_repository_is_only_files(spec: Path, armed: Path, tmp_path: Path) -> None:
    """A bare repository that was committed as the bundle directory, as a checkout brings it."""
    shutil.rmtree(armed / "bundles")
    git(tmp_path, "init", "-q", "inner")
    shutil.copytree(spec.parent / "bundles", tmp_path / "inner", dirs_exist_ok=True)
    commit(tmp_path / "inner")
    git(armed, "clone", "-q", "--bare", str(tmp_path / "inner"), "bundles")
    shutil.rmtree(armed / "bundles/hooks", ignore_errors=True)
    lose(armed, "HEAD:om1/manifest.json", armed / "bundles")
    arm(armed / "bundles", tmp_path / "RAN")
    with (armed / "bundles/config").open("a") as settings:
        settings.write("[core]\n\tbare = true\n[safe]\n\tdirectory = *\n\tbareRepository = all\n")
    for directory in ("bundles", "bundles/om1", "bundles/objects"):
        found = plan(spec, "--git=HEAD", "-o", directory, cwd=armed)
        expected = set() if directory == "bundles" else {"OM305"}
        assert {d["rule"] for d in found["diagnostics"]} == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", str(armed / "bundles"))
        plan(spec, "--git=HEAD", "-o", "bundles", cwd=armed / "bundles")


def test_only_git_is_run_and_learns_nothing(
    spec: Path, armed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No argument, variable or folder of git's leads to the work tree or the configuration."""
    log = tmp_path / "log"
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/git"
    program.write_text(
        f'#!/bin/sh\n{{ echo "$@"; pwd; env; }} >> {log}\nexec {shutil.which("git")} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(armed / ".git/config"))
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    monkeypatch.setenv("OM_TOKEN", "a-secret")
    started = []
    sys.addaudithook(
        lambda event, given: started.append(given[0]) if event == "subprocess.Popen" else None
    )
    plan(spec, "--git=HEAD", "-o", "bundles", cwd=armed)
    assert set(started) == {"git"}
    said = log.read_text()
    assert said.count("rev-parse --verify HEAD\n") == 1
    assert said.count("cat-file") == 2
    for word in ("OM_", "GIT_SSH", str(armed), "XDG"):
        assert word not in said
    assert {line for line in said.splitlines() if line.startswith("GIT_CONFIG")} == {
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
    }


def test_what_is_copied_of_the_configuration_has_no_syntax(
    spec: Path, armed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upstream of a branch is; a name or a value cannot bring another setting in."""
    with (armed / ".git/config").open("a") as settings:
        settings.write(
            '[branch "main"]\n\tremote = "origin\\n[remote \\"o\\"]\\n\\tpromisor = true"\n'
            '\tmerge = "a#b"\n'
            '[branch "x\\"]\\\\[remote"]\n\tremote = y\n'
            '[remote "a b"]\n\tfetch = +a:b\n[remote "o"]\n\tfetch = +a:b\n\tuploadpack = x\n'
        )
    seen = []
    real = subprocess.Popen

    def popen(*words: object, cwd: str, **more: object) -> object:
        seen.append(Path(cwd, "config").read_text())
        return real(*words, cwd=cwd, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", popen)
    omconf("plan", spec, "--git=@{u}", "-o", "bundles", cwd=armed, env=SECRET)
    for text in seen:
        assert text.split("[extensions]\n")[1] == ('[remote "o"]\n\tfetch = +a:b\n')


def test_replacements_and_grafts_do_not_count(spec: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    shutil.copytree(spec.parent / "bundles", tmp_path / "bundles")
    commit(tmp_path)
    blob = git(tmp_path, "hash-object", "-w", "bundles/README.md")
    head = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "replace", git(tmp_path, "rev-parse", "HEAD:bundles/om1/manifest.json"), blob)
    empty = git(tmp_path, "hash-object", "-w", "-t", "tree", "/dev/null")
    git(tmp_path, "replace", head, git(tmp_path, "commit-tree", "-m", "x", empty))
    (tmp_path / ".git/info").mkdir(exist_ok=True)
    (tmp_path / ".git/info/grafts").write_text(f"{head} {head}\n")
    found = plan(spec, "--git=HEAD", "-o", "bundles", cwd=tmp_path)
    assert found["changes"] == found["diagnostics"] == []
    done = omconf("plan", spec, "--git=HEAD~1", "-o", "bundles", cwd=tmp_path, env=SECRET)
    assert "there is no commit `HEAD~1`" in done.err


# Trees that git itself would not write.

REQUESTS = {name: Request(("/etc/fstab", "/etc/exports"), "c", name) for name in ("om1", "om2")}


def listing(node: str, *paths: str) -> bytes:
    entries = [{"path": path, "kind": "jvm", "ownership": "block"} for path in paths]
    return json.dumps({"format_version": "1.0", "node": node, "files": entries}).encode()


def read(
    store: Store, folder: Path, directory: str = "b", revision: str = "main"
) -> Snapshot | Diagnostic:
    store.write(folder / ".git")
    return Git(revision, str(folder / directory)).read(REQUESTS, whole=True)


def problem(found: Snapshot | Diagnostic) -> str:
    assert isinstance(found, Diagnostic), found
    assert found.rule.id == "OM302"
    return found.message.partition(" at main: ")[2]


def committed(store: Store, bundles: str) -> Store:
    store.commit(store.tree([(FOLDER, b"b", bundles)]))
    return store


def test_a_tree_that_unfolds_to_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """216 objects whose paths are beyond counting: as many are read as lead to a file."""
    store = Store()
    tree = store.tree([(FILE, b"%d" % n, store.put("blob", b"x")) for n in range(10)])
    for _ in range(200):
        tree = store.tree([(FOLDER, b"%d" % n, tree) for n in range(10)])
    blob = store.put("blob", listing("om1", "/" + "7/" * 150 + "bin/setenv.sh"))
    om1 = store.tree([(FOLDER, b"files", tree), (FILE, b"manifest.json", blob)])
    committed(store, store.tree([(FOLDER, b"om1", om1)]))
    asked: list[str] = []
    real = git_objects._CatFile.ask

    def ask(
        self: git_objects._CatFile, names: Iterable[str]
    ) -> Iterator[tuple[str, str, IO[bytes]]]:
        some = list(names)
        asked.extend(some)
        return real(self, some)

    monkeypatch.setattr(git_objects._CatFile, "ask", ask)
    found = read(store, tmp_path)
    assert isinstance(found, Snapshot)
    assert len(asked) < 200
    assert set(found.nodes["om1"].files) == {"/etc/omconf/c/manifest.json"}


def test_a_way_that_is_too_deep(tmp_path: Path) -> None:
    store = Store()
    path = "/a" * 300 + "/bin/setenv.sh"
    bundles = store.folder({"om1/manifest.json": listing("om1", path), f"om1/files{path}": b"deep"})
    found = read(committed(store, bundles), tmp_path)
    assert isinstance(found, Snapshot)
    told = found.nodes["om1"].files[path].problem
    assert told is not None
    assert (told.rule.id, told.message) == ("OM316", "The path is nested too deeply.")


def test_a_tree_in_itself(tmp_path: Path) -> None:
    """No honest object can hold its own id; git does not notice."""
    store, own = Store(), "ab" * 20
    blob = store.put("blob", listing("om1", "/om1" * 197 + "/bin/setenv.sh"))
    entries = [(FOLDER, name, own) for name in (b"files", b"om1", b"om2")]
    store.tree([*entries, (FILE, b"manifest.json", blob)], name=own)
    found = read(committed(store, own), tmp_path)
    assert isinstance(found, Snapshot | Diagnostic)


def test_limits_say_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    blob = store.put("blob", b"x")
    many = store.tree([(FILE, b"%050d" % n, blob) for n in range(60_000)])
    assert problem(read(committed(store, many), tmp_path)).endswith("bytes, more than 4,194,304.")
    empty = store.tree([])
    folders = store.tree([(FOLDER, b"n%05d" % n, empty) for n in range(20_001)])
    said = "it has 20,001 folders of other nodes; at most 20,000 are read."
    assert problem(read(committed(store, folders), tmp_path)) == said
    whole = store.folder({"om1/manifest.json": listing("om1"), "om1/blocks/etc/fstab": b"y" * 999})
    for name, value in (("MAX_BLOBS", 1 << 20), ("MAX_TREES", 1 << 20)):
        committed(store, whole)
        assert isinstance(read(store, tmp_path), Snapshot)
        with monkeypatch.context() as patch:
            patch.setattr(git_tree, name, 90)
            assert "have more than 0 MiB" in problem(read(store, tmp_path))
        assert value


def test_odd_entries(tmp_path: Path) -> None:
    """Names and modes of any kind beside the wanted ones; links and submodules instead of them."""
    store = Store()
    blob, manifest = store.put("blob", b"x"), store.put("blob", listing("om1"))
    names = [
        b"a\nb",
        b'"',
        b"\t",
        b"\xff\xfe",
        b"..",
        b".",
        b".git",
        b"\x01",
        b"-",
        b" ",
        b"x" * 999,
    ]
    odd = [(FILE, name, blob) for name in names] + [
        (b"0", b"zero", blob),
        (b"1777777", b"all", blob),
    ]
    etc = store.tree([*odd, (b"100664", b"fstab", blob), (LINK, b"exports", blob)])
    blocks = store.tree([*odd, (b"040000", b"etc", etc)])
    om1 = store.tree([*odd, (FOLDER, b"blocks", blocks), (b"100755", b"manifest.json", manifest)])
    link = (LINK, b"om2", blob)
    found = read(committed(store, store.tree([*odd, (FOLDER, b"om1", om1), link])), tmp_path)
    assert isinstance(found, Snapshot)
    files = found.nodes["om1"].files
    assert files["/etc/fstab"].data == b"x"
    expected = {"/etc/exports": "Expected a file, but found a symbolic link."}
    assert {p: f.problem.message for p, f in files.items() if f.problem} == expected
    whole = found.nodes["om2"].problem
    assert whole is not None
    said = f"`{tmp_path}/b/om2` is not a directory in the commit, but a symbolic link."
    assert (whole.rule.id, whole.message, found.nodes["om2"].files) == ("OM316", said, {})
    for mode, kind in ((LINK, "a symbolic link"), (SUBMODULE, "a submodule"), (FILE, "a file")):
        store.commit(store.tree([(mode, b"b", blob)]))
        assert problem(read(store, tmp_path)) == f"it is not a directory there, but {kind}."


@pytest.mark.parametrize(
    ("mode", "kind"), [(FILE, "a file"), (LINK, "a symbolic link"), (SUBMODULE, "a submodule")]
)
def test_what_is_no_folder(tmp_path: Path, mode: bytes, kind: str) -> None:
    """One finding of the node where its folder is none, or one of the places in it."""
    store = Store()
    blob, manifest = store.put("blob", b"x"), store.put("blob", listing("om1"))
    listed = (FILE, b"manifest.json", manifest)
    om1 = store.tree([(mode, b"files", blob), listed])
    etc = store.tree([(FOLDER, b"files", store.tree([(mode, b"etc", blob)])), listed])
    for entry, where in (((mode, b"om1", blob), "om1"), ((FOLDER, b"om1", om1), "om1/files")):
        found = read(committed(store, store.tree([entry])), tmp_path)
        assert isinstance(found, Snapshot)
        assert found.findings == ()
        problem = found.nodes["om1"].problem
        assert problem is not None
        said = f"`{tmp_path}/b/{where}` is not a directory in the commit, but {kind}."
        assert (problem.rule.id, problem.message) == ("OM316", said)
    found = read(committed(store, store.tree([(FOLDER, b"om1", etc)])), tmp_path)
    assert isinstance(found, Snapshot)
    problems = {f.problem.message for f in found.nodes["om1"].files.values() if f.problem}
    assert problems == {"`/etc` is not a directory."}


def test_damaged_trees(tmp_path: Path) -> None:
    store = Store()
    blob = store.put("blob", b"x")
    twice = store.tree([(FOLDER, b"om1", blob), (FILE, b"om1", blob)])
    assert "lists a name twice, 'om1'" in problem(read(committed(store, twice), tmp_path))
    for data in (
        b"junk",
        b"100644 \0" + b"x" * 20,
        b"100644 a\0" + b"x" * 19,
        b"8 a\0" + b"x" * 20,
    ):
        bundles = store.put("tree", data)
        assert "is damaged" in problem(read(committed(store, bundles), tmp_path))
    assert "is a blob, where a tree" in problem(read(committed(store, blob), tmp_path))
    om1 = store.tree([(FILE, b"manifest.json", twice)])
    bundles = store.tree([(FOLDER, b"om1", om1)])
    assert "is a tree, where a blob" in problem(read(committed(store, bundles), tmp_path))


@pytest.mark.parametrize(
    "head",
    [b"tree 5\0", b"tree 99999999999999999999\0", b"tree -1\0", b"tree 1000\0", b"blob\0", b""],
)
def test_an_object_that_claims_another_size(tmp_path: Path, head: bytes) -> None:
    store = Store()
    data = b"40000 om1\0" + b"x" * 20
    for name in (None, "cd" * 20):
        wrong = store.put("tree", data, head=head, name=name)
        said = problem(read(committed(store, wrong), tmp_path))
        assert "/omconf-git-" not in said


def test_packs(tmp_path: Path) -> None:
    """A pack is read as loose objects are; one that is cut short or altered is an error."""
    store = Store()
    manifest = listing("om1")
    committed(store, store.folder({"om1/manifest.json": manifest, "om1/files/etc/fstab": b"x"}))
    store.pack()
    found = read(store, tmp_path / "whole")
    assert isinstance(found, Snapshot)
    assert found.nodes["om1"].files["/etc/fstab"].data == b"x"
    pack = store.files["objects/pack/pack-1.pack"]
    for number, wrong in enumerate(
        (pack[:-60], pack[:100], b"", pack[:40] + b"\0" * 30 + pack[70:])
    ):
        store.files["objects/pack/pack-1.pack"] = wrong
        problem(read(store, tmp_path / str(number)))


READ = """
import sys
from omconf.deployed.git import Git
from tests.deployed.test_git_hostile import REQUESTS
print(Git("main", sys.argv[1]).read(REQUESTS, whole=True), file=sys.stderr)
"""


def test_a_small_object_made_of_a_huge_one(tmp_path: Path) -> None:
    """A packed tree that is a difference from 400 MiB: git gives up before it has them."""
    store = Store()
    size = 400 << 20
    packing = zlib.compressobj(1)
    base = b"".join(packing.compress(b"\0" * (1 << 20)) for _ in range(size >> 20))
    base += packing.flush()
    # The difference: take 20 bytes of the base, add what comes before them.
    start = b"40000 om1\0"
    sizes = b"".join(_varint(n) for n in (size, len(start) + 20))
    delta = sizes + bytes([len(start)]) + start + bytes([0b10010000, 20])
    second = packed_head(6, len(delta))
    first = packed_head(2, size) + base
    distance = len(first)
    offset = [distance & 127]
    while distance := distance >> 7:
        distance -= 1
        offset.insert(0, 128 | distance & 127)
    name, other = "ab" * 20, "cd" * 20
    committed(store, name)
    store.pack_entries({other: first, name: second + bytes(offset) + zlib.compress(delta)})
    store.write(tmp_path / ".git")
    command = [sys.executable, "-c", READ, str(tmp_path / "b")]
    measured = [sys.executable, "-c", MEASURED, *command]
    done = subprocess.run(measured, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < MAX_KIB
    assert "an object of it takes more than 128 MiB to be read" in done.stderr


def _varint(number: int) -> bytes:
    result = [number & 127]
    while number := number >> 7:
        result[-1] |= 128
        result.append(number & 127)
    return bytes(result)
