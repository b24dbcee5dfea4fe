"""Hand-made setenv.sh files, as they are found in the wild."""

from __future__ import annotations

import pytest

from omconf.formats.setenv import mistakes, options, time_zone
from omconf.formats.shell_variables import Script
from omconf.formats.tomcat import parts


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('JAVA_OPTS="$JAVA_OPTS -DDATA_DIR=/srv/x"\n', [("-DDATA_DIR=/srv/x", 1)]),
        ('export JAVA_OPTS="${JAVA_OPTS:-} -Da=1"', [("-Da=1", 1)]),
        ('export X=1 "JAVA_OPTS=$JAVA_OPTS -Da=1" Y=2', [("-Da=1", 1)]),
        ("declare -x 'CATALINA_OPTS=-Da=1 -Db=2'", [("-Da=1", 1), ("-Db=2", 1)]),
        ('#JAVA_OPTS=-Da=1\n\nJAVA_OPTS="\\\n -Da=1 \\\n -Db=2"', [("-Da=1", 3), ("-Db=2", 3)]),
        ('D=/srv\nCATALINA_OPTS+=" -DDATA_DIR=$D/x"', [("-DDATA_DIR=/srv/x", 2)]),
        ('JAVA_OPTS="-Dx=\'a b\' -Dy=\\"c d\\""', [("-Dx=a b", 1), ("-Dy=c d", 1)]),
        ("JAVA_OPTS=-Da=1\nJAVA_OPTS=-Db=2", [("-Db=2", 2)]),
        ("CATALINA_OPTS=-Da=1\nJAVA_OPTS=-Da=2 # later", [("-Da=2", 2), ("-Da=1", 1)]),
        ('JAVA_OPTS=-Da=1\nCATALINA_OPTS="$JAVA_OPTS -Db=2"', [("-Da=1", 1)] * 2 + [("-Db=2", 2)]),
        ("if [ -n x ]; then JAVA_OPTS=-Da=1; else JAVA_OPTS=-Db=2; fi", [("-Da=1", 1)]),
        ("if false; then JAVA_OPTS=-Da=1\nelif :; then\n JAVA_OPTS=-Db=2; fi", [("-Db=2", 3)]),
        ('D=1\nif [ "$D" != 1 ]; then JAVA_OPTS=-Da=1; else JAVA_OPTS=-Db=2; fi', [("-Db=2", 2)]),
        ('if [ "$1" = stop ]; then JAVA_OPTS=-Da=1; else JAVA_OPTS=-Db=2; fi', [("-Db=2", 1)]),
        ('[ "$1" = "start" ] && JAVA_OPTS=-Da=1', [("-Da=1", 1)]),
        ('[ -z "$D" ] && D=/srv\nJAVA_OPTS=-Da=$D', [("-Da=/srv", 2)]),
        ('[ -n "$JAVA_OPTS" ] || JAVA_OPTS=-Da=1', [("-Da=1", 1)]),
        ("A=1 && JAVA_OPTS=-Da=$A && export JAVA_OPTS", [("-Da=1", 1)]),
        ("false && JAVA_OPTS=-Da=1\ntrue || JAVA_OPTS=-Db=2", []),
        (
            'case "$1" in stop) JAVA_OPTS=-Da=1;;\nrun|start)\n JAVA_OPTS=-Db=2;; *) JAVA_OPTS=-\nesac',
            [("-Db=2", 3)],
        ),
        ("case `uname` in CYGWIN*) JAVA_OPTS=-Da=1;; esac", []),
        ('if [ -d /x ]; then echo "no"; fi\nJAVA_OPTS=-Da=1', [("-Da=1", 2)]),
        ("D=/srv\nJAVA_OPTS=\"'-Da=$D x' '\\\"'\"", [("-Da=/srv x", 2), ('"', 2)]),
        ('JAVA_OPTS="-Da=\\"x \\\\\\"y\\\\\\" z\\\\w\\""', [('-Da=x "y" z\\w', 1)]),
        ('JAVA_OPTS="-Da=1 \\\\\n -Db=2"', [("-Da=1", 1), ("-Db=2", 1)]),
        ('case "$1" in\nstart) JAVA_OPTS=-Da=1 ;;\nesac', [("-Da=1", 2)]),
        ('export A=1 \\\n JAVA_OPTS="-Da=$A" B', [("-Da=1", 2)]),
        ("declare -x JAVA_OPTS=-Da=1", [("-Da=1", 1)]),
        ('A=1 JAVA_OPTS="-Da=$A"', [("-Da=1", 1)]),
        ("JAVA_OPTS=-Da=1 java -version", []),
        ("JAVA_OPTS=-Da=1 | cat", []),
        (': "${JAVA_OPTS:=-Da=1 -Db=2}"', [("-Da=1", 1), ("-Db=2", 1)]),
        ('JAVA_OPTS="${JAVA_OPTS:+$JAVA_OPTS }-Da=1"', [("-Da=1", 1)]),
        (
            'JAVA_OPTS=-Da=1\nJAVA_OPTS="${JAVA_OPTS:+$JAVA_OPTS -Db=2}"',
            [("-Da=1", 1), ("-Db=2", 2)],
        ),
        ('JAVA_OPTS="-Da=${X:-${Y:-/srv/x}}"', [("-Da=/srv/x", 1)]),
        ('cat <<END\nJAVA_OPTS="-Da=1\nEND\nJAVA_OPTS=-Db=2', [("-Db=2", 4)]),
        ('echo "JAVA_OPTS=-Da=1"', []),
        # What the host may set is no reason to leave the script.
        ('[ -z "$JAVA_HOME" ] && return 1\nJAVA_OPTS=-Da=1', [("-Da=1", 2)]),
        ('[ -z "$X" ] && { echo x; exit 1; }\nJAVA_OPTS=-Da=1', [("-Da=1", 2)]),
        ('if [ -z "$X" ]; then\n exit 1\nfi\nJAVA_OPTS=-Da=1', [("-Da=1", 4)]),
        ('X=\n[ -z "$X" ] && return\nJAVA_OPTS=-Da=1', []),
        ("exit 1 | true\nJAVA_OPTS=-Da=1", [("-Da=1", 2)]),
        ("return 1 &\nJAVA_OPTS=-Da=1", [("-Da=1", 2)]),
        ("return 1 || true\nJAVA_OPTS=-Da=1", []),
        ("if true; then \\\nJAVA_OPTS=-Da=1\nfi", [("-Da=1", 2)]),
        ("if true; then\\\n JAVA_OPTS=-Da=1; fi", [("-Da=1", 2)]),
        ("true &&\\\n JAVA_OPTS=-Da=1", [("-Da=1", 2)]),
        ("true;\\\nJAVA_OPTS=-Da=1", [("-Da=1", 2)]),
        ("echo a \\\nJAVA_OPTS=-Da=1", []),
        ("z=$((\n1 << 4\n))\nJAVA_OPTS=-Da=1", [("-Da=1", 4)]),
        ("A=$'it\\'s'\nJAVA_OPTS=-Da=1", [("-Da=1", 2)]),
        ("", []),
    ],
)
def test_what_a_file_sets(text: str, read: list[tuple[str, int]]) -> None:
    found = options(text)
    assert [(option.text, option.line) for option in found] == read
    assert all(option.known for option in found)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("if [ -d /x ]; then JAVA_OPTS=-Da=1; fi", [("-Da=1", False)]),
        (
            'JAVA_OPTS=-Da=1\nif [ -d /x ]; then JAVA_OPTS="$JAVA_OPTS -Db=2"; fi',
            [("-Da=1", True), ("-Db=2", False)],
        ),
        ("JAVA_OPTS=-Da=1\n[ -d /x ] && JAVA_OPTS=-Db=2", [("-Da=1", False), ("-Db=2", False)]),
        ("JAVA_OPTS=-Da=1\n[ -d /x ] || unset JAVA_OPTS", [("-Da=1", False)]),
        (
            "if [ -d /x ]; then JAVA_OPTS=-Da=1\nelse JAVA_OPTS=-Db=2\nfi\nCATALINA_OPTS=-Dc=3",
            [("-Da=1", False), ("-Db=2", False), ("-Dc=3", True)],
        ),
        (
            "if [ -d /x ]; then if :; then JAVA_OPTS=-Da=1; fi; fi; JAVA_OPTS=$JAVA_OPTS\\ -Db=2",
            [("-Da=1", False), ("-Db=2", True)],
        ),
        ("case `hostname` in om1) JAVA_OPTS=-Da=1;; esac", [("-Da=1", False)]),
        ('while read a; do JAVA_OPTS="-Da=1"; done <x', [("-Da=1", False)]),
        ('D=/a\n[ -d /x ] && D=/b\nJAVA_OPTS="-Da=$D"', [("-Da=${D}", True)]),
        ('if [ "$E" = p ]; then JAVA_OPTS=-Da=1; fi', [("-Da=1", False)]),
        ("f() { JAVA_OPTS=-Da=1; }\nf", [("-Da=1", False)]),
        ("[ -r /x ] || return\nJAVA_OPTS=-Da=1", [("-Da=1", False)]),
        ("[ -r /x ] || exit 1\nJAVA_OPTS=-Da=1", [("-Da=1", True)]),
        ("if [ -d /x ]; then JAVA_OPTS=-Da=1; fi\nJAVA_OPTS=-Db=2", [("-Db=2", True)]),
    ],
)
def test_a_branch_that_may_not_run(text: str, read: list[tuple[str, bool]]) -> None:
    assert [(option.text, option.sure) for option in options(text)] == read


