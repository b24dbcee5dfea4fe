"""`/etc/exports`: rendered for the data server, and read as exportfs 2.6.2 reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.actions import Put, Run
from omconf.artifacts.exports import KIND
from omconf.cluster.model import Cluster
from omconf.diagnostics import Finding
from omconf.formats.block import Block, find, merge, outside
from omconf.formats.exports import escape
from omconf.formats.nfs_options import settle_export
from omconf.origin import FromPage
from omconf.rules import UNUSABLE_FILE, WORLD_EXPORT
from tests import first
from tests.artifacts.shared_folder import cluster, node


def rendered(of: Cluster, name: str = "om1") -> str:
    (data_server,) = (n for n in of.nodes if n.name.value == name)
    return "".join(artifact.text for artifact in KIND.render(of, data_server))


def items(text: str) -> dict[str, str]:
    return KIND.read(text).items


def in_force(options: str) -> str:
    """What some options come to, with exportfs's defaults (tests/formats/test_nfs_options.py)."""
    return ",".join(settle_export(options.split(",") if options else []))


def faults(text: str) -> list[tuple[str, int]]:
    return [(finding.rule.id, finding.line) for finding in KIND.read(text).findings]


# Rendering


def test_the_data_server_exports_to_every_other_node_one_client_a_line() -> None:
    assert rendered(cluster()) == (
        "# BEGIN omconf: conference\n"
        "/opt/omdata 10.2.2.2(rw,sync,no_subtree_check,root_squash)\n"
        "/opt/omdata 10.2.2.3(rw,sync,no_subtree_check,root_squash)\n"
        "# END omconf: conference\n"
    )


def test_the_block_belongs_to_root() -> None:
    (artifact,) = KIND.render(cluster(), node(1))
    place = (artifact.path, artifact.ownership, artifact.mode, artifact.owner, artifact.group)
    assert place == ("/etc/exports", "block", 0o644, "root", "root")


def test_each_line_says_where_it_comes_from() -> None:
    (artifact,) = KIND.render(cluster(), node(1))
    assert all(line.origins for line in artifact.lines)
    assert isinstance(artifact.lines[1].origins[0], FromPage)


def test_other_nodes_and_other_kinds_of_storage_export_nothing() -> None:
    assert rendered(cluster(), "om2") == ""
    assert rendered(cluster(kind="mounted")) == ""
    assert rendered(cluster(server=None)) == ""
    assert rendered(cluster(nodes=1)) == ""


def test_the_path_is_known_on_every_node() -> None:
    assert KIND.paths(cluster(), node(2)) == ("/etc/exports",)


def test_an_outside_server_gets_its_lines_for_all_nodes_as_external_files() -> None:
    (file,) = KIND.external_files(cluster(server=None, nodes=2, export_options=("rw",)))
    assert file.path == "storage/exports"
    assert file.text == (
        "# BEGIN omconf: conference\n"
        "/opt/omdata 10.2.2.1(rw)\n"
        "/opt/omdata 10.2.2.2(rw)\n"
        "# END omconf: conference\n"
    )
    assert KIND.external_files(cluster()) == []
    assert KIND.external_files(cluster(server=None, kind="mounted")) == []


def test_a_path_is_written_with_octal_codes() -> None:
    assert escape('/data/my files\t#1 "x"') == r"/data/my\040files\011\0431\040\042x\042"


def test_a_change_needs_exportfs_and_no_restart() -> None:
    effect = KIND.effect(cluster(), {}, "update")
    assert (effect.action, effect.scope, effect.rolling) == ("exportfs", "node", True)
    assert first.lines(effect.run) == ("exportfs -ra", "exportfs -s")
    assert first.lines(KIND.effect(cluster(), {}, "delete").run) == ("exportfs -ra",)


def test_the_steps_name_who_runs_exportfs() -> None:
    step = first.step(cluster(export="/srv/om data"), first.writes("/etc/exports"))
    assert step is not None
    assert step.nodes == ("om1",)
    written, folder, again, shown = step.actions
    assert written == Put(("/etc/exports",))
    assert isinstance(folder, Run)
    assert "install -d" in folder.argv[2]
    assert folder.argv[-3:] == ("/srv/om data", "nobody", "nogroup")
    assert (again, shown) == (Run(("exportfs", "-ra")), Run(("exportfs", "-s")))
    for of in (cluster(kind="mounted"), cluster(nodes=1), cluster(server=None)):
        assert first.step(of, first.writes("/etc/exports")) is None


