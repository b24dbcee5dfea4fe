"""Secrets are hidden by their values: wherever they stand, in whatever form, and only they are."""

from __future__ import annotations

import copy
import json
import pickle
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from omconf.artifacts import kinds
from omconf.bundle.compile import compile_bundle, contents
from omconf.deployed.snapshot import NodeFiles, Snapshot
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from omconf.plan.mask import Mask
from omconf.secret_sources import SecretRef, Secrets, resolve
from omconf.secrets import HIDDEN, Secret
from omconf.views.mask_document import mask_document
from tests.clusters import cluster_of, simple
from tests.command import ROOT, Result, omconf

PASSWORD = "hunter2-real-secret"
CLASSES = "opt/om/webapps/openmeetings/WEB-INF/classes"
PERSISTENCE = f"{CLASSES}/META-INF/persistence.xml"
PROPERTIES = f"{CLASSES}/openmeetings.properties"
HAZELCAST = f"{CLASSES}/hazelcast.xml"
UNIT = "etc/systemd/system/openmeetings.service.d/omconf.conf"
SPEC = """\
omconf: 1
cluster: conference
openmeetings: {release: "9.1.0"}
database:
  kind: postgresql
  host: 10.1.1.10
  user: openmeetings
  password: {env: OM_DB_PASSWORD}
storage: {kind: nfs, server: om1}
kurento: {url: "ws://10.1.1.20:8888/kurento", turn: {url: "turn:10.1.1.20"}}
nodes:
  om1: {address: 10.1.1.1, url: "https://om1.example.org:5443/openmeetings"}
  om2: {address: 10.1.1.2, url: "https://om2.example.org:5443/openmeetings"}
"""
FORMS = ((), ("--json",), ("--markdown",), ("-q",), ("--no-color", "--strict-format"))


def laid(folder: Path, password: str = PASSWORD) -> Path:
    """A spec, and its two nodes with their secrets filled in, below `folder`/d."""
    (folder / "cluster.yaml").write_text(SPEC)
    env = {"OM_DB_PASSWORD": password}
    built = omconf("build", "-o", "staged", "--reveal-secrets", cwd=folder, env=env)
    assert built.code == 0, built.err
    for node in ("om1", "om2"):
        for part in ("files", "blocks", "keys"):
            if (folder / "staged" / node / part).exists():
                shutil.copytree(
                    folder / "staged" / node / part, folder / "d" / node, dirs_exist_ok=True
                )
    return folder / "d"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def plan(folder: Path, *options: str, password: str = PASSWORD) -> Result:
    """Plan; the code is that of a plan, not of an error in omconf."""
    env = {"OM_DB_PASSWORD": password} if password else {}
    done = omconf("plan", "--deployed", "d", *options, cwd=folder, env=env)
    assert "unforeseen" not in done.err, done.err
    return done


def said(folder: Path, password: str = PASSWORD) -> str:
    """All that a plan prints and saves, in every form."""
    texts = []
    for form in FORMS:
        done = plan(folder, *form, "--out", str(folder / "saved"), password=password)
        texts += [done.out, done.err, (folder / "saved").read_text()]
        for again in ((), ("--json",), ("--markdown",)):
            texts.append(omconf("show", "saved", *again, cwd=folder).out)
    return "\n".join(texts)


MISTYPED = {
    "ConnectionProperties": (PERSISTENCE, "Password=", "Pssword="),
    "beside the password": (PERSISTENCE, "Password=", f"Pssword={PASSWORD},Password="),
    "under a known name": (PERSISTENCE, "maxIdle=100", f"maxIdle={PASSWORD}"),
    "another property": (
        PERSISTENCE,
        "</properties>",
        f'<property name="x" value="a {PASSWORD}."/></properties>',
    ),
    "a property's name": (
        PERSISTENCE,
        "</properties>",
        f'<property name="{PASSWORD}" value="x"/></properties>',
    ),
    "a URL": (PERSISTENCE, "om?", "om?pssword=%68unter2-real-secret&"),
    "a schema's complaint": (
        PERSISTENCE,
        "<exclude-unlisted-classes>",
        f"<x>{PASSWORD}</x><exclude-unlisted-classes>{PASSWORD}",
    ),
    "hazelcast": (
        HAZELCAST,
        "</properties>",
        f'<property name="x">{PASSWORD}</property></properties>',
    ),
    "hazelcast's port": (HAZELCAST, ">54327<", f">{PASSWORD}<"),
    "properties": (PROPERTIES, "turn:10.1.1.20", PASSWORD),
    "a script": (
        "opt/om/bin/setenv.sh",
        "-Duser.timezone=",
        f"-DX={PASSWORD}\\\\ -Duser.timezone=",
    ),
    "a unit": (UNIT, "[Service]", f"[Service]\nEnvironment=DB_PWORD={PASSWORD}"),
    "fstab": ("etc/fstab", " nfs ", f" nfs pssword={PASSWORD},"),
    "exports": ("etc/exports", "10.1.1.2(", f"{PASSWORD}(rw) 10.1.1.2("),
    "a broken export": ("etc/exports", "10.1.1.2(", f"{PASSWORD}(rw 10.1.1.2("),
}