@pytest.mark.parametrize("value", ["$HOME/x", "${X}/y", "`pwd`", "$(pwd)"])
def test_what_only_the_node_knows(value: str) -> None:
    (option,) = options(f'JAVA_OPTS="$JAVA_OPTS -DDATA_DIR={value}"')
    assert not option.known
    assert option.text.startswith("-DDATA_DIR=")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('add() { JAVA_OPTS="$JAVA_OPTS $1"; }\nadd -Da=1', "$1"),
        ('opts=(-Da=1 -Db=2)\nJAVA_OPTS="${opts[*]}"', "${opts[*]}"),
        ('for o in -Da=1; do JAVA_OPTS="$JAVA_OPTS $o"; done', "$o"),
        ('eval "JAVA_OPTS=-Da=1"', "${JAVA_OPTS}"),
        ("V=CATALINA_OPTS; eval $V=-Da=1", "${CATALINA_OPTS}"),
        ("read -r JAVA_OPTS X </etc/options", "${JAVA_OPTS}"),
        ("printf -v JAVA_OPTS %s -Da=1", "${JAVA_OPTS}"),
        ("JAVA_OPTS=(-Da=1 -Db=2)", "${JAVA_OPTS}"),
    ],
)
def test_words_that_only_the_node_knows(text: str, said: str) -> None:
    (option,) = options(text)
    assert (option.text, option.known) == (said, False)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("export TZ=Europe/Berlin", "Europe/Berlin"),
        ("TZ=:Europe/Berlin\nexport TZ JAVA_OPTS", "Europe/Berlin"),
        ("TZ=Europe/Berlin", None),
        ("false && export TZ=Europe/Berlin", None),
        ("export TZ=Etc/UTC\nunset TZ", None),
    ],
)
def test_a_time_zone_that_is_exported(text: str, zone: str | None) -> None:
    found = time_zone([Script(text)])
    assert (found and found.text) == (zone and f"-Duser.timezone={zone}")


