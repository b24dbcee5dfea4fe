"""Storage as people serve it: names in fstab, NFSv4 roots, exports to networks, any mount, domains."""

from __future__ import annotations

from typing import Any

import pytest

from omconf.artifacts import cifs_credentials, exports, fstab, node_check, samba, service, setenv
from omconf.artifacts.effect import Change
from omconf.check import check
from omconf.cluster.model import Cluster
from omconf.diagnostics import Severity
from omconf.formats.block import Entry
from tests import first
from tests.clusters import cluster_of, errors_of, rules_of, simple, spec_of


def line_of(cluster: Cluster, number: int = 2) -> str:
    """The line of fstab on a node."""
    (artifact,) = fstab.KIND.render(cluster, cluster.nodes[number - 1])
    assert artifact.meaning
    assert not artifact.meaning.fault(artifact.lines)
    return artifact.lines[1].text


def exported(cluster: Cluster) -> list[str]:
    (artifact,) = exports.KIND.render(cluster, cluster.nodes[0])
    assert artifact.meaning
    assert not artifact.meaning.fault(artifact.lines)
    return [line.text for line in artifact.lines[1:-1]]


def warned(cluster: Cluster) -> list[str]:
    return [d.rule.id for d in check(cluster) if d.severity is Severity.WARNING]


# The name, the type and the path that clients use


def test_fstab_names_the_server_as_the_spec_does_and_exports_name_addresses() -> None:
    cluster = simple(3, storage={"mount_from": "files.example.org", "type": "nfs4"})
    assert line_of(cluster).startswith("files.example.org:/opt/omdata /opt/omdata nfs4 timeo=50,")
    assert exported(cluster)[0].startswith("/opt/omdata 10.1.1.2(")


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        ("10.1.1.1:/opt/omdata nfs hard 0 0", "files.example.org:/opt/omdata nfs hard 0 0", False),
        ("om1:/opt/omdata nfs hard 0 0", "FILES.example.org.:/opt/omdata nfs hard 0 0", False),
        ("nas:/opt/omdata nfs hard 0 0", "files.example.org:/opt/omdata nfs hard 0 0", True),
    ],
)
def test_another_name_of_the_server_is_no_other_place(before: str, after: str, moves: bool) -> None:
    cluster = simple(storage={"mount_from": "files.example.org"})
    changes = {"/opt/omdata": Change("update", before, after)}
    assert fstab.KIND.effect(cluster, changes, "update").moves is moves


NFS4 = {"type": "nfs4", "export": "/srv/nfs4/om", "pseudo_root": "/srv/nfs4"}


@pytest.mark.parametrize(
    ("before", "moves"),
    [
        ("om1:/srv/nfs4/om nfs vers=3 0 0", False),
        ("om1:/om nfs vers=3 0 0", True),
        ("om1:/srv/nfs4/om nfs vers=4 0 0", True),
    ],
)
def test_another_version_may_mean_another_folder(before: str, moves: bool) -> None:
    cluster = simple(storage=NFS4)
    ((point, after),) = fstab.KIND.read(line_of(cluster)).items.items()
    effect = fstab.KIND.effect(cluster, {point: Change("update", before, after)}, "update")
    assert (effect.moves, effect.rolling) == (moves, not moves)
    assert effect.release  # it is mounted anew either way


@pytest.mark.parametrize(
    ("before", "moves"),
    [
        ("gluster2:/om data glusterfs backup-volfile-servers=gluster1 0 0", False),
        ("gluster2:/om data glusterfs defaults 0 0", True),
    ],
)
def test_another_server_of_one_volume_is_no_other_place(before: str, moves: bool) -> None:
    after = "gluster1:/om data glusterfs _netdev,x-a 0 0"
    changes = {"/opt/omdata": Change("update", before, after)}
    effect = fstab.KIND.effect(cluster_of(mounted()), changes, "update")
    assert (effect.moves, effect.rolling) == (moves, not moves)


@pytest.mark.parametrize(
    ("storage", "device", "options"),
    [
        ({"export_options": ["rw", "fsid=0"]}, "10.1.1.1:/", "rw,fsid=0"),
        ({"pseudo_root": "/opt/omdata", "export_options": ["rw"]}, "10.1.1.1:/", "rw,fsid=0"),
        ({"pseudo_root": "/opt", "export_options": ["rw"]}, "10.1.1.1:/omdata", "rw"),
        ({"pseudo_root": "/op", "export": "/op/x y", "export_options": ["rw"]}, r":/x\040y", "rw"),
    ],
)
def test_an_nfsv4_root(storage: dict[str, Any], device: str, options: str) -> None:
    cluster = simple(storage={"type": "nfs4", **storage})
    assert device in line_of(cluster).split(" ")[0]
    assert exported(cluster)[0].endswith(f" 10.1.1.2({options})")
    other = simple(storage={"options": ["v4.2"], **storage})  # as good as the type
    assert device in line_of(other).split(" ")[0]


