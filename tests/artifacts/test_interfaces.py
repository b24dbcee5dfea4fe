"""Which address of a node Hazelcast takes, and what says the same as nothing."""

from __future__ import annotations

import pytest

from omconf.artifacts.hazelcast import KIND
from tests.clusters import errors_of, rules_of, simple, spec_of


def items(**hazelcast: str) -> dict[str, str]:
    cluster = simple(hazelcast=hazelcast)
    return KIND.read(KIND.render(cluster, cluster.nodes[0])[0].text).items


def test_interfaces() -> None:
    key = "network/interfaces/interface"
    assert items()[key] == "10.1.1.1"
    assert items(interfaces="10.1.1.*")[key] == "10.1.1.*"
    assert not any(name.startswith("network/interfaces") for name in items(interfaces="none"))


@pytest.mark.parametrize("value", ["10.1.1.0/24", "eth0", "10.1.1", "", "10.1.1.1,10.1.1.2"])
def test_no_pattern(value: str) -> None:
    assert "OM105" in rules_of(spec_of(hazelcast={"interfaces": value}))


def test_a_pattern_that_misses_a_node() -> None:
    (found,) = errors_of(spec_of(hazelcast={"interfaces": "10.1.1.1"}))
    assert found.rule.id == "OM261"
    assert "10.1.1.2" in found.message


def test_interfaces_that_are_off_are_as_good_as_none() -> None:
    cluster = simple(hazelcast={"interfaces": "10.1.1.*"})
    text = KIND.render(cluster, cluster.nodes[0])[0].text
    off = text.replace('<interfaces enabled="true">', '<interfaces enabled="false">')
    assert not any(name.startswith("network/interfaces") for name in KIND.read(off).items)


def test_a_cluster_name_that_is_not_said_is_dev() -> None:
    assert KIND.implied({}) == {"cluster-name": "dev"}
    assert KIND.implied({"import/resource": "x.xml"}) == {}