def test_whoever_runs_an_outside_server_exports_the_folder() -> None:
    manual = KIND.external(cluster(server=None))
    assert manual is not None
    assert (manual.who, manual.files) == ("storage", ("storage/exports",))
    for part in ("nas.example.org", "/opt/omdata", "nobody:nogroup", "`exportfs -ra`"):
        assert part in manual.text
    wanted = first.asks("storage", "nas.example.org")
    assert first.nodes(cluster(server=None), wanted) == ("om1", "om2", "om3")
    for of in (cluster(), cluster(kind="mounted"), cluster(nodes=1)):
        assert KIND.external(of) is None


def test_the_folder_is_exported_before_anybody_mounts_it() -> None:
    places = first.order(cluster(), first.runs("exportfs", "-ra"), first.runs("mount"))
    assert places == sorted(places)


def test_the_way_back_takes_the_block_out_before_exportfs_runs() -> None:
    step = first.step(cluster(), first.writes("/etc/exports"))
    assert step is not None
    assert step.undo == (Put(("/etc/exports",)), Run(("exportfs", "-ra")))


# Reading


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", {}),
        ("# /a 10.0.0.1(rw)\n\n \t\n", {}),
        ("/a 10.0.0.1(rw,sync)\n", {"/a 10.0.0.1": "rw,sync"}),
        ("/a 10.0.0.1(sync,rw,rw)", {"/a 10.0.0.1": "rw,sync"}),
        ("\t/a\t10.0.0.1(rw)  # why\n", {"/a 10.0.0.1": "rw"}),
        ("/a 10.0.0.1(rw) 10.0.0.2(ro)\n", {"/a 10.0.0.1": "rw", "/a 10.0.0.2": "ro"}),
        ("/a 10.0.0.1\n", {"/a 10.0.0.1": ""}),
        ("/a 10.0.0.1()\n", {"/a 10.0.0.1": ""}),
        ("/a 10.0.0.1(rw,)\n", {"/a 10.0.0.1": "rw"}),
        ("/a *(ro)\n", {"/a *": "ro"}),
        ("/a/ 10.0.0.1(ro)\n", {"/a 10.0.0.1": "ro"}),
        ("/ 10.0.0.1(ro)\n", {"/ 10.0.0.1": "ro"}),
        ("/a \\\n  10.0.0.1(rw) \\\n10.0.0.2(ro)\n", {"/a 10.0.0.1": "rw", "/a 10.0.0.2": "ro"}),
        ("/a 10.0.0.1(rw)\\\n10.0.0.2(ro)\n", {"/a 10.0.0.1": "rw", "/a 10.0.0.2": "ro"}),
        ("# comment \\\n/a 10.0.0.1(rw)\n", {"/a 10.0.0.1": "rw"}),
        ("/a 10.0.0.1(rw)\r\n/b 10.0.0.1(ro)\r\n", {"/a 10.0.0.1": "rw", "/b 10.0.0.1": "ro"}),
        ('"/my data" 10.0.0.1(rw)\n', {"/my data 10.0.0.1": "rw"}),
        ('/my" "data "10.0.0.1(rw, sync)"\n', {"/my data 10.0.0.1": "rw,sync"}),
        ("/my\\040data 10.0.0.1(rw)\n", {"/my data 10.0.0.1": "rw"}),
        ("/\\303\\274 10.0.0.1(rw)\n", {"/ü 10.0.0.1": "rw"}),
        ("/a#b 10.0.0.1(rw)\n", {"/a#b 10.0.0.1": "rw"}),
        ("/a\\b 10.0.0.1(rw)\n", {"/a\\b 10.0.0.1": "rw"}),
        ("/a -ro,sync h1(rw) h2\n", {"/a h1": "rw,sync", "/a h2": "ro,sync"}),
        ("/a -ro h1 -async h2(rw)\n", {"/a h1": "ro", "/a h2": "async,rw"}),
        (
            "/a 10.0.0.0/24(ro) 10.1.0.0/255.255.0.0(ro) *.example.org(ro) @trusted(rw)\n",
            {
                "/a 10.0.0.0/24": "ro",
                "/a 10.1.0.0/255.255.0.0": "ro",
                "/a *.example.org": "ro",
                "/a @trusted": "rw",
            },
        ),
        (
            "/a gss/krb5i(rw) fd00::1(ro) fd00::/64(ro)\n",
            {"/a gss/krb5i": "rw", "/a fd00::1": "ro", "/a fd00::/64": "ro"},
        ),
        ("/a 10.0.0.1(ro,no_auth_nlm,fsid=root)\n", {"/a 10.0.0.1": "fsid=0,insecure_locks,ro"}),
    ],
)
def test_a_file_is_read_as_exportfs_reads_it(text: str, read: dict[str, str]) -> None:
    assert items(text) == {key: in_force(options) for key, options in read.items()}
    assert faults(text) == []