@pytest.mark.parametrize(("path", "old", "new"), MISTYPED.values(), ids=MISTYPED)
def test_a_secret_in_another_place(tmp_path: Path, path: str, old: str, new: str) -> None:
    deployed = laid(tmp_path)
    node = "om1" if path == "etc/exports" else "om2"
    if old == "om?":
        edit(deployed / node / PERSISTENCE, "5432/openmeetings", "5432/om?x=y")
    edit(deployed / node / path, old, new)
    shown = said(tmp_path)
    assert "hunter2" not in shown
    assert "real-secret" not in shown
    assert json.loads(plan(tmp_path, "--json").out)["changes"]


def test_a_secret_that_is_only_there_to_be_hidden(tmp_path: Path) -> None:
    """Nothing compares it, as no deployed file has a password; it is read all the same."""
    deployed = laid(tmp_path)
    for node in ("om1", "om2"):
        file = deployed / node / PERSISTENCE
        file.write_text(re.sub(r",\s*Password=[^,\"]*", "", file.read_text()))
        edit(file, "maxIdle=100", f"maxIdle={PASSWORD}")
    shown = said(tmp_path)
    assert "maxIdle" in shown
    assert "hunter2" not in shown
    unread = plan(tmp_path, "--require-secrets", password="")
    assert "OM322" not in unread.err


def test_an_old_secret_under_a_mistyped_name(tmp_path: Path) -> None:
    """The spec's own is another one by now: the missing password says what this may be."""
    edit(laid(tmp_path) / "om2" / PERSISTENCE, "Password=", "Pssword=")
    for password in ("rotated-since", ""):
        shown = said(tmp_path, password)
        assert "ConnectionProperties/Pssword: (sensitive value)" in shown
        assert "hunter2" not in shown


def test_the_rest_of_a_secret_with_a_comma(tmp_path: Path) -> None:
    password = "p1ece-one,Tw0=piece-two,p1ece-three"
    edit(laid(tmp_path, password) / "om2" / PERSISTENCE, "Password=&quot;", "Pssword=")
    for known in (password, "rotated-since"):
        shown = said(tmp_path, known)
        assert "Pssword" in shown
        assert not re.search("piece|p1ece|[Tt]w0", shown)


def test_the_pieces_of_a_secret_beside_a_password(tmp_path: Path) -> None:
    """With the password filled in, unknown pairs are shown, except those of a secret."""
    password = "p1ece-one,Tw0=p1ece-two"
    deployed = laid(tmp_path, password)
    edit(deployed / "om2" / PERSISTENCE, "Password=", f"Pssword={password}, x=y, Password=")
    shown = said(tmp_path, password)
    assert "/x: y" in shown
    assert not re.search("p1ece|[Tt]w0", shown)


def test_a_broken_persistence_xml_shows_only_the_line(tmp_path: Path) -> None:
    edit(laid(tmp_path) / "om2" / PERSISTENCE, "Password=", 'Pssword="')
    shown = said(tmp_path, "rotated-since")
    assert "OM301" in shown
    assert "hunter2" not in shown
    assert "Pssword" not in shown


