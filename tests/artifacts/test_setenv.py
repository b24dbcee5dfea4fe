"""The block in setenv.sh: written, read back, and what it does to a cluster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.artifacts import setenv
from omconf.artifacts.effect import Change
from tests.clusters import cluster_of, simple, spec_of

OPTION = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), max_size=12).map(
    lambda text: f"-Dx={text}"
)


def test_the_whitelist_has_the_four_entries() -> None:
    entries = ("[B", "java.util", "org.apache.openjpa", "org.apache.openmeetings.db.entity")
    assert entries == setenv.WHITELIST


def options_of(*options: str) -> list[str]:
    cluster = simple(openmeetings={"java_options": list(options)})
    (artifact,) = setenv.KIND.render(cluster, cluster.nodes[0])
    return [
        f"{key}={value}" if value != "set" else key
        for key, value in setenv.KIND.read(artifact.text).items.items()
    ]


def test_the_lists_are_whole() -> None:
    assert options_of()[::-1] == [
        f"-Dopenjpa.serialization.class.whitelist={','.join(setenv.WHITELIST)}",
        "-Dopenjpa.serialization.class.blacklist=*",
        "-Duser.timezone=Etc/UTC",
        "-DDATA_DIR=/opt/omdata",
    ]


@pytest.mark.parametrize(
    "option", ["-Xmx2g", "-Dx=a b'c\"d\\e$f`g", "-Dx=\\", '-Dx="', "--add-opens=java.base/a=b"]
)
def test_options_are_read_back(option: str) -> None:
    assert option in options_of(option)


@given(OPTION)
def test_any_option_is_read_back(option: str) -> None:
    if option.isprintable() and "@omconf:" not in option and "password" not in option:
        cluster = cluster_of(spec_of(openmeetings={"java_options": [option]}))
        (artifact,) = setenv.KIND.render(cluster, cluster.nodes[0])
        entries, findings = setenv.KIND.entries(artifact.text)
        assert findings == []
        assert entries[-1].key == "-Dx"
        assert entries[-1].value == option.removeprefix("-Dx=")


def test_each_node_has_it_in_its_own_home() -> None:
    data = spec_of()
    data["nodes"]["om2"]["home"] = "/srv/om"
    cluster = cluster_of(data)
    paths = [setenv.KIND.render(cluster, node)[0].path for node in cluster.nodes]
    assert paths == ["/opt/om/bin/setenv.sh", "/srv/om/bin/setenv.sh"]


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("-Dhttp.nonProxyHosts=localhost|127.*", "an unquoted `|`"),
        ("\n -Xmx2g\n", "a line end"),
        ("-Da='b", "a quote that is not closed"),
    ],
)
def test_what_catalina_sh_does_not_run_is_refused(value: str, what: str) -> None:
    (finding,) = setenv.KIND.entries(f'#!/bin/sh\nJAVA_OPTS="{value}"\n')[1]
    assert (finding.rule.id, finding.line) == ("OM301", 2)
    assert what in finding.message
    assert finding.hint


def test_a_line_by_hand_is_said() -> None:
    text = 'JAVA_OPTS="$JAVA_OPTS -DDATA_DIR=/data"\n# -DDATA_DIR=/in/a/comment\nX=1\n'
    entries, findings = setenv.KIND.entries(text)
    assert [(entry.key, entry.value, entry.line) for entry in entries] == [
        ("-DDATA_DIR", "/data", 1)
    ]
    ((finding),) = findings
    assert (finding.rule.id, finding.line) == ("OM323", 1)
    assert "`openmeetings.data_dir`" in finding.hint


@pytest.mark.parametrize(
    ("key", "rolling"),
    [("-DDATA_DIR", False), ("-Duser.timezone", False), ("-Xmx2g", True)],
)
def test_what_a_change_does(key: str, rolling: bool) -> None:
    effect = setenv.KIND.effect(simple(), {key: Change("update", "a", "b")}, "update")
    assert (effect.action, effect.rolling) == ("restart", rolling)
    assert setenv.KIND.effect(simple(), {key: Change("create", None, "b")}, "update").rolling


def test_what_only_the_nodes_shell_knows_is_said() -> None:
    cluster = simple()
    (artifact,) = setenv.KIND.render(cluster, cluster.nodes[0])
    text = '. /etc/om-options\nJAVA_OPTS="$JAVA_OPTS $OM_OPTS"\nexport TZ=Europe/Berlin\n'
    found = setenv.KIND.elsewhere(cluster, artifact, {artifact.path: text})
    said = [(path, finding.rule.id, finding.line) for path, finding in found.findings]
    assert sorted(said) == [(artifact.path, "OM323", 1), (artifact.path, "OM323", 2)]
    assert "`$OM_OPTS`" in str([finding.message for _, finding in found.findings])
    assert found.stronger["-Duser.timezone"] == "Europe/Berlin"
    behind = setenv.KIND.elsewhere(cluster, artifact, {artifact.path: text + artifact.text})
    assert [finding.line for _, finding in behind.findings] == [1]


def test_a_quote_that_nothing_closes_is_refused() -> None:
    _, findings = setenv.KIND.entries('JAVA_OPTS="$JAVA_OPTS -Da=1\nexport JAVA_OPTS\n')
    assert [(finding.rule.id, finding.line) for finding in findings] == [("OM301", 1)]


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ('if [ -n "" ]; then\n{}fi\n', 2),
        ('[ -n "" ] && {{\n{}}}\n', 2),
        ("f() {{\n{}}}\n", 2),
        ("(\n{})\n", 2),
        ("cat <<END\n{}END\n", 2),
        (": '\n{}'\n", 2),
        ("exit 0\n{}", 2),
        ("# first\nreturn\n{}", 3),
        ("{}. /etc/default/openmeetings\n", 1),
    ],
)
def test_a_block_that_has_no_effect_is_reported(form: str, line: int) -> None:
    cluster = simple()
    (artifact,) = setenv.KIND.render(cluster, cluster.nodes[0])
    around = {"/etc/default/openmeetings": "JAVA_OPTS=-Xmx1g\n"}
    texts = {**around, artifact.path: form.format(artifact.text)}
    found = setenv.KIND.elsewhere(cluster, artifact, texts)
    assert [(path, f.rule.id, f.line) for path, f in found.findings] == [
        (artifact.path, "OM343", line)
    ]


@pytest.mark.parametrize(
    "form",
    [
        'if [ "$1" = run ]; then\n{}fi\n',
        "if [ -d /srv ]; then\n{}fi\n",
        "if [ -d /srv ]; then\n X=1\nfi\n(exit 1)\nf() {{ return; }}\nf\n{}exit 0\n",
        "[ -r /x ] || exit 1\n{}",
        "f() {{\n{}}}\nf\n",
        "{}JAVA_OPTS=$(echo $JAVA_OPTS | sed s/a/b/)\n",
    ],
)
def test_a_block_that_may_have_an_effect_is_not_reported(form: str) -> None:
    cluster = simple()
    (artifact,) = setenv.KIND.render(cluster, cluster.nodes[0])
    found = setenv.KIND.elsewhere(cluster, artifact, {artifact.path: form.format(artifact.text)})
    assert {f.rule.id for _, f in found.findings} <= {"OM323"}


def test_a_block_that_would_not_run_is_reported() -> None:
    cluster = simple()
    (artifact,) = setenv.KIND.render(cluster, cluster.nodes[0])
    found = setenv.KIND.elsewhere(cluster, artifact, {artifact.path: "umask 027\nexit 0\n"})
    assert [(f.rule.id, f.line) for _, f in found.findings] == [("OM343", 3)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("JAVA_OPTS=-Da=1\n[ -d /x ] && export JAVA_OPTS=-Db=2\n", [1, 2]),
        ("X=1\nunset JAVA_OPTS X\n", [2]),
        ('umask 027 # once; JAVA_OPTS=-Da=1\necho "a; JAVA_OPTS=-Db=2"\n', []),
        ('JAVA_OPTS="${JAVA_OPTS} -Da=1"\nJAVA_OPTS+=" -Db=2"\n(JAVA_OPTS=-Dc=3)\n', []),
        ("JAVA_OPTS=-Da=1 java -version\nif false; then JAVA_OPTS=-Db=2; fi\n", []),
    ],
)
def test_lines_that_overwrite_the_block(text: str, lines: list[int]) -> None:
    assert [finding.line for finding in setenv.KIND.behind(text)] == lines


def test_a_list_that_lacks_an_entry_is_completed_by_whose_it_is() -> None:
    """In the block by the plan, which writes it anew; elsewhere by the admin, who deletes it."""
    cluster = simple()
    (artifact,) = setenv.KIND.render(cluster, cluster.nodes[0])
    shorter = artifact.text.replace("java.util,", "")
    assert shorter != artifact.text
    (found,) = setenv.KIND.entries(shorter)[1]
    assert (found.rule.id, found.hint) == (
        "OM315",
        "Apply the plan: it writes the complete list.",
    )
    by_hand = 'JAVA_OPTS="-Dopenjpa.serialization.class.whitelist=java.util"\n'
    deletes = [f.hint for f in setenv.KIND.entries(by_hand)[1] if f.rule.id == "OM315"]
    assert deletes == ["Delete it: omconf's block has the complete list."]
