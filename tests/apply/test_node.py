"""The program on a node, command by command, in each shell that a node may have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from omconf.apply.carrier import CLOSING_SECONDS, FIRST, PROGRAM, Piped
from omconf.apply.wire import QUESTIONS, SHORT, Command, LostError, Reply, command, framed, key
from omconf.apply.written import digest
from tests.needs import needs, program


def start(root: Path, env: dict[str, str]) -> Piped:
    words = ["sh", "-c", FIRST, "omconf-node", "conference", str(root)]
    made = Piped.start(words, env=env)
    assert made.ask("lock", "a test", "").ok
    return made


@pytest.fixture
def node(tmp_path: Path, shell: dict[str, str]) -> Iterator[Piped]:
    with start(tmp_path, shell) as made:
        yield made


def test_shellcheck() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, "-s", "sh", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_drafts_are_roots_alone_and_are_thrown_away(tmp_path: Path, node: Piped) -> None:
    folder = tmp_path / "var/lib/omconf/conference/draft"
    assert node.ask("draft", "units/a b.service", b"caf\xe9\n\n\0").ok
    file = folder / "units/a b.service"
    assert file.read_bytes() == b"caf\xe9\n\n\0"
    assert [p.stat().st_mode & 0o077 for p in (folder, file.parent, file)] == [0, 0, 0]
    assert node.ask("draft", "").ok
    assert not folder.exists()


def test_a_draft_that_was_left_is_swept(tmp_path: Path, shell: dict[str, str]) -> None:
    with start(tmp_path, shell) as one:
        assert one.ask("draft", "exports", "").ok
        one.process.kill()
        one.process.wait()
    with start(tmp_path, shell) as other:
        assert other.ask("begin", "{}", "{}").ok
        assert not (tmp_path / "var/lib/omconf/conference/draft").exists()


IGNORES = (".sh", ".-c", ".trap '' TERM; while :; do sleep 1; done")
OLD = """#!/bin/sh
case $1 in -k) exit 1 ;; esac
exec busybox timeout "$@"
"""
"""BusyBox's timeout as it was before 1.35."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs("busybox")) for name in ("coreutils", "busybox", "old")]
)
def test_a_program_that_ignores_being_ended_is_killed(tmp_path: Path, name: str) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    if name == "busybox":
        (tools / "timeout").symlink_to(program("busybox"))
    elif name == "old":
        (tools / "timeout").write_text(OLD)
        (tools / "timeout").chmod(0o755)
    path = f"{tools}:/usr/bin:/bin:{Path(program('busybox')).parent}"
    with start(tmp_path, {"PATH": path}) as node:
        assert node.ask("run", "1", *IGNORES).words == ("exit", "137")
        assert node.ask("run", "9", ".true").ok


ACCESS = ("0640", str(os.getuid()), str(os.getgid()))


def staged(node: Piped, files: dict[str, bytes]) -> list[Reply]:
    rows = [(f"/{name}", f".omconf-{key(name)[:8]}", *ACCESS, data) for name, data in files.items()]
    return node.ask_each(("stage", ""), rows)


def committed(node: Piped, files: dict[str, bytes], before: dict[str, bytes]) -> list[Reply]:
    """Commit staged files; what `before` lacks is not there."""
    rows = [
        (
            f"/{n}",
            f".omconf-{key(n)[:8]}",
            key(f"/{n}"),
            digest(before.get(n)),
            digest(data),
            "0",
            "1",
        )
        for n, data in files.items()
    ]
    return node.ask_each(("commit",), rows)


def contents(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}


FILES = {"one": b"1\n", "a b": b"%s\\n|\0\xff\n\n", "empty": b"", "long": b"x" * 3 * SHORT}
OLD_FILES = {"one": b"old", "empty": b"was not"}


