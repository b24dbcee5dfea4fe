"""The drop-in of OpenMeetings' unit."""

from __future__ import annotations

from typing import Any

from omconf.artifacts import service
from tests.clusters import simple


def text_of(**sections: Any) -> str:
    cluster = simple(**sections)
    return "".join(a.text for a in service.KIND.render(cluster, cluster.nodes[0]))


def test_the_folder_the_route_and_the_time_zone() -> None:
    text = text_of(openmeetings={"timezone": "Europe/Berlin", "service": "om.service"})
    assert text.splitlines()[1:] == [
        "[Unit]",
        "RequiresMountsFor=/opt/omdata",
        "Wants=omconf-multicast-route.service",
        "After=omconf-multicast-route.service",
        "",
        "[Service]",
        'Environment="TZ=Europe/Berlin"',
    ]


def test_without_a_route_nothing_waits_for_it() -> None:
    assert "multicast" not in text_of(discovery={"kind": "tcp-ip"})


def test_a_folder_is_written_as_units_want_it() -> None:
    text = text_of(openmeetings={"data_dir": "/srv/om data/100%"})
    assert 'RequiresMountsFor="/srv/om data/100%%"\n' in text


def test_none_without_systemd() -> None:
    assert text_of(openmeetings={"service": "none"}) == ""
