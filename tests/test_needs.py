"""What tests declare to need: a missing one is a skip that names it, or a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import hidden, needs
from tests.command import ROOT
from tests.needs import NEEDS, closure, missing, reason

INSTALL = "run `sudo make setup-real`"
REASONS = {
    ("ping",): f"ping (Debian package iputils-ping) is missing: {INSTALL}",
    ("ip", "ss"): f"ip and ss (Debian package iproute2) are missing: {INSTALL}",
    (
        "ip",
        "ping",
    ): "ip (Debian package iproute2) and ping (Debian package iputils-ping) are missing:"
    f" {INSTALL}",
    ("jars",): f"the jars under tests/real/java/lib are missing: {INSTALL}",
    (
        "jars",
        "root",
    ): f"the jars under tests/real/java/lib are missing: {INSTALL}; root privileges are"
    " missing: run the tests as root",
}
TEST = """
import pytest
from tests.needs import fixture_needs, needs

@pytest.fixture
@fixture_needs("ping")
def network():
    pass

@needs("git")
def test_function(): pass

@pytest.mark.parametrize("case", [pytest.param(1, marks=needs("curl")), 2])
def test_case(case): pass

def test_fixture(network): pass
"""


@pytest.mark.parametrize("names", REASONS)
def test_the_reason_names_what_is_missing(names: tuple[str, ...]) -> None:
    assert reason(names) == REASONS[names]


def test_what_a_need_needs_itself_is_missing_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is probed with programs that are not there."""
    monkeypatch.setattr(needs, "find", lambda name: None if name == "ip" else "/found")
    monkeypatch.setattr(needs, "_works", lambda name: name != "network namespaces")
    names = closure(["nftables", "ping"])
    assert {"ip", "root", "unshare", "nft", "network namespaces"} < {*names}
    assert missing(names) == ["ip"]
    monkeypatch.setattr(needs, "find", lambda name: "/found")
    assert missing(names) == ["network namespaces"]


@pytest.mark.parametrize("strict", ["", "1"])
def test_a_missing_program_is_a_skip_or_a_failure(tmp_path: Path, strict: str) -> None:
    (tmp_path / "test_it.py").write_text(TEST)
    words = ("-p", "tests.conftest", "-p", "no:cacheprovider", "-rsf", "--rootdir", str(tmp_path))
    environment = {**os.environ, "PATH": "/nowhere", "PYTHONPATH": str(ROOT)}
    environment |= {"OMCONF_HIDDEN": "", "OMCONF_NOTHING_SKIPPED": strict}
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", *words, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    outcome = "1 passed, 3 errors" if strict else "1 passed, 3 skipped"
    assert outcome in done.stdout.splitlines()[-1], done.stdout
    for name in ("git", "curl", "ping"):
        assert NEEDS[name].source in done.stdout


def test_what_is_not_declared_is_hidden() -> None:
    """Where CI hides it, which this test cannot do from inside."""
    if hidden.MODE == "undeclared":
        found = [name for name in NEEDS if NEEDS[name].place and needs.find(name)]
        assert found in ([], ["dash"], ["bash"]), "what sh is stays"
        assert not shutil.which("perldoc")
        assert shutil.which("sed")