def test_many_files_are_staged_and_committed_at_once(tmp_path: Path, node: Piped) -> None:
    for name, data in OLD_FILES.items():
        (tmp_path / name).write_bytes(data)
    assert node.ask("begin", "{}", "{}").ok
    assert all(reply.ok for reply in staged(node, FILES))
    replies = committed(node, FILES, OLD_FILES)
    assert [reply.ok for reply in replies] == [True] * 4
    # Mode and owner of those that were there.
    assert [len(reply.words) for reply in replies] == [3, 1, 3, 1]
    assert contents(tmp_path) == FILES
    state = tmp_path / "var/lib/omconf/conference"
    kept = {path.name.partition(".")[0]: path.read_bytes() for path in state.glob("journal/*.b*")}
    assert kept == {key(f"/{name}"): data for name, data in OLD_FILES.items()}
    pending = {path.name: path.read_bytes() for path in state.glob("pending/*.before")}
    assert pending == {f"{key(f'/{name}')}.before": data for name, data in OLD_FILES.items()}
    assert len([*state.glob("pending/*.path")]) == len(FILES)
    assert node.ask("settle", *(key(f"/{name}") for name in FILES)).ok
    assert not [*state.glob("pending/*")]


@pytest.mark.parametrize("odd", [*FILES])
def test_one_that_was_edited_holds_all_of_a_command_back(
    tmp_path: Path, node: Piped, odd: str
) -> None:
    for name, data in OLD_FILES.items():
        (tmp_path / name).write_bytes(data)
    assert node.ask("begin", "{}", "{}").ok
    staged(node, FILES)
    (tmp_path / odd).write_bytes(b"edited")
    expected = OLD_FILES | {odd: b"edited"}
    replies = committed(node, FILES, OLD_FILES)
    stale = ("stale", digest(b"edited"))
    assert [r.words for r in replies] == [stale if n == odd else ("before",) for n in FILES]
    assert contents(tmp_path) == expected
    # What was kept of the others is not taken for what stands there now.
    assert not [*tmp_path.glob("var/lib/omconf/conference/journal/*.b*")]
    again = FILES if odd in OLD_FILES else {n: d for n, d in FILES.items() if n != odd}
    staged(node, again)
    assert all(reply.ok for reply in committed(node, again, expected))
    assert contents(tmp_path) == expected | again


def test_commands_that_come_together_are_carried_out_up_to_one_that_fails(
    tmp_path: Path, node: Piped
) -> None:
    assert node.ask("begin", "{}", "{}").ok
    number = max(tmp_path.glob("var/lib/omconf/conference/journal/*.about")).stem
    notes = tmp_path / f"var/lib/omconf/conference/journal/{number}.notes"
    node.tell("note", "one", "1")
    node.tell("members", "om1")
    assert node.ask("note", "two").ok
    assert notes.read_text() == "one\ntwo\n"
    node.tell("stopped", "no path", "no/key")
    assert node.ask("note", "three") == Reply(False, ("write",))
    assert notes.read_text() == "one\ntwo\n"
    # The answer to a question is none that ends anything.
    questions = [Command(("program", "no such", "none")), Command(("program", "none", "sh"))]
    answers = node.ask_all([*questions, Command(("note", "four"))])
    assert [reply.ok for (reply,) in answers] == [False, True, True]
    assert notes.read_text() == "one\ntwo\nfour\n"


def test_both_sides_know_the_same_questions() -> None:
    (last,) = re.findall(r"case \$command in\n +([a-z |]+)\) ;;", PROGRAM.read_text())
    assert tuple(last.split(" | ")) == QUESTIONS


def test_what_cannot_be_staged_is_not_committed(tmp_path: Path, node: Piped) -> None:
    """Staged and committed at once, files lie in new folders, which the journal counts."""
    assert node.ask("begin", "{}", "{}").ok

    def put(path: str, *, group: str = ACCESS[2]) -> list[list[Reply]]:
        row = (path, ".omconf-0", ACCESS[0], ACCESS[1], group, b"new")
        change = (path, ".omconf-0", key(path), "absent", digest(b"new"), "", "")
        stage, commit = (
            Command.of_rows(("stage", "1"), [row]),
            Command.of_rows(("commit",), [change]),
        )
        return node.ask_all([stage, commit])

    failed = Reply(False, ("write",))
    assert put("/a/b/file", group="no such group") == [[failed], [failed]]
    assert not (tmp_path / "a/b/file").exists()
    (staged,), (committed,) = put("/c/d/file")
    assert (staged.number, committed.ok) == (2, True)
    assert (tmp_path / "c/d/file").read_bytes() == b"new"
    (files,) = tmp_path.glob("var/lib/omconf/conference/journal/*.files")
    assert files.read_text().splitlines()[-1].split("|")[4] == "2"


