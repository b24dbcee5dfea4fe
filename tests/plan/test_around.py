"""Files of others beside omconf's own: what units, catalina.sh and further tables say counts, too."""

from __future__ import annotations

from typing import Any

import pytest

from omconf.artifacts.setenv import HOST_ZONE, KIND
from omconf.bundle.compile import compile_bundle
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.diagnostics import Finding, Severity
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from omconf.plan.model import Plan
from omconf.rules import UNREADABLE
from tests.clusters import cluster_of, spec_of

SETENV = "/opt/om/bin/setenv.sh"
CATALINA = "/opt/om/bin/catalina.sh"
UNIT = "/etc/systemd/system/openmeetings.service"
STOCK = "/usr/lib/systemd/system/openmeetings.service"
DROP_IN = f"{UNIT}.d/local.conf"
OF_ALL = "/etc/systemd/system/service.d/site.conf"
EXPORTS = "/etc/exports.d/om.exports"
MOUNT = "/etc/systemd/system/opt-omdata.mount"
STOCK_CATALINA = (
    'if [ -r "$CATALINA_BASE/bin/setenv.sh" ]; then\n  . "$CATALINA_BASE/bin/setenv.sh"\nfi\n'
)


def planned(
    around: dict[str, str],
    *,
    count: int = 2,
    first: bool = False,
    without: tuple[str, ...] = (),
    **spec: Any,
) -> Plan:
    """Plan a spec of which om1 has files around; with `first`, setenv.sh is still to be written.

    So are the files `without` which the nodes are.
    """
    cluster = cluster_of(spec_of(count, **spec))
    bundle = compile_bundle(cluster)
    nodes = {}
    for node in bundle.nodes:
        files = {a.path: DeployedFile(a.data) for a in node.artifacts if a.path not in without}
        if first:
            del files[SETENV]
        beside = around if node.node == "om1" else {}
        others = {path: DeployedFile(text.encode()) for path, text in beside.items()}
        nodes[node.node] = NodeFiles(files, around=others)
    return compare(cluster, bundle, Snapshot("directory", nodes), secrets_of(bundle))


def items(plan: Plan) -> dict[str, tuple[str | None, str | None]]:
    return {i.key: (i.before, i.after) for c in plan.changes if c.node == "om1" for i in c.items}


def found(plan: Plan) -> list[tuple[str, str | None, int]]:
    """Rule, path and line of the findings in surrounding files."""
    return [
        (d.rule.id, d.path, d.span.line if d.span else 0)
        for d in plan.diagnostics
        if d.rule.id not in ("OM320", "OM322")
    ]


def unit(options: str) -> str:
    return f'[Service]\nEnvironment="JAVA_OPTS={options}"\n'


@pytest.mark.parametrize(
    "around",
    [
        {UNIT: unit("-DDATA_DIR=/srv/omdata")},
        {STOCK: unit("-DDATA_DIR=/srv/omdata")},
        {UNIT: unit("-DDATA_DIR=/srv/x"), DROP_IN: unit("-DDATA_DIR=/srv/omdata")},
        {STOCK: unit("-DDATA_DIR=/srv/x"), UNIT: unit("-DDATA_DIR=/srv/omdata")},
        {UNIT: unit("-DDATA_DIR=/srv/x"), OF_ALL: unit("-DDATA_DIR=/srv/omdata")},
        {CATALINA: 'JAVA_OPTS="-DDATA_DIR=/srv/omdata"\n' + STOCK_CATALINA},
        {
            UNIT: unit("-DDATA_DIR=/x"),
            CATALINA: f"JAVA_OPTS=-DDATA_DIR=/srv/omdata\n{STOCK_CATALINA}",
        },
    ],
    ids=[
        "unit",
        "stock",
        "drop-in",
        "own unit",
        "of all services",
        "catalina",
        "catalina after unit",
    ],
)
def test_what_the_jvm_gets_from_elsewhere_is_what_is_deployed(around: dict[str, str]) -> None:
    plan = planned(around, first=True)
    assert items(plan)["-DDATA_DIR"] == ("/srv/omdata", "/opt/omdata")
    assert items(plan)["-Duser.timezone"] == (None, "Etc/UTC")
    (hint,) = {i.hint for c in plan.changes for i in c.items if i.key == "-DDATA_DIR" and i.before}
    assert hint == "to keep it, set openmeetings.data_dir"
    assert found(plan) == []
    # omconf's block stands behind all of these.
    assert planned(around).changes == ()


