"""Samba's lists of hosts; tests/real/test_samba.py holds this against testparm."""

from __future__ import annotations

import pytest

from omconf.formats.smb_hosts import allows


@pytest.mark.parametrize(
    ("allow", "deny", "answer"),
    [
        ("10.1.1.2", "", True),
        ("10.1.1.3", "", False),
        ("10.1.1.", "", True),
        ("10.1.", "", True),
        ("10.1.1.0/24", "", True),
        ("10.1.1.0/255.255.255.0", "", True),
        ("ALL EXCEPT 10.1.1.2", "", False),
        ("ALL EXCEPT 10.1.1.3", "", True),
        ("", "ALL", False),
        ("", "10.9.9.9", True),
        ("10.1.1.2", "ALL", True),
        ("10.1.1.3", "ALL", False),
        ("10.1.1.3", "10.9.9.9", True),
        ("om2.example.org", "", None),
        ("om2.example.org", "ALL", None),
        ("om2.example.org", "10.9.9.9", True),
        ("om2 10.1.1.2", "", True),
        ("", "@ours", None),
        ("", "", True),
    ],
)
def test_who_is_let_in(allow: str, deny: str, answer: bool | None) -> None:
    assert allows("10.1.1.2", allow, deny) is answer
