"""Which repository `plan --git` reads, and every way in which people name a commit there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import omconf
from tests.deployed.same import SECRET, build, plan, write_spec
from tests.needs import needs

pytestmark = needs("git")

WHO = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    local = ("-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *WHO, *local, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "bundles")


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_spec(tmp_path_factory.mktemp("spec"))


@pytest.fixture(scope="module")
def source(spec: Path) -> Path:
    """A repository whose newest commit has the bundles, and the one before it has none."""
    folder = spec.parent / "source"
    folder.mkdir()
    git(folder, "init", "-q")
    commit(folder)
    build(spec, folder / "bundles")
    commit(folder)
    git(folder, "tag", "-a", "-m", "release", "v1")
    git(folder, "tag", "light")
    git(folder, "branch", "feature/x")
    return folder


@pytest.fixture
def repository(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "repository"))


def refused(spec: Path, folder: Path, revision: str = "HEAD", directory: str = "bundles") -> str:
    """Plan against a commit that cannot be read; returns the message and the hint."""
    found = omconf("plan", spec, f"--git={revision}", "-o", directory, cwd=folder, env=SECRET)
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("error[OM302]: "), found.err
    return found.err


def unchanged(spec: Path, folder: Path, revision: str = "HEAD", directory: str = "bundles") -> None:
    """The commit has the bundles as the spec compiles to."""
    found = plan(spec, f"--git={revision}", "-o", directory, cwd=folder)
    assert found["changes"] == found["diagnostics"] == []


def test_every_name_of_a_commit(spec: Path, repository: Path) -> None:
    whole = git(repository, "rev-parse", "HEAD")
    git(repository, "clone", "-q", ".", "clone")
    clone = repository / "clone"
    for name in ("HEAD", "main", "@", "heads/main", "v1", "light", "v1^{}", whole, whole[:8]):
        unchanged(spec, repository, name)
    for name in ("origin/main", "origin", "origin/feature/x", "@{u}", "main@{upstream}", ":/bund"):
        unchanged(spec, clone, name)
    git(clone, "fetch", "-q", "origin", "feature/x")
    unchanged(spec, clone, "FETCH_HEAD")
    git(clone, "checkout", "-q", "--detach")
    git(clone, "reset", "-q", "--soft", "HEAD~1")
    for name in ("HEAD@{1}", "ORIG_HEAD", "main@{0}"):
        unchanged(spec, clone, name)
    git(clone, "pack-refs", "--all")
    unchanged(spec, clone, "main")
    before = plan(spec, "--git", "main~1", "-o", "bundles", cwd=clone)
    assert {d["rule"] for d in before["diagnostics"]} == {"OM305"}


@pytest.mark.parametrize(
    "revision", ["no-such", "--help", "-q", "", "^HEAD", "HEAD~9", "main..v1", "a\nb", "HEAD:"]
)
def test_what_names_no_commit(spec: Path, repository: Path, revision: str) -> None:
    assert "commit" in refused(spec, repository, revision)


def test_what_is_no_commit(spec: Path, repository: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:bundles/README.md")
    git(repository, "tag", "-a", "-m", "a file", "file", blob)
    assert "is a blob, not a commit" in refused(spec, repository, blob)
    assert "does not point to a commit" in refused(spec, repository, "file")
    assert "log for 'HEAD' only has" in refused(spec, repository, "HEAD@{99}")


def test_a_folder_that_does_not_exist_yet(spec: Path, repository: Path) -> None:
    shutil.rmtree(repository / "bundles")
    unchanged(spec, repository)
    unchanged(spec, repository / ".git/..", directory="new/../bundles")
    (repository / "link").symlink_to(".", target_is_directory=True)
    unchanged(spec, repository, directory="link/bundles")


def test_work_trees_and_submodules(spec: Path, repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", "../linked", "HEAD~1")
    assert plan(spec, "--git=HEAD", "-o", "bundles", cwd=tmp_path / "linked")["changes"]
    for name in ("main", "v1"):
        unchanged(spec, tmp_path / "linked", name)
    git(tmp_path / "linked", "merge", "-q", "main")
    unchanged(spec, tmp_path / "linked", "HEAD")
    unchanged(spec, tmp_path / "linked", "main@{0}")
    (tmp_path / "outer").mkdir()
    git(tmp_path / "outer", "init", "-q")
    git(tmp_path / "outer", "submodule", "--quiet", "add", str(repository), "inner")
    unchanged(spec, tmp_path / "outer", directory="inner/bundles")


@pytest.mark.parametrize("option", ["--object-format=sha256", "--ref-format=reftable"])
def test_other_formats(spec: Path, repository: Path, tmp_path: Path, option: str) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    try:
        git(folder, "init", "-q", option)
    except subprocess.CalledProcessError:
        # git before 2.45: it says so, when it meets such a repository.
        git(repository, "config", "extensions.refStorage", "reftable")
        message = refused(spec, repository)
        assert (
            "only a newer git can read it, one that supports: refstorage.\n  hint: Update git."
            in message
        )
        return
    shutil.copytree(repository / "bundles", folder / "bundles")
    commit(folder)
    git(folder, "worktree", "add", "-q", "-b", "second", "../linked")
    git(folder, "checkout", "-q", "--orphan", "empty")
    git(folder, "rm", "-r", "-q", "--cached", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", "nothing")
    unchanged(spec, folder, "main")
    unchanged(spec, tmp_path / "linked", "HEAD")
    unchanged(spec, tmp_path / "linked", git(folder, "rev-parse", "main"))


def test_a_format_of_a_later_git(spec: Path, repository: Path) -> None:
    git(repository, "config", "core.repositoryformatversion", "1")
    git(repository, "config", "extensions.hologram", "true")
    assert "git extension that omconf does not support, `hologram`" in refused(spec, repository)
    (repository / ".git/config").write_text("[core]\n\trepositoryformatversion = 2\n")
    assert "format version, 2, is not supported" in refused(spec, repository)
    (repository / ".git/config").write_text("[core\n")
    assert "/.git/config cannot be read: line 1 is not valid git syntax" in refused(
        spec, repository
    )


@pytest.mark.parametrize(
    ("stored", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"\0GITCRYPT\0\1\2", "a file that git-crypt encrypted"),
    ],
)
def test_what_a_filter_stored_is_not_the_file(
    spec: Path, repository: Path, stored: bytes, what: str
) -> None:
    script = "usr/local/sbin/omconf-multicast-route"
    (repository / "bundles/om1/files" / script).write_bytes(stored)
    (repository / "bundles/om2/manifest.json").write_bytes(stored)
    commit(repository)
    found = plan(spec, "--git=HEAD", "-o", "bundles", cwd=repository)
    assert found["changes"] == []
    assert not found["complete"]
    assert [(d["rule"], d["node"], d["path"], d["message"]) for d in found["diagnostics"]] == [
        ("OM316", "om1", f"/{script}", f"Expected a file, but found {what}."),
        (
            "OM316",
            "om2",
            "/etc/omconf/conference/manifest.json",
            f"Expected a file, but found {what}.",
        ),
    ]


def test_a_shallow_clone(spec: Path, repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", "shallow")
    unchanged(spec, tmp_path / "shallow")
    assert "git -C " in refused(spec, tmp_path / "shallow", "HEAD~1")
    git(tmp_path / "shallow", "fetch", "-q", "--unshallow")
    assert plan(spec, "--git=HEAD~1", "-o", "bundles", cwd=tmp_path / "shallow")["changes"]


def test_a_partial_clone(spec: Path, repository: Path, tmp_path: Path) -> None:
    """Nothing is fetched; the command that is named fetches it."""
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=tree:0", f"file://{repository}", "part")
    said = refused(spec, tmp_path / "part")
    assert "is missing or damaged" in said
    command = said.partition("The clone is partial. Fetch the rest: ")[2].strip()
    assert command == f"git -C {tmp_path}/part fetch --refetch --no-filter"
    git(tmp_path / "part", "fetch", "-q", "--refetch", "--no-filter")
    unchanged(spec, tmp_path / "part")


def test_borrowed_objects(spec: Path, repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--shared", "--no-checkout", str(repository), "shared")
    unchanged(spec, tmp_path / "shared")
    repository.rename(tmp_path / "elsewhere")
    assert "The repository uses objects from the folders listed in " in refused(
        spec, tmp_path / "shared"
    )


def test_missing_objects(spec: Path, repository: Path) -> None:
    for name in ("HEAD:bundles/om2/manifest.json", "HEAD:bundles/om1", "HEAD:", "HEAD"):
        object_ = git(repository, "rev-parse", name)
        (repository / ".git/objects" / object_[:2] / object_[2:]).unlink()
        said = refused(spec, repository)
        assert f"Check the repository: git -C {repository} fsck" in said
        assert "/omconf-git-" not in said


def test_no_repository(spec: Path, tmp_path: Path) -> None:
    """A bare one is none, wherever it lies: its files may be those of a commit."""
    git(tmp_path, "init", "-q", "--bare", "bare")
    for folder in (tmp_path, tmp_path / "bare"):
        assert "it is not in a git work tree" in refused(spec, folder)
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    assert "which is not a git repository" in refused(spec, tmp_path)
    (tmp_path / ".git").write_text("nonsense\n")
    assert "does not name a git directory" in refused(spec, tmp_path)


def test_a_git_folder_that_is_no_repository_is_passed(spec: Path, repository: Path) -> None:
    (repository / "bundles/.git").mkdir()
    unchanged(spec, repository)


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    """Act as another user than the one whom all files belong to; git has no configuration."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setattr("omconf.deployed.git_repository._owner", lambda place: 4321)
    return lambda user: monkeypatch.setattr(os, "geteuid", lambda: user)


