"""The commands as a user types them: exit codes, streams, files."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from shlex import quote
from typing import Any

import jsonschema
import pytest
import yaml

from omconf import __version__
from omconf.rules import all_rules
from omconf.spec.parse import MAX_BYTES
from tests.command import EXAMPLES, ROOT, omconf, tree

SPEC = EXAMPLES / "clustering-page" / "cluster.yaml"
ENV = {"OM_DB_PASSWORD": "b'a<d>&\"pass,word"}


def test_version_and_help() -> None:
    assert omconf("--version").out == f"omconf {__version__}\n"
    assert omconf("--help").code == 0
    assert omconf("plan", "-h").code == 0


@pytest.mark.parametrize(
    "wrong", [[], ["bogus"], ["build"], ["plan", "--bogus"], ["validate", "a", "b"]]
)
def test_a_wrong_command_line_is_one(wrong: list[str]) -> None:
    result = omconf(*wrong)
    assert (result.code, result.out) == (1, "")
    assert result.err


def test_init_writes_a_valid_spec_and_never_overwrites(tmp_path: Path) -> None:
    assert omconf("init", cwd=tmp_path).code == 0
    checked = json.loads(omconf("validate", "--format", "json", cwd=tmp_path).out)
    assert checked["valid"] is True
    before = (tmp_path / "cluster.yaml").read_text()
    again = omconf("init", cwd=tmp_path)
    assert again.code == 1
    assert "OM111" in again.err
    assert (tmp_path / "cluster.yaml").read_text() == before
    assert omconf("init", "other.yaml", cwd=tmp_path).code == 0


def test_init_writes_the_schema_that_its_first_line_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    told = omconf("init", "a/cluster.yaml", cwd=tmp_path).out
    assert told.startswith("Wrote a/cluster.yaml and a/cluster.schema.json. ")
    first = (tmp_path / "a/cluster.yaml").read_text().partition("\n")[0]
    mark, _, schema = first.partition("=")
    assert mark == "# yaml-language-server: $schema"
    assert (tmp_path / "a" / schema).read_text() == omconf("schema").out
    (tmp_path / "a" / schema).write_text("{}")
    told = omconf("init", "a/other.yaml", cwd=tmp_path).out
    assert told.startswith("Wrote a/other.yaml. ")
    assert (tmp_path / "a" / schema).read_text() == "{}"


@pytest.mark.parametrize("there", ["folder", "link"])
def test_init_beside_what_is_no_schema(tmp_path: Path, there: str) -> None:
    schema = tmp_path / "cluster.schema.json"
    schema.mkdir() if there == "folder" else schema.symlink_to("nowhere")
    done = omconf("init", cwd=tmp_path)
    assert (done.code, done.rules) == (1, ["OM111"])
    assert list(tmp_path.iterdir()) == [schema]


def test_init_takes_its_schema_back_where_the_spec_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes, write: Any = os.write) -> int:
        if bytes(data[:6]) == b"# yaml":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return int(write(fd, data))

    monkeypatch.setattr(os, "write", full)
    assert omconf("init", cwd=tmp_path).rules == ["OM111"]
    assert list(tmp_path.iterdir()) == []


def test_init_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = omconf("init", "no t/c.yaml", cwd=tmp_path)
    assert (done.code, done.rules) == (1, ["OM111"])
    assert "mkdir -p 'no t'" in done.err


def test_init_never_calls_a_spec_as_its_schema(tmp_path: Path) -> None:
    assert omconf("init", "cluster.schema.json", cwd=tmp_path).rules == ["OM111"]
    assert list(tmp_path.iterdir()) == []


def test_what_begins_with_a_dash_is_no_option_of_the_command_that_is_advised(
    tmp_path: Path,
) -> None:
    told = omconf("init", "--", "-x.yaml", cwd=tmp_path).out
    assert told.endswith("run: omconf validate ./-x.yaml\n")
    assert "mkdir -p ./-x\n" in omconf("init", "--", "-x/y.yaml", cwd=tmp_path).err
    checked = omconf("build", "--check", "-o", "-b", "--", "-x.yaml", cwd=tmp_path)
    assert checked.err.endswith("Run: omconf build ./-x.yaml -o ./-b\n")
    (tmp_path / "tree").mkdir()
    words = ("--local", "om1", "--root", "tree", "--yes", "--", "-x.yaml")
    assert "omconf undo ./-x.yaml " in omconf("apply", *words, cwd=tmp_path, env=ENV).out


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("build {spec} -o x", "the system reports an error: the current folder is gone: "),
        ("plan {spec} --local om1 --root .", "the system reports an error: the current folder is"),
        ("init", "hint: Change to another folder."),
    ],
)
def test_a_current_folder_that_was_removed(tmp_path: Path, line: str, says: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    words = [sys.executable, "-m", "omconf", *line.format(spec=SPEC).split()]
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *words],
        cwd=gone,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr


@pytest.mark.parametrize("folder", [".", "..", "/"])
def test_init_of_a_folder(tmp_path: Path, folder: str) -> None:
    assert omconf("init", folder, cwd=tmp_path).findings == [("OM111", "")]
    assert list(tmp_path.iterdir()) == []


def test_init_prints_no_line_for_editors(tmp_path: Path) -> None:
    assert "$schema" not in omconf("init", "-", cwd=tmp_path).out
    assert not list(tmp_path.iterdir())


def test_init_on_a_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    done = omconf("init", cwd=tmp_path)
    assert (done.code, done.rules) == (1, ["OM111"])
    assert os.strerror(errno.ENOSPC) in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_spec(tmp_path: Path) -> None:
    for command in (["validate"], ["build", "-o", "b"], ["plan", "--deployed", "."]):
        result = omconf(*command, cwd=tmp_path)
        assert (result.code, result.rules) == (1, ["OM100"])
    assert list(tmp_path.iterdir()) == []


def test_a_spec_that_is_too_large_needs_no_other_to_start_from(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    (found,) = json.loads(omconf("validate", "--format", "json", cwd=tmp_path).out)["diagnostics"]
    assert (found["rule"], found.get("hint")) == ("OM107", None)


def test_nothing_is_written_when_the_spec_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(SPEC.read_text().replace("10.1.1.2", "10.1.1.1"))
    result = omconf("build", "-o", "bundles", cwd=tmp_path)
    assert result.code == 1
    assert "error[OM201]" in result.err
    assert not (tmp_path / "bundles").exists()


def test_check_shows_a_diff_and_exits_2(tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    assert omconf("build", SPEC, "-o", bundles, "--check").code == 2
    assert not bundles.exists()
    assert omconf("build", SPEC, "-o", bundles).code == 0
    assert omconf("build", SPEC, "-o", bundles, "--check").code == 0
    exports = bundles / "om1/blocks/etc/exports"
    exports.write_text(exports.read_text().replace("sync", "async"))
    checked = omconf("build", SPEC, "-o", bundles, "--check")
    assert checked.code == 2
    assert "-/opt/omdata 10.1.1.2(rw,async,no_subtree_check,root_squash)" in checked.out
    assert "+/opt/omdata 10.1.1.2(rw,sync,no_subtree_check,root_squash)" in checked.out
    assert checked.err.splitlines()[-2:] == [
        f"{bundles} does not match the spec: 1 file differs.",
        f"  hint: Run: omconf build {SPEC} -o {bundles}",
    ]
    assert "0 new, 1 changed, 0 removed, " in omconf("build", SPEC, "-o", bundles).out


def test_a_node_that_left_goes_and_foreign_files_stop_the_build(tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    three = (
        SPEC.read_text()
        + '  om3: {address: 10.1.1.3, url: "https://om3.example.org/openmeetings"}\n'
    )
    (tmp_path / "three.yaml").write_text(three)
    assert omconf("build", tmp_path / "three.yaml", "-o", bundles).code == 0
    (bundles / "om3/notes.txt").write_text("mine")
    refused = omconf("build", SPEC, "-o", bundles)
    assert refused.code == 1
    assert "OM401" in refused.err
    assert "notes.txt" in refused.err
    assert (bundles / "om3/manifest.json").exists()
    (bundles / "om3/notes.txt").unlink()
    assert omconf("build", SPEC, "-o", bundles).code == 0
    assert not (bundles / "om3").exists()


def test_revealed_secrets(tmp_path: Path) -> None:
    os.umask(0o022)
    staged = tmp_path / "staged"
    assert omconf("build", SPEC, "-o", staged, "--reveal-secrets").code == 1
    assert not staged.exists()
    assert omconf("build", SPEC, "-o", staged, "--reveal-secrets", env=ENV).code == 0
    assert staged.stat().st_mode & 0o777 == 0o700
    path = staged / "om1/files/opt/om/webapps/openmeetings/WEB-INF/classes/META-INF/persistence.xml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (staged / "om1/files/etc").stat().st_mode & 0o777 == 0o755
    assert "Password=&quot;b'a&lt;d&gt;&amp;&quot;pass,word&quot;" in path.read_text()
    statements = staged / "database/postgresql.sql"
    assert statements.stat().st_mode & 0o777 == 0o600
    assert "PASSWORD 'b''a<d>&\"pass,word';" in statements.read_text()
    assert (staged / "database/pg_hba.conf").stat().st_mode & 0o777 == 0o644


def test_check_never_shows_what_was_filled_in(tmp_path: Path) -> None:
    assert omconf("build", SPEC, "-o", tmp_path / "b").code == 0
    statements = tmp_path / "b/database/postgresql.sql"
    before = statements.read_text()
    statements.write_text(before.replace("@omconf:database.password@", "'hunter2'"))
    checked = omconf("build", SPEC, "-o", tmp_path / "b", "--check")
    assert checked.code == 2
    assert checked.out == "database/postgresql.sql: different (it holds secrets)\n"


def test_a_secret_that_cannot_be_carried_is_refused_unseen(tmp_path: Path) -> None:
    env = {"OM_DB_PASSWORD": " hunter2"}
    result = omconf("build", SPEC, "-o", tmp_path / "staged", "--reveal-secrets", env=env)
    assert result.code == 1
    assert "OM212" in result.err
    assert "hunter2" not in result.err
    assert not (tmp_path / "staged").exists()


def test_revealing_inside_a_git_work_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "outside").symlink_to(tmp_path / "repo")
    for place in ("repo/staged", "outside/deep/staged", "x/../repo/staged"):
        result = omconf("build", SPEC, "-o", tmp_path / place, "--reveal-secrets", env=ENV)
        assert result.code == 1
        assert "OM406" in result.err
    assert [p.name for p in (tmp_path / "repo").iterdir()] == [".git"]


def test_the_same_bytes_everywhere(tmp_path: Path) -> None:
    """Another hash seed, time zone, locale, working directory, umask and order of keys."""
    shuffled = yaml.safe_load((EXAMPLES / "twenty-nodes/cluster.yaml").read_text())
    shuffled = {k: shuffled[k] for k in sorted(shuffled, reverse=True)}
    shuffled["nodes"] = dict(reversed(shuffled["nodes"].items()))
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(shuffled, sort_keys=False))
    for number, env in enumerate(
        (
            {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
            {"PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONUTF8": "0"},
        )
    ):
        command = [sys.executable, "-m", "omconf", "build", "-o", str(tmp_path / f"b{number}")]
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **env}, umask=[0o022, 0o077][number]
        )
        assert done.returncode == 0
        assert tree(tmp_path / f"b{number}") == tree(EXAMPLES / "twenty-nodes/bundles")


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""The environment of a locale without UTF-8, which Python would leave for it otherwise."""


