"""`omconf explain`: each line of a bundle has a reason, with the place that it comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from omconf.bundle.locate import Explained
from omconf.pipeline.compiled import compile_spec
from omconf.pipeline.explain import explain
from omconf.rules import all_rules
from omconf.views import explanation
from omconf.views.text import Paint
from tests.clusters import SMALLEST
from tests.command import EXAMPLES, ROOT, omconf, tree

SPECS = sorted([*EXAMPLES.glob("*/cluster.yaml"), *ROOT.glob("tests/cases/*/cluster.yaml")])
HAZELCAST = "opt/om/webapps/openmeetings/WEB-INF/classes/hazelcast.xml"
PAGE = EXAMPLES / "clustering-page"


def explained(target: str | Path, cwd: Path = PAGE) -> dict[str, Any]:
    """The document of a file or line."""
    result = omconf("explain", target, "--json", cwd=cwd)
    assert result.code == 0, result.out
    document = json.loads(result.out)
    assert isinstance(document, dict)
    return document


def origins(document: dict[str, Any]) -> list[dict[str, Any]]:
    (line,) = document["lines"]
    return list(line["origins"])


def places(node: yaml.Node, path: str = "") -> Iterator[tuple[str, int, int]]:
    """Where each key and value of a YAML file stands, as PyYAML's own composer has it."""
    yield path, node.start_mark.line + 1, node.start_mark.column + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}" if path else key.value
            yield inner, key.start_mark.line + 1, key.start_mark.column + 1
            yield from places(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from places(value, f"{path}.{number}")


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.parent.name)
def test_every_line_says_why(spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(spec.parent)
    compiled = compile_spec("cluster.yaml")
    assert compiled.bundle is not None
    there = set(places(yaml.compose(spec.read_text(), Loader=yaml.SafeLoader)))  # type: ignore[arg-type]
    assert omconf("build", "-o", tmp_path / "bundles", cwd=spec.parent).code == 0
    for place, text in tree(tmp_path / "bundles").items():
        found = explain(compiled, f"somewhere/{place}")
        assert isinstance(found, Explained), found
        document = explanation.of_lines(found)
        assert document["file"] == place
        assert [line["text"] for line in document["lines"]] == text.splitlines()
        for line in document["lines"]:
            assert line["origins"], f"{place}:{line['line']}"
            for origin in line["origins"]:
                check(origin, there)


def check(origin: dict[str, Any], there: set[tuple[str, int, int]]) -> None:
    if origin["from"] == "default":
        assert origin["why"], f"why is the default of {origin['key']}? (omconf/spec/defaults.py)"
    if origin["from"] != "spec":
        return
    if origin["path"] == "cluster.yaml":
        assert (origin["key"], origin["line"], origin["column"]) in there
        written = Path("cluster.yaml").read_text().splitlines()[origin["line"] - 1]
        assert origin["source"] == written
    else:
        assert origin["source"][origin["column"] - 1] == "<"


def test_all_ways_to_name_a_file(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(SMALLEST)
    assert omconf("build", "-o", "out", cwd=tmp_path).code == 0
    node = tmp_path / "out/om2"
    line = "<interface>10.1.1.2</interface>"
    number = 1 + (node / "files" / HAZELCAST).read_text().splitlines().index(f"      {line}")
    for target, cwd in (
        (f"out/om2/files/{HAZELCAST}:{number}", tmp_path),
        (f"{node}/files/{HAZELCAST}:{number}", Path("/")),
        (f"../files/{HAZELCAST}:{number}:7", node / "blocks"),
        (f"hazelcast.xml:{number}:", (node / "files" / HAZELCAST).parent),
        (f"elsewhere/om2/files/{HAZELCAST}:{number}", tmp_path),
        (f"om2:/{HAZELCAST}:{number}", tmp_path),
    ):
        spec = os.path.relpath(tmp_path / "cluster.yaml", cwd)
        result = omconf("explain", target, "--spec", spec, cwd=cwd)
        assert result.code == 0, result.err
        assert result.err == ""
        assert result.out.startswith(f"om2:/{HAZELCAST}:{number}: {line}\n")
        assert "nodes.om2.address" in result.out


def test_what_is_printed() -> None:
    result = omconf("explain", "om1:/etc/exports:2", cwd=PAGE)
    assert result.out == (
        "om1:/etc/exports:2: /opt/omdata 10.1.1.2(rw,sync,no_subtree_check,root_squash)\n"
        "\n"
        "  clustering page: File systems: /etc/exports on the data server\n"
        "\n"
        "  default: openmeetings.data_dir: the folder on the clustering page, outside of OpenMeetings\n"
        "\n"
        "  spec: cluster.yaml:20:18 nodes.om2.address\n"
        '  20 |   om2: {address: 10.1.1.2, url: "https://om2.example.org:5443/openmeetings"}\n'
        "     |                  ^^^^^^^^\n"
        "\n"
        "  default: storage.export_options: the page's, except that root on a node is not root on"
        " the data\n"
    )
    assert (result.code, result.err) == (0, "")


def test_all_lines_are_grouped() -> None:
    result = omconf("explain", "bundles/om2/blocks/etc/fstab", cwd=PAGE)
    assert result.out.startswith(
        "om2:/etc/fstab\n"
        "  1 # BEGIN omconf: conference\n"
        "      = format: the markers around the lines that omconf owns in a file of others\n"
        "      = spec: cluster.yaml:3:10 cluster\n"
        "  2 10.1.1.1:/opt/omdata /opt/omdata nfs timeo=50,hard,_netdev 0 0\n"
    )
    stock = omconf("explain", f"om2:/{HAZELCAST}", cwd=PAGE).out
    assert stock.count("= release: OpenMeetings 9.1.0, its hazelcast.xml\n") == 3


def test_release_and_external_file(tmp_path: Path) -> None:
    assert {"from": "release", "release": "9.1.0", "file": "hazelcast.xml"} in origins(
        explained(f"om1:/{HAZELCAST}:30")
    )
    spec = SMALLEST.replace("server: om1", "server: nas.example.org")
    (tmp_path / "cluster.yaml").write_text(spec)
    document = explained("bundles/storage/exports:3", tmp_path)
    assert "node" not in document
    assert document["path"] == "storage/exports"
    assert "nodes.om2.address" in [origin.get("key") for origin in origins(document)]


def test_files_about_the_bundle() -> None:
    (people,) = origins(explained("bundles/README.md:1"))
    assert people == {"from": "format", "what": "part of the bundle: describes its content"}
    (builds,) = origins(explained("bundles/manifest.json:1"))
    assert builds["what"] == "part of the bundle: lists its content for later builds"
    for target, named in (
        ("bundles/manifest.json:6", "README.md"),
        ("bundles/manifest.json:20", "om2/blocks/etc/fstab"),
        ("bundles/om2/manifest.json:6", "om2:/etc/fstab"),
        ("om2:/etc/omconf/conference/manifest.json:6", "om2:/etc/fstab"),
    ):
        (entry,) = origins(explained(target))
        assert entry["what"].split("`")[1] == f"omconf explain {named}"
        assert explained(named)["lines"]


@pytest.mark.parametrize("kind", ["nfs", "cifs"])
def test_a_server_that_is_a_node_names_both_places(tmp_path: Path, kind: str) -> None:
    spec = SMALLEST.replace("host: 10.1.1.10", "host: om1").replace("kind: nfs", f"kind: {kind}")
    if kind == "cifs":
        spec = spec.replace("server: om1", "server: om1, user: om, password: {env: PASSWORD}")
    spec = spec.replace("{address: 10.1.1.1,", "{address: 10.1.1.1, storage_address: 10.9.9.1,")
    (tmp_path / "cluster.yaml").write_text(spec)
    mount = [o.get("key") for o in origins(explained("om2:/etc/fstab:2", tmp_path))]
    at = mount.index("storage.server")
    assert mount[at : at + 2] == ["storage.server", "nodes.om1.storage_address"]
    persistence = "om2:/opt/om/webapps/openmeetings/WEB-INF/classes/META-INF/persistence.xml"
    (url,) = [x for x in explained(persistence, tmp_path)["lines"] if "jdbc:" in x["text"]]
    assert "10.1.1.1:" in url["text"]
    assert {"database.host", "nodes.om1.address"} <= {o.get("key") for o in url["origins"]}


@pytest.mark.parametrize("kind", ["postgresql", "mysql", "mssql", "oracle", "db2"])
def test_every_place_of_the_password_names_its_reference(tmp_path: Path, kind: str) -> None:
    (tmp_path / "cluster.yaml").write_text(SMALLEST.replace("postgresql", kind))
    persistence = "om2:/opt/om/webapps/openmeetings/WEB-INF/classes/META-INF/persistence.xml"
    access = f"database/{kind}.{'sql' if kind.endswith('sql') and kind != 'mssql' else 'txt'}"
    for file in (persistence, access):
        lines = explained(file, tmp_path)["lines"]
        named = [line for line in lines if "database.password@" in line["text"]]
        named += [line for line in lines if line["text"].startswith("password ")]
        assert named
        for line in named:
            assert "database.password" in [o.get("key") for o in line["origins"]]


def test_what_a_rule_said_of_the_value(tmp_path: Path) -> None:
    spec = SMALLEST.replace("kind: multicast", "group: 224.0.0.0")
    (tmp_path / "cluster.yaml").write_text(spec)
    lines = explained(f"om1:/{HAZELCAST}", tmp_path)["lines"]
    (line,) = [line for line in lines if "224.0.0.0" in line["text"]]
    (origin,) = [origin for origin in line["origins"] if origin["from"] == "spec"]
    assert [d["rule"] for d in origin["diagnostics"]] == ["OM221"]
    printed = omconf("explain", f"om1:/{HAZELCAST}:{line['line']}", cwd=tmp_path)
    assert "warning[OM221]: 224.0.0.0" in printed.out


def test_a_file_that_is_not_what_would_be_built(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(SMALLEST)
    assert omconf("build", "-o", "out", cwd=tmp_path).code == 0
    fstab = tmp_path / "out/om2/blocks/etc/fstab"
    assert explained("out/om2/blocks/etc/fstab:2", tmp_path)["diagnostics"] == []
    fstab.write_text(fstab.read_text() + "# more\n")
    beyond = omconf("explain", "out/om2/blocks/etc/fstab:4", cwd=tmp_path)
    assert (beyond.code, beyond.rules) == (1, ["OM411", "OM410"])
    fstab.write_text("# nothing\n")
    result = omconf("explain", "out/om2/blocks/etc/fstab:2", cwd=tmp_path)
    assert result.code == 0
    assert result.rules == ["OM411"]
    (found,) = explained("out/om2/blocks/etc/fstab:2", tmp_path)["diagnostics"]
    assert found["rule"] == "OM411"
    fstab.unlink()
    fstab.mkdir()
    assert "OM411" in omconf("explain", "out/om2/blocks/etc/fstab:2", cwd=tmp_path).err
    assert omconf("explain", "om2:/etc/fstab:2", cwd=tmp_path).err == ""


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("bundles/CHANGES.md", "is not a file that omconf compiles", "omconf rules"),
        ("fstab", "is not a file", "`om2/blocks/etc/fstab`, or `om2:/etc/fstab`"),
        ("om9:/etc/fstab", "is not a file", "`om2/blocks/etc/fstab`"),
        (
            "om2:/etc/fstab:4",
            "om2/blocks/etc/fstab has 3 lines: there is no line 4.",
            "Omit the line",
        ),
        ("om2:/etc/fstab:0", "there is no line 0.", "Omit the line"),
        ("OM229", "There is no rule OM229.", "OM230, a server that is not a node"),
        ("om9999999999999", "There is no rule OM9999999999999.", "`omconf rules` lists all."),
        ("\x1b[31m", r"\x1b[31m is not a file", "Known files"),
    ],
)
def test_what_is_not_there(target: str, message: str, hint: str) -> None:
    result = omconf("explain", target, cwd=PAGE)
    assert (result.code, result.out) == (1, "")
    assert "error[OM410]: " in result.err
    assert message in result.err.splitlines()[0]
    assert hint in result.err.splitlines()[1]
    as_json = omconf("explain", target, "--json", cwd=PAGE)
    assert (as_json.code, as_json.err) == (1, "")
    assert [d["rule"] for d in json.loads(as_json.out)["diagnostics"]] == ["OM410"]


def test_a_spec_with_mistakes_says_them(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(SMALLEST.replace("10.1.1.2", "10.1.1.1"))
    assert "error[OM201]" in omconf("explain", "om2:/etc/fstab:2", cwd=tmp_path).err
    result = omconf("explain", "om2:/etc/fstab:2", "--json", cwd=tmp_path)
    assert result.code == 1
    assert [d["rule"] for d in json.loads(result.out)["diagnostics"]] == ["OM201"]


def test_secrets_beside_an_origin_are_never_shown(tmp_path: Path) -> None:
    written = "database:\n  kind: postgresql\n  host: 10.1.1.10\n  user: openmeetings\n  password:"
    on_one_line = "database: {kind: postgresql, host: 10.1.1.10, user: openmeetings, password:"
    spec = SMALLEST.replace(written, on_one_line).replace("DB_PASSWORD}", "DB_PASSWORD}} # hunter2")
    (tmp_path / "cluster.yaml").write_text(spec)
    persistence = "om1:/opt/om/webapps/openmeetings/WEB-INF/classes/META-INF/persistence.xml"
    document = explained(persistence, tmp_path)
    assert "hunter2" not in json.dumps(document)
    login = [
        line["line"]
        for line in document["lines"]
        if "database.user" in [origin.get("key") for origin in line["origins"]]
    ]
    assert login
    for number in login:
        result = omconf("explain", f"{persistence}:{number}", cwd=tmp_path)
        assert "user: openmeetings" in result.out
        assert "hunter2" not in result.out


@pytest.mark.parametrize("name", ["OM221", "om221", "221"])
def test_a_rule_is_explained_by_its_page(name: str) -> None:
    page = (ROOT / "docs/rules/OM221.md").read_text()
    result = omconf("explain", name)
    assert (result.code, result.out, result.err) == (0, page, "")
    document = json.loads(omconf("explain", name, "--json").out)
    rule = all_rules()["OM221"]
    assert document == {
        "format_version": "1.0",
        "rule": "OM221",
        "severity": "warning",
        "title": rule.title,
        "page": page,
        "diagnostics": [],
    }


def test_headings_stand_out_on_a_terminal() -> None:
    document = {"page": "# A\n\ntext\n```sh\n# no heading\n```\n## B\n"}
    drawn = explanation.page(document, Paint(colour=True))
    assert drawn == "\x1b[1m# A\x1b[0m\n\ntext\n```sh\n# no heading\n```\n\x1b[1m## B\x1b[0m\n"
