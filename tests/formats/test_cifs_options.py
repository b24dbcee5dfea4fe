"""What omconf knows of the mount options of cifs: mount.cifs(8) and the kernel's own list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.formats.cifs_options import check_mount, settle_mount


@pytest.mark.parametrize(
    "option",
    [
        *("hard", "soft", "_netdev", "vers=3.1.1", "vers=default", "sec=ntlmssp", "seal"),
        *("cache=none", "uid=nobody", "uid=1000", "file_mode=0640", "dir_mode=02750"),
        *("credentials=/etc/x", "actimeo=30", "nobrl", "noserverino", "mfsymlinks", "port=1445"),
        *(
            "x-systemd.automount",
            "x-foo",
            "nofail",
            "domain=WORK",
            "multichannel",
            "max_channels=4",
        ),
    ],
)
def test_a_right_option_gets_no_verdict(option: str) -> None:
    assert check_mount(option) is None


@pytest.mark.parametrize(
    ("option", "kind", "suggestion"),
    [
        ("hardd", "misspelt", "hard"),
        ("ver=3.1.1", None, None),
        ("verss=3.1.1", "misspelt", "vers=3.1.1"),
        ("file_mod=0640", "misspelt", "file_mode=0640"),
        ("seall", "misspelt", "seal"),
        ("file_mode=640", "bad-value", None),
        ("vers=4.2", "bad-value", None),
        ("cache=strickt", "bad-value", None),
        ("hard=1", "bad-value", "hard"),
        ("a b", "bad-value", None),
        ("timeo=50", "unknown", None),
        ("nconnect=4", "unknown", None),
    ],
)
def test_a_wrong_option(option: str, kind: str | None, suggestion: str | None) -> None:
    verdict = check_mount(option)
    assert (verdict.kind if verdict else None) == kind
    assert (verdict.suggestion if verdict else None) == suggestion


@pytest.mark.parametrize(
    ("given_options", "settled"),
    [
        (["hard", "soft"], ["soft"]),
        (["_netdev", "hard", "defaults"], ["_netdev", "hard"]),
        (["cred=/a", "ver=3.0.2"], ["credentials=/a", "vers=3.02"]),
        (["vers=3.11"], ["vers=3.1.1"]),
        (["nolock", "brl"], ["brl"]),
        (["noserverino", "serverino", "noserverino"], ["noserverino"]),
        (["dom=A", "workgroup=B"], ["domain=B"]),
        (["uid=1", "uid=2", "what=1", "what=2"], ["uid=2", "what=1", "what=2"]),
    ],
)
def test_options_are_reduced_to_what_they_come_to(
    given_options: list[str], settled: list[str]
) -> None:
    assert list(settle_mount(given_options)) == settled


@given(st.lists(st.text(max_size=12)))
def test_nothing_makes_it_fail_and_settled_is_settled(given_options: list[str]) -> None:
    for option in given_options:
        check_mount(option)
    once = settle_mount(given_options)
    assert settle_mount(once) == once
