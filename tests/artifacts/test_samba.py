"""`/etc/samba/smb.conf`: the share for the data server, and the file read as Samba 4.17 reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.actions import Action, Put, Run
from omconf.artifacts.effect import Change
from omconf.artifacts.samba import KIND
from omconf.cluster.model import Cluster
from omconf.formats.block import Block, find, merge, outside
from omconf.origin import FromPage
from omconf.rules import BEHIND
from tests import first
from tests.artifacts.shared_folder import cluster, node

RELOAD = "smbcontrol smbd reload-config"


def rendered(of: Cluster, number: int = 1) -> str:
    return "".join(artifact.text for artifact in KIND.render(of, node(number)))


def items(text: str) -> dict[str, str]:
    return KIND.read(text).items


# Rendering


def test_the_data_server_shares_with_every_other_node() -> None:
    assert rendered(cluster(kind="cifs", export="/srv/om data")) == (
        "# BEGIN omconf: conference\n"
        "[om data]\n"
        "    path = /srv/om data\n"
        "    valid users = omstore\n"
        "    guest ok = no\n"
        "    read only = no\n"
        "    browseable = no\n"
        "    hosts allow = 10.2.2.2 10.2.2.3\n"
        "    hosts deny = ALL\n"
        "    force user = nobody\n"
        "    force group = nogroup\n"
        "    create mask = 0640\n"
        "    directory mask = 0750\n"
        "    oplocks = no\n"
        "    level2 oplocks = no\n"
        "# END omconf: conference\n"
    )


def test_each_line_says_where_it_comes_from() -> None:
    (artifact,) = KIND.render(cluster(kind="cifs"), node(1))
    assert (artifact.path, artifact.ownership) == ("/etc/samba/smb.conf", "block")
    assert all(line.origins for line in artifact.lines)
    assert isinstance(artifact.lines[1].origins[0], FromPage)


def test_other_nodes_and_other_kinds_of_storage_share_nothing() -> None:
    assert rendered(cluster(kind="cifs"), 2) == ""
    assert rendered(cluster()) == ""
    assert rendered(cluster(kind="cifs", server=None)) == ""
    assert rendered(cluster(kind="cifs", nodes=1)) == ""
    assert KIND.paths(cluster(), node(2)) == ("/etc/samba/smb.conf",)


def test_an_outside_server_gets_the_share_for_all_nodes_as_external_files() -> None:
    (file,) = KIND.external_files(cluster(kind="cifs", server=None))
    assert file.path == "storage/smb.conf"
    assert "    hosts allow = 10.2.2.1 10.2.2.2 10.2.2.3\n" in file.text
    assert "oplocks" not in file.text, "no OpenMeetings runs there beside smbd"
    assert KIND.external_files(cluster(kind="cifs")) == []
    assert KIND.external_files(cluster(server=None)) == []


def test_what_a_change_needs() -> None:
    of = cluster(kind="cifs")
    clients = {"[om data]/hosts allow": Change("update", "10.2.2.2", "10.2.2.2 10.2.2.3")}
    effect = KIND.effect(of, clients, "update")
    assert first.lines(effect.run) == (RELOAD, "testparm -s")
    assert (effect.scope, effect.rolling, effect.stopped) == ("node", True, False)
    assert effect.clients is None, "a client's mount stays"
    folder = {"[om data]/path": Change("update", "/a", "/b")}
    effect = KIND.effect(of, folder, "update")
    assert first.lines(effect.run)[1:] == (RELOAD, "smbcontrol smbd close-share 'om data'")
    assert (effect.scope, effect.rolling, effect.moves) == ("cluster", False, True)
    assert effect.clients is not None
    assert first.lines(effect.clients.release) == ("umount /opt/omdata",)
    assert first.lines(effect.clients.run) == ("mount /opt/omdata", "findmnt /opt/omdata")
    new = {"[om data]/path": Change("create", None, "/b")}
    assert KIND.effect(of, new, "create").rolling
    assert first.lines(KIND.effect(cluster(), {}, "delete").run) == (RELOAD,)


def test_the_steps_never_have_the_password_in_arguments() -> None:
    of = cluster(kind="cifs", export="/srv/om data")
    account = "`smbpasswd -s -a omstore` reads it from two lines of its input"
    guest = "`smbpasswd -a -n nobody` and `smbpasswd -d nobody`"
    assert first.nodes(of, first.asks("admin", account, guest)) == ("om1",)
    made = first.runs("sh", "-c")
    share = first.step(of, first.writes("/etc/samba/smb.conf"))
    assert share is not None
    assert share.nodes == ("om1",)
    (folder,) = (action for action in share.actions if made(action))
    assert isinstance(folder, Run)
    assert folder.argv[-3:] == ("/srv/om data", "nobody", "nogroup")
    assert share.actions[-1] == Run(("testparm", "-s")), "what it read is checked"
    told = [argv for step in first.steps(of) for argv in arguments(step.actions + step.undo)]
    assert told
    assert not [word for argv in told for word in argv if "@omconf" in word or "OM_STORAGE" in word]


def arguments(actions: tuple[Action, ...]) -> list[tuple[str, ...]]:
    return [action.argv for action in actions if isinstance(action, Run)]


def test_whoever_runs_an_outside_server_adds_the_share_and_the_account() -> None:
    manual = KIND.external(cluster(kind="cifs", server=None))
    assert manual is not None
    assert (manual.who, manual.files) == ("storage", ("storage/smb.conf",))
    for part in ("nas.example.org", "`smbpasswd -s -a omstore`", "/etc/samba/smb.conf"):
        assert part in manual.text
    for of in (cluster(), cluster(kind="cifs"), cluster(kind="cifs", nodes=1)):
        assert KIND.external(of) is None


def test_the_way_back() -> None:
    step = first.step(cluster(kind="cifs"), first.writes("/etc/samba/smb.conf"))
    assert step is not None
    assert step.undo == (Put(("/etc/samba/smb.conf",)), Run(tuple(RELOAD.split())))
    account = first.step(cluster(kind="cifs"), first.asks("admin", "Add the account"))
    assert account is not None
    (back,) = account.undo
    assert first.asks("admin", "`smbpasswd -x omstore`", "Unless it was there before")(back)
    for of in (cluster(), cluster(kind="cifs", nodes=1)):
        assert first.step(of, first.writes("/etc/samba/smb.conf")) is None


# Reading


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", {}),
        ("# [a]\n ; [a]\n\n \t\n", {}),
        ("workgroup = X\n", {"[global]/workgroup": "X"}),
        ("[Data]\npath=/x\n", {"[data]": "section", "[data]/path": "/x"}),
        ("[a] # x\n", {"[a]": "section"}),
        ("[ A  b ]\n", {"[ a b ]": "section"}),
        ("[a]\r\npath = /x \r\n", {"[a]": "section", "[a]/path": "/x"}),
        ("Dead  Time=1\n", {"[global]/dead time": "1"}),
        ("READONLY = 0\n", {"[global]/read only": "no"}),
        ("writeable = Yes\n", {"[global]/read only": "no"}),
        ("write ok = maybe\n", {"[global]/read only": "maybe"}),
        ("public = true\n", {"[global]/guest ok": "yes"}),
        ("directory = /x\n", {"[global]/path": "/x"}),
        ('path = "/a b"\n', {"[global]/path": "/a b"}),
        ("path = /a  b\n", {"[global]/path": "/a b"}),
        ("path = /a//b/\n", {"[global]/path": "/a/b"}),
        ("path = /\n", {"[global]/path": "/"}),
        ('valid users = "omsmb", om\n', {"[global]/valid users": "om omsmb"}),
        ("hosts deny = all\n", {"[global]/hosts deny": "ALL"}),
        ("hosts allow = all except b a\n", {"[global]/hosts allow": "ALL EXCEPT b a"}),
        ("path = /a # b ; c\n", {"[global]/path": "/a # b ; c"}),
        ("createmode = 640\n", {"[global]/create mask": "0640"}),
        ("hosts allow = b,a\tb\n", {"[global]/hosts allow": "a b"}),
        ("allow hosts = 10. EXCEPT 10.1\n", {"[global]/hosts allow": "10. EXCEPT 10.1"}),
        ("path = /a\\\n  # b\n", {"[global]/path": "/a # b"}),
        ("path = /a \\ \t\r\nb\n", {"[global]/path": "/a b"}),
        ("# c \\\npath = /a\n", {"[global]/path": "/a"}),
        ("path = /a\\", {"[global]/path": "/a\\"}),
        ("no equals\n", {}),
        ("a = 1\n[x]\na = 1\n[global]\na = 2\n", {"[global]/a": "2", "[x]/a": "1"}),
        ("[x]\na = 1\n[X]\na = 2\n", {"[x]/a": "2"}),
    ],
)
def test_a_file_is_read_as_samba_reads_it(text: str, read: dict[str, str]) -> None:
    assert {k: v for k, v in items(text).items() if k in read or "/" in k} == read
    assert KIND.read(text).findings == []


@pytest.mark.parametrize("bad", ["[b\n", " = x\n"])
def test_what_samba_refuses_is_a_finding_with_its_line(bad: str) -> None:
    reading = KIND.read(f"[a]\n{bad}path = /x\n")
    assert [(f.rule.id, f.line) for f in reading.findings] == [("OM301", 2)]
    assert reading.items["[a]/path"] == "/x"


def test_the_same_meaning_reads_the_same() -> None:
    by_hand = (
        "[OM Data]\n directory = /opt/omdata\n ValidUsers = omstore\n public = no\n writable = yes\n"
        "browsable = false\n allow hosts = 10.2.2.3, 10.2.2.2\n deny hosts = ALL\n"
        "force user = nobody\n group = nogroup\n create mode = 640\n directory mode = 750\n"
        "oplocks = 0\nlevel2oplocks = No\n"
    )
    assert items(by_hand) == items(rendered(cluster(kind="cifs")))


# Adopting entries

HAND_MADE = """\
[global]
   workgroup = HOME