@pytest.mark.parametrize("around", [{UNIT: unit("-Duser.timezone=UTC")}, {HOST_ZONE: "UTC\n"}])
def test_utc_by_another_name_is_no_other_time_zone(around: dict[str, str]) -> None:
    plan = planned(around, first=True)
    assert "-Duser.timezone" not in items(plan)
    assert "-DDATA_DIR" in items(plan)


def test_all_stop_when_the_unit_gives_all_another_folder() -> None:
    cluster = cluster_of(spec_of(3))
    bundle = compile_bundle(cluster)
    nodes = {
        node.node: NodeFiles(
            {a.path: DeployedFile(a.data) for a in node.artifacts if a.path != SETENV},
            around={UNIT: DeployedFile(unit("-DDATA_DIR=/srv/omdata").encode())},
        )
        for node in bundle.nodes
    }
    plan = compare(cluster, bundle, Snapshot("directory", nodes), secrets_of(bundle))
    assert plan.rollout.disruption == "all"


@pytest.mark.parametrize(
    ("around", "where"),
    [
        ({CATALINA: STOCK_CATALINA + 'JAVA_OPTS="$JAVA_OPTS -DDATA_DIR=/srv/x"\n'}, (CATALINA, 4)),
        ({UNIT: '[Service]\nEnvironment="CATALINA_OPTS=-DDATA_DIR=/srv/x"\n'}, (UNIT, 2)),
        ({CATALINA: "CATALINA_OPTS=-DDATA_DIR=/srv/x\n" + STOCK_CATALINA}, (CATALINA, 1)),
    ],
)
def test_what_no_block_can_overrule_is_reported(
    around: dict[str, str], where: tuple[str, int]
) -> None:
    first = planned(around, first=True)
    assert items(first)["-DDATA_DIR"] == ("/srv/x", "/opt/omdata")
    assert found(first) == [("OM343", *where)]
    # Once the block is written there is nothing to write better.
    plan = planned(around)
    assert plan.changes == ()
    assert found(plan) == [("OM343", *where)]


def test_what_a_branch_may_not_set_is_not_known() -> None:
    """Also where it sets what the spec wants."""
    text = "if [ -d /srv/x ]; then JAVA_OPTS=-DDATA_DIR=/opt/omdata; fi\n"
    before = "/opt/omdata (if that branch runs)"
    plan = planned({CATALINA: text + STOCK_CATALINA}, first=True)
    assert items(plan)["-DDATA_DIR"][0] == before
    entries, findings = KIND.entries(text)
    assert [(entry.key, entry.value) for entry in entries] == [("-DDATA_DIR", before)]
    (finding,) = findings
    assert (finding.rule.id, finding.line) == ("OM323", 1)


