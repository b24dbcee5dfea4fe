"""What `omconf import --into` adds to a spec, what it compares, and how it writes."""

from __future__ import annotations

import codecs
import errno
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from omconf.adopt import gather
from tests.adopt.trees import PERSISTENCE, SETENV_SH, by_hand, edit, imported, put
from tests.command import omconf
from tests.needs import needs

ENV = {"OM_DB_PASSWORD": "pa55-postgresql"}
UNIT = "etc/systemd/system/openmeetings.service"
BRACES = """\
omconf: 1
cluster: openmeetings
openmeetings: {release: "9.1.0", home: /opt/open, timezone: Europe/Berlin, java_options: [-Xmx2g]}
hazelcast: {cluster_name: dev, interfaces: "10.1.1.*"}
discovery: {group: 224.0.0.0}
database: {kind: postgresql, host: 10.1.1.250, user: om_user, password: {env: OM_DB_PASSWORD}}
storage: {server: om1}
nodes: {NODES}
"""


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


@pytest.fixture
def spec(trees: Path, tmp_path: Path) -> Path:
    """A spec of om1 alone, as an import writes it."""
    path = tmp_path / "cluster.yaml"
    assert omconf("import", "--deployed", trees, "--node", "om1", "-o", path, env=ENV).code == 0
    return path