# The old share
[Om Data]
   # who may
   hosts allow = ALL \\
      10.9.9.9
   comment = mine

# Printers
[printers]
   path = /var/tmp
"""


def test_a_share_is_taken_over_with_all_that_stands_in_it() -> None:
    entries, _ = KIND.entries(HAND_MADE)
    taken = [entry for entry in entries if entry.key == "[om data]"]
    taken += KIND.mistakes(entries, taken)
    assert [(e.key, e.line, e.last_line) for e in taken] == [
        ("[om data]", 5, 5),
        ("[om data]/hosts allow", 7, 8),
        ("[om data]/comment", 9, 9),
    ]
    assert merge(HAND_MADE, "conference", None, taken) == (
        "[global]\n   workgroup = HOME\n\n# The old share\n"
        "\n# Printers\n[printers]\n   path = /var/tmp\n"
    )


def test_what_stands_behind_the_block_without_a_section_is_found() -> None:
    behind = "\n\n# mine\nguest ok = yes\n[x]\npath = /x\n"
    (finding,) = KIND.behind(behind)
    assert (finding.rule, finding.line) == (BEHIND, 4)
    assert "`guest ok`" in finding.message
    assert KIND.behind("\n[global]\nx = 1\n") == []


# Properties

paths = st.from_regex(r"/[a-z]([ -]?[a-zü#;=\[\]]){0,8}", fullmatch=True)
shares = st.from_regex(r"\w([ .$-]?\w){0,6}", fullmatch=True)


@given(paths, shares, st.integers(2, 5))
def test_what_is_rendered_is_read_back(path: str, share: str, nodes: int) -> None:
    of = cluster(kind="cifs", nodes=nodes, export=path, share=share)
    reading = KIND.read(rendered(of))
    assert reading.findings == []
    key = f"[{share.lower()}]"
    assert reading.items[f"{key}/path"] == path
    assert reading.items[f"{key}/hosts allow"] == " ".join(
        f"10.2.2.{number}" for number in range(2, nodes + 1)
    )
    assert all(item.startswith(key) for item in reading.items)


pieces = st.sampled_from(
    [
        *("[a]", "[B", "]", "path", "=", "/x", "hosts allow", "read only = no", "yes", "\\"),
        *("\n", "\n", "\n", "\r\n", "#", ";", " ", "\t", "\f", "\udcff", "ü"),
        "\n# BEGIN omconf: b\n",
    ]
)
files = st.lists(pieces, max_size=30).map("".join)


@given(st.one_of(files, st.text(max_size=80)))
def test_reading_never_fails_and_places_are_inside_the_text(text: str) -> None:
    entries, findings = KIND.entries(text)
    lines = text.count("\n") + 1
    for entry in entries:
        assert 1 <= entry.line <= entry.last_line <= lines
        assert entry.whole[0] <= entry.span[0] < entry.span[1] <= entry.whole[1] <= len(text)
    assert all(1 <= finding.line <= lines for finding in findings)
    KIND.behind(text)


# A backslash at the file's end would continue its last line with the block's first.
@given(files.filter(lambda text: not text.rstrip().endswith("\\")), st.sampled_from(["[a]", "[b]"]))
def test_a_share_taken_over_leaves_the_others_as_they_were(text: str, share: str) -> None:
    entries, _ = KIND.entries(text)
    taken = [entry for entry in entries if entry.key == share]
    taken += KIND.mistakes(entries, taken)
    merged = merge(outside(text, None), "conference", "[ours]\n", taken)
    block = find(merged, "conference")
    assert isinstance(block, Block)
    left, _ = KIND.entries(outside(merged, block))
    kept = [entry for entry in entries if entry not in taken]
    assert [(e.key, e.value) for e in left] == [(e.key, e.value) for e in kept]