def test_efs_by_plain_nfs() -> None:
    server = "fs-1.efs.eu-central-1.amazonaws.com"
    storage = {
        "server": server,
        "export": "/",
        "type": "nfs4",
        "options": ["nfsvers=4.1", "_netdev"],
    }
    cluster = simple(storage=storage)
    assert line_of(cluster, 1) == f"{server}:/ /opt/omdata nfs4 nfsvers=4.1,_netdev 0 0"
    assert exports.KIND.external_files(cluster) == []
    asked = exports.KIND.external(cluster)
    assert asked is not None
    assert "allow 10.1.1.1, 10.1.1.2 in the security group" in asked.text
    assert "exports(5)" not in asked.text


@pytest.mark.parametrize(
    ("storage", "hint"),
    [
        ({"pseudo_root": "/opt"}, "`type: nfs4`"),
        ({"export_options": ["rw", "fsid=root"]}, "`type: nfs4`"),
        ({"pseudo_root": "/opt", "options": ["vers=3"]}, "`nfsvers=4.1` instead of `vers=3`"),
        ({"type": "nfs4", "pseudo_root": "/opt", "options": ["v3"]}, "Remove one of them"),
        ({"type": "nfs4", "pseudo_root": "/srv"}, "`export: /srv/om`"),
        ({"type": "nfs4", "pseudo_root": "/opt", "export_options": ["rw", "fsid=0"]}, "Remove"),
        ({"type": "nfs4", "options": ["nfsvers=3"]}, "Remove"),
    ],
)
def test_a_root_that_does_not_go_with_the_mount(storage: dict[str, Any], hint: str) -> None:
    (error,) = errors_of(spec_of(storage=storage))
    assert error.rule.id == "OM237"
    assert hint in error.hint


ROOT = "/srv/nfs4 10.1.1.0/24(ro,fsid=0)\n"


@pytest.mark.parametrize(
    ("exported", "message"),
    [
        ("/srv/nfs4 10.1.1.0/24(ro)\n", "without `fsid=0`"),
        ("/srv 10.1.1.0/24(ro,fsid=root)\n", "that is `/srv` here"),
        ("/srv/nfs4/om 10.1.1.2(rw)\n", "no line exports it"),
        ("/srv/nfs4 10.1.1.2(ro,fsid=0)\n", "is not exported to 10.1.1.3"),
        (ROOT, ""),
        ("/srv/nfs4/ -ro,fsid=root 10.1.1.2 10.1.1.3\n", ""),
        ("/srv/nfs4 *(ro,fsid=0)\n", ""),
        ("/srv/nfs4 om2(ro,fsid=0)\n", ""),  # who that is, is not known
        ("", ""),  # nothing is deployed yet: the roll-out says it
    ],
)
@pytest.mark.parametrize("path", ["/etc/exports", "/etc/exports.d/root.exports"])
def test_the_root_above_the_export_is_looked_for(path: str, exported: str, message: str) -> None:
    cluster = simple(3, storage=NFS4)
    (artifact,) = exports.KIND.render(cluster, cluster.nodes[0])
    said = exports.KIND.elsewhere(cluster, artifact, {"/etc/exports": "", path: exported}).findings
    found = [finding for _, finding in said if finding.rule.id == "OM345"]
    assert [message in f.message for f in found] == [True] * bool(message)
    wider = simple(3, storage={**NFS4, "clients": ["10.0.0.0/8"]})  # the nodes are what counts
    said = exports.KIND.elsewhere(wider, artifact, {path: exported}).findings
    assert [message in f.message for _, f in said if f.rule.id == "OM345"] == [True] * bool(message)
    whole = simple(3, storage={"type": "nfs4", "pseudo_root": "/opt/omdata"})
    (artifact,) = exports.KIND.render(whole, whole.nodes[0])
    said = exports.KIND.elsewhere(whole, artifact, {"/etc/exports": "", path: exported}).findings
    assert "OM345" not in [finding.rule.id for _, finding in said]