def move(tree: Path, home: str) -> None:
    """Move OpenMeetings of a tree to another folder."""
    (tree / home.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(tree / "opt/open", tree / home.lstrip("/"))
    edit(tree, UNIT, "/opt/open", home)


def nodes(spec: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = yaml.safe_load(spec.read_text())["nodes"]
    return found


@pytest.mark.parametrize("first", ["/opt/om", "/opt/open"])
@pytest.mark.parametrize("new", ["/srv/om", "/opt/om"])
def test_a_node_keeps_a_home_of_its_own(trees: Path, tmp_path: Path, first: str, new: str) -> None:
    spec = tmp_path / "cluster.yaml"
    if first != "/opt/open":
        move(trees / "om1", first)
    move(trees / "om2", new)
    assert omconf("import", "--deployed", trees, "--node", "om1", "-o", spec, env=ENV).code == 0
    done, found = imported(trees, "--node", "om2", "--node", "om3", "--into", spec, env=ENV)
    assert done.code == 0, found["differences"]
    homes = {name: own.get("home") for name, own in nodes(spec).items()}
    wanted = {"om1": first, "om2": new, "om3": "/opt/open"}
    assert homes == {name: None if home == first else home for name, home in wanted.items()}
    planned = json.loads(omconf("plan", spec, "--deployed", trees, "--json", env=ENV).out)
    assert {c["action"] for c in planned["changes"] if c["kind"] == "hazelcast"} == {"reformat"}


def test_the_home_of_node_defaults_is_not_repeated(trees: Path, spec: Path) -> None:
    spec.write_text(spec.read_text() + "node_defaults: {home: /srv/om}\n")
    edit(spec.parent, spec.name, r"(  om1:\n)", r"\1    home: /opt/open\n")
    move(trees / "om2", "/srv/om")
    done, found = imported(trees, "--node", "om2", "--node", "om3", "--into", spec, env=ENV)
    assert done.code == 0, found["diagnostics"]
    assert [own.get("home") for own in nodes(spec).values()] == ["/opt/open", None, "/opt/open"]


def test_a_node_keeps_an_interface_of_its_own(trees: Path, spec: Path) -> None:
    spec.write_text(spec.read_text() + "network: {interface: eth0}\n")
    for node, device in (("om2", "eth0"), ("om3", "eth1")):
        route = f"up ip route add 224.0.0.0/4 dev {device}\n"
        put(trees / node, "etc/network/interfaces", route)
    _, found = imported(trees, "--node", "om2", "--node", "om3", "--into", spec, env=ENV)
    assert [own.get("interface") for own in nodes(spec).values()] == [None, None, "eth1"]
    assert "network.interface" not in str(found["diagnostics"])


@pytest.mark.parametrize("usual", ["", "eth0"])
def test_an_import_keeps_each_interface(trees: Path, usual: str) -> None:
    for node, device in (("om1", usual), ("om2", usual), ("om3", "eth1")):
        if device:
            route = f"up ip route add 224.0.0.0/4 dev {device}\n"
            put(trees / node, "etc/network/interfaces", route)
    done, found = imported(trees, env=ENV)
    assert done.code == 0, found["differences"]
    spec = yaml.safe_load(found["spec"])
    assert spec.get("network", {}).get("interface", "") == usual
    assert [own.get("interface") for own in spec["nodes"].values()] == [None, None, "eth1"]


@pytest.mark.parametrize("into", [True, False])
def test_files_of_openmeetings_that_a_plan_creates_elsewhere_are_differences(
    trees: Path, spec: Path, into: bool
) -> None:
    """The folder of the web application is one for all nodes; some homes no spec can have."""
    options: tuple[str | Path, ...] = ()
    where = "/srv/o$m/webapps/openmeetings"
    if into:
        shutil.move(trees / "om2/opt/open/webapps/openmeetings", trees / "om2/opt/open/webapps/om")
        options, where = ("--node", "om2", "--into", spec), "/opt/open/webapps/om"
    else:
        for node in ("om1", "om2", "om3"):
            move(trees / node, "/srv/o$m")
    done, found = imported(trees, *options, env=ENV)
    assert done.code == 2
    assert not found["proved"]
    created = [d for d in found["differences"] if d["action"] == "create"]
    assert {d["kind"] for d in created} == {"hazelcast", "persistence"}
    assert {d["reason"] for d in created} == {f"OpenMeetings is in {where} on this node"}


def test_a_spec_that_changes_meanwhile_is_not_overwritten(
    trees: Path, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = spec.read_text()

    def slow(*given: Any, **more: Any) -> Any:
        spec.write_text(before + "# added meanwhile\n")
        return gather.gather(*given, **more)

    monkeypatch.setattr("omconf.pipeline.adopt.gather", slow)
    done, found = imported(trees, "--node", "om2", "--into", spec, env=ENV)
    assert done.code == 1
    assert [d["rule"] for d in found["diagnostics"] if d["severity"] == "error"] == ["OM111"]
    assert spec.read_text() == before + "# added meanwhile\n"


def test_a_link_to_a_spec_stays_one(trees: Path, spec: Path) -> None:
    real = spec.parent / "real" / "omconf.yaml"
    real.parent.mkdir()
    spec.rename(real)
    spec.symlink_to("real/omconf.yaml")
    done, _ = imported(trees, "--node", "om2", "--into", spec, env=ENV)
    assert done.code == 0
    assert spec.is_symlink()
    assert list(nodes(real)) == ["om1", "om2"]


@needs("root")
def test_a_spec_keeps_its_owner_and_mode(trees: Path, spec: Path) -> None:
    os.chown(spec, 1234, 1235)
    spec.chmod(0o640)
    assert imported(trees, "--node", "om2", "--into", spec, env=ENV)[0].code == 0
    found = spec.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (1234, 1235, 0o640)
    assert list(nodes(spec)) == ["om1", "om2"]


def test_a_spec_whose_owner_cannot_be_kept_stays(
    trees: Path, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a user who may write to the folder, but who does not own the file."""
    before = spec.read_bytes()
    owner = spec.stat()
    fstat = os.fstat

    def another(fd: int) -> os.stat_result:
        found = fstat(fd)
        if found.st_ino != owner.st_ino:
            return found
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:]))

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fstat", another)
    monkeypatch.setattr(os, "fchown", refused)
    done = omconf("import", "--deployed", trees, "--node", "om2", "--into", spec, env=ENV)
    assert done.code == 1
    assert "is not written: its owner or group cannot be kept." in done.err
    assert spec.read_bytes() == before
    assert {p.name for p in spec.parent.iterdir()} == {"cluster.yaml", "trees"}


def test_a_byte_order_mark_is_kept(trees: Path, spec: Path) -> None:
    spec.write_bytes(codecs.BOM_UTF8 + spec.read_bytes())
    assert imported(trees, "--node", "om2", "--into", spec, env=ENV)[0].code == 0
    data = spec.read_bytes()
    assert data.startswith(codecs.BOM_UTF8)
    assert data.count(codecs.BOM_UTF8) == 1


URL = "https://om1.example.org:5443/openmeetings"
NEXT = "\n     "
OM1 = f'{{address: 10.1.1.1, url: "{URL}"}}'
OM2 = OM1.replace("1.1,", "1.2,").replace("om1", "om2")
OM3 = OM1.replace("1.1,", "1.3,").replace("om1", "om3")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (f"{{om1: {OM1}}} # all", f"{{om1: {OM1}, om2: {OM2}, om3: {OM3}}} # all"),
        (f"{{ om1: {OM1}, }}", f"{{ om1: {OM1}, om2: {OM2}, om3: {OM3}, }}"),
        (f'{{"om1" : {OM1}\n}}', f'{{"om1" : {OM1},\n om2: {OM2},\n om3: {OM3}\n}}'),
        (
            f"{{\n  # {{,\n  om1: {OM1} # 7, }}\n  # end\n}} # all",
            f"{{\n  # {{,\n  om1: {OM1}, # 7, }}\n  # end\n  om2: {OM2},\n  om3: {OM3}\n}} # all",
        ),
        (
            f"{{\n    om1: {OM1}, # rack 7\n  }}",
            f"{{\n    om1: {OM1}, # rack 7\n    om2: {OM2},\n    om3: {OM3},\n  }}",
        ),
    ],
)
def test_nodes_in_braces(
    trees: Path, tmp_path: Path, written: str, wanted: str, newline: str
) -> None:
    spec = tmp_path / "cluster.yaml"
    wanted = wanted.replace("\n om", f"\n{' ' * 8}om") if written.startswith('{"') else wanted
    spec.write_bytes(BRACES.replace("{NODES}", written).replace("\n", newline).encode())
    done, found = imported(trees, "--node", "om2", "--node", "om3", "--into", spec, env=ENV)
    assert done.code == 0, found["diagnostics"]
    assert spec.read_bytes().decode() == BRACES.replace("{NODES}", wanted).replace("\n", newline)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "written",
    [
        f"\n  om1:\n    url: >-\n      {URL}\n\n    address: 10.1.1.1 # x\n",
        f"\n  om1:\n    address: 10.1.1.1\n    url: >-\n      {URL}\n",
        f"\n  om1:\n    address: 10.1.1.1\n    url: |-\n      {URL}",
        f"\n  ? om1\n  : {OM1}\n",
        f" &all\n  ? om1\n  : {OM1}\n",
        f" &all\n   om1: {OM1}\n",
        f"\n om1: {{address: 10.1.1.1, url: &u '{URL}'}}\n",
        f"\n   om1:\n     ssh: &s om1\n     {OM1[1:-1].replace(', ', NEXT)}{NEXT}instance_name: *s\n",
        f"\n  om1: {{address: 10.1.1.1,\n  url: '{URL}',\n\n  }}\n",
    ],
)
@pytest.mark.parametrize("end", ["", "\n# The end.\n", "kurento: {}\n"])
def test_nodes_in_a_block(
    trees: Path, tmp_path: Path, written: str, end: str, newline: str
) -> None:
    spec = tmp_path / "cluster.yaml"
    end = end if written.endswith("\n") else ""
    before = BRACES.replace(" {NODES}\n", written + end).replace("\n", newline)
    spec.write_bytes(before.encode())
    done, found = imported(trees, "--node", "om2", "--into", spec, env=ENV)
    assert done.code == 0, found["diagnostics"]
    text = spec.read_bytes().decode()
    head, tail = before.removesuffix(end.replace("\n", newline)), end.replace("\n", newline)
    assert text.startswith(head)
    assert text.endswith(tail)
    assert list(nodes(spec)) == ["om1", "om2"]
    assert text.count("\n") == text.count(newline)
    first = re.search(r"\nnodes:.*\n( +)", text)
    assert first is not None
    assert f"\n{first[1]}om2:" in text


@pytest.mark.parametrize(
    ("key", "file", "pattern", "text"),
    [
        ("openmeetings.user", UNIT, "User=nobody", "User=om"),
        ("openmeetings.group", UNIT, "Group=nogroup", "Group=om"),
        ("openmeetings.timezone", "etc/timezone", "Berlin", "Paris"),
        ("openmeetings.java_options", SETENV_SH, "-Xmx2g", "-Xmx3g"),
        ("openmeetings.data_dir", SETENV_SH, "-DDATA_DIR=/opt/omdata", "-DDATA_DIR=/srv/data"),
    ],
)
def test_a_shared_setting_that_differs_is_reported(
    trees: Path, spec: Path, key: str, file: str, pattern: str, text: str
) -> None:
    edit(trees / "om2", file, pattern, text)
    _, found = imported(trees, "--node", "om2", "--into", spec, env=ENV)
    said = [d["message"].split("`")[1] for d in found["diagnostics"] if d["rule"] == "OM351"]
    assert key in said


@pytest.mark.parametrize("server", ["om1", "10.1.1.1", "{node: om1}", "om1.example.org", "om2"])
def test_a_server_that_is_called_otherwise_is_the_same(
    trees: Path, tmp_path: Path, server: str
) -> None:
    spec = tmp_path / "cluster.yaml"
    text = BRACES.replace("{NODES}", f"{{om1: {OM1}, om3: {OM3}}}")
    text = text.replace("10.1.1.250", "om1" if server == "om1" else "10.1.1.250")
    spec.write_text(text.replace("server: om1", f"server: {server.replace('om2', 'om3')}"))
    edit(trees / "om2", PERSISTENCE, "10.1.1.250", "om1.example.org")
    _, found = imported(trees, "--node", "om2", "--into", spec, env=ENV)
    said = {d["message"].split("`")[1] for d in found["diagnostics"] if d["rule"] == "OM351"}
    wrong = {"om1": set(), "om2": {"storage.server", "database.host"}}
    assert said == wrong.get(server, {"database.host"})


@pytest.mark.parametrize("export", ["", ", export: /opt/omdata"])
def test_what_a_spec_has_by_default_is_no_difference(
    trees: Path, tmp_path: Path, export: str
) -> None:
    """The folder that the new nodes export has another mount point, so the import names it."""
    spec = tmp_path / "cluster.yaml"
    text = BRACES.replace("{NODES}", f"{{om3: {OM3}}}")
    spec.write_text(text.replace("server: om1", f"server: 10.1.1.1{export}"))
    for node in ("om1", "om2"):
        edit(trees / node, SETENV_SH, "DATA_DIR=/opt/omdata", "DATA_DIR=/srv/data")
    edit(trees / "om2", "etc/fstab", " /opt/omdata nfs", " /srv/data nfs")
    _, found = imported(trees, "--node", "om1", "--node", "om2", "--into", spec, env=ENV)
    said = {d["message"].split("`")[1] for d in found["diagnostics"] if d["rule"] == "OM351"}
    assert said == {"openmeetings.data_dir"}