def plenty(_: int) -> str:
    return ""


def test_a_script_sends_files_and_says_what_is_wrong(node: Piped) -> None:
    script = rb"""printf 'a\0b\n\n'; echo odd >&2; printf 'c\n'; exit 3"""
    sent = node.files(script, seconds=20, limit=1000, room=plenty)
    assert (sent.code, sent.out, sent.error) == (3, b"a\0b\n\nc\n", "odd")
    nothing = node.files(b":", seconds=20, limit=1000, room=plenty)
    assert (nothing.code, nothing.out, nothing.error) == (0, b"", "")
    assert node.ask("program", "sh").ok


@pytest.mark.parametrize(("limit", "room"), [(1000, ""), (10**6, "there is no room")])
def test_a_script_that_sends_too_much_is_not_read_on(node: Piped, limit: int, room: str) -> None:
    with pytest.raises(LostError, match=room or "more than 1,000 bytes"):
        node.files(b"head -c 500000 /dev/zero", seconds=20, limit=limit, room=lambda _: room)
    began = time.monotonic()
    node.drop()
    assert time.monotonic() - began < CLOSING_SECONDS / 2


def test_what_is_cut_off_is_not_done(tmp_path: Path, shell: dict[str, str]) -> None:
    row = ("/file", ".omconf-0", *ACCESS, b"x" * 3 * SHORT)
    line = framed([command("stage", "", *row, ".")])
    assert line.partition(b"\n")[0] == b"%d" % len(line.partition(b"\n")[2])
    for end in (-1, -len(line) // 2):
        with start(tmp_path, shell) as node:
            assert node.ask("begin", "{}", "{}").ok
            node._write(line[:end])
        assert contents(tmp_path) == {}


def test_a_program_that_is_cut_off_is_not_run(tmp_path: Path, shell: dict[str, str]) -> None:
    """What it would begin with is a line of its own."""
    text = f"touch {tmp_path}/begun\n".encode()
    words = ["sh", "-c", FIRST, "omconf-node", "conference", ""]
    for size, begun in ((len(text) + 1, False), (len(text) - 1, True)):
        given = b"%d\n%b" % (size, text)
        subprocess.run(words, input=given, env={"PATH": f"{shell['PATH']}:/usr/bin"}, check=begun)
        assert (tmp_path / "begun").exists() is begun


@needs("strace")
def test_a_further_file_starts_few_programs(tmp_path: Path) -> None:
    """Each takes as long as a thousand tests of the shell's own."""

    def started(count: int) -> int:
        root, trace = tmp_path / str(count), tmp_path / f"{count}.trace"
        root.mkdir()
        files = {f"f{number}": b"new" for number in range(count)}
        for name in files:
            (root / name).write_bytes(b"old")
        traced = ["strace", "-f", "-qq", "-e", "trace=execve", "-z", "-o", str(trace)]
        words = [*traced, "sh", "-c", FIRST, "omconf-node", "conference", str(root)]
        with Piped.start(words) as node:
            assert node.ask("lock", "a test", "").ok
            assert node.ask("begin", "{}", "{}").ok
            rows = [(f"/{name}", digest(b"old")) for name in files]
            assert all(reply.ok for reply in node.ask_each(("look",), rows))
            assert all(reply.ok for reply in staged(node, files))
            assert all(r.ok for r in committed(node, files, dict.fromkeys(files, b"old")))
        return trace.read_text().count("execve(")

    assert started(9) - started(1) <= 8 * 6