def test_the_roll_out_asks_for_the_root_above_the_export() -> None:
    asked = first.asks("admin", "`/srv/nfs4 CLIENT(ro,fsid=0,no_subtree_check)`", "10.1.1.2")
    cluster = simple(storage=NFS4)
    assert first.nodes(cluster, asked) == ("om1",)
    assert first.order(cluster, asked, first.runs("mount")) == sorted(
        first.order(cluster, asked, first.runs("mount"))
    )
    assert not first.nodes(simple(storage={**NFS4, "pseudo_root": "/srv/nfs4/om"}), asked)
    outside = exports.KIND.external(simple(storage={**NFS4, "server": "nas.example.org"}))
    assert "`/srv/nfs4 CLIENT(ro,fsid=0,no_subtree_check)`" in str(outside)


# Whom exports let in


def test_one_line_for_each_of_the_specs_clients() -> None:
    clients = ["10.1.1.0/24", "@nodes", "*.om.example.org"]
    cluster = simple(3, storage={"clients": clients, "export_options": ["rw"]})
    assert exported(cluster) == [f"/opt/omdata {client}(rw)" for client in clients]
    outside = simple(3, storage={"server": "nas.example.org", "clients": clients})
    (handed,) = exports.KIND.external_files(outside)
    assert [line.text.split("(")[0].split(" ")[1] for line in handed.lines[1:-1]] == clients


@pytest.mark.parametrize(
    ("client", "hint"),
    [
        ("*", "10.1.1.0/24"),
        ("0.0.0.0/0", "10.1.1.0/24"),
        ("0.0.0.0/1", "10.1.1.0/24"),
        ("128.0.0.0/128.0.0.0", "10.1.1.0/24"),
        ("*.org", "*.om.example.org"),
        ("om*.org", "*.om.example.org"),
        ("a?.b?.org", "*.om.example.org"),
        ("om*", "*.om.example.org"),
        ("*.example.*", "*.om.example.org"),
        ("???", "*.om.example.org"),
        ("10.1.1.*", "10.1.1.0/24"),
        ("10.1.1.1/24", "10.1.1.0/24"),
        ("fd00::/64", "IPv4"),
        ("a b", "@nodes"),
        ("gss/krb5", "@nodes"),
        ("10.1.1.2(rw", "@nodes"),
        ("", "Write a value"),
    ],
)
def test_clients_that_cannot_be(client: str, hint: str) -> None:
    (error,) = errors_of(spec_of(storage={"clients": [client]}))
    assert hint in error.hint


@pytest.mark.parametrize(
    "client",
    ["10.0.0.0/8", "*.example.org", "om?", "om*.example.org", "*.lan", "*.home.arpa", "om1"],
)
def test_clients_of_ones_own(client: str) -> None:
    assert rules_of(spec_of(storage={"clients": [client, "10.1.1.0/24"]})) == set()


def test_a_node_that_no_network_holds() -> None:
    assert rules_of(spec_of(3, storage={"clients": ["10.1.1.2", "10.2.0.0/16"]})) == {"OM238"}
    assert not rules_of(spec_of(3, storage={"clients": ["10.1.1.2/31"]}))
    assert not rules_of(spec_of(3, storage={"clients": ["10.2.0.0/16", "@nodes"]}))
    assert rules_of(spec_of(storage={"clients": ["@a", "@a"]})) == {"OM105"}


def test_nodes_that_the_data_server_sees_at_one_address() -> None:
    def data(**storage: Any) -> dict[str, Any]:
        found = spec_of(storage={"server": "nas.example.org", **storage})
        for number, node in enumerate(found["nodes"].values(), 1):
            node |= {"address": f"172.17.0.{number}", "storage_address": "10.1.1.9"}
        return found

    assert rules_of(data()) == {"OM201"}
    assert not rules_of(data(clients=["10.1.1.0/24"]))


def test_what_the_spec_itself_exports_is_not_reported() -> None:
    cluster = simple(storage={"clients": ["10.1.0.0/16"]})
    wanted = {
        entry.key: entry
        for entry in exports.KIND.entries(exports.KIND.render(cluster, cluster.nodes[0])[0].text)[0]
    }

    def beside(client: str) -> list[Entry]:
        return exports.KIND.entries(f"/opt/omdata {client}(rw)\n")[0]

    assert not exports.KIND.beside(beside("10.1.1.0/24"), wanted)
    for client in ("10.0.0.0/8", "@others", "*"):
        (found,) = exports.KIND.beside(beside(client), wanted)
        assert found.rule.id == "OM340"


