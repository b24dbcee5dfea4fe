"""Names of hosts and shares in fstab: the same in any case of letters, unlike paths."""

from __future__ import annotations

import pytest

from omconf.formats import fstab


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("//fs1/Open Meetings cifs", "//FS1/open meetings cifs", True),
        ("//fs1/Open Meetings/om smb3", "//fs1/open meetings/om smb3", True),
        ("//fs1/share/om cifs", "//fs1/share/OM cifs", False),
        ("//fs1 cifs", "//FS1 cifs", True),
        ("Files.example.org:/om nfs", "files.example.org:/om nfs", True),
        ("files.example.org:/om nfs", "files.example.org:/OM nfs", False),
        ("om@.omdata=/ ceph", "om@.OMDATA=/ ceph", False),
        ("gluster1:/om glusterfs", "gluster1:/OM glusterfs", False),
    ],
)
def test_case(one: str, other: str, same: bool) -> None:
    a, b = (fstab.effective(f"{what} hard 0 0") for what in (one, other))
    assert (a == b) is same
