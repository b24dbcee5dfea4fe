"""`/etc/fstab`: the shared folder's mount, and reading the file as libmount reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.actions import RELOAD_UNITS, Put, Run
from omconf.artifacts.effect import Change
from omconf.artifacts.fstab import KIND
from omconf.cluster.model import Cluster
from omconf.formats.block import merge
from omconf.formats.fstab import escape
from omconf.formats.nfs_options import settle_mount
from omconf.origin import FromPage
from omconf.rollout import document, text
from omconf.rules import UNUSABLE_FILE
from omconf.secrets import HIDDEN, masked
from tests import first
from tests.artifacts.shared_folder import cluster, node


def rendered(of: Cluster, number: int = 2) -> list[str]:
    return [line.text for artifact in KIND.render(of, node(number)) for line in artifact.lines]


def items(text: str) -> dict[str, str]:
    return KIND.read(text).items


# Rendering


def test_a_node_mounts_the_data_servers_folder() -> None:
    assert rendered(cluster()) == [
        "# BEGIN omconf: conference",
        "10.2.2.1:/opt/omdata /opt/omdata nfs timeo=50,hard,_netdev 0 0",
        "# END omconf: conference",
    ]


def test_the_mount_is_a_step_of_the_page() -> None:
    (artifact,) = KIND.render(cluster(), node(2))
    assert (artifact.path, artifact.ownership, artifact.mode) == ("/etc/fstab", "block", 0o644)
    assert isinstance(artifact.lines[1].origins[0], FromPage)
    assert all(line.origins for line in artifact.lines)


def test_the_data_server_itself_mounts_nothing() -> None:
    assert rendered(cluster(), 1) == []
    assert rendered(cluster(export="/opt/omdata/"), 1) == []
    assert rendered(cluster(kind="mounted"), 2) == []


def test_a_data_server_that_exports_another_path_binds_it() -> None:
    of = cluster(export="/srv/om data")
    assert rendered(of, 1)[1] == r"/srv/om\040data /opt/omdata none bind 0 0"
    assert rendered(of, 2)[1].startswith(r"10.2.2.1:/srv/om\040data /opt/omdata nfs ")


CREDENTIALS = "credentials=/etc/omconf/conference/storage.credentials"


def test_a_share_is_mounted_with_a_credentials_file_and_openmeetings_as_owner() -> None:
    of = cluster(kind="cifs", options=("hard", "_netdev"), data_dir="/opt/om data")
    assert rendered(of)[1] == (
        rf"//10.2.2.1/om\040data /opt/om\040data cifs {CREDENTIALS},"
        "uid=nobody,gid=nogroup,file_mode=0640,dir_mode=0750,hard,_netdev 0 0"
    )
    assert rendered(of, 1)[1] == r"/opt/omdata /opt/om\040data none bind 0 0"
    assert rendered(cluster(kind="cifs"), 1) == []


def test_an_owner_or_mode_that_the_spec_says_is_not_said_again() -> None:
    of = cluster(kind="cifs", options=("uid=1000", "dir_mode=0700"))
    assert rendered(of)[1].endswith(
        f" cifs {CREDENTIALS},gid=nogroup,file_mode=0640,uid=1000,dir_mode=0700 0 0"
    )


def test_with_an_outside_server_all_nodes_mount() -> None:
    assert all(
        rendered(cluster(server=None), number)[1].startswith("nas.example.org:/opt/omdata ")
        for number in (1, 2, 3)
    )


def test_no_options_are_the_defaults() -> None:
    assert rendered(cluster(options=()))[1].endswith(" nfs defaults 0 0")


def test_white_space_and_backslashes_of_a_path_are_octal() -> None:
    assert escape("/a b\tc\\d") == r"/a\040b\011c\134d"


OLD, NEW = "10.2.2.1:/opt/omdata nfs hard 0 0", "10.2.2.1:/opt/omdata nfs hard,nosuid 0 0"
CHANGES = {
    "create": Change("create", None, NEW),
    "update": Change("update", OLD, NEW),
    "delete": Change("delete", OLD, None),
}


UNMOUNT, UNITS, MOUNT = "umount '/opt/om data'", "systemctl daemon-reload", "mount '/opt/om data'"
MADE, CHECKED = "mkdir -p '/opt/om data'", "findmnt '/opt/om data'"


@pytest.mark.parametrize(
    ("action", "service", "run"),
    [
        ("create", "om.service", (MADE, UNITS, MOUNT, CHECKED)),
        ("create", "none", (MADE, MOUNT, CHECKED)),
        ("update", "om.service", (UNMOUNT, UNITS, MOUNT, CHECKED)),
        ("delete", "om.service", (UNMOUNT, UNITS)),
        ("delete", "none", (UNMOUNT,)),
    ],
)
def test_a_change_needs_a_mount(action: str, service: str, run: tuple[str, ...]) -> None:
    of = cluster(data_dir="/opt/om data", service=service)
    effect = KIND.effect(of, {"/opt/om data": CHANGES[action]}, action)
    assert (effect.action, effect.rolling) == ("mount", action != "delete")
    assert first.lines((*effect.release, *effect.run)) == run


@pytest.mark.parametrize(
    "place", ["-a", "none/", "/", "/../etc", "/a/./b", "/\udcff", "/a\nb", "//a"]
)
def test_no_program_is_given_a_place_that_no_spec_can_name(place: str) -> None:
    """What stands in the block of a node may have been written by anybody."""
    effect = KIND.effect(cluster(), {place: CHANGES["delete"]}, "update")
    assert (*effect.release, *effect.run) == (RELOAD_UNITS,)


@pytest.mark.parametrize(("share", "rolling"), [("om data", True), ("om other", False)])
def test_another_share_is_another_place(share: str, rolling: bool) -> None:
    change = Change("update", f"//s/{share} cifs soft 0 0", "//s/om data cifs hard 0 0")
    effect = KIND.effect(cluster(kind="cifs"), {"/opt/omdata": change}, "update")
    assert (effect.rolling, effect.stopped) == (rolling, True)


def test_the_steps_say_where_to_mount_and_check_it() -> None:
    run = ("mkdir -p /opt/omdata", "systemctl daemon-reload", "mount /opt/omdata")
    for of, nodes in (
        (cluster(), ("om2", "om3")),
        (cluster(server=None), ("om1", "om2", "om3")),
        (cluster(service="none"), ("om2", "om3")),
    ):
        step = first.step(of, first.writes("/etc/fstab"))
        assert step is not None
        assert step.nodes == nodes
        wanted = [text for text in run if of.openmeetings.has_systemd or "systemctl" not in text]
        read = tuple(text.lines(map(document.action, step.actions)))
        assert read == ("write /etc/fstab", *wanted, "findmnt /opt/omdata")
    assert first.step(cluster(kind="mounted"), first.writes("/etc/fstab")) is None


def test_the_way_back_unmounts_before_the_line_goes() -> None:
    for service in ("openmeetings.service", "none"):
        of = cluster(data_dir="/opt/om data", service=service)
        step = first.step(of, first.writes("/etc/fstab"))
        assert step is not None
        reload = (Run(("systemctl", "daemon-reload")),) if service != "none" else ()
        assert step.undo == (Run(("umount", "/opt/om data")), Put(("/etc/fstab",)), *reload)


@pytest.mark.parametrize("server", ["om1", None])
@pytest.mark.parametrize("export", ["/opt/omdata", "/srv/om"])
def test_the_steps_name_the_nodes_that_get_a_line(server: str | None, export: str) -> None:
    of = cluster(server=server, export=export)
    having = tuple(node.name.value for node in of.nodes if KIND.render(of, node))
    assert first.nodes(of, first.runs("mount")) == having
    assert first.nodes(of, first.writes("/etc/fstab")) == having


# Reading


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", {}),
        ("# /dev/sda1 / ext4 rw 0 1\n\n   # x\n\t\n", {}),
        ("/dev/sda1 / ext4 errors=remount-ro 0 1\n", {"/": "/dev/sda1 ext4 errors=remount-ro 0 1"}),
        ("UUID=1-2\t/boot   vfat\tumask=77,ro  0\t2", {"/boot": "UUID=1-2 vfat ro,umask=77 0 2"}),
        ("\ttmpfs /tmp tmpfs size=1G\n", {"/tmp": "tmpfs tmpfs size=1G 0 0"}),
        ("tmpfs /tmp tmpfs rw 1\n", {"/tmp": "tmpfs tmpfs rw 1 0"}),
        ("tmpfs /tmp tmpfs\n", {"/tmp": "tmpfs tmpfs defaults 0 0"}),
        ("tmpfs /tmp tmpfs rw,defaults,,rw 00 +1\n", {"/tmp": "tmpfs tmpfs rw 0 1"}),
        ("tmpfs /tmp tmpfs rw 0 0 # why\n", {"/tmp": "tmpfs tmpfs rw 0 0"}),
        ("tmpfs /tmp tmpfs rw 0 0\r\n", {"/tmp": "tmpfs tmpfs rw 0 0"}),
        ("tmpfs /tmp// tmpfs rw 0 0\n", {"/tmp": "tmpfs tmpfs rw 0 0"}),
        (r"/dev/a /my\040data\134x ext4 rw 0 0", {r"/my data\x": "/dev/a ext4 rw 0 0"}),
        (r"/dev/a /\303\274 ext4 rw 0 0", {"/ü": "/dev/a ext4 rw 0 0"}),
        (r"/srv/a /b n\157ne bind", {"/b": "/srv/a none bind 0 0"}),
        (r"/dev/a n\157ne sw\141p sw", {}),
        (r"/dev/a /b a\040b rw", {"/b": r"/dev/a a\040b rw 0 0"}),
        ("/dev/a /b ext4 rw 4294967297 -2147483649", {"/b": "/dev/a ext4 rw 1 2147483647"}),
        (r"/dev/a /a\04b ext4 rw 0 0", {r"/a\04b": "/dev/a ext4 rw 0 0"}),
        (
            'none /x tmpfs rw,context="a:c1,c2",context="a:c1,c2" 0 0',
            {"/x": 'none tmpfs context="a:c1,c2",rw 0 0'},
        ),
        ("nas:/data/ /x nfs hard,timeo=50 0 0", {"/x": "nas:/data nfs hard,timeo=50 0 0"}),
        ("nas:/ /x nfs4 soft,hard 0 0", {"/x": "nas:/ nfs hard,vers=4 0 0"}),
        (
            r"\134\134nas\134om\040data /x cifs cred=/a,ver=3.0,hard,soft 0 0",
            {"/x": "//nas/om data cifs credentials=/a,soft,vers=3.0 0 0"},
        ),
        ("[fd00::1]:/data/ /x nfs defaults 0 0", {"/x": "[fd00::1]:/data nfs defaults 0 0"}),
        ("/dev/sda2 none swap sw 0 0\n/swap swap swap sw 0 0\n", {}),
    ],
)
def test_a_file_is_read_as_libmount_reads_it(text: str, read: dict[str, str]) -> None:
    reading = KIND.read(text)
    assert reading.items == read
    assert reading.findings == []


def test_the_login_of_a_hand_made_mount_is_not_shown_and_the_rest_is() -> None:
    reading = KIND.read("//nas/om /x cifs username=om%hunter2,password=hunter2,hard 0 0\n")
    assert reading.items == {"/x": "//nas/om cifs hard,password=(sensitive value),username 0 0"}


def test_of_two_lines_for_one_mount_point_the_first_counts() -> None:
    reading = KIND.read("/dev/a /x ext4 rw 0 0\n/dev/b /x/ ext4 rw 0 0\n")
    assert reading.items == {"/x": "/dev/a ext4 rw 0 0"}
    assert reading.lines == {"/x": 1}
    assert reading.findings == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("/dev/sda1", "1 of at least 3 fields"),
        ("/dev/sda1 /x", "2 of at least 3 fields"),
        ("/dev/sda1 /x ext4 rw x 0", "field 5 is not a whole number"),
        ("/dev/sda1 /x ext4 rw 0 0#", "field 6 is not a whole number"),
        ("/dev/sda1 /x ext4 rw # why", "field 5 is not a whole number"),
        ("/dev/sda1 /x ext4 rw " + "9" * 5000, "is not a whole number"),
        ("/dev/sda1 /x ext4 rw 9223372036854775808", "is not a whole number"),
        ("/dev/sda1 /x ext4 rw +-1", "is not a whole number"),
    ],
)
def test_a_line_that_mount_ignores_is_a_finding(bad: str, message: str) -> None:
    reading = KIND.read(f"# x\n{bad}\n/dev/b /y ext4 rw 0 0\n")
    (finding,) = reading.findings
    assert (finding.rule, finding.line) == (UNUSABLE_FILE, 2)
    assert message in finding.message
    assert reading.items == {"/y": "/dev/b ext4 rw 0 0"}


def test_a_hand_made_mount_goes_with_its_line() -> None:
    text = "a /a ext4\nnas:/x /opt/omdata nfs rw 0 0 # old\r\nb /b ext4"
    entries, _ = KIND.entries(text)
    taken = [entry for entry in entries if entry.key == "/opt/omdata"]
    assert merge(text, "conference", None, taken) == "a /a ext4\nb /b ext4"


# Properties

names = st.text(
    st.characters(min_codepoint=1, max_codepoint=0x2FF, exclude_characters="/"), min_size=1
)
paths = names.map(lambda name: f"/{name}")
option_lists = st.lists(
    st.sampled_from(["timeo=50", "hard", "soft", "_netdev", "ro", "vers=4.2", "x-a", "nofail"])
)


@given(paths, paths, option_lists)
def test_what_is_rendered_is_read_back(export: str, data_dir: str, options: list[str]) -> None:
    of = cluster(export=export, data_dir=data_dir, options=tuple(options))
    reading = KIND.read("\n".join(rendered(of)))
    settled = ",".join(settle_mount(options)) or "defaults"
    # A path such as `/user=x` looks like a login, and is hidden.
    assert reading.items == {data_dir: masked(f"10.2.2.1:{export} nfs {settled} 0 0")}
    assert reading.findings == []


fields = st.sampled_from(
    ["/dev/a", "/x", "/x/", "\\040", "ext4", "nfs", "n:/d/", "none", "swap", "rw,ro", '"a,b', "0"]
)
rows = st.lists(st.one_of(fields, st.sampled_from(["\n", "\r\n", "\t", "#", "\x0b", "\udcff"])))
anything = st.one_of(rows.map(" ".join), st.text(max_size=100))


@given(anything)
def test_reading_never_fails_and_places_are_whole_lines(text: str) -> None:
    entries, findings = KIND.entries(text)
    lines = text.split("\n")
    for entry in entries:
        start, end = entry.whole
        assert text[start:end].removesuffix("\n") == lines[entry.line - 1]
    assert all(1 <= finding.line <= len(lines) for finding in findings)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("username=a,password=p,q1,r=2,hard", f"hard,password={HIDDEN},username"),
        ("username=a,pssword=p,q1,r=2,hard", f"hard,pssword={HIDDEN},username"),
        ("user=a%p,q1,hard", f"{HIDDEN},hard,user"),
        ("credentials=/x,foo=3,bar", "bar,credentials=/x,foo=3"),
        ("username=a,x-systemd.automount,vers=3.0", "username,vers=3.0,x-systemd.automount"),
    ],
)
def test_what_may_be_a_password_beside_a_login(options: str, shown: str) -> None:
    entries, _ = KIND.entries(f"//nas/om /mnt cifs {options} 0 0\n")
    assert [entry.value for entry in entries] == [f"//nas/om cifs {shown} 0 0"]


def test_a_password_with_a_blank_is_not_quoted() -> None:
    _, findings = KIND.entries("//nas/om /mnt cifs username=a,password=p hunter2 0 0\n")
    assert [f.message for f in findings] == [
        "mount ignores this line: field 5 is not a whole number."
    ]


@pytest.mark.parametrize("point", ["/opt/omdata", "/srv/other"])
def test_a_mount_that_is_hidden_as_a_whole_is_planned(point: str) -> None:
    wanted = "10.2.2.1:/opt/omdata nfs defaults 0 0"
    changes = {point: Change("update", "(sensitive value)", wanted)}
    assert KIND.effect(cluster(), changes, "update").action == "mount"