def test_the_repository_of_another_user(
    spec: Path, repository: Path, owners: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for git: refused unless the user's own configuration calls it safe."""
    owners(4321)
    unchanged(spec, repository)
    owners(1234)
    said = refused(spec, repository)
    assert f"the repository {repository} belongs to another user, user id 4321" in said
    assert f"git config --global --add safe.directory {repository}" in said
    for own in ("config", "config.worktree"):
        (repository / ".git" / own).write_text("[safe]\n\tdirectory = *\n")
        refused(spec, repository)
    settings = Path(os.environ["HOME"], ".gitconfig")
    for value, safe in (
        (str(repository), True),
        ("*", True),
        (f"{repository.parent}/*", True),
        ("~/repository", True),
        ("/*", True),
        (f"{repository}/bundles", False),
        (f"{repository.parent}/repo", False),
        ("*\n\tdirectory =", False),
    ):
        settings.write_text(f"[safe]\n\tdirectory = {value}\n")
        if safe:
            unchanged(spec, repository)
        else:
            refused(spec, repository)
    settings.unlink()
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    unchanged(spec, repository)


def test_sudo(
    spec: Path, repository: Path, owners: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    owners(0)
    refused(spec, repository)
    monkeypatch.setenv("SUDO_UID", "4321")
    unchanged(spec, repository)
    owners(1234)
    refused(spec, repository)


def test_without_git(spec: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert "git cannot be run: No such file or directory" in refused(spec, repository)


def test_variables_of_a_hook(
    spec: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q", "other")
    for name in ("GIT_DIR", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE"):
        monkeypatch.setenv(name, str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_NAMESPACE", "x")
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    unchanged(spec, repository)
    assert not (tmp_path / "trace").exists()
