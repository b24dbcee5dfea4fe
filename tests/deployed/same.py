"""What every source of deployed files must find alike: situations, and what a plan says of them.

A source's layout tells where a node's file lies in it: a root tree, a bundle, a host.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.clusters import spec_of
from tests.command import omconf
from tests.plan.test_plan import SCHEMA

SECRET = {"OM_DB_PASSWORD": "not-a-real-password"}
CLASSES = "/opt/om/webapps/openmeetings/WEB-INF/classes"
HAZELCAST = f"{CLASSES}/hazelcast.xml"
PERSISTENCE = f"{CLASSES}/META-INF/persistence.xml"
CHECK = "/etc/omconf/conference/check.conf"
MANIFEST = "/etc/omconf/conference/manifest.json"
ROUTE = "/usr/local/sbin/omconf-multicast-route"
OLD = "/srv/old/webapps/openmeetings/WEB-INF/classes/hazelcast.xml"

Place = Callable[[str], Path]
"""Where a file of the node om2 lies, by its path on the node."""


@dataclass(frozen=True)
class Situation:
    """What was done to om2, the changes and the findings that follow from it."""

    spoil: Callable[[Place], None]
    changes: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    """By path: the action, and the items' actions by key."""
    rules: frozenset[str] = frozenset()
    complete: bool = True
    among: frozenset[str] = frozenset()
    """Findings that only several nodes show together."""
    around: bool = False
    """Whether it is in files of others, which no bundle has."""


def _edit(path: str, old: str, new: str) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        text = place(path).read_text()
        assert old in text
        place(path).write_text(text.replace(old, new))

    return spoil


def _nothing(place: Place) -> None:
    pass


def _gone(place: Place) -> None:
    place(PERSISTENCE).unlink()


def _link(place: Place) -> None:
    place(HAZELCAST).unlink()
    place(HAZELCAST).symlink_to("persistence.xml")


def _file_above(place: Place) -> None:
    shutil.rmtree(place(PERSISTENCE).parent)
    place(PERSISTENCE).parent.write_text("a file\n")


def _link_above(place: Place) -> None:
    """A link that leads nowhere, on the way to a file."""
    shutil.rmtree(place(PERSISTENCE).parent)
    place(PERSISTENCE).parent.symlink_to("nowhere/at/all")


def _large(place: Place) -> None:
    os.truncate(place(HAZELCAST), (4 << 20) + 1)


def _former(place: Place) -> None:
    """Applied before, in a home that the spec no longer has; and a file that is not omconf's."""
    manifest = json.loads(place(MANIFEST).read_text())
    for entry in manifest["files"]:
        entry["path"] = entry["path"].replace("/opt/om/", "/srv/old/")
    entry = next(e for e in manifest["files"] if e["path"] == OLD)
    manifest["files"].append({**entry, "path": "/srv/others.xml"})
    lines = ",\n".join("  " + json.dumps(e) for e in manifest["files"])
    head = '{\n "format_version": "1.0",\n "cluster": "conference",\n "node": "om2",\n "files": [\n'
    place(MANIFEST).write_text(f"{head}{lines}\n ]\n}}\n")
    place(OLD).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(place(HAZELCAST), place(OLD))
    place("/srv/others.xml").write_text("<not-omconfs/>\n")


def _drop_ins(place: Place) -> None:
    """Two of the unit's, of which only one is called as systemd wants it; and a stale link."""
    folder = place("/etc/systemd/system/openmeetings.service.d/x").parent
    (folder / "local.conf").write_text(CATALINA_OPTS.format("/srv/x"))
    (folder / "saved.conf~").write_text(CATALINA_OPTS.format("/srv/y"))
    (folder / "two\nlines.text").write_text(CATALINA_OPTS.format("/srv/z"))
    (folder / "old.conf").symlink_to("/nowhere")


CATALINA_OPTS = '[Service]\nEnvironment="CATALINA_OPTS=-DDATA_DIR={}"\n'
SITUATIONS = {
    "nothing": Situation(_nothing),
    "an item": Situation(
        _edit(HAZELCAST, "om2.example.org", "old.example.org"),
        {HAZELCAST: ("update", {"member-attributes/server.url": "update"})},
    ),
    "a line": Situation(
        _edit(ROUTE, "#!/bin/sh", "#!/bin/bash"), {ROUTE: ("update", {"1": "update"})}
    ),
    "in the block": Situation(
        _edit("/etc/fstab", "timeo=50", "timeo=70"),
        {"/etc/fstab": ("update", {"/opt/omdata": "update"})},
    ),
    "gone": Situation(_gone, {PERSISTENCE: ("create", {})}),
    "a link": Situation(_link, rules=frozenset({"OM316"}), complete=False),
    "a file above": Situation(_file_above, rules=frozenset({"OM316"}), complete=False),
    "a link above": Situation(_link_above, rules=frozenset({"OM316"}), complete=False),
    "too large": Situation(_large, rules=frozenset({"OM302"}), complete=False),
    "not XML": Situation(
        _edit(HAZELCAST, "</hazelcast>", ""),
        {HAZELCAST: ("update", {})},
        frozenset({"OM301"}),
        complete=False,
    ),
    "another release": Situation(
        _edit(CHECK, "release=9.1.0", "release=9.0.0"),
        {CHECK: ("update", {"release": "update"})},
        among=frozenset({"OM314"}),
    ),
    "a former place": Situation(_former, {OLD: ("delete", {})}, frozenset({"OM324"})),
    "around": Situation(
        _drop_ins,
        rules=frozenset({"OM316", "OM343"}),
        around=True,
    ),
}


def write_spec(folder: Path, **sections: Any) -> Path:
    """A spec of two nodes."""
    spec = folder / "cluster.yaml"
    spec.write_text(yaml.safe_dump(spec_of(2, **sections)))
    return spec


def build(spec: Path, directory: Path, *options: str) -> None:
    built = omconf("build", spec, "-o", directory, *options, env=SECRET)
    assert built.code == 0, built.err


def lay(bundle: Path, tree: Path) -> None:
    """Lay a node's bundle as a root tree, its manifest too."""
    for part in ("files", "blocks", "keys"):
        if (bundle / part).exists():
            shutil.copytree(bundle / part, tree, dirs_exist_ok=True)
    place = tree / MANIFEST[1:]
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(bundle / "manifest.json", place)


def plan(spec: Path, *options: str | Path, **more: Any) -> dict[str, Any]:
    """The plan as JSON, held against its schema."""
    env = {**SECRET, **more.pop("env", {})}
    done = omconf("plan", spec, *options, "--json", "--detailed-exitcode", env=env, **more)
    found: dict[str, Any] = json.loads(done.out)
    SCHEMA.validate(found)
    wrong = any(d["severity"] == "error" for d in found["diagnostics"]) or not found["complete"]
    assert done.code == (1 if wrong else 2 if found["has_changes"] else 0), found
    return found


def require(found: dict[str, Any], expected: Situation) -> None:
    """Hold a plan against what a situation is expected to give."""
    changes = {
        c["path"]: (c["action"], {i["key"]: i["action"] for i in c["items"]})
        for c in found["changes"]
        if c["node"] == "om2"
    }
    assert changes == expected.changes, found
    assert {c["node"] for c in found["changes"]} <= {"om2"}
    together = expected.among if found["summary"]["nodes"] > 1 else frozenset()
    assert {d["rule"] for d in found["diagnostics"]} == expected.rules | together
    assert found["complete"] == expected.complete