def test_a_netmask_is_a_prefix_length() -> None:
    cluster = simple(storage={"clients": ["10.1.1.0/24", "10.1.1.7"]})
    (artifact,) = exports.KIND.render(cluster, cluster.nodes[0])
    assert artifact.aliases == {
        "/opt/omdata 10.1.1.0/255.255.255.0": "/opt/omdata 10.1.1.0/24",
        "/opt/omdata 10.1.1.7/255.255.255.255": "/opt/omdata 10.1.1.7",
        "/opt/omdata 10.1.1.7/32": "/opt/omdata 10.1.1.7",
    }


def test_who_is_in_the_new_network_does_not_go() -> None:
    def goes(client: str, **storage: Any) -> bool:
        changes = {f"/opt/omdata {client}": Change("delete", "rw", None)}
        why = exports.KIND.effect(simple(storage=storage), changes, "update").why
        return why.partition(" ")[0] == client

    assert goes("10.1.1.2")
    assert not goes("10.1.1.2", clients=["10.1.1.0/24"])
    assert goes("10.2.1.2", clients=["10.1.1.0/24"])
    assert not goes("10.2.1.2", clients=["10.1.1.0/24", "@nodes"])
    assert goes("1.2", clients=["10.1.1.0/24"])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("rw", "no_subtree_check,root_squash,rw,sync", True),
        ("", "ro,root_squash", True),
        ("rw", "no_root_squash,rw", False),
        ("rw", "async,rw", False),
        ("rw,sec=sys", "rw", True),
        ("rw,sec=krb5", "rw", False),
        ("sync,sec=krb5,rw,sec=sys,ro", "sync,sec=krb5,ro,sec=sys,rw", False),
    ],
)
def test_exports_are_compared_by_what_holds(one: str, other: str, same: bool) -> None:
    assert exports.KIND.same("/x", one, other) is same


# What the admin mounts

GLUSTER = {"what": "gluster1:/om data", "type": "glusterfs", "options": ["_netdev", "x-a"]}


def mounted(service: str = "openmeetings.service", **line: Any) -> dict[str, Any]:
    storage = {"kind": "mounted", "server": None, "fstab": {**GLUSTER, **line}}
    data = spec_of(openmeetings={"service": service}, storage=storage)
    del data["storage"]["server"]
    return data


def test_all_nodes_mount_what_the_spec_says() -> None:
    cluster = cluster_of(mounted())
    for number, node in enumerate(cluster.nodes, 1):
        wanted = r"gluster1:/om\040data /opt/omdata glusterfs _netdev,x-a 0 0"
        assert line_of(cluster, number) == wanted
        assert "RequiresMountsFor=/opt/omdata" in service.KIND.render(cluster, node)[0].text
        assert "mount=yes\n" in node_check.KIND.render(cluster, node)[1].text
    assert warned(cluster) == []


def test_the_mount_is_waited_for_and_nobody_mounts_by_hand() -> None:
    cluster = cluster_of(mounted())
    line = "gluster1:/om data glusterfs _netdev,x-a 0 0"
    effect = fstab.KIND.effect(cluster, {"/opt/omdata": Change("create", None, line)}, "create")
    assert [" ".join(do.action.argv) for do in effect.run if hasattr(do.action, "argv")] == [
        "mkdir -p /opt/omdata",
        "systemctl daemon-reload",
        "mount /opt/omdata",
        "findmnt /opt/omdata",
    ]
    assert effect.needs == ("storage",)
    assert "mount.glusterfs" in str(effect.manual)
    asked = first.asks("admin", "Install mount.glusterfs (package glusterfs-client)")
    assert first.nodes(cluster, asked) == ("om1", "om2")
    assert setenv.KIND.effect(cluster, {}, "create").manual is None
    assert "10.1.1.1" not in str(fstab.KIND.external(cluster))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ({"type": "xfs"}, "OM239"),
        ({"type": "a/b"}, "OM105"),
        ({"what": "#x"}, "OM260"),
        ({"what": "gluster1:"}, "OM105"),
        ({"what": "gluster1:/"}, "OM105"),
        ({"what": "gluster1"}, "OM105"),
        ({"what": ":/om"}, "OM105"),
        ({"what": "nas:om", "type": "nfs4"}, "OM105"),
        ({"what": ":/om", "type": "nfs"}, "OM105"),
        ({"what": "//nas", "type": "cifs"}, "OM105"),
        ({"what": "//nas/", "type": "smb3"}, "OM105"),
        ({"what": "om@omdata=/", "type": "ceph"}, "OM105"),
        ({"what": "om@.omdata", "type": "ceph"}, "OM105"),
        ({"what": ":/", "type": "efs"}, "OM105"),
        ({"what": "mgs:/", "type": "lustre"}, "OM105"),
        ({"what": "//om:secret@nas/share", "type": "cifs"}, "OM262"),
        ({"options": ["secret=AQB"]}, "OM262"),
        ({"what": "//nas/om", "options": ["password=x"], "type": "cifs"}, "OM262"),
        ({"options": ["hardd"], "type": "nfs4"}, "OM233"),
        ({"options": ["a b"]}, "OM233"),
        ({"options": ["x-systemd.mount-timeout=soon"]}, "OM233"),
    ],
)
def test_lines_that_cannot_be(line: dict[str, Any], rule: str) -> None:
    assert rules_of(mounted(**line)) == {rule}