@pytest.mark.parametrize("password", ["om1", "true", "openmeetings", "a", "10", "password", "8888"])
def test_a_common_word_hides_nothing_else(tmp_path: Path, password: str) -> None:
    edit(laid(tmp_path, password) / "om2" / PERSISTENCE, "maxIdle=100", "maxIdle=99")
    edit(tmp_path / "d/om2" / HAZELCAST, ">54327<", ">54328<")
    common = plan(tmp_path, "--json", password=password).out
    assert HIDDEN not in common
    edit(tmp_path / "d/om2" / PERSISTENCE, "maxIdle=99", f"maxIdle={password}")
    document = json.loads(plan(tmp_path, "--json", password=password).out)
    (item,) = (i for c in document["changes"] for i in c["items"] if i["key"].endswith("maxIdle"))
    assert item["before"] == HIDDEN
    assert item["after"] == "100"


ENCODED = "p&<'\">;%\\$ x,ü=1:#!{}~" + PASSWORD


def test_every_form_that_a_kind_writes() -> None:
    specs = [
        ROOT / "tests/cases/samba/cluster.yaml",
        ROOT / "tests/cases/media-server/cluster.yaml",
    ]
    found = 0
    for spec in (SPEC, SPEC.replace("postgresql", "mysql"), *(p.read_text() for p in specs)):
        data = yaml.safe_load(spec)
        data.pop("hazelcast", None)
        cluster = cluster_of(data)
        for _, content in contents(compile_bundle(cluster)):
            for placeholder in content.placeholders:
                for secret in (ENCODED, "it's-a-q,uote", "x y-z1", "\\b4ck"):
                    mask = Mask([Secret(secret)])
                    shown = mask.text(f"<{placeholder.encode(secret)}>")
                    assert shown in (f"<{HIDDEN}>", f"<'{HIDDEN}'>", f"<E'{HIDDEN}'>")
                    found += 1
    assert found > 20
    assert {kind.name for kind in kinds()} >= {"persistence", "cifs_credentials"}


def test_a_text_that_was_cut_short() -> None:
    mask = Mask([Secret(PASSWORD)])
    assert mask.text(f"`{PASSWORD[:9]}...` is wrong") == f"`{HIDDEN}...` is wrong"
    assert mask.text(f"so {PASSWORD[:4]} ...") == f"so {HIDDEN} ..."
    assert mask.text("hum ... and hunt") == "hum ... and hunt"


def test_the_longest_is_hidden_whatever_came_first() -> None:
    values = [Secret("abc-1"), Secret("abc-12345"), Secret("xx abc-12 yy-1")]
    for secrets in (values, values[::-1]):
        mask = Mask(secrets)
        assert mask.text("<abc-12345>") == f"<{HIDDEN}>"
        assert mask.text("xx abc-12 yy-1 abc-1") == f"{HIDDEN} {HIDDEN}"
    assert mask.text(HIDDEN) == HIDDEN


def test_an_ordinary_word_is_hidden_where_it_is_quoted() -> None:
    mask = Mask([Secret("hunter"), Secret("ab"), Secret("om12x")], public=["om12x"])
    assert mask.text("the hunter of om12x") == "the hunter of om12x"
    assert mask.message("the hunter: `a=hunter`") == f"the hunter: `a={HIDDEN}`"
    assert mask.message("it must be so, but is hunter") == f"it must be so, but is {HIDDEN}"
    assert mask.value("-Dx=hunter -Dy=hunters") == f"-Dx={HIDDEN} -Dy=hunters"
    assert mask.value("x om12x") == f"x {HIDDEN}"
    assert mask.value("ab") == mask.value("ab").replace("ab", HIDDEN) == HIDDEN
    assert mask.value("crab ab x") == "crab ab x"
    assert mask.holds("<x>ab</x>")
    assert not mask.holds("<x>crab</x>")


def test_placeholders_are_no_secrets() -> None:
    mask = Mask([Secret("@omconf:database.password@"), Secret("${KEYSTORE_PASS}")])
    assert mask.value("@omconf:database.password@ ${KEYSTORE_PASS}") == (
        "@omconf:database.password@ ${KEYSTORE_PASS}"
    )


def test_a_mask_gives_nothing_away() -> None:
    mask = Mask([Secret(PASSWORD)])
    assert PASSWORD not in repr(mask) + str(mask)
    for spread in (pickle.dumps, copy.copy, vars):
        with pytest.raises(TypeError):
            spread(mask)


def test_nothing_is_done_when_no_secret_was_read() -> None:
    cluster = simple(3)
    bundle = compile_bundle(cluster)
    nodes = {node.node: NodeFiles({}) for node in bundle.nodes}
    secrets = secrets_of(bundle)
    made = compare(cluster, bundle, Snapshot("directory", nodes), secrets)
    assert made.changes
    assert made.mask is None
    assert secrets.known == []


