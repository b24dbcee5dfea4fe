"""Which data a mount leads to, in the words of every type that has several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.formats import fstab, mount_place
from omconf.formats.mount_place import Place, Server

ROOTED = Server("om1", frozenset({"om1", "10.1.1.1", "files.example.org"}), "/srv/nfs4")
EFS = "fs-0123456789abcdef0"
EFS_DNS = f"{EFS}.efs.eu-central-1.amazonaws.com"
FSID = "07fe3187-00d9-42a3-814b-72a4d5e7d5be"


def place(line: str, server: Server | None = None) -> Place:
    """The place of `DEVICE TYPE OPTIONS`."""
    device, kind, *options = line.split(" ")
    ((entry,), _) = fstab.read(f"{device} /x {kind} {' '.join(options) or 'defaults'} 0 0\n")
    return mount_place.read(entry.value, server)


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("10.1.1.1:/srv/nfs4/om nfs vers=3", True),
        ("om1:/srv/nfs4/om nfs v3", True),
        ("files.example.org:/om nfs nfsvers=4.2", True),
        ("om1:/om/ nfs4", True),
        ("om1:/om nfs", True),  # 4 is tried first
        ("om1:/srv/nfs4/om nfs hard", True),  # 4 finds no such path, 3 does
        ("om1:/om nfs vers=3", False),
        ("om1:/srv/nfs4/om nfs4", False),
        ("om1:/srv/nfs4/om nfs vers=4.1", False),
        ("om1:/srv/nfs4 nfs vers=3", False),
        ("nas:/srv/nfs4/om nfs vers=3", False),
        ("nas:/om nfs4", False),
    ],
)
def test_below_an_nfsv4_root_versions_name_a_folder_by_different_paths(
    line: str, same: bool
) -> None:
    wanted = place("om1:/om nfs4", ROOTED)
    assert place(line, ROOTED).same(wanted) is wanted.same(place(line, ROOTED)) is same


def test_the_root_itself() -> None:
    wanted = place("om1:/ nfs4", ROOTED)
    assert place("om1:/srv/nfs4 nfs vers=3", ROOTED).same(wanted)
    assert not place("om1:/ nfs vers=3", ROOTED).same(wanted)


SAME = [
    (f"{EFS}:/ efs tls,iam", f"{EFS_DNS}:/ nfs4 nfsvers=4.1"),
    (f"{EFS} efs tls", f"{EFS_DNS}:/ efs _netdev"),
    (f"{EFS}:/om efs tls", f"eu-central-1a.{EFS_DNS}:/om nfs4"),
    (f"{EFS}:/ efs tls,accesspoint=fsap-1", f"{EFS}:/ efs accesspoint=fsap-1,tls,iam"),
    ("g1:/om glusterfs", "g2:/om glusterfs backup-volfile-servers=g3:g1"),
    ("g1:/om glusterfs backupvolfile-server=g2", "G2:om fuse.glusterfs"),
    ("g1,g2:/om/sub glusterfs", "g2:/om/sub/ glusterfs"),
    ("m1,m2:/ ceph name=om", "m2:6789,m3:/ ceph name=other"),
    ("m1:/om ceph fs=omdata", "om@.omdata=/om ceph mon_addr=m1:3300/m2"),
    ("m1:/ ceph mds_namespace=omdata", f"om@{FSID}.omdata=/ ceph mon_addr=m1"),
    (f"om@{FSID}.omdata=/ ceph mon_addr=m1", f"a@{FSID.upper()}.omdata=/ ceph"),
    ("om@.omdata=/ ceph", "a@.omdata=/ ceph"),
    (":/om ceph", ":/om/ ceph name=om"),
    ("//nas/Om cifs", "//NAS/om/ smb3"),
    ("nas:/om auto", "nas:/om nfs"),
    ("mgs@tcp:/om lustre", "mgs@tcp:/om lustre flock"),
]
OTHER = [
    (f"{EFS}:/ efs tls", "fs-0123456789abcdef1:/ efs tls"),
    (f"{EFS}:/ efs tls", f"{EFS}:/om efs tls"),
    (f"{EFS}:/ efs tls,accesspoint=fsap-1", f"{EFS}:/ efs tls"),
    (f"{EFS}:/ efs tls", "files.example.org:/ nfs4"),
    (f"{EFS}:/ nfs", f"{EFS_DNS}:/ nfs"),  # a host of that name
    ("g1:/om glusterfs", "g2:/om glusterfs"),
    ("g1:/om glusterfs", "g1:/other glusterfs"),
    ("g1:/om glusterfs", "g1:/om nfs"),
    ("m1:/ ceph", "om@.omdata=/ ceph mon_addr=m1"),  # the default's name is not known
    ("m1:/ ceph fs=a", "m1:/ ceph fs=b"),
    ("om@.omdata=/ ceph", f"om@{FSID}.omdata=/ ceph"),
    (f"om@{FSID}.omdata=/ ceph mon_addr=m1", "om@17fe3187.omdata=/ ceph mon_addr=m1"),
    (":/om ceph", "m1:/om ceph"),
    ("//nas/om cifs", "//nas/om2 cifs"),
    ("/srv/a none bind", "/srv/b none bind"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_place_in_two_spellings(one: str, other: str) -> None:
    assert place(one).same(place(other))
    assert place(other).same(place(one))


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_is_another_place_or_cannot_be_known(one: str, other: str) -> None:
    assert not place(one).same(place(other))
    assert not place(other).same(place(one))


def test_the_data_server_may_be_called_by_its_name_in_efs() -> None:
    server = Server(EFS_DNS, frozenset({EFS_DNS, "files.example.org"}))
    assert place("files.example.org:/ nfs4", server).same(place(f"{EFS} efs tls"))


@given(st.text(alphabet="a1:/@.=, \\-fs", max_size=30), st.sampled_from(["nfs", "ceph", "efs", ""]))
def test_any_device_has_a_place(device: str, kind: str) -> None:
    found = mount_place.read(f"{device} {kind} fs=a,mon_addr=/ 0 0", ROOTED)
    assert found.same(mount_place.read(f"{device} {kind} fs=a,mon_addr=/ 0 0", ROOTED))