@pytest.mark.parametrize(
    ("what", "type_"),
    [
        ("gluster1:omdata", "glusterfs"),
        ("gluster1,gluster2:/omdata/sub", "glusterfs"),
        ("[fd00::1]:/omdata", "glusterfs"),
        ("/etc/glusterfs/om.vol", "glusterfs"),
        ("nas:/", "nfs4"),
        ("\\\\nas\\om data", "cifs"),
        ("mon1,mon2:6789:/", "ceph"),
        (":/", "ceph"),
        ("om@07fe3187-00d9-42a3-814b-72a4d5e7d5be.omdata=/a", "ceph"),
        ("fs-1", "efs"),
        ("files.example.org:/om", "efs"),
        ("10.0.0.1@tcp:10.0.0.2@tcp:/omdata/sub", "lustre"),
        ("anything", "beegfs"),
    ],
)
def test_what_is_mounted_in_any_form_of_its_type(what: str, type_: str) -> None:
    assert not rules_of(mounted(what=what, type=type_))


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ({"type": "efs", "options": ["_netdev", "tls", "iam"]}, []),
        ({"type": "efs", "options": ["tls"]}, ["OM235"]),
        ({"type": "ceph", "options": ["name=om", "secretfile=/etc/ceph/om.secret"]}, []),
        ({"type": "nfs", "options": ["soft"]}, ["OM232"]),
        ({"type": "fuse.glusterfs", "options": []}, []),
        ({"service": "none", "options": ["nofail"]}, ["OM235", "OM235"]),
    ],
)
def test_lines_that_are_warned_of(line: dict[str, Any], rules: list[str]) -> None:
    assert [rule for rule in warned(cluster_of(mounted(**line))) if rule != "OM204"] == rules


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nas:/ /x nfs4 hard 0 0", "nas:/ /x nfs hard,v4 0 0"),
        ("nas:/ /x nfs4 nfsvers=4.1 0 0", "nas:/ /x nfs vers=4.1 0 0"),
        ("fs-1 /x efs tls,_netdev 0 0", "fs-1:/ /x efs _netdev,tls 0 0"),
        ("g1:om /x glusterfs defaults 0 0", "g1:/om /x/ glusterfs rw 0 0"),
        ("nas:/om /x nfs hard 0 2", "nas:/om /x nfs hard 0 0"),
        ("//nas/om /x cifs domain=CORP 1 1", "//nas/om /x cifs dom=corp"),
        ("/srv/om /x none bind 0 2", "/srv/om /x none bind 0 0"),
    ],
)
def test_two_spellings_of_one_mount(one: str, other: str) -> None:
    before, after = (fstab.KIND.read(text).items["/x"] for text in (one, other))
    assert before == after or fstab.KIND.same("/x", before, after)


def test_mounts_that_are_not_the_same() -> None:
    lines = ("nas:/ /x nfs4 hard 0 0", "nas:/ /x nfs hard 0 0", "nas:/ /x nfs4 ro 0 0")
    values = [fstab.KIND.read(line).items["/x"] for line in lines]
    disk = [fstab.KIND.read(f"/dev/sdb /x gfs2 hard 0 {n}").items["/x"] for n in (0, 2)]
    assert not fstab.KIND.same("/x", *disk)  # which fsck checks
    assert not any(fstab.KIND.same("/x", values[0], value) for value in values[1:])