def test_a_file_that_is_sourced() -> None:
    text = "A=1\n. /etc/default/om\n[ -r /x ] && . '/x'\nB=2\n"
    found = list(parts(Script(text, "setenv.sh"), {"/etc/default/om": "C=3"}))
    assert found[1] == Script("C=3", "/etc/default/om")
    assert found[3] == ("/x", "setenv.sh", 3)
    assert found[4] == Script("\nB=2\n", "setenv.sh", 3)


@pytest.mark.parametrize("text", ["# a; . /x\n", 'echo "a; . /x"', "echo 'a\n. /x\n'"])
def test_a_file_that_is_not_sourced(text: str) -> None:
    assert list(parts(Script(text), {"/x": "C=3"})) == [Script(text)]


def test_a_variable_that_doubles_stays_small() -> None:
    text = "JAVA_OPTS=-Da=1\n" + 'JAVA_OPTS="$JAVA_OPTS $JAVA_OPTS"\n' * 100
    assert sum(len(option.text) for option in options(text)) < 1_000_000


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('\nJAVA_OPTS="-Da=x|y"', [("JAVA_OPTS", "|", 2)]),
        ('JAVA_OPTS=-Da=1\nJAVA_OPTS="$JAVA_OPTS -Db=x&y"', [("JAVA_OPTS", "&", 2)]),
        ('JAVA_OPTS="-Da=x;y"\nJAVA_OPTS="$JAVA_OPTS -Db=1"', [("JAVA_OPTS", ";", 1)]),
        ('JAVA_OPTS="-Da=1\n -Db=2"', [("JAVA_OPTS", "\n", 1)]),
        (
            'CATALINA_OPTS="-Da=\'x" JAVA_OPTS="(" ',
            [("JAVA_OPTS", "(", 1), ("CATALINA_OPTS", "'", 1)],
        ),
        ('JAVA_OPTS="-Da=1\nexport JAVA_OPTS\n', [("JAVA_OPTS", '"', 1)]),
        ('JAVA_OPTS="-Da=$(echo "x y")"', []),
        ('JAVA_OPTS="-Da=1 # why"', [("JAVA_OPTS", "#", 1)]),
        ("JAVA_OPTS='-Da=\"x|y\" -Db=x\\;y -Dc=x#y'", []),
        ("JAVA_OPTS=\"-Da='x|y' \\\n -Db=2\"", []),
        ("JAVA_OPTS=\"-Da=$(hostname -I | cut -d ' ' -f 1)\"", []),
        ('JAVA_OPTS="-Da=`date|tail -1`"', []),
        ("JAVA_OPTS='-Da=x|y'\nJAVA_OPTS=-Da=1", []),
    ],
)
def test_what_ends_the_command_of_java(text: str, read: list[tuple[str, str, int]]) -> None:
    assert [(mistake.name, mistake.char, mistake.line) for mistake in mistakes(text)] == read


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("--add-opens a/b=c -Xss1m", ["--add-opens=a/b=c", "-Xss1m"]),
        ("-cp /a.jar", ["--class-path=/a.jar"]),
        ("--add-modules -Xss1m", ["--add-modules", "-Xss1m"]),
        ("--add-modules", ["--add-modules"]),
    ],
)
def test_an_option_that_takes_the_next_word(words: str, texts: list[str]) -> None:
    assert [option.text for option in options(f'JAVA_OPTS="{words}"')] == texts