def test_an_item_knows_its_lines() -> None:
    entries, _ = KIND.entries("\n# x\n/a \\\n  h1(rw) \\\n  h2(rw)\n/b h1(ro)\n")
    assert [(e.key, e.line, e.last_line) for e in entries] == [
        ("/a h1", 4, 5),
        ("/a h2", 5, 5),
        ("/b h1", 6, 6),
    ]


# Findings


def test_a_space_before_the_bracket_exports_to_the_world() -> None:
    reading = KIND.read("\n/my\\040data om2 (rw,sync)\n")
    assert reading.items == {"/my data om2": in_force(""), "/my data *": in_force("rw")}
    (finding,) = reading.findings
    assert (finding.rule, finding.line) == (WORLD_EXPORT, 2)
    assert (
        finding.message == "Because of the space, `/my data` is exported to the world, read-write."
    )
    assert r"`/my\040data om2(rw,sync)`" in finding.hint


@pytest.mark.parametrize(
    ("text", "options", "mode"),
    [
        ("/a om2 (ro)\n", "ro", "read-only"),
        ("/a -rw om2 (sync)\n", "rw,sync", "read-write"),
        ("/a\n", "", "read-only"),
        ("/a -rw\n", "rw", "read-write"),
        ("/a om2(ro) -rw\n", "rw", "read-write"),
        ("/a (rw)\n", "rw", "read-write"),
    ],
)
def test_a_client_that_nobody_named_is_the_world(text: str, options: str, mode: str) -> None:
    reading = KIND.read(text)
    assert reading.items["/a *"] == in_force(options)
    (finding,) = reading.findings
    assert finding.rule is WORLD_EXPORT
    assert finding.message.endswith(f"to the world, {mode}.")


@pytest.mark.parametrize(
    "bad",
    [
        "/a om2(rw",
        "/a om2(rw)x",
        "/a om2(rw)om3(rw)",
        "/a om2(",
        "/a om2(RW)",
        "/a om2(foo)",
        "/a om2(rw,,sync)",
        "/a om2(anonuid=nobody)",
        "/a om2(rw)#comment",
        "/a om2(rw) om2(ro)",
        "/a om2(rw) OM2(rw)",
        "/a 10.0.0.0/33(rw)",
        "/a 10.0.0.0/255(rw)",
        "/a 10.0.0.0/255.255(rw)",
        "/a 10.0/16(rw)",
        "/a om2/24(rw)",
        "/a fd00::/129(rw)",
        "/a -ro -sync om2(rw)",
        "a om2(rw)",
        f"/a {'h' * 511}(rw)",
        f"/{'a' * 1024} om2(rw)",
    ],
)
def test_what_exportfs_refuses_is_a_finding_with_its_line(bad: str) -> None:
    reading = KIND.read(f"# first\n{bad}\n/b om3(rw)\n")
    assert {(finding.rule, finding.line) for finding in reading.findings} == {(UNUSABLE_FILE, 2)}
    assert reading.items["/b om3"] == in_force("rw")


def test_a_client_listed_twice_is_told_where_it_stands_first() -> None:
    reading = KIND.read("/a om2(rw)\n\n/a/ om2(ro)\n")
    (finding,) = reading.findings
    assert (finding.rule, finding.line) == (UNUSABLE_FILE, 3)
    assert "in line 1 already" in finding.message
    assert reading.items == {"/a om2": in_force("rw")}


def test_a_line_that_only_looks_empty_ends_the_reading_of_exportfs() -> None:
    assert faults("/a om2(rw)\r\n\r\n/b om2(rw)\r\n\r\n") == [("OM301", 2)]


# Adopting entries


def taken_over(text: str, *keys: str) -> str:
    entries, _ = KIND.entries(text)
    return merge(text, "conference", None, [e for e in entries if e.key in keys])


def test_a_line_goes_with_its_continuations_and_comment_when_all_clients_are_taken_over() -> None:
    text = "/b om9(ro)\n /a \\\n  om2(rw) \\\n  om3(rw) # two\n# end\n"
    assert taken_over(text, "/a om2", "/a om3") == "/b om9(ro)\n# end\n"