@pytest.mark.parametrize("start", [["-m", "omconf"], ["omconf"]], ids=["module", "script"])
def test_the_same_bytes_in_a_locale_without_utf8(tmp_path: Path, start: list[str]) -> None:
    """Names of files are UTF-8 in every bundle, and those that the user types are left as they are."""
    script = "import sys\nfrom omconf.cli import main\nsys.exit(main())\n"
    (tmp_path / "omconf").write_text(script)
    spec = SPEC.read_text().replace('"9.1.0"\n', '"9.1.0"\n  home: /opt/öm\n')
    typed = os.fsencode(tmp_path) + b"/\xf6.yaml"
    Path(os.fsdecode(typed)).write_text(spec)
    for env, out in ((ASCII, "ascii"), ({"LC_ALL": "C.UTF-8"}, "utf8")):
        done = subprocess.run(
            [sys.executable, *start, "build", typed, "-o", out],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **env},
            capture_output=True,
        )
        assert (done.returncode, done.stderr) == (0, b"")
    assert tree(tmp_path / "ascii") == tree(tmp_path / "utf8")


def test_output_of_any_encoding(tmp_path: Path) -> None:
    """A terminal that cannot show a character gets its escape."""
    (tmp_path / "cluster.yaml").write_text(SPEC.read_text().replace("om2:", "ömchen:"))
    env = {**os.environ, **ASCII}
    command = [sys.executable, "-m", "omconf", "validate"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "OM203" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{quote(sys.executable)} -m omconf schema | head -n 1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_schema_is_fresh_and_fits_the_examples() -> None:
    printed = omconf("schema").out
    assert printed == (ROOT / "schemas/cluster.schema.json").read_text()
    assert omconf("schema", "--markdown").out == (ROOT / "docs/spec.md").read_text()
    schema = json.loads(printed)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for spec in EXAMPLES.glob("*/cluster.yaml"):
        data = yaml.safe_load(spec.read_text())
        validator.validate(data)
        data["nodes"]["Wrong_Name"] = data["nodes"].popitem()[1]
        assert not validator.is_valid(data)
        data["database"]["password"] = "plain"
        assert len(list(validator.iter_errors(data))) == 2
    described = [p for p in schema["properties"].values() if "description" in p or "$ref" in p]
    assert len(described) == len(schema["properties"])


def test_rules_and_releases() -> None:
    listed = omconf("rules").out.splitlines()
    assert len(listed) == len(all_rules())
    for rule in ("OM101", "OM109", "OM201", "OM214", "OM225", "OM230", "OM310", "OM316", "OM320"):
        assert any(line.startswith(rule) for line in listed)
    releases = omconf("releases").out.splitlines()
    assert len(releases) == 15
    assert releases[1].startswith("5.0.0")
    assert releases[-1].startswith("9.1.0")


def test_reading_an_unpacked_release(tmp_path: Path) -> None:
    nothing = omconf("releases", "--read", tmp_path)
    assert nothing.code == 1
    assert nothing.err
    classes = tmp_path / "webapps/openmeetings/WEB-INF/classes"
    built = (
        EXAMPLES / "clustering-page/bundles/om1/files/opt/om/webapps/openmeetings/WEB-INF/classes"
    )
    shutil.copytree(built, classes)
    read = omconf("releases", "--read", tmp_path)
    assert "instance-name: known 'server-1', found 'om1'" in read.out


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_machine_readable_findings(form: str, tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(SPEC.read_text().replace("10.1.1.2", "10.1.1.1"))
    result = omconf("validate", "--format", form, cwd=tmp_path)
    assert result.code == 1
    assert result.err == ""
    if form == "github":
        assert re.fullmatch(
            r"::error file=cluster.yaml,line=\d+,col=18,title=OM201::.*\n", result.out
        )
        return
    document = json.loads(result.out)
    if form == "json":
        (found,) = document["diagnostics"]
        assert (found["rule"], found["path"], found["column"]) == ("OM201", "cluster.yaml", 18)
        assert document["summary"] == {"errors": 1, "warnings": 0}
    else:
        (run,) = document["runs"]
        assert run["results"][0]["ruleId"] == "OM201"
        assert run["tool"]["driver"]["rules"][0]["id"] == "OM201"


def test_colour_only_where_it_is_asked_for() -> None:
    from omconf.views.text import Paint
    from omconf.views.visible import visible

    assert Paint(colour=True)("x", "red") == "\x1b[31mx\x1b[0m"
    assert Paint(colour=False)("x", "red") == "x"
    assert visible("a\x1b[31m\nb\u202e") == "a\\x1b[31m\\nb\\u202e"
    assert "\x1b" not in omconf("validate", SPEC).out
