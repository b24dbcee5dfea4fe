"""The credentials file: rendered for the nodes that mount, and read as mount.cifs reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.actions import Manual, Put, Run
from omconf.artifacts.cifs_credentials import KIND, MAX_PASSWORD, encode
from omconf.artifacts.contents import Artifact
from omconf.secrets import Secret
from tests import first
from tests.artifacts.shared_folder import cluster, node


def rendered(number: int = 2) -> Artifact:
    (artifact,) = KIND.render(cluster(kind="cifs"), node(number))
    return artifact


def test_every_node_that_mounts_has_the_account_for_root_alone() -> None:
    artifact = rendered()
    assert artifact.path == "/etc/omconf/conference/storage.credentials"
    assert (artifact.mode, artifact.owner, artifact.group) == (0o600, "root", "root")
    assert artifact.sensitive
    assert artifact.text == (
        "# omconf: conference. Compiled from the cluster spec: change the spec, not this file.\n"
        "username=omstore\n"
        "password=@omconf:storage.password@\n"
    )
    assert all(line.origins for line in artifact.lines)


def test_the_data_server_and_other_kinds_of_storage_have_none() -> None:
    assert KIND.render(cluster(kind="cifs"), node(1)) == []
    assert KIND.render(cluster(kind="cifs", server=None), node(1)) != []
    assert KIND.render(cluster(), node(2)) == []
    assert KIND.paths(cluster(), node(2)) == ("/etc/omconf/conference/storage.credentials",)


@pytest.mark.parametrize(
    ("text", "items", "password"),
    [
        ("", {}, None),
        ("# user=x\nusername\n=x\n", {}, None),
        ("username=om\npassword=a=b,c \n", {"username": "om"}, "a=b,c "),
        (" \tUser= om\nPASSWD=x\r\n", {"username": " om"}, "x\r"),
        ("user=a\nusername=b\npass=1\npassword=2\n", {"username": "b"}, "2"),
        ("dom=WORK\n", {"domain": "WORK"}, None),
    ],
)
def test_a_file_is_read_as_mount_cifs_reads_it(
    text: str, items: dict[str, str], password: str | None
) -> None:
    reading = KIND.read(text)
    assert reading.items == items
    assert not reading.findings
    secrets = {key: secret.reveal() for key, secret in reading.secrets.items()}
    assert secrets == ({} if password is None else {"password": password})


@pytest.mark.parametrize(
    "bad", ["a\nb", "a\0b", "x" * (MAX_PASSWORD + 1), "," * (MAX_PASSWORD // 2 + 1)]
)
def test_a_password_that_mount_cifs_cannot_read_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"mount\.cifs") as refused:
        encode(bad)
    assert bad not in str(refused.value)


@given(st.text(min_size=1))
def test_a_password_is_carried_or_refused(password: str) -> None:
    try:
        text = rendered().filled({"storage.password": Secret(password)})
    except ValueError:
        return
    assert KIND.read(text).secrets["password"] == Secret(password)


def test_another_account_needs_a_new_mount_and_a_new_file_only_the_first() -> None:
    of = cluster(kind="cifs", data_dir="/opt/om data")
    effect = KIND.effect(of, {}, "update")
    run = ("umount '/opt/om data'", "mount '/opt/om data'", "findmnt '/opt/om data'")
    assert first.lines((*effect.release, *effect.run)) == run
    assert (effect.stopped, effect.rolling) == (True, True)
    assert KIND.effect(of, {}, "create").run == ()
    assert KIND.effect(cluster(), {}, "delete").run == ()


def test_cifs_utils_are_there_before_the_mount_and_the_file_goes_on_the_way_back() -> None:
    path = "/etc/omconf/conference/storage.credentials"
    tool = first.asks("admin", "Install cifs-utils")
    for server, nodes in (("om1", ("om2", "om3")), (None, ("om1", "om2", "om3"))):
        of = cluster(kind="cifs", server=server)
        assert first.nodes(of, tool) == first.nodes(of, first.writes(path)) == nodes
        places = first.order(of, tool, first.writes(path), first.runs("mount"))
        assert places == sorted(places)
        step = first.step(of, first.writes(path))
        assert step is not None
        assert step.undo == (Put((path,)),)
    (manual,) = (action for step in first.steps(of) for action in step.actions if tool(action))
    assert isinstance(manual, Manual)
    assert manual.check == Run(("mount.cifs", "-V"))
    for of in (cluster(), cluster(kind="cifs", nodes=1)):
        assert first.step(of, tool) is None
        assert first.step(of, first.writes(path)) is None


@pytest.mark.parametrize(
    ("key", "before", "after", "same"),
    [
        ("domain", "corp", "CORP", True),
        ("domain", "corp", "CORP2", False),
        ("username", "om@corp.example.org", "om@CORP.example.org", True),
        ("username", "om@corp.example.org", "OM@corp.example.org", False),
        ("username", "om", "Om", False),  # a Samba of Linux may know both
    ],
)
def test_a_domain_has_no_case(key: str, before: str, after: str, same: bool) -> None:
    assert KIND.same(key, before, after) is same
