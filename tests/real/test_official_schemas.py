"""Every XML file for all releases and databases, checked by the official XSDs out of the real jars."""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import xmlschema

from omconf.artifacts import hazelcast, persistence
from omconf.releases import RELEASES
from tests.clusters import DATABASES, simple
from tests.needs import needs
from tests.real.programs import JAVA

pytestmark = needs("jars")
LIB = JAVA / "lib" / "hazelcast"
NEWEST = "5.5.0"
"""This jar carries the XSDs of all lines from 4.0 to 5.5."""
JPA = {"2.0": "2.2.3", "3.0": "3.1.0"}
SECTIONS: dict[str, dict[str, Any]] = {
    "multicast": {},
    "tcp-ip": {"discovery": {"kind": "tcp-ip"}, "hazelcast": {"port": 5710}},
}


@cache
def official(jar: str, member: str) -> Any:
    with zipfile.ZipFile(LIB / jar) as archive:
        return xmlschema.XMLSchema(archive.read(member).decode())


@pytest.mark.parametrize("release", RELEASES)
def test_hazelcast(release: str) -> None:
    version = RELEASES[release].hazelcast_xsd
    schema = official(f"hazelcast-{NEWEST}.jar", f"hazelcast-config-{version}.xsd")
    for sections in SECTIONS.values():
        cluster = simple(3, openmeetings={"release": release}, **sections)
        for node in cluster.nodes:
            schema.validate(hazelcast.KIND.render(cluster, node)[0].text)


@pytest.mark.parametrize("release", RELEASES)
def test_persistence(release: str) -> None:
    version = RELEASES[release].jpa.version
    member = f"persistence_{version.replace('.', '_')}.xsd"
    schema = official(f"jakarta.persistence-api-{JPA[version]}.jar", _find(JPA[version], member))
    for kind in DATABASES:
        cluster = simple(openmeetings={"release": release}, database={"kind": kind})
        schema.validate(persistence.KIND.render(cluster, cluster.nodes[0])[0].text)


@cache
def _find(version: str, name: str) -> str:
    with zipfile.ZipFile(LIB / f"jakarta.persistence-api-{version}.jar") as archive:
        return next(member for member in archive.namelist() if Path(member).name == name)
