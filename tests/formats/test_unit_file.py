"""Unit files as systemd reads them; tests/real/test_unit_file.py holds this against systemd itself."""

from __future__ import annotations

import pytest

from omconf.formats.unit_file import Environment, Setting, settings

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
