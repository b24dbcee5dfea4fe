"""What omconf knows of NFS options: nfs(5), mount(8), exports(5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.formats.nfs_options import check_export, check_mount, settle_export, settle_mount
from omconf.formats.options import Verdict

anything = st.text(max_size=20)


@pytest.mark.parametrize(
    "option",
    [
        "hard",
        "timeo=50",
        "_netdev",
        "nconnect=4",
        "vers=4.2",
        "nfsvers=3",
        "v4.1",
        "sec=krb5:krb5p",
        "rsize=1048576",
        "lookupcache=positive",
        "local_lock=none",
        "intr",
        "fsc",
        "fsc=tag",
        "rdirplus=force",
        "x-foo",
        "x-gvfs-name=Data",
        "X-mount.mkdir",
        "X-mount.mkdir=0755",
        "x-systemd.automount",
        "x-systemd.mount-timeout=1min30s",
        "x-systemd.idle-timeout=infinity",
        "x-systemd.requires=network-online.target",
        "x-systemd.wanted-by=openmeetings.service",
        "user=openmeetings",
        "nofail",
        "noatime",
    ],
)
def test_a_right_mount_option_gets_no_verdict(option: str) -> None:
    assert check_mount(option) is None


@pytest.mark.parametrize(
    ("option", "suggestion"),
    [
        ("hardd", "hard"),
        ("hrad", "hard"),
        ("sofft", "soft"),
        ("Hard", "hard"),
        ("HARD", "hard"),
        ("netdev", "_netdev"),
        ("timeoo=50", "timeo=50"),
        ("time=50", "timeo=50"),
        ("nconect=4", "nconnect=4"),
        ("ver=4.2", "vers=4.2"),
        ("x-systemd.automout", "x-systemd.automount"),
    ],
)
def test_one_typo_away_from_a_mount_option_is_misspelt(option: str, suggestion: str) -> None:
    verdict = check_mount(option)
    assert verdict is not None
    assert (verdict.kind, verdict.suggestion) == ("misspelt", suggestion)


@pytest.mark.parametrize(
    "option",
    [
        "timeo=abc",
        "timeo=0",
        "timeo=-1",
        "timeo=",
        "timeo",
        "timeo=2147483648",
        "hard=1",
        "nconnect=17",
        "port=70000",
        "vers=5",
        "proto=sctp",
        "sec=krb5:kerberos",
        "sec=",
        "lookupcache=some",
        "x-systemd.mount-timeout=soon",
        "x-systemd.wanted-by=a unit",
        "user=a:b",
        "X-mount.mkdir=99",
        "",
        "hard soft",
        "hard,soft",
        "hard\n",
        "ha\x00rd",
        "\udcff",
    ],
)
def test_a_bad_value_or_shape_of_a_mount_option(option: str) -> None:
    verdict = check_mount(option)
    assert verdict is not None
    assert verdict.kind == "bad-value"


@pytest.mark.parametrize("option", ["frobnicate", "uid=1000", "x-systemd.frobnicate", "quota=2"])
def test_a_mount_option_that_is_merely_unknown(option: str) -> None:
    verdict = check_mount(option)
    assert verdict is not None
    assert (verdict.kind, verdict.suggestion) == ("unknown", None)


@pytest.mark.parametrize(
    "option",
    [
        "rw",
        "no_root_squash",
        "anonuid=65534",
        "anonuid=-2",
        "fsid=0",
        "fsid=root",
        "fsid=12345678-1234-1234-1234-123456789abc",
        "sec=sys:krb5",
        "mp",
        "mountpoint=/data",
        "refer=/data@10.1.1.9",
        "security_label",
        "xprtsec=tls:mtls",
    ],
)
def test_a_right_export_option_gets_no_verdict(option: str) -> None:
    assert check_export(option) is None


@pytest.mark.parametrize(
    ("option", "verdict"),
    [
        ("RW", ("misspelt", "rw")),
        ("noroot_squash", ("misspelt", "no_root_squash")),
        ("root_sqash", ("misspelt", "root_squash")),
        ("no_subtree_chek", ("misspelt", "no_subtree_check")),
        ("anonuid=nobody", ("bad-value", None)),
        ("anonuid", ("bad-value", None)),
        ("rw=1", ("bad-value", "rw")),
        ("fsid=one", ("bad-value", None)),
        ("sec=sys:foo", ("bad-value", None)),
        ("", ("bad-value", None)),
        ("hard", ("unknown", None)),
        ("x-foo", ("unknown", None)),
    ],
)
def test_a_wrong_export_option(option: str, verdict: tuple[str, str | None]) -> None:
    found = check_export(option)
    assert found is not None
    assert (found.kind, found.suggestion) == verdict


@given(anything)
def test_a_check_never_fails(option: str) -> None:
    for verdict in (check_mount(option), check_export(option)):
        assert verdict is None or isinstance(verdict, Verdict)


@given(anything)
def test_a_suggestion_of_a_name_is_a_known_name(option: str) -> None:
    verdict = check_mount(option)
    if verdict and verdict.kind == "misspelt" and verdict.suggestion:
        again = check_mount(verdict.suggestion)
        assert again is None or again.kind == "bad-value"


@pytest.mark.parametrize(
    ("given_options", "settled"),
    [
        (["hard", "timeo=50", "_netdev"], ["_netdev", "hard", "timeo=50"]),
        (["soft", "hard"], ["hard"]),
        (["hard", "soft"], ["soft"]),
        (["timeo=50", "timeo=60"], ["timeo=60"]),
        (["ro", "rw", "ro"], ["ro"]),
        (["noac", "ac"], ["ac"]),
        (["nfsvers=4.1"], ["vers=4.1"]),
        (["v3", "vers=4"], ["vers=4"]),
        (["tcp"], ["proto=tcp"]),
        (["defaults"], []),
        (["x-a=1", "x-a=2", "x-a=1"], ["x-a=1", "x-a=2"]),
        (["unheard=1", "unheard=2"], ["unheard=1", "unheard=2"]),
    ],
)
def test_mount_options_come_down_to_what_counts(
    given_options: list[str], settled: list[str]
) -> None:
    assert list(settle_mount(given_options)) == settled


@pytest.mark.parametrize(
    ("lists", "settled"),
    [
        ([], "no_subtree_check,ro,root_squash,sync"),
        ([["rw"]], "no_subtree_check,root_squash,rw,sync"),
        ([["ro", "rw"]], "no_subtree_check,root_squash,rw,sync"),
        ([["ro", "sync"], ["rw"]], "no_subtree_check,root_squash,rw,sync"),
        ([["async", "no_root_squash"]], "async,no_root_squash,no_subtree_check,ro"),
        ([["subtree_check", "all_squash"]], "all_squash,ro,root_squash,subtree_check,sync"),
        ([["wdelay", "hide", "secure", "sec=sys"]], "no_subtree_check,ro,root_squash,sync"),
        ([["anonuid=065534", "anongid=+65534"]], "no_subtree_check,ro,root_squash,sync"),
        (
            [["anonuid=4294967294", "mp=/x"]],
            "anonuid=-2,mountpoint=/x,no_subtree_check,ro,root_squash,sync",
        ),
        ([["no_auth_nlm"]], "insecure_locks,no_subtree_check,ro,root_squash,sync"),
        ([["sec=krb5", "rw"]], "no_subtree_check,root_squash,rw,sec=krb5,sync"),
        ([["rw", "sec=krb5:sys"]], "no_subtree_check,root_squash,rw,sec=krb5:sys,sync"),
        ([["sec=krb5"], ["rw"]], "no_subtree_check,ro,root_squash,sec=krb5,sync"),
        (
            [["sec=krb5", "rw", "sec=sys", "ro"]],
            "no_subtree_check,sync,sec=krb5,root_squash,rw,sec=sys,ro,root_squash",
        ),
    ],
)
def test_export_options_come_down_to_what_exportfs_makes_of_them(
    lists: list[list[str]], settled: str
) -> None:
    assert ",".join(settle_export(*lists)) == settled


options = st.lists(
    st.sampled_from(["rw", "ro", "sync", "async", "sec=sys", "sec=krb5", "all_squash", "fsid=1"])
)


@given(options)
def test_settled_export_options_stay_as_they_are(given_options: list[str]) -> None:
    once = settle_export(given_options)
    assert settle_export(once) == once


def test_the_words_of_defaults_set_nothing() -> None:
    every = ["rw", "suid", "dev", "exec", "auto", "nouser", "async", "hard"]
    assert settle_mount(every) == ("hard",)
    assert settle_mount(["ro", "rw", "hard"]) == ("hard",)
    assert settle_mount(["user", "exec"]) == ("exec", "user")
    assert settle_mount(["rw", "ro"]) == ("ro",)


@pytest.mark.parametrize(
    ("listed", "settled"),
    [
        ("vers=4,minorversion=1", ("vers=4.1",)),
        ("minorversion=1,v4", ("vers=4.1",)),
        ("nfsvers=4.2,hard,minorversion=2", ("hard", "vers=4.2")),
        ("vers=4.2,minorversion=1", ("minorversion=1", "vers=4.2")),
        ("vers=3,minorversion=1", ("minorversion=1", "vers=3")),
        ("minorversion=1", ("minorversion=1",)),
    ],
)
def test_a_minor_version_completes_version_4(listed: str, settled: tuple[str, ...]) -> None:
    assert settle_mount(listed.split(",")) == settled


def test_a_verdict_names_what_the_option_is_not() -> None:
    verdicts = check_mount("hardd"), check_export("RW")
    assert [verdict.message for verdict in verdicts if verdict] == [
        "`hardd` is not a mount option.",
        "`RW` is not an export option.",
    ]