def test_a_client_goes_with_one_blank_when_others_stay() -> None:
    assert taken_over("/a -sync om2(rw) om3(ro)\t# x\n", "/a om2") == "/a -sync om3(ro)\t# x\n"
    assert taken_over("/a om2(rw) \\\n\tom3(ro)\n", "/a om3") == "/a om2(rw) \\\n\n"
    assert taken_over("/a \\\nom2(rw) om3(ro)\n", "/a om2") == "/a \\\nom3(ro)\n"


def test_a_line_with_a_broken_client_stays() -> None:
    assert taken_over("/a om2(rw) om3(rw\n", "/a om2") == "/a om3(rw\n"


# Properties

paths = st.text(
    st.characters(min_codepoint=1, max_codepoint=0x2FF, exclude_characters="/"), min_size=1
).map(lambda name: f"/{name}")
option_lists = st.lists(
    st.sampled_from(["rw", "ro", "sync", "no_root_squash", "anonuid=99", "fsid=7", "sec=krb5:sys"]),
    unique=True,
)


@given(paths, option_lists, st.integers(2, 6))
def test_what_is_rendered_is_read_back(path: str, options: list[str], nodes: int) -> None:
    of = cluster(nodes=nodes, export=path, export_options=tuple(options))
    reading = KIND.read(rendered(of))
    value = ",".join(settle_export(options))
    assert reading.items == {f"{path} 10.2.2.{n}": value for n in range(2, nodes + 1)}
    assert reading.findings == []


words = st.sampled_from(
    [
        *(
            "/a",
            "/b",
            '"/c d"',
            "\\040",
            "h1(rw)",
            "h2(ro,sync)",
            "h3",
            "(rw)",
            "-ro",
            "@n(rw)",
            "*",
        ),
        *('"', "h4(rw", "# c", "\\\n", "\n", "\n", "\r\n", "\f", "\t", "\udcff", "ü"),
        "\n# BEGIN omconf: b\n",
    ]
)
files = st.lists(words, max_size=25).map(" ".join)
anything = st.one_of(files, st.text(max_size=100), st.text(st.characters(codec="utf-8")))


@given(anything)
def test_reading_never_fails_and_places_are_inside_the_text(text: str) -> None:
    entries, findings = KIND.entries(text)
    lines = text.count("\n") + 1
    for entry in entries:
        assert 1 <= entry.line <= entry.last_line <= lines
        assert entry.whole[0] <= entry.span[0] < entry.span[1] <= entry.whole[1] <= len(text)
    assert all(1 <= finding.line <= lines for finding in findings)


lists = st.lists(st.sampled_from(["(rw)", "(ro,sync)", ""]), min_size=1, max_size=3)
blanks = st.sampled_from([" ", "  ", "\t", " \\\n ", "\\\n"])
lines = st.builds(
    lambda path, defaults, clients, blank, end: (
        path + defaults + "".join(f"{blank}h{n}{o}" for n, o in enumerate(clients)) + end
    ),
    st.sampled_from(["/a", "/b", ' "/c d"', "/e\\040f"]),
    st.sampled_from(["", " -ro,async"]),
    lists,
    blanks,
    st.sampled_from(["\n", "\r\n", " # comment\n"]),
)


@given(st.lists(st.one_of(lines, st.just("# comment\n")), max_size=5), st.integers(0, 2**15))
def test_what_is_not_taken_over_means_the_same_as_before(rows: list[str], chosen: int) -> None:
    text = "".join(rows)
    entries, _ = KIND.entries(text)
    taken = [entry for at, entry in enumerate(entries) if chosen >> at & 1]
    merged = merge(text, "conference", "/ours h1(rw)\n", taken)
    block = find(merged, "conference")
    assert isinstance(block, Block)
    assert not isinstance(block, Finding)
    left, _ = KIND.entries(outside(merged, block))
    kept = [entry for entry in entries if entry not in taken]
    assert [(e.key, e.value) for e in left] == [(e.key, e.value) for e in kept]


@pytest.mark.parametrize(
    ("line", "where"), [("/srv", "after the path"), ("/srv (rw)", "before the bracket")]
)
def test_everyone_is_written_where_no_client_is(line: str, where: str) -> None:
    (found,) = KIND.entries(f"{line}\n")[1]
    assert found.rule.id == "OM310"
    assert found.hint == f"Name the clients, or write `*` {where} to export to everyone."
