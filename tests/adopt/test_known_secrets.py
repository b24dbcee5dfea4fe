"""The value of a secret that one file shows stays out of a spec, under whatever name it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.adopt.trees import HAZELCAST, PERSISTENCE, SETENV_SH, by_hand, edit, imported
from tests.command import omconf

NODES = ("om1", "om2", "om3")
PASSWORD = "pa55-postgresql"


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


def _everywhere(trees: Path, path: str, pattern: str, replacement: str) -> None:
    for node in NODES:
        edit(trees / node, path, pattern, replacement)


_PLACES = {
    "a JVM option": (SETENV_SH, "-Xmx2g", f"-Xmx2g -Dfoo=x{PASSWORD}"),
    "a property of Hazelcast": (
        HAZELCAST,
        "</properties>",
        f'<property name="hazelcast.foo">{PASSWORD}</property></properties>',
    ),
    "a property of JPA": (
        PERSISTENCE,
        "<properties>",
        f'<properties><property name="openjpa.jdbc.foo" value="{PASSWORD}"/>',
    ),
    "a setting of the pool": (
        PERSISTENCE,
        r", Username=",
        f", validationQuery={PASSWORD}, Username=",
    ),
    "an element": (
        HAZELCAST,
        "<network>",
        f"<network><ssl><factory-class-name>{PASSWORD}</factory-class-name></ssl>",
    ),
    "an attribute": (HAZELCAST, "<network>", f'<set name="{PASSWORD}"/><network>'),
}


@pytest.mark.parametrize("where", _PLACES)
@pytest.mark.parametrize("broken", [False, True])
def test_a_known_secret_under_another_name(trees: Path, where: str, broken: bool) -> None:
    _everywhere(trees, *_PLACES[where])
    if broken:  # no plan masks what is reported
        edit(trees / "om3", HAZELCAST, "https://om3", "https://om2")
        edit(trees / "om3", SETENV_SH, "-Xmx2g", f"-Xmx2g -Dbar={PASSWORD}")
    done, found = imported(trees)
    assert PASSWORD not in done.out + done.err
    text = omconf("import", "--deployed", trees)
    assert PASSWORD not in text.out + text.err
    left = [d for d in found["diagnostics"] if d["rule"] == "OM352"]
    assert {d["node"] for d in left} >= ({"om1"} if where == "an element" else {*NODES})
    if not broken and where != "a JVM option":  # of setenv.sh, omconf changes its block only
        assert done.code == 2
        assert where == "an attribute" or all("secret" in d["reason"] for d in found["differences"])


@pytest.mark.parametrize(("word", "kept"), [("openmeetings", False), ("openmeetingsx", True)])
def test_an_ordinary_password_is_left_out_as_a_word(trees: Path, word: str, kept: bool) -> None:
    _everywhere(trees, PERSISTENCE, PASSWORD, "openmeetings")
    _everywhere(trees, SETENV_SH, "-Xmx2g", f"-Dfoo={word}")
    _, found = imported(trees)
    spec = yaml.safe_load(found["spec"])
    assert spec["database"]["user"] == "om_user"
    assert spec["openmeetings"].get("java_options", []) == ([f"-Dfoo={word}"] if kept else [])


_TWO = """<network>
<symmetric-encryption enabled="true"><password>aaa11111</password></symmetric-encryption>
<ssl enabled="true"><properties><property name="password">bbb22222</property></properties></ssl>
"""
_NAMES = {
    "${om.network.symmetric.encryption.password}": "network/symmetric-encryption/password",
    "${om.network.ssl.properties.password}": "network/ssl/properties/password",
}


def test_two_secrets_have_two_names_and_are_listed(trees: Path) -> None:
    _everywhere(trees, HAZELCAST, "<network>", _TWO)
    done, found = imported(trees)
    assert done.code == 2
    (extra,) = found["files"].values()
    assert all(extra.count(name) == 1 for name in _NAMES)
    listed = {s["variable"]: s["key"] for s in found["secrets"] if s["variable"][0] == "$"}
    assert listed == _NAMES
    left = [d for d in found["diagnostics"] if d["rule"] == "OM352"]
    assert [d["node"] for d in left] == ["om1"] * 2
    assert {d["reason"] for d in found["differences"]} == {
        "a spec cannot contain a secret: hazelcast.extra has a system property instead"
    }
    out = omconf("import", "--deployed", trees, "-o", trees.parent / "cluster.yaml").out
    assert all(f"{key}: set this system property" in out for key in _NAMES.values())
    assert " 1 secret is not compared." in out


def test_names_that_would_be_equal_are_numbered(trees: Path) -> None:
    given = "".join(
        f'<property name="{name}">{name}-x1</property>' for name in ("pass.word", "pass-word")
    )
    ssl = f'<network><ssl enabled="true"><properties>{given}</properties></ssl>'
    _everywhere(trees, HAZELCAST, "<network>", ssl)
    _, found = imported(trees)
    names = [s["variable"] for s in found["secrets"] if s["variable"][0] == "$"]
    start = "om.network.ssl.properties.pass.word"
    assert names == [f"${{{start}}}", f"${{{start}.2}}"]
