"""A secret can be compared and revealed on purpose; nothing else gets at it."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from pathlib import Path

import pytest

from omconf.secrets import HIDDEN, Secret, SecretRef, Unresolved, masked, resolve

VALUE = "c0rrect-h0rse"


def test_it_is_never_shown() -> None:
    secret = Secret(VALUE)
    for shown in (
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>30}",
        f"{[secret]}",
        f"{secret:>40}",
    ):
        assert VALUE not in shown
        assert HIDDEN in shown
    for spread in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars, hash):
        with pytest.raises(TypeError):
            spread(secret)
    assert secret == Secret(VALUE)
    assert secret != Secret("other")
    assert secret != VALUE
    assert secret.reveal() == VALUE


def test_what_is_masked_stays_as_it_is() -> None:
    once = masked("//nas/om cifs hard,password=c0rrect,pass=x 0 0")
    assert once == f"//nas/om cifs hard,password={HIDDEN},pass={HIDDEN} 0 0"
    assert masked(once) == once


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    ref = SecretRef("env", ("OMCONF_TEST_SECRET",))
    assert resolve(ref) == Unresolved("the environment variable OMCONF_TEST_SECRET is not set")
    monkeypatch.setenv("OMCONF_TEST_SECRET", VALUE)
    assert resolve(ref) == Secret(VALUE)
    monkeypatch.setenv("OMCONF_TEST_SECRET", "")
    assert isinstance(resolve(ref), Unresolved)


def test_from_a_file(tmp_path: Path) -> None:
    ref = SecretRef("file", ("pw",), str(tmp_path))
    assert isinstance(resolve(ref), Unresolved)
    (tmp_path / "pw").write_text(f"{VALUE}\nsecond line\n")
    (tmp_path / "pw").chmod(0o604)
    refused = resolve(ref)
    assert isinstance(refused, Unresolved)
    assert "chmod 600" in refused.why
    (tmp_path / "pw").chmod(0o600)
    assert resolve(ref) == Secret(VALUE)
    (tmp_path / "pw").write_bytes(b"\xff\xfe")
    assert isinstance(resolve(ref), Unresolved)


def test_from_a_command(tmp_path: Path) -> None:
    def run(code: str) -> Secret | Unresolved:
        return resolve(SecretRef("command", (sys.executable, "-c", code), str(tmp_path)))

    assert run(f"print('{VALUE}')") == Secret(VALUE)
    assert run("import os; print(os.getcwd())") == Secret(str(tmp_path))
    failed = run(f"import sys; print('{VALUE}'); sys.exit('locked')")
    assert isinstance(failed, Unresolved)
    assert "exit code 1: locked" in failed.why
    assert VALUE not in failed.why
    assert isinstance(run("pass"), Unresolved)
    assert isinstance(resolve(SecretRef("command", ("/no/such/program",))), Unresolved)
