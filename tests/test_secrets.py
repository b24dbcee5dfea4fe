"""A secret can be compared and revealed on purpose; nothing else gets at it."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from pathlib import Path

import pytest

from omconf import secret_sources
from omconf.secret_sources import SecretRef, Unresolved, resolve
from omconf.secrets import (
    HIDDEN,
    MAX_SAID,
    SECRET_NAME,
    Secret,
    last_line,
    masked,
    masked_lines,
    speaks,
)

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


@pytest.mark.parametrize("before", ["--password ", "-Dfoo=--db-token  ", "x -pass ", "Bearer "])
def test_what_stands_behind_a_blank(before: str) -> None:
    shown = f"{before}{HIDDEN} --x"
    assert masked(f"{before}{VALUE} --x") == shown
    assert masked(shown) == shown
    assert VALUE not in masked(f"Authorization: Bearer {VALUE}")


def test_an_option_without_a_value_hides_nothing() -> None:
    for text in ("--no-password --host x", "bearer of news", "the password is too short"):
        assert masked(text) == text


def test_a_login_ends_at_the_last_at_sign() -> None:
    shown = f"jdbc:oracle:thin:om/{HIDDEN}@db:1521:om"
    assert masked('jdbc:oracle:thin:om/"p@ss@/w0rd"@db:1521:om') == shown
    assert masked(shown) == shown
    assert masked("root@10.1.1.1,om@10.1.1.2 or //db:5432/om") == (
        "root@10.1.1.1,om@10.1.1.2 or //db:5432/om"
    )


@pytest.mark.parametrize("name", ["DB_PW", "-Dpw", "pw", "admin-pw", "Pw"])
def test_a_short_name_of_a_password(name: str) -> None:
    assert masked(f"{name}={VALUE}") == f"{name}={HIDDEN}"
    assert masked(f"x{name}x={VALUE}") == f"x{name}x={VALUE}"


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
    (tmp_path / "pw").write_text(f"\ufeff{VALUE}\n")
    assert resolve(ref) == Secret(VALUE)
    (tmp_path / "pw").write_bytes(b"\xff\xfe")
    assert isinstance(resolve(ref), Unresolved)


@pytest.mark.parametrize("name", ["~/om", "$HOME/om"])
def test_what_only_a_shell_replaces_in_a_path(tmp_path: Path, name: str) -> None:
    refused = resolve(SecretRef("file", (name,), str(tmp_path)))
    assert isinstance(refused, Unresolved)
    assert "`~` and `$NAME` are not replaced, write the whole path" in refused.why
    plain = resolve(SecretRef("file", ("om",), str(tmp_path)))
    assert isinstance(plain, Unresolved)
    assert "~" not in plain.why


def test_from_a_command(tmp_path: Path) -> None:
    def run(code: str) -> Secret | Unresolved:
        return resolve(SecretRef("command", (sys.executable, "-c", code), str(tmp_path)))

    assert run(f"print('{VALUE}')") == Secret(VALUE)
    assert run("import os; print(os.getcwd())") == Secret(str(tmp_path))
    failed = run(f"import sys; print('{VALUE}'); sys.exit('locked')")
    assert isinstance(failed, Unresolved)
    assert failed.why.endswith(f"exit code 1: {STDERR}")
    locked = run("import sys; sys.exit('locked')")
    assert isinstance(locked, Unresolved)
    assert locked.why.endswith("exit code 1: locked")
    assert isinstance(run("pass"), Unresolved)
    assert isinstance(resolve(SecretRef("command", ("/no/such/program",))), Unresolved)


STDERR = "its stderr is hidden, since it may repeat what was printed to stdout"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('{0}'); print('no, {0}!', file=sys.stderr)", STDERR),
        ("print('x {0}'); print('{0}'[2:7], file=sys.stderr)", STDERR),
        ("print('{0}'); print('{0}'[::-1], file=sys.stderr)", STDERR),
        ("print('password={0}', file=sys.stderr)", f"password={HIDDEN}"),
        ("print('x' * 600, file=sys.stderr)", "x" * 500),
        ("print('{0}')", "it does not say why"),
        ("print(' '); print('locked', file=sys.stderr)", "locked"),
    ],
)
def test_a_failing_command_says_nothing_that_it_printed(code: str, said: str) -> None:
    code = f"import sys; {code.format(VALUE)}; sys.exit(3)"
    failed = resolve(SecretRef("command", (sys.executable, "-c", code)))
    name = sys.executable
    assert failed == Unresolved(f"the command {name} failed with exit code 3: {said}")


def test_a_command_that_a_signal_ends() -> None:
    failed = resolve(SecretRef("command", ("sh", "-c", "kill -TERM $$")))
    assert failed == Unresolved("the command sh was ended by signal 15: it does not say why")


def test_a_command_that_succeeds_is_not_heard_but_for_its_first_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code = f"import sys; print('{VALUE}\\nmore'); print('{VALUE}', file=sys.stderr)"
    assert resolve(SecretRef("command", (sys.executable, "-c", code))) == Secret(VALUE)
    for printed in (b"", b"\n" + VALUE.encode(), b"\xff" + VALUE.encode()):
        code = f"import sys; sys.stdout.buffer.write({printed!r})"
        unread = resolve(SecretRef("command", (sys.executable, "-c", code)))
        assert isinstance(unread, Unresolved)
        assert VALUE not in unread.why
    assert capfd.readouterr() == ("", "")


def test_a_command_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_sources, "COMMAND_SECONDS", 0.2)
    code = f"import time; print('{VALUE}', flush=True); time.sleep(60)"
    late = resolve(SecretRef("command", (sys.executable, "-c", code)))
    assert late == Unresolved(
        f"the command {sys.executable} gives none: no response in 0.2 seconds"
    )


def test_an_unknown_source_is_never_run_as_a_program(tmp_path: Path) -> None:
    made = tmp_path / "made"
    with pytest.raises(AssertionError):
        resolve(SecretRef("vault", ("touch", str(made))))  # type: ignore[arg-type]
    assert not made.exists()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mount -u om:hunter2 x", "mount -u om:(sensitive value)"),
        ("jdbc://om:pass word@host/db", "jdbc://om:(sensitive value)@host/db"),
        ("jdbc:postgresql://10.1.1.10:5432/om", "jdbc:postgresql://10.1.1.10:5432/om"),
    ],
)
def test_logins_that_no_word_ends(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_the_last_words_of_a_program_are_hidden_and_cut() -> None:
    assert last_line(["first", " exit password=hunter2 ", "", " \t"]) == f"exit password={HIDDEN}"
    assert last_line([f"no {VALUE}"], lambda line: line.replace(VALUE, HIDDEN)) == f"no {HIDDEN}"
    assert last_line(["", "  "]) == last_line([]) == ""
    long = last_line(["first", "n" * 1_000_000])
    assert len(long) == MAX_SAID
    assert long.endswith("n...")


def test_a_hidden_line_goes_on_after_a_backslash() -> None:
    lines = ['Environment="X=1\\', "password=\\", "hunter2\\", 'more"', "Group=nogroup"]
    assert list(masked_lines(lines)) == [lines[0], HIDDEN, HIDDEN, HIDDEN, lines[4]]


@pytest.mark.parametrize(
    ("script", "why"),
    [("yes", "it sent more than 65,536 bytes"), ("exec sleep 300", "no response in 1 seconds")],
)
def test_a_command_is_heard_for_some_time_and_some_bytes(
    monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    monkeypatch.setattr("omconf.secret_sources.COMMAND_SECONDS", 1)
    found = resolve(SecretRef("command", ("sh", "-c", script)))
    assert isinstance(found, Unresolved)
    assert found.why == f"the command sh gives none: {why}"


NAMES = """
pass passs passw pasw paw pas pa\u017fsword pw DB_PW apw a-pw -Dpw xpwx pwd secret token salt credential
authorization bearer key access-key accesskey license_key api.key private--key encryption.key
encryption-key keys \u212aey se\u0441ret
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_words_are_found_as_the_pattern_finds_them(name: str) -> None:
    for text in (
        name,
        name.upper(),
        f"<{name}>x</{name}>",
        f"a {name}\nb",
        f"{name}\u00e9",
        f"x{name}",
    ):
        assert speaks(text) is (SECRET_NAME.search(text) is not None), text