@pytest.mark.parametrize(
    ("setenv", "around", "deployed"),
    [
        ("JAVA_OPTS=-Xmx2g\n", {UNIT: unit("-DDATA_DIR=/x")}, None),
        ("unset JAVA_OPTS\n", {UNIT: unit("-DDATA_DIR=/x")}, None),
        ('JAVA_OPTS="-DDATA_DIR=/a $JAVA_OPTS"\n', {UNIT: unit("-DDATA_DIR=/x")}, "/x"),
        (
            'JAVA_OPTS="$JAVA_OPTS -DDATA_DIR=${D:-/a}"\n',
            {UNIT: "[Service]\nEnvironment=D=/x\n"},
            "/x",
        ),
        ("", {UNIT: '[Service]\nEnvironment="JAVA_TOOL_OPTIONS=-DDATA_DIR=/x"\n'}, "/x"),
        ("", {CATALINA: f'{STOCK_CATALINA}JAVA_OPTS="-DDATA_DIR=/x $JAVA_OPTS"\n'}, "/x"),
        ("", {CATALINA: '[ -r a ] && . "a/setenv.sh"\nJAVA_OPTS=-DDATA_DIR=/x\n'}, "/x"),
        ("", {UNIT: unit("-DDATA_DIR=/opt/omdata/")}, "/opt/omdata"),
        (
            "",
            {
                UNIT: "[Service]\nEnvironmentFile=-/etc/default/openmeetings\n",
                "/etc/default/openmeetings": "JAVA_OPTS='-DDATA_DIR=/x'\n",
            },
            "/x",
        ),
    ],
)
def test_the_order_in_which_the_jvm_gets_options(
    setenv: str, around: dict[str, str], deployed: str | None
) -> None:
    cluster = cluster_of(spec_of(1))
    bundle = compile_bundle(cluster)
    files = {a.path: DeployedFile(a.data) for a in bundle.nodes[0].artifacts}
    files[SETENV] = DeployedFile(setenv.encode())
    others = {path: DeployedFile(text.encode()) for path, text in around.items()}
    snapshot = Snapshot("directory", {"om1": NodeFiles(files, around=others)})
    plan = compare(cluster, bundle, snapshot, secrets_of(bundle))
    before = items(plan).get("-DDATA_DIR", ("/opt/omdata", ""))[0]
    assert before == deployed


def test_options_in_a_command_are_said_to_be_unread() -> None:
    text = (
        "[Service]\nExecStart=/usr/bin/java -DDATA_DIR=/x org.apache.catalina.startup.Bootstrap\n"
    )
    assert found(planned({UNIT: text})) == [("OM323", UNIT, 2)]


def test_an_item_of_another_file_says_where_it_stands() -> None:
    plan = planned({UNIT: unit("-DDATA_DIR=/x")}, first=True)
    (change,) = [c for c in plan.changes if c.node == "om1"]
    assert change.notes == (f"-DDATA_DIR is set in {UNIT}, line 2",)


def test_a_setenv_that_sets_java_opts_anew_takes_the_units_options_away() -> None:
    around = {UNIT: unit("-DDATA_DIR=/srv/omdata"), DROP_IN: "[Service]\nEnvironmentFile=/etc/x\n"}
    cluster = cluster_of(spec_of(1))
    bundle = compile_bundle(cluster)
    (node,) = bundle.nodes
    files = {a.path: DeployedFile(a.data) for a in node.artifacts}
    files[SETENV] = DeployedFile(b"JAVA_OPTS=-Xmx2g\n")
    others = {path: DeployedFile(text.encode()) for path, text in around.items()}
    snapshot = Snapshot("directory", {"om1": NodeFiles(files, around=others)})
    plan = compare(cluster, bundle, snapshot, secrets_of(bundle))
    assert items(plan)["-DDATA_DIR"] == (None, "/opt/omdata")
    assert ("OM323", DROP_IN, 2) in found(plan)  # what that file gives is not known


def test_without_systemd_a_unit_gives_nothing() -> None:
    around = {UNIT: unit("-DDATA_DIR=/srv/omdata")}
    plan = planned(around, first=True, openmeetings={"service": "none"})
    assert items(plan)["-DDATA_DIR"] == (None, "/opt/omdata")


def test_exports_of_others_in_a_file_of_their_own() -> None:
    text = "/srv 10.1.1.2(ro)\n/opt/omdata *(rw)\n/opt/omdata om2.example.org(rw) 10.1.1.9(rw)\n"
    plan = planned({EXPORTS: text}, count=3)
    assert found(plan) == [("OM340", EXPORTS, 2), ("OM311", EXPORTS, 3)]
    assert plan.changes == ()


@pytest.mark.parametrize("deployed", [True, False])
def test_the_only_export_is_not_to_be_deleted(deployed: bool) -> None:
    """While omconf's block is not on the node, the nodes mount by the line of others."""
    without = () if deployed else ("/etc/exports",)
    plan = planned({EXPORTS: "/opt/omdata om2(rw)\n"}, without=without)
    (twice,) = (d for d in plan.diagnostics if d.rule.id == "OM311")
    assert ("in omconf's block." in twice.message) is deployed
    assert twice.hint.startswith("Delete this line" if deployed else "Move this line")


