"""The table of releases, guarded by a digest for each release and database.

The digests were taken when the table had been compared with the releases' own files, fact by fact.
A change that is meant (a new row, a corrected fact) is read again in those files; the failure then
prints the lines that `digests.txt` should have.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from omconf.releases import CONNECTION_PROPERTIES, HAZELCAST_NAMESPACE, RELEASES, nearest

DIGESTS = Path(__file__).with_name("digests.txt")


def plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value


def digest(name: str, database: str) -> str:
    facts = plain(RELEASES[name])
    facts["hazelcast_namespace"] = HAZELCAST_NAMESPACE
    facts["persistence"] = facts["persistence"][database]
    facts["jdbc_drivers"] = facts["jdbc_drivers"].get(database)
    text = json.dumps(facts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def test_every_fact_is_as_it_was_read() -> None:
    found = [
        f"{name} {database:10} {digest(name, database)}"
        for name, release in RELEASES.items()
        for database in release.persistence
    ]
    noted = [line for line in DIGESTS.read_text().splitlines() if not line.startswith("#")]
    assert found == noted, "\n".join(["digests.txt should have:", *sorted({*found} - {*noted})])


def test_releases_are_ordered_and_cannot_be_changed() -> None:
    assert len(RELEASES) == 14
    assert list(RELEASES) == sorted(RELEASES, key=lambda name: [*map(int, name.split("."))])
    assert all(name == release.name for name, release in RELEASES.items())
    assert len({hash(release) for release in RELEASES.values()}) == 14
    for mapping in (RELEASES, RELEASES["9.1.0"].persistence, RELEASES["9.1.0"].jdbc_drivers):
        with pytest.raises(TypeError):
            mapping["9.1.0"] = None  # type: ignore[index]


@pytest.mark.parametrize("database", ["postgresql", "mysql", "mssql", "oracle", "db2"])
def test_connection_is_a_template_with_a_marked_place(database: str) -> None:
    for release in RELEASES.values():
        stock = release.persistence[database]
        assert [pair for pair in stock.properties if pair[1] == ""] == [(CONNECTION_PROPERTIES, "")]
        assert stock.connection[-2:] == (("Username", "${db_user}"), ("Password", "${db_pass}"))
        url = dict(stock.connection)["Url"].format(host="db", port=stock.port, name=stock.name)
        assert url.startswith("jdbc:")
        assert f"db:{stock.port}" in url
        assert stock.name in url


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("9.1.0", "9.1.0"),
        ("9.1", "9.1.0"),
        (" v9.1.0 ", "9.1.0"),
        ("9.1.0-SNAPSHOT", "9.1.0"),
        ("9.2.0", "9.1.0"),
        ("6.2.7", "6.2.0"),
        ("4.0.11", "5.0.0"),
        ("10", "9.1.0"),
        ("9.1.O", "9.1.0"),
        ("latest", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_nearest(said: str, meant: str | None) -> None:
    assert nearest(said) == meant
