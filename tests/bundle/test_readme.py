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
        "keep a copy of the previous file",
        "the database administrator: On the database server 10.1.1.250: run",
        "the admin: Install OpenMeetings 9.1.0 in `/opt/om`, without starting it",
        "om1: the NFS server reloads its exports",
        "write `/etc/exports`",
        "/opt/omdata nobody nogroup",
        "exportfs -ra",
        "exportfs -s",
        "Every node but om1: OpenMeetings needs the shared folder",
        "mkdir -p /opt/omdata",
        "findmnt /opt/omdata",
        "omconf-multicast-route check",
        'runuser -u "$2" -- cp -R "$3" "$1"',
        "/opt/omdata nobody /opt/om/webapps/openmeetings/data/.",
        "write `/etc/omconf/conference/check.conf`",  # and persistence.xml, before the installer
        "`./admin.sh -i -user LOGIN -email ADDRESS -group GROUP -tz ZONE` in `/opt/om` as `nobody`",
        "before OpenMeetings starts",
        "A --db option or the web installer would drop the remote commits",
        "systemctl start openmeetings.service",
        "wait until healthy",
        "Every node but om1, one after the other: start",
        "all members find each other",
        "write `/etc/omconf/conference/manifest.json`",
        "omconf verify --ssh",
    )
    in_order(
        readme["Rollback"],
        "/etc/omconf/conference/manifest.json",
        "systemctl stop openmeetings.service",
        "hazelcast.xml",
        "systemctl stop omconf-multicast-route.service",
        "restore `/etc/systemd/system/omconf-multicast-route.service`",
        "Every node but om1:",
        "umount /opt/omdata",
        "restore `/etc/fstab`",
        "restore `/etc/exports`",
        "exportfs -ra",
        "Undo this: On the database server",
    )


def test_servers_outside_of_the_cluster() -> None:
    readme = parts(storage={"server": {"host": "nas"}}, openmeetings={"user": "om", "group": "om"})
    in_order(
        readme["Roll-out"],
        "On the database server 10.1.1.250: run `database/postgresql.sql`",
        "files in the bundle: `database/postgresql.sql`, `database/pg_hba.conf`",
        "On the NFS server nas: create `/opt/omdata`, owned by the uid and gid that `om:om` has on",
        "add `storage/exports` to `/etc/exports` and run `exportfs -ra`",
        "files in the bundle: `storage/exports`",
        "Every node: OpenMeetings needs the shared folder",
        "mkdir -p /opt/omdata",
        "om1: copy the initial content to the shared folder",
    )
    in_order(readme["Rollback"], "umount /opt/omdata", "Undo this: On the NFS")


def test_a_step_that_is_not_needed_is_not_there() -> None:
    readme = parts(
        storage={"kind": "mounted", "server": None},
        discovery={"kind": "tcp-ip"},
        openmeetings={"service": "none", "data_dir": "/opt/om data"},
    )
    for part in ("Roll-out", "Rollback"):
        assert not re.search("exportfs|multicast|fstab|systemctl", readme[part])
    in_order(
        readme["Roll-out"],
        "the admin: Mount the shared folder at `/opt/om data`",
        "findmnt '/opt/om data'",
        "cp -R",
        "the admin: Start OpenMeetings on this node",
    )


def test_without_systemd_what_has_to_run_at_each_boot_is_named() -> None:
    readme = parts(openmeetings={"service": "none"}, network={"firewall": "nftables"})
    in_order(
        readme["Roll-out"],
        "Configure this node to run `nft -f /etc/omconf/conference/firewall.nft` at boot",
        "Configure this node to run `/usr/local/sbin/omconf-multicast-route up` at boot",
    )
    in_order(readme["Rollback"], "omconf-multicast-route up` at boot", ".nft` at boot")
    assert "at boot" not in parts(network={"firewall": "nftables"})["Roll-out"]


def test_what_belongs_to_a_step_is_indented_as_far_as_its_text() -> None:
    """Else Markdown ends the list there, and numbers the rest from 1 again."""
    steps = re.findall(r"(?m)^(\d+\. ).*\n((?: .*\n)*)", parts(3)["Roll-out"])
    assert len(steps) > 9
    for number, below in steps:
        assert below
        for line in below.splitlines():
            assert re.match(" " * len(number) + "(  )?- ", line), line


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


def test_what_mysql_8_needs_stands_in_the_databases_step() -> None:
    note = "refuses logins with the current URL: first set `sslMode: REQUIRED` or"
    for options, there in (
        ({}, True),
        ({"useSSL": "false"}, True),
        ({"sslMode": "REQUIRED"}, False),
        ({"allowPublicKeyRetrieval": "true"}, False),
    ):
        readme = parts(database={"kind": "mysql", "options": options})
        (step,) = (s for s in readme["Roll-out"].splitlines() if "run `database/mysql.sql`" in s)
        assert (note in step) is there
    assert note not in parts(database={"kind": "postgresql"})["Roll-out"]
