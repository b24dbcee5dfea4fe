"""What a node tells beside its stream: which of its paths are one file."""

from __future__ import annotations

import json

import pytest

from omconf.deployed import answer
from omconf.deployed.budget import Account, Budget
from omconf.deployed.snapshot import DeployedFile, Request
from tests.deployed.streams import member, packed

OLD, NEW = "/srv/om/bin/setenv.sh", "/opt/om/bin/setenv.sh"
LISTING = json.dumps(
    {"format_version": "1.0", "files": [{"path": OLD, "kind": "jvm", "ownership": "block"}]}
).encode()
MANIFEST = "/etc/omconf/c/manifest.json"


def read(*told: tuple[str, int, str]) -> dict[str, DeployedFile]:
    """The files of a node that sent both paths and told this of them: path, inode, folder."""
    request = Request((NEW,), "c", "om1")
    sent = ((MANIFEST, LISTING), (NEW, b"x"), (OLD, b"x"))
    stream = packed([member(path[1:], data) for path, data in sent])
    said = "".join(f"omconf-read\tfile\t{p[1:]}\t{i}\t{folder}\n" for p, i, folder in told)
    return dict(answer.read(request, stream, said, Account(Budget()), {}).files)


def test_links_of_folders_and_hard_links_are_told() -> None:
    found = read((MANIFEST, 1, "/etc/omconf/c"), (NEW, 2, "/srv/om/bin"), (OLD, 2, "/srv/om/bin"))
    assert (found[NEW].real, found[NEW].inode) == (OLD, (0, 2))
    assert (found[OLD].real, found[OLD].inode) == (None, (0, 2))


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_former_file_counts_only_when_every_file_is_identified(missing: int) -> None:
    told = [(MANIFEST, 1, "/etc/omconf/c"), (NEW, 2, "/opt/om/bin"), (OLD, 3, "/srv/om/bin")]
    del told[missing]
    found = read(*told)
    assert found[OLD].problem is not None
    assert found[NEW].data == b"x"


def test_what_is_told_in_another_way_means_nothing() -> None:
    assert read((MANIFEST, 1, "/a\tb"), (NEW, -2, "/opt/om/bin"))[NEW].inode is None


def test_what_is_no_directory_on_the_way_to_a_file() -> None:
    stream = packed([member(MANIFEST[1:], LISTING)])
    said = f"omconf-read\tabove\t{NEW[1:]}\topt/om\n"
    files = answer.read(Request((NEW,), "c", "om1"), stream, said, Account(Budget()), {}).files
    problem = files[NEW].problem
    assert problem is not None
    assert (problem.rule.id, problem.message) == ("OM316", "`/opt/om` is not a directory.")