@pytest.mark.parametrize(
    ("what", "others"),
    [
        ("om1:/opt/omdata", False),
        ("10.1.1.1:/opt/omdata/", False),
        ("nas:/opt/omdata", True),
        ("/dev/sdb1", True),
    ],
)
def test_a_mount_unit_of_the_data_folder(what: str, others: bool) -> None:
    text = f"[Unit]\nAfter=x\n[Mount]\nWhat={what}\nType=nfs4\n"
    assert _mounted({MOUNT: text}) == ([("OM341", MOUNT, 4)] if others else [])


@pytest.mark.parametrize(
    ("mount", "line"),
    [
        ("What=om1:/opt/omdata\nType=nfs\nOptions=ro,soft,timeo=1\n", 4),
        ("What=om1:/opt/omdata\nType=nfs\nOptions=rw,hard,timeo=50,nofail,x-systemd.a=b\n", 0),
        ("What=om1:/opt/omdata\n", 0),
        ("What=nas:/opt/omdata\nOptions=ro\n", 2),
    ],
)
def test_the_options_of_a_mount_unit(mount: str, line: int) -> None:
    reported = _mounted({MOUNT: f"[Mount]\n{mount}"})
    assert reported == ([("OM341", MOUNT, line)] if line else [])


@pytest.mark.parametrize(
    ("options", "reported"), [("ro,soft", True), ("hard,timeo=50", False), ("%%a", True)]
)
def test_the_options_of_a_drop_in_of_the_generated_unit(options: str, reported: bool) -> None:
    path = f"{MOUNT}.d/x.conf"
    planned = _mounted({path: f"[Mount]\nOptions={options}\n"})
    assert planned == ([("OM341", path, 2)] if reported else [])
    assert _mounted({path: "[Mount]\nDirectoryMode=0750\n"}) == []


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("credentials=/root/om,uid=nobody,gid=nogroup,file_mode=0640,dir_mode=0750,hard", ""),
        ("username=a,password=hunter2,soft", "password=(sensitive value),soft,username"),
    ],
)
def test_whom_a_mount_unit_logs_in_as_is_its_own(options: str, shown: str) -> None:
    plan = _plan(
        {f"{MOUNT}.d/x.conf": f"[Mount]\nOptions={options}\n"},
        storage={"kind": "cifs", "server": "om1", "password": {"env": "OM_STORAGE_PASSWORD"}},
    )
    said = [d.message for d in plan.diagnostics if d.rule.id == "OM341"]
    assert [text.split("`")[1] for text in said] == ([shown] if shown else [])
    assert "hunter2" not in str(said)


def _mounted(around: dict[str, str]) -> list[tuple[str, str | None, int]]:
    return found(_plan(around))


def _plan(around: dict[str, str], **sections: Any) -> Plan:
    """Plan two nodes; around om2's fstab are these files."""
    cluster = cluster_of(spec_of(2, **sections))
    bundle = compile_bundle(cluster)
    nodes = {
        n.node: NodeFiles({a.path: DeployedFile(a.data) for a in n.artifacts}) for n in bundle.nodes
    }
    files = {path: DeployedFile(text.encode()) for path, text in around.items()}
    nodes["om2"] = NodeFiles(nodes["om2"].files, around=files)
    return compare(cluster, bundle, Snapshot("directory", nodes), secrets_of(bundle))


def test_a_file_around_that_cannot_be_read_leaves_the_plan_complete() -> None:
    cluster = cluster_of(spec_of(1))
    bundle = compile_bundle(cluster)
    files = {a.path: DeployedFile(a.data) for a in bundle.nodes[0].artifacts}
    broken = DeployedFile(None, Finding(UNREADABLE, 0, "It cannot be read: Permission denied."))
    snapshot = Snapshot("directory", {"om1": NodeFiles(files, around={DROP_IN: broken})})
    plan = compare(cluster, bundle, snapshot, secrets_of(bundle))
    assert plan.complete
    (said,) = [d for d in plan.diagnostics if d.path == DROP_IN]
    assert said.severity is Severity.WARNING
