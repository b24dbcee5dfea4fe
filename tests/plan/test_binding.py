"""What a saved plan is bound to: all that moves it, and no secret, however it is spelt."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from omconf.artifacts import kinds
from omconf.artifacts.contents import Artifact, Ownership
from omconf.artifacts.model import Kind
from omconf.bundle.compile import compile_bundle
from omconf.plan import digest
from omconf.secrets import Secret
from tests.clusters import cluster_of, specs
from tests.command import ROOT, omconf

CASE = ROOT / "tests/cases/media-server"
CLASSES = "opt/om/webapps/openmeetings/WEB-INF/classes"
HAZELCAST = f"{CLASSES}/hazelcast.xml"
PERSISTENCE = f"{CLASSES}/META-INF/persistence.xml"
PROPERTIES = f"{CLASSES}/openmeetings.properties"
SECRETS = {
    "OM_DB_PASSWORD": "db-h1dden",
    "TURN_SECRET": "turn-h1dden",
    "REMEMBER_KEY": "key-h1dden",
    "REMEMBER_SALT": "salt-h1dden",
}


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    """The bundle with its secrets filled in, laid out as deployed trees, and the spec beside it."""
    for name in ("cluster.yaml", "hazelcast-extra.xml"):
        shutil.copy(CASE / name, tmp_path)
    built = omconf("build", "-o", "staged", "--reveal-secrets", cwd=tmp_path, env=SECRETS)
    assert built.code == 0, built.err
    for node in ("om1", "om2", "om3"):
        for folder in ("files", "blocks", "keys"):
            if (tmp_path / "staged" / node / folder).exists():
                shutil.copytree(
                    tmp_path / "staged" / node / folder, tmp_path / "d" / node, dirs_exist_ok=True
                )
    return tmp_path / "d"


def bound(deployed: Path, *options: str) -> dict[str, Any]:
    """The binding of a plan saved now; the saved file shows no secret."""
    out = deployed.parent / "plan"
    out.unlink(missing_ok=True)
    planned = omconf(
        "plan", "--deployed", "d", "--out", "plan", *options, cwd=deployed.parent, env=SECRETS
    )
    assert out.exists(), planned.err
    text = out.read_text()
    assert "h1dden" not in text + planned.out + planned.err
    found: dict[str, Any] = json.loads(text)["binding"]
    return found


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_same_inputs_give_the_same_binding(deployed: Path) -> None:
    assert bound(deployed) == bound(deployed)
    assert bound(deployed, "--strict-format")["strict_format"] is True
    assert set(bound(deployed, "--node", "om2")["deployed"]) == {"om2"}


MOVES = {
    "a value": ("d/om1/" + HAZELCAST, ">om1</instance-name>", ">om7</instance-name>"),
    "a comment": ("d/om1/" + HAZELCAST, "<properties>", "<!-- mine --><properties>"),
    "a value beside a secret": ("d/om1/" + PERSISTENCE, "maxIdle=100", "maxIdle=99"),
    "a key": ("d/om1/" + PROPERTIES, "kurento.turn.ttl=120", "kurento.turn.ttl=121"),
    "an option": ("d/om2/opt/om/bin/setenv.sh", "-Xmx2g", "-Xmx3g"),
    "a line of others": ("d/om1/opt/om/bin/setenv.sh", "# BEGIN", "umask 027\n# BEGIN"),
}


@pytest.mark.parametrize(("path", "old", "new"), MOVES.values(), ids=MOVES)
def test_a_deployed_file_moves(deployed: Path, path: str, old: str, new: str) -> None:
    before = bound(deployed)
    edit(deployed.parent / path, old, new)
    after = bound(deployed)
    _, node, place = path.split("/", 2)
    assert before["deployed"][node].pop(f"/{place}") != after["deployed"][node].pop(f"/{place}")
    assert before == {**after, "secrets": before["secrets"]}


def test_a_file_that_goes_or_comes(deployed: Path) -> None:
    before = bound(deployed)["deployed"]["om1"]
    (deployed / "om1" / HAZELCAST).unlink()
    manifest = deployed / "om1/etc/omconf/conference/manifest.json"
    name = f"/{manifest.relative_to(deployed / 'om1')}"
    assert before[name] == "absent"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(deployed.parent / "staged/om1/manifest.json", manifest)
    (deployed / "om1" / PERSISTENCE).rename(deployed / "real")
    (deployed / "om1" / PERSISTENCE).symlink_to(deployed / "real")
    after = bound(deployed)["deployed"]["om1"]
    assert after["/" + HAZELCAST] == "absent"
    assert after["/" + PERSISTENCE] == "unreadable"
    assert len(after[name]) == 64
    changed = {"/" + HAZELCAST, "/" + PERSISTENCE, name}
    assert {k: v for k, v in before.items() if k not in changed}.items() <= after.items()


def test_a_node_that_cannot_be_read(deployed: Path) -> None:
    shutil.rmtree(deployed / "om3")
    (deployed / "om3").write_text("no folder")
    assert set(bound(deployed)["deployed"]["om3"].values()) == {"unreadable"}


def test_files_of_an_earlier_home_are_bound_too(deployed: Path) -> None:
    manifest = deployed / "om1/etc/omconf/conference/manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(deployed.parent / "staged/om1/manifest.json", manifest)
    edit(deployed.parent / "cluster.yaml", "openmeetings:\n", "openmeetings:\n  home: /srv/om\n")
    before = bound(deployed)["deployed"]["om1"]["/" + HAZELCAST]
    edit(deployed / "om1" / HAZELCAST, ">om1</instance-name>", ">om7</instance-name>")
    assert bound(deployed)["deployed"]["om1"]["/" + HAZELCAST] not in (before, "absent")


def test_the_spec_and_what_stands_beside_it_move(deployed: Path) -> None:
    before = bound(deployed)
    spec = deployed.parent / "cluster.yaml"
    spec.write_text(
        "# password: not in any digest\n" + spec.read_text().rstrip("\n") + " # nor h3re\n"
    )
    commented = bound(deployed)
    assert commented["bundle"] == before["bundle"]
    edit(
        deployed.parent / "hazelcast-extra.xml",
        "</hazelcast>",
        "<lite-member enabled='true'/></hazelcast>",
    )
    beside = bound(deployed)
    assert beside["spec"] == commented["spec"]
    assert beside["bundle"] != commented["bundle"]
    edit(spec, "nodes:\n", "ignore: [{rule: OM323, why: known}]\nnodes:\n")
    ignoring = bound(deployed)
    assert ignoring["spec"] != beside["spec"]
    assert ignoring["bundle"] == beside["bundle"]


def test_the_password_of_a_comment_is_in_no_digest(deployed: Path) -> None:
    spec = deployed.parent / "cluster.yaml"
    text = spec.read_text()
    found = set()
    for secret in ("hunter2", "hunter3"):
        spec.write_text(f"# the password was {secret}\n{text}")
        found.add(json.dumps(bound(deployed)))
    assert len(found) == 1


def test_a_changed_secret_is_no_other_digest(deployed: Path) -> None:
    before = bound(deployed)
    # What follows a comma in persistence.xml is no part of the password, but an item of its own.
    for path, other in ((PERSISTENCE, "h1dden2"), (PROPERTIES, "h1dden2, too")):
        file = deployed / "om1" / path
        file.write_text(file.read_text().replace("h1dden", other))
    after = bound(deployed)
    assert after["deployed"] == before["deployed"]
    assert before["secrets"] == {}
    assert after["secrets"]["database.password"] == {"env": "OM_DB_PASSWORD"}


END = "</properties>"
NETWORK = "<network>"
UNIT = "etc/systemd/system/openmeetings.service.d/omconf.conf"
CDATA = "<security><password><![CDATA[{}]]></password></security><network>"
SPELT = {
    "a property": (PERSISTENCE, END, f'<property name="x.password" value="{{}}"/>{END}'),
    "a URL": (PERSISTENCE, END, f'<property name="u" value="jdbc:x://h?password={{}}"/>{END}'),
    "a login": (PERSISTENCE, END, f'<property name="u" value="jdbc:x://me:{{}}@h/d"/>{END}'),
    "a comment": (PERSISTENCE, "<properties>", "<!-- it was {} --><properties>"),
    "a password with a comma": (PERSISTENCE, "Password=", "Password=x,{},"),
    "a password on the next line": (PERSISTENCE, "Password=", "Password=\n   {}"),
    "a reference": (PERSISTENCE, END, f'<property name="p&#97;ssword" value="{{}}"/>{END}'),
    "a token": (HAZELCAST, END, f'<property name="hazelcast.token">{{}}</property>{END}'),
    "an element": (HAZELCAST, NETWORK, "<a><password>\n<x>{}</x></password></a><network>"),
    "CDATA": (HAZELCAST, NETWORK, CDATA),
    "one of ours": (PROPERTIES, "encryption.key=", "encryption.key={}"),
    "one of others": (PROPERTIES, "kurento.turn.ttl", "ldap.cred = {}\nkurento.turn.ttl"),
    "over two lines": (PROPERTIES, "kurento.turn.ttl", "smtp = \\\n  {}\nkurento.turn.ttl"),
    "a variable": ("opt/om/bin/setenv.sh", "# BEGIN", 'export DB_PASSWORD="x {}"\n# BEGIN'),
    "a mount option": ("etc/fstab", "", "//nas/x /mnt cifs username=me,password={} 0 0\n"),
    "a line of a unit": (UNIT, "[Service]", '[Service]\nEnvironment="DB_PASSWORD=x {}"'),
}


@pytest.mark.parametrize(("path", "old", "new"), SPELT.values(), ids=SPELT)
def test_a_secret_that_stands_in_a_file_is_in_no_digest(
    deployed: Path, path: str, old: str, new: str
) -> None:
    file = deployed / "om2" / path
    text = file.read_text() if file.exists() else ""
    assert old in text
    found = set()
    for secret in ("a-h1dden", "quite-another-h1dden"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace(old, new.format(secret), 1))
        digest = bound(deployed)["deployed"]["om2"]["/" + path]
        assert digest not in ("absent", "unreadable")
        found.add(digest)
    assert len(found) == 1


@given(specs())
def test_whatever_a_kind_fills_in_is_in_no_digest(spec: dict[str, Any]) -> None:
    by_name = {kind.name: kind for kind in kinds()}
    for node in compile_bundle(cluster_of(spec)).nodes:
        for artifact in node.artifacts:
            kind = by_name[artifact.kind]
            filled = {_digest(kind, artifact, secret) for secret in ("x", "a&b'<c", "pw,with=x")}
            assert len(filled) == 1, artifact.path
            assert filled.isdisjoint({"absent", "unreadable"})


def _digest(kind: Kind, artifact: Artifact, secret: str) -> str:
    text = artifact.filled({p.name: Secret(secret) for p in artifact.placeholders})
    if artifact.ownership is Ownership.BLOCK:
        text = f"# mine\n{text}"
    return digest.of_file(kind, artifact, text.encode())


def test_of_a_command_only_the_program_is_named(deployed: Path) -> None:
    spec = deployed.parent / "cluster.yaml"
    edit(spec, "{env: OM_DB_PASSWORD}", "{command: [echo, --token=h1dden]}")
    (deployed / "om1" / PERSISTENCE).unlink()
    assert bound(deployed)["secrets"]["database.password"] == {"command": "echo"}
