"""The bundle's README: what is first, what waits for what, and the way back."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings

from omconf.bundle.compile import compile_bundle
from tests.clusters import cluster_of, simple, specs


def parts(nodes: int = 2, **sections: Any) -> dict[str, str]:
    """The README's sections by their headings."""
    text = compile_bundle(simple(nodes, **sections)).readme
    _, *rest = text.split("\n## ")
    return dict(part.split("\n", 1) for part in rest)


def in_order(text: str, *steps: str) -> None:
    places = [text.find(step) for step in steps]
    assert -1 not in places, dict(zip(steps, places, strict=True))
    assert places == sorted(places)


def test_the_roll_out_and_the_way_back_are_opposite() -> None:
    readme = parts(3)
    in_order(
        readme["Roll-out"],
        "admin.sh -i",
        "systemctl stop openmeetings.service",
        "chown nobody:nogroup /opt/omdata",
        "exportfs -ra",
        "exportfs -s",
        "On every node but om1: `mkdir -p /opt/omdata`",
        "findmnt /opt/omdata",
        "runuser -u nobody -- cp -R /opt/om/webapps/openmeetings/data/. /opt/omdata",
        "omconf-multicast-route check",
        "systemctl restart openmeetings.service",
        "services/info/health",
        "Members {size:",
    )
    in_order(
        readme["The way back"],
        "systemctl stop openmeetings.service",
        "hazelcast.xml",
        "systemctl disable --now omconf-multicast-route.service",
        "omconf-multicast-route down",
        "umount /opt/omdata",
        "exportfs -ra",
        "/etc/omconf/conference/manifest.json",
        "systemctl start openmeetings.service",
    )


def test_servers_outside_of_the_cluster() -> None:
    readme = parts(storage={"server": {"host": "nas"}}, openmeetings={"user": "om", "group": "om"})
    assert "postgresql at `10.1.1.250:5432`" in readme["Roll-out"]
    in_order(
        readme["Roll-out"],
        "On `nas`: make `/opt/omdata`, owned by the uid and gid that `om:om` has on the nodes",
        "add `storage/exports` to `/etc/exports`, `exportfs -ra`",
        "On every node: `mkdir -p /opt/omdata`",
        "Once, on om1",
    )
    in_order(readme["The way back"], "On every node: `umount", "On `nas`: take the lines")


def test_a_step_that_is_not_needed_is_not_there() -> None:
    readme = parts(
        storage={"kind": "mounted", "server": None},
        discovery={"kind": "tcp-ip"},
        openmeetings={"service": "none", "data_dir": "/opt/om data"},
    )
    for part in ("Roll-out", "The way back"):
        assert not re.search("exportfs|multicast|fstab|systemctl", readme[part])
    in_order(readme["Roll-out"], "stop OpenMeetings;", "findmnt '/opt/om data'", "cp -R")


def test_a_thousand_nodes_keep_it_small() -> None:
    text = compile_bundle(simple(1000)).readme
    assert len(text) < 8000
    assert "om2 … om1000" in text
    assert "1000 nodes" in text


@settings(max_examples=30, deadline=None)
@given(specs())
def test_steps_are_numbered_and_tables_hold(data: dict[str, object]) -> None:
    text = compile_bundle(cluster_of(data)).readme
    for part in text.split("\n## ")[-2:]:
        numbers = [int(n) for n in re.findall(r"^(\d+)\. ", part, re.MULTILINE)]
        assert numbers == list(range(1, len(numbers) + 1))
    for row in re.findall(r"^\| .*", text, re.MULTILINE):
        assert len(re.findall(r"(?<!\\)\|", row)) in (3, 4)
    assert text.count("```") == 2
