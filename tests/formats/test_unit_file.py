"""Unit files as systemd reads them; tests/real/test_unit_file.py holds this against systemd itself."""

from __future__ import annotations

import pytest

from omconf.formats.unit_file import Environment, Setting, assignments, settings

UNIT, DROP_IN = "/etc/systemd/system/a.service", "/etc/systemd/system/a.service.d/b.conf"


def test_settings_and_their_lines() -> None:
    text = (
        "# c\n[Mount]\nWhat = a \\\n; a comment between\n  b\n\n[Install]\r\nX=\r\nno setting\nY=1"
    )
    assert list(settings(text)) == [
        Setting("Mount", "What", "a    b", 3),
        Setting("Install", "X", "", 8),
        Setting("Install", "Y", "1", 10),
    ]


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        ("Environment=\"JAVA_OPTS=-Da=1 -Db=2\" 'C=d'", {"JAVA_OPTS": "-Da=1 -Db=2", "C": "d"}),
        ("Environment=JAVA_OPTS=-Da=1 -Db=2", {"JAVA_OPTS": "-Da=1"}),
        (r'Environment="A=\x41\"\t" B=%%', {"A": 'A"\t', "B": "%"}),
        ("Environment=A=%h/x", {"A": "$%h/x"}),
        ("Environment=A=1\nEnvironment=\nEnvironment=B=2", {"B": "2"}),
        ("Environment=A=1 B=2 C=3\nUnsetEnvironment=A B=3 C=3", {"B": "2"}),
        ('Environment=A=1\nEnvironment="B=2', {"A": "1"}),
        ("[Unit]\nEnvironment=A=1", {}),
        ("Environment=A=1\u00a0", {"A": "1\u00a0"}),
    ],
)
def test_the_environment(lines: str, values: dict[str, str]) -> None:
    given = Environment.of({UNIT: f"[Service]\n{lines}\n"})
    assert {name: value for name, (value, *_) in given.values.items()} == values


def test_a_drop_in_counts_for_more() -> None:
    texts = {
        UNIT: "[Service]\nEnvironment=A=1 B=1\nEnvironmentFile=-/etc/default/om\n",
        DROP_IN: "[Service]\n\nEnvironment=A=2\n",
    }
    given = Environment.of(texts)
    assert given.values == {"A": ("2", DROP_IN, 3), "B": ("1", UNIT, 2)}
    assert given.files == [("/etc/default/om", UNIT, 3)]
    reset = Environment.of(texts | {DROP_IN: "[Service]\nEnvironmentFile=\n"})
    assert reset.files == []


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('C="-Xmx2g \\\n-Da=1"\nD=2', {"C": ("-Xmx2g -Da=1", 1), "D": ("2", 3)}),
        ("# c\n\nC=-Xmx2g \\\n  -Da=1 \n", {"C": ("-Xmx2g   -Da=1", 3)}),
        ("C=\"a\nb\" # c\nD='x\ny'z\n", {"C": ("a\nb# c", 1), "D": ("x\nyz", 3)}),
        ('C="a" "b"\nD=a "b" \\"\n', {"C": ("ab", 1), "D": ('a "b" "', 2)}),
        (r'C="\"\a\$" ' + "\r\n;D=1\r\nE=\r\n", {"C": ('"\\a$', 1), "E": ("", 3)}),
        ('export C=1\né=2\nno assignment\n C =a\\ \nD="x', {"C": ("a ", 4), "D": ("x", 5)}),
    ],
)
def test_a_file_of_variables(text: str, values: dict[str, tuple[str, int]]) -> None:
    found = assignments(text, "/etc/default/om")
    assert {name: (value, line) for name, (value, _, line) in found.items()} == values