def test_a_file_with_a_secret_is_shown_and_a_secret_is_not() -> None:
    text = "om@.fs=/ /x ceph secretfile=/etc/ceph/om.secret,secret=AQBcd 0 0"
    value = fstab.KIND.read(text).items["/x"]
    assert "secretfile=/etc/ceph/om.secret" in value
    assert "AQBcd" not in value


def test_another_way_to_one_place_needs_its_program() -> None:
    efs: dict[str, Any] = {"what": "fs-1:/", "type": "efs", "options": ["_netdev", "tls"]}
    cluster = cluster_of(mounted(**efs))
    after = "fs-1:/ efs _netdev,tls 0 0"
    for before, asked in (
        ("fs-1.efs.eu-central-1.amazonaws.com:/ nfs vers=4.1 0 0", True),
        ("fs-1:/ efs _netdev 0 0", False),
    ):
        changes = {"/opt/omdata": Change("update", before, after)}
        effect = fstab.KIND.effect(cluster, changes, "update")
        assert (effect.moves, "mount.efs" in str(effect.manual)) == (False, asked)


# Accounts of a Windows domain

SHARE = {
    "kind": "cifs",
    "server": "fs1.corp.example.org",
    "share": "Open Meetings",
    "password": {"env": "OM_STORAGE_PASSWORD"},
}


@pytest.mark.parametrize(
    ("account", "lines"),
    [
        ({"user": r"CORP\svc-om"}, ["username=svc-om", "domain=CORP"]),
        ({"user": "svc-om", "domain": "CORP"}, ["username=svc-om", "domain=CORP"]),
        ({"user": "svc-om@corp.example.org"}, ["username=svc-om@corp.example.org"]),
    ],
)
def test_an_account_of_a_domain(account: dict[str, str], lines: list[str]) -> None:
    cluster = simple(storage={**SHARE, **account})
    (artifact,) = cifs_credentials.KIND.render(cluster, cluster.nodes[0])
    assert [line.text for line in artifact.lines[1:-1]] == lines
    assert artifact.meaning
    assert not artifact.meaning.fault(artifact.lines)
    assert line_of(cluster, 1).startswith(r"//fs1.corp.example.org/Open\040Meetings ")
    assert samba.KIND.external_files(cluster) == []
    told = samba.KIND.external(cluster)
    assert told
    assert "Open Meetings" in told.text
    assert "smbpasswd" not in told.text


@pytest.mark.parametrize(
    "storage",
    [
        {"server": "om1", "user": r"CORP\svc-om"},
        {"server": "om1", "user": "svc-om@corp.example.org"},
        {"user": "svc-om@corp.example.org", "domain": "CORP"},
        {"user": "a\\b\\c"},
        {"domain": "CORP/x"},
        {"user": r"CORP\svc-om", "domain": "OTHER"},
        {"user": r"CORP\svc-om", "options": ["dom=OTHER", "_netdev"]},
        {"user": "svc-om", "domain": "CORP", "options": ["workgroup=OTHER", "_netdev"]},
    ],
)
def test_accounts_that_cannot_be(storage: dict[str, Any]) -> None:
    assert rules_of(spec_of(storage={**SHARE, **storage})) == {"OM105"}


def test_a_domain_that_is_said_twice_alike() -> None:
    options = ["domain=CORP", "_netdev"]
    account = {"user": r"CORP\svc-om", "domain": "corp", "options": options}
    assert not rules_of(spec_of(storage={**SHARE, **account}))


def test_a_server_beside_a_line_that_names_its_own() -> None:
    data = mounted()
    data["storage"]["server"] = "om1"
    (error,) = errors_of(data)
    assert (error.rule.id, error.hint) == ("OM105", "Remove it.")
    del data["storage"]["fstab"]
    assert not rules_of(data)


@pytest.mark.parametrize(
    ("kind", "key", "value", "other"),
    [
        ("nfs", "fstab", GLUSTER, "mounted"),
        ("nfs", "domain", "CORP", "cifs"),
        ("mounted", "clients", ["@a"], "nfs"),
        ("mounted", "mount_from", "nas", "nfs"),
        ("cifs", "type", "nfs4", "nfs"),
        ("cifs", "pseudo_root", "/srv", "nfs"),
    ],
)
def test_keys_that_mean_nothing_with_a_kind(kind: str, key: str, value: Any, other: str) -> None:
    storage = {"kind": kind, key: value, **({"password": {"env": "X"}} if kind == "cifs" else {})}
    (error,) = errors_of(spec_of(storage=storage))
    assert (error.rule.id, f"kind: {other}" in error.hint) == ("OM105", True)
