"""/etc/exports, read by the real exportfs in a mount namespace; its etab says what it exports."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from omconf.actions import Action, Put
from omconf.actions import Run as Command
from omconf.artifacts import exports
from omconf.formats import block
from tests import first
from tests.clusters import simple
from tests.needs import needs

pytestmark = needs("exportfs")
Run = Callable[[str, dict[str, Path]], subprocess.CompletedProcess[str]]
FOREIGN = (
    "# mine\n\n/srv\t127.0.0.9(ro,sync,no_subtree_check) \\\n"
    "\t127.0.0.8(ro,sync,no_subtree_check)\n"
)


def _etab(mounted: Run, text: str, tmp_path: Path) -> tuple[int, str, dict[str, set[str]]]:
    """What exportfs says of a file, and what it exports: options by `path client`."""
    (tmp_path / "exports").write_bytes(text.encode("utf-8", "surrogateescape"))
    (tmp_path / "nfs").mkdir(exist_ok=True)
    for name in ("etab", "rmtab", "xtab"):
        (tmp_path / "nfs" / name).write_text("")
    (tmp_path / "folder").mkdir(exist_ok=True)
    binds = {"/etc/exports": tmp_path / "exports", "/var/lib/nfs": tmp_path / "nfs"}
    # The exported folders must exist: they are made in a file system of the test's own.
    script = (
        f"mount -t tmpfs none /srv; mount -t tmpfs none /opt; mkdir -p /opt/omdata '/opt/om data'\n"
        f"set +e; exportfs -ra; code=$?; cat {tmp_path}/nfs/etab; exit $code\n"
    )
    done = mounted(script, binds)
    found = {}
    for line in done.stdout.splitlines():
        path, _, rest = line.partition("\t")
        client, _, options = rest.partition("(")
        found[f"{path} {client}"] = set(options.rstrip(")").split(","))
    return done.returncode, done.stderr, found


def test_a_client_in_two_files_fails(mounted: Run, tmp_path: Path) -> None:
    """Why OM311 covers /etc/exports.d, too: exportfs reads it after /etc/exports."""
    (tmp_path / "nfs").mkdir()
    script = (
        "mount -t tmpfs none /mnt; mkdir /mnt/upper /mnt/work\n"
        "mount -t overlay none -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc\n"
        "mount -t tmpfs none /opt; mkdir /opt/omdata /etc/exports.d\n"
        "touch /var/lib/nfs/etab /var/lib/nfs/rmtab\n"
        "echo '/opt/omdata 10.1.1.2(rw,sync,no_subtree_check)' >/etc/exports\n"
        "echo '/opt/omdata 10.1.1.2(ro,sync,no_subtree_check)' >/etc/exports.d/om.exports\n"
        "set +e; exportfs -ra; echo $?; cat /var/lib/nfs/etab\n"
    )
    done = mounted(script, {"/var/lib/nfs": tmp_path / "nfs"})
    assert "duplicated export entries" in done.stderr
    assert done.stdout.startswith("1\n/opt/omdata\t10.1.1.2(rw,")


def _exports(nodes: int = 4, **storage: object) -> str:
    data_dir = storage.pop("data_dir", "/opt/omdata")
    cluster = simple(nodes, openmeetings={"data_dir": data_dir}, storage=storage)
    return "".join(a.text for a in exports.KIND.render(cluster, cluster.nodes[0]))


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/opt/omdata", ["rw", "sync", "no_subtree_check", "root_squash"]),
        (
            "/opt/omdata",
            ["ro", "async", "no_subtree_check", "all_squash", "anonuid=65534", "anongid=65534"],
        ),
        ("/opt/om data", ["rw", "sync", "no_subtree_check", "no_root_squash"]),
    ],
)
def test_the_table_holds_exactly_the_specs_clients_and_options(
    mounted: Run, tmp_path: Path, path: str, options: list[str]
) -> None:
    code, said, found = _etab(mounted, _exports(data_dir=path, export_options=options), tmp_path)
    assert (code, said) == (0, "")
    shown = path.replace(" ", "\\040")
    assert set(found) == {f"{shown} 10.1.1.{number}" for number in (2, 3, 4)}
    for effective in found.values():
        assert set(options) <= effective


def test_the_block_lives_beside_foreign_lines(mounted: Run, tmp_path: Path) -> None:
    text = block.merge(FOREIGN, "conference", _exports())
    assert text.startswith(FOREIGN)
    code, said, found = _etab(mounted, text, tmp_path)
    assert (code, said) == (0, "")
    assert {key for key in found if key.startswith("/srv")} == {"/srv 127.0.0.8", "/srv 127.0.0.9"}
    assert len(found) == 5


def test_a_space_before_the_bracket_reaches_the_world(mounted: Run, tmp_path: Path) -> None:
    text = "/opt/omdata 10.1.1.2 (rw,sync,no_subtree_check)\n"
    code, _, found = _etab(mounted, text, tmp_path)
    assert code == 0
    assert "rw" in found["/opt/omdata *"]
    entries, findings = exports.KIND.entries(text)
    assert [f.rule.id for f in findings] == ["OM310"]
    assert {e.key for e in entries} == {"/opt/omdata 10.1.1.2", "/opt/omdata *"}


REFUSED = [
    "/opt/omdata 10.1.1.2(rw\n",
    "/opt/omdata 10.1.1.2(rw,snyc)\n",
    "/opt/omdata 10.1.1.0/99(rw,sync,no_subtree_check)\n",
    "/opt/omdata 10.1.1.2(rw,sync,no_subtree_check,anonuid=x)\n",
    "/opt/omdata 10.1.1.2(rw,sync,no_subtree_check) 10.1.1.2(ro,sync,no_subtree_check)\n",
    f"/opt/omdata -{'rw,' * 170}sync,no_subtree_check 10.1.1.2\n",
]


def test_defaults_that_change_along_a_line(mounted: Run, tmp_path: Path) -> None:
    parts = (
        f"-{'rw' if i % 3 else 'ro'},all_squash 10.1.1.{i} 10.1.2.{i}(ro)" for i in range(1, 200)
    )
    first = f"/opt/omdata -sync,no_subtree_check,{'rw,' * 150}rw 10.1.3.1"
    text = f"{first} {' '.join(parts)}\n"
    code, _, found = _etab(mounted, text, tmp_path)
    entries, findings = exports.KIND.entries(text)
    assert (code, findings) == (0, [])
    assert found.keys() == {entry.key for entry in entries}
    assert all({*entry.value.split(",")} <= found[entry.key] for entry in entries)


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_exportfs_refuses_our_reader_refuses(mounted: Run, tmp_path: Path, text: str) -> None:
    code, said, _ = _etab(mounted, text, tmp_path)
    assert code != 0
    assert said
    _, findings = exports.KIND.entries(text)
    assert {f.rule.id for f in findings} == {"OM301"}


def test_the_steps_of_the_roll_out_export_the_folder_and_take_it_back(
    mounted: Run, tmp_path: Path
) -> None:
    """The actions' own arguments are run; the files that they write are written beforehand."""
    cluster = simple(3, openmeetings={"data_dir": "/opt/om data"})
    text = FOREIGN + "".join(a.text for a in exports.KIND.render(cluster, cluster.nodes[0]))
    (tmp_path / "exports").write_text(FOREIGN)
    (tmp_path / "with").write_text(text)
    (tmp_path / "without").write_text(FOREIGN)
    (tmp_path / "nfs").mkdir()
    for name in ("etab", "rmtab", "xtab"):
        (tmp_path / "nfs" / name).touch()
    step = first.step(cluster, first.writes("/etc/exports"))
    assert step is not None
    binds = {"/etc/exports": tmp_path / "exports", "/var/lib/nfs": tmp_path / "nfs"}
    script = (
        "mount -t tmpfs none /srv; mount -t tmpfs none /opt; mkdir /opt/omdata\n"
        f"{_script(step.actions, 'with')}\necho ---\n{_script(step.undo, 'without')}\nexportfs -s\n"
        "echo ---; stat -c %U:%G '/opt/om data'\n"
    )
    done = mounted(script, binds)
    assert (done.returncode, done.stderr) == (0, "")
    exported, left, owner = done.stdout.split("---\n")
    assert {"10.1.1.2(", "10.1.1.3("} <= set(re.findall(r"10\.1\.1\.[0-9]+\(", exported))
    assert "10.1.1" not in left
    assert "/srv" in left
    assert owner == "nobody:nogroup\n"


def _script(actions: tuple[Action, ...], exported: str) -> str:
    """Actions as a shell's commands, with what a `put` writes to /etc/exports."""
    lines = []
    for action in actions:
        if isinstance(action, Put):
            assert action.paths == ("/etc/exports",)
            lines.append(f"cat {exported} >/etc/exports")
        else:
            assert isinstance(action, Command)
            lines.append(shlex.join(action.argv))
    return "\n".join(lines)