def test_each_text_is_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = []
    mask = Mask([Secret(PASSWORD), Secret("another-0ne")])
    real = Mask._without_beginnings

    def count(self: Mask, text: str) -> str:
        gone.append(text)
        return real(self, text)

    monkeypatch.setattr(Mask, "_without_beginnings", count)
    items = [{"key": "a", "action": "update", "before": PASSWORD, "after": "x"} for _ in range(50)]
    document = mask_document({"changes": [{"node": "om1", "items": items}]}, mask)
    assert PASSWORD not in json.dumps(document)
    assert sorted(gone) == sorted({"a", HIDDEN, "x", "om1"})


def test_the_saved_plan_binds_no_secret(tmp_path: Path) -> None:
    """Whoever knows the rest of a file could guess a short one from the file's digest."""
    digests = []
    for number, password in enumerate(("pw1", "ordinary", "d1stinct-value")):
        folder = tmp_path / str(number)
        folder.mkdir()
        deployed = laid(folder, password)
        prop = f'<property name="x">{password}</property></properties>'
        edit(deployed / "om2" / HAZELCAST, "</properties>", prop)
        prop = f'<property name="y" value="{password}"/></properties>'
        edit(deployed / "om2" / PERSISTENCE, "</properties>", prop)
        edit(deployed / "om2/opt/om/bin/setenv.sh", "# BEGIN", f"X={password}\n# BEGIN")
        edit(deployed / "om2" / UNIT, "[Service]", f"[Service]\nEnvironment=X={password}")
        plan(folder, "--out", str(folder / "saved"), password=password)
        bound = json.loads((folder / "saved").read_text())["binding"]["deployed"]["om2"]
        digests.append(bound)
    assert digests[0] == digests[1] == digests[2]


def test_a_file_that_a_build_would_remove_is_only_named(tmp_path: Path) -> None:
    laid(tmp_path)
    omconf("build", "-o", "bundles", cwd=tmp_path)
    shutil.copy(tmp_path / "d/om2" / PERSISTENCE, tmp_path / "bundles/om2/files" / PERSISTENCE)
    edit(tmp_path / "bundles/om2/files" / PERSISTENCE, "Password=", "Pssword=")
    spec = re.sub("  om2: .*\n", "", SPEC)
    (tmp_path / "cluster.yaml").write_text(spec)
    checked = omconf("build", "-o", "bundles", "--check", cwd=tmp_path)
    assert checked.code == 2
    assert f"om2/files/{PERSISTENCE}: extra\n" in checked.out
    assert "Pssword" not in checked.out + checked.err


@pytest.mark.parametrize("command", ["plan", "build"])
def test_one_secret_in_the_complaint_of_another(tmp_path: Path, command: str) -> None:
    laid(tmp_path)
    fails = tmp_path / "fails"
    fails.write_text(f"#!/bin/sh\necho 'not {PASSWORD}' >&2\nexit 1\n")
    fails.chmod(0o700)
    spec = SPEC.replace('"turn:10.1.1.20"', '"turn:10.1.1.20", secret: {command: [./fails]}')
    (tmp_path / "cluster.yaml").write_text(spec)
    for node in ("om1", "om2"):
        with (tmp_path / "d" / node / PROPERTIES).open("a") as file:
            file.write("kurento.turn.secret=x\n")
    env = {"OM_DB_PASSWORD": PASSWORD}
    words = ("--deployed", "d") if command == "plan" else ("-o", "out", "--reveal-secrets")
    done = omconf(command, *words, cwd=tmp_path, env=env)
    assert f"not {HIDDEN}" in done.err
    assert PASSWORD not in done.out + done.err


def test_what_a_command_prints_beside_the_secret() -> None:
    code = "print('first-0ne\\n  sec0nd-one  \\n\\nthird-0ne')"
    ref = SecretRef("command", (sys.executable, "-c", code))
    secret = resolve(ref)
    assert isinstance(secret, Secret)
    assert secret == Secret("first-0ne")
    mask = Mask([secret])
    assert mask.text("first-0ne sec0nd-one third-0ne") == f"{HIDDEN} {HIDDEN} {HIDDEN}"
    secrets = Secrets({"a": ref})
    assert secrets.known == []
    secrets.look("a")
    assert len(secrets.known) == 1
