"""What real programs say of new files before anything is written, on a node with an /etc of its own."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omconf.actions import Put, Run, Step
from omconf.apply import checkers, database
from omconf.apply.carrier import FIRST, Piped
from omconf.apply.targets import Target
from omconf.artifacts import node_check
from tests.needs import fixture_needs, needs, program

OWN = """
mount -t tmpfs none /mnt
for folder in etc var/lib; do
    mkdir -p /mnt/$folder/upper /mnt/$folder/work
    layers=lowerdir=/$folder,upperdir=/mnt/$folder/upper,workdir=/mnt/$folder/work
    mount -t overlay none -o $layers /$folder
done
mount -t tmpfs none /opt
rm -rf /etc/exports /etc/exports.d /etc/fstab /var/lib/omconf
mkdir -p /opt/omdata /var/lib/nfs
exec sh "$@"
"""
EXPORTS, FSTAB = "/etc/exports", "/etc/fstab"
NFT = "/etc/omconf/conference/firewall.nft"
DROP_IN = "/etc/systemd/system/om.service.d/omconf.conf"
GOOD = b"/opt/omdata 10.1.1.2(rw,sync,no_subtree_check)\n"
FOREIGN = b"/opt/omdata 10.1.1.9(rw,no_subtree_check) 10.1.1.9(ro,no_subtree_check)\n"
MOUNT = b"10.1.1.1:/opt/omdata /opt/omdata nfs rw 0 0\n"
Start = Callable[..., "Machine"]


class Machine:
    """A node that speaks, and what is asked of it."""

    def __init__(self, line: Piped) -> None:
        self.line = line

    def shell(self, script: str) -> str:
        self.line.said()
        done = self.line.ask("run", "20", ".sh", ".-ec", f".{script}")
        said = self.line.said()
        assert done.ok, said
        return said

    def put(self, path: str, data: bytes) -> None:
        folder = shlex.quote(path.rpartition("/")[0])
        self.shell(
            f"mkdir -p {folder}; printf %s {shlex.quote(data.decode())} >{shlex.quote(path)}"
        )

    def problems(
        self, *files: tuple[str, bytes], steps: list[Step] | None = None, hide: Any = str
    ) -> list[str]:
        bundle = SimpleNamespace(cluster="conference")
        node = SimpleNamespace(line=self.line, targets=SimpleNamespace(bundle=bundle), hide=hide)
        targets = [Target(path, None, data) for path, data in files]
        found = list(checkers.problems(cast(Any, node), steps or [], targets))
        assert "draft" not in self.shell("ls /var/lib/omconf/conference >&2")
        return found


@pytest.fixture
@fixture_needs("mount namespaces", "network namespaces")
def start(tmp_path: Path) -> Iterator[Start]:
    made: list[Piped] = []

    def begin(path: str = "/usr/sbin:/usr/bin:/sbin:/bin") -> Machine:
        unshare = [
            program("unshare"),
            "-m",
            "-n",
            "--propagation",
            "private",
            "sh",
            "-ec",
            OWN,
            "sh",
        ]
        words = [*unshare, "-c", FIRST, "omconf-node", "conference", ""]
        line = Piped.start(words, env={"PATH": path, "LC_ALL": "C"})
        made.append(line)
        assert line.ask("lock", "a test", "").ok
        return Machine(line)

    yield begin
    for line in made:
        line.close()


@pytest.fixture
def machine(start: Start) -> Machine:
    return start()


class TestExportfs:
    pytestmark = needs("exportfs")

    def test_a_wrong_line_is_named_and_a_right_one_is_not(self, machine: Machine) -> None:
        bad = GOOD.replace(b"sync", b"snyc")
        for there in (None, GOOD.replace(b".2", b".8")):
            if there is not None:
                machine.put(EXPORTS, there)
            assert machine.problems((EXPORTS, (there or b"") + GOOD)) == []
            (found,) = machine.problems((EXPORTS, (there or b"") + bad))
            line = 1 if there is None else 2
            said = f'/etc/exports:{line}: unknown keyword "snyc"'
            assert found == f"exportfs rejects the planned /etc/exports: {said}"

    def test_what_was_wrong_before_does_not_count(self, machine: Machine) -> None:
        machine.put(EXPORTS, FOREIGN)
        assert machine.problems((EXPORTS, b"# one line more\n" + FOREIGN + GOOD)) == []
        (found,) = machine.problems((EXPORTS, FOREIGN + GOOD + GOOD.replace(b"rw", b"ro")))
        assert "duplicated export entries: 10.1.1.2:/opt/omdata" in found

    def test_an_error_of_others_by_which_exportfs_stops(self, machine: Machine) -> None:
        machine.put(EXPORTS, b"/srv 10.1.1.9(snyc)\n")
        assert machine.problems((EXPORTS, b"# more\n/srv 10.1.1.9(snyc)\n" + GOOD)) == []

    def test_exports_d_is_read_as_well(self, machine: Machine) -> None:
        machine.put("/etc/exports.d/a.exports", GOOD.replace(b"rw", b"ro"))
        for there in (None, b"# mine\n"):
            if there is not None:
                machine.put(EXPORTS, there)
            (found,) = machine.problems((EXPORTS, GOOD))
            assert "duplicated export entries" in found

    def test_a_folder_that_the_plan_makes_may_be_missing(self, machine: Machine) -> None:
        text = GOOD.replace(b"/opt/omdata", b"/opt/other")
        (found,) = machine.problems((EXPORTS, text))
        assert "Failed to stat /opt/other: No such file" in found
        makes = Step(("om1",), "", (Run(("install", "-d", "/opt/other")),))
        assert machine.problems((EXPORTS, text), steps=[makes]) == []

    def test_without_a_network_no_name_resolves(self, machine: Machine) -> None:
        machine.put(EXPORTS, FOREIGN)
        more = b"/opt/omdata om2.example.org(rw)\n"
        assert machine.problems((EXPORTS, FOREIGN + more)) == []

    def test_nothing_live_is_touched(self, machine: Machine) -> None:
        listed = "ls -lAi /etc /var/lib/nfs >&2; cat /proc/self/mounts >&2; exportfs -s >&2 || :"
        machine.put(EXPORTS, b"")
        machine.shell(": >/var/lib/nfs/etab; : >/var/lib/nfs/rmtab; exportfs -s >&2 || :")
        before = machine.shell(listed)
        assert machine.problems((EXPORTS, GOOD)) == []
        assert machine.shell(listed) == before

    def test_a_state_elsewhere_is_left_alone(self, machine: Machine) -> None:
        machine.shell("mkdir /opt/state; : >/opt/state/etab")
        machine.put("/etc/nfs.conf", b"[mountd]\n state-directory-path=/opt/state\n")
        assert machine.problems((EXPORTS, GOOD.replace(b"sync", b"snyc"))) == []
        assert machine.shell("cat /opt/state/* >&2") == ""

    def test_a_value_of_a_secret_is_hidden(self, machine: Machine) -> None:
        text = GOOD.replace(b"sync", b"hunter2")
        (found,) = machine.problems(
            (EXPORTS, text), hide=lambda t: t.replace("hunter2", "(secret)")
        )
        said = '/etc/exports:1: unknown keyword "(secret)"'
        assert found == f"exportfs rejects the planned /etc/exports: {said}"
        (found,) = machine.problems((EXPORTS, text), hide=lambda _: "")
        assert found == "exportfs rejects the planned /etc/exports"

    @pytest.mark.parametrize(
        "name", [pytest.param(name, marks=needs(name)) for name in ("dash", "bash", "busybox")]
    )
    def test_in_each_shell(self, start: Start, tmp_path: Path, name: str) -> None:
        words = ["sh"]
        if name == "busybox":
            words += ["unshare", "mount", "grep", "ln", "cp", "mkdir", "rm", "timeout", "cat", "ls"]
        for word in words:
            (tmp_path / word).symlink_to(program(name))
        machine = start(f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin")
        for there in (None, b"# mine\n"):
            if there is not None:
                machine.put(EXPORTS, there)
            assert machine.problems((EXPORTS, GOOD)) == []
            assert len(machine.problems((EXPORTS, GOOD.replace(b"sync", b"snyc")))) == 1

    @pytest.mark.parametrize("lacks", ["exportfs", "unshare", "mount"])
    @pytest.mark.parametrize("code", [1, 127])
    def test_without_what_it_takes_nothing_is_checked(
        self, start: Start, tmp_path: Path, lacks: str, code: int
    ) -> None:
        (tmp_path / lacks).write_text(f"#!/bin/sh\necho {lacks}: not permitted >&2\nexit {code}\n")
        (tmp_path / lacks).chmod(0o755)
        # The node is made by the programs that are there.
        machine = start("/mnt/tools:/usr/sbin:/usr/bin:/sbin:/bin")
        machine.shell(f"mkdir /mnt/tools; cp -p {tmp_path}/{lacks} /mnt/tools")
        assert machine.problems((EXPORTS, GOOD.replace(b"sync", b"snyc"))) == []

    def test_what_it_says_is_limited(self, start: Start, tmp_path: Path) -> None:
        fake = tmp_path / "exportfs"
        fake.write_text(
            "#!/bin/sh\ngrep -q omdata /etc/exports || exit 0\n"
            'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do printf "exportfs: %0999d\\n" $i >&2; done\n'
            "exit 1\n"
        )
        fake.chmod(0o755)
        machine = start(f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin")
        *found, rest = machine.problems((EXPORTS, GOOD))
        assert (len(found), rest) == (checkers.MAX_COMPLAINTS, "exportfs reports 3 more")
        assert all(len(text) < checkers.MAX_TEXT + 100 for text in found)
        fake.write_text("#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' x >&2\nexit 1\n")
        assert machine.problems((EXPORTS, GOOD)) == []
        fake.write_text("#!/bin/sh\ngrep -q omdata /etc/exports || exit 0\nexit 3\n")
        (found_,) = machine.problems((EXPORTS, GOOD))
        assert found_ == "exportfs rejects the planned /etc/exports: exit code 3"


@given(st.lists(st.sampled_from(["a:1: x", "a:2: x", "line 3 y", "z"])), st.randoms())
@settings(derandomize=True)
def test_whatever_was_said_before_is_not_added_on_other_lines(said: list[str], random: Any) -> None:
    now = [re.sub("[0-9]", "77", text) for text in said]
    random.shuffle(now)
    assert checkers._added(said, now) == []
    assert checkers._added(said, [*now, "new"]) == ["new"]
    assert checkers._added(said, [*now, *said[:1]]) == said[:1]


@needs("findmnt")
def test_findmnt(machine: Machine) -> None:
    assert machine.problems((FSTAB, MOUNT)) == []
    (found,) = machine.problems((FSTAB, b"# mine\nbroken\n" + MOUNT))
    assert found.endswith("the planned /etc/fstab: /etc/fstab: parse error at line 2 -- ignored")
    foreign = b"/dev/no /no/such ext4 rw 0 2\nbroken\n"
    machine.put(FSTAB, foreign)
    assert machine.problems((FSTAB, b"# mine\n" + foreign + MOUNT)) == []
    other = MOUNT.replace(b" /opt/omdata", b" /opt/other")
    (found,) = machine.problems((FSTAB, foreign + other))
    assert "/opt/other: unreachable on boot required target" in found
    makes = Step(("om1",), "", (Run(("mkdir", "-p", "/opt/other")),))
    assert machine.problems((FSTAB, foreign + other), steps=[makes]) == []


@needs("nftables")
def test_nft(machine: Machine) -> None:
    table = (
        b"table inet omconf_c\ndelete table inet omconf_c\ntable inet omconf_c {\n chain input {\n"
    )
    table += b"  type filter hook input priority filter; policy accept;\n  iif lo accept\n }\n}\n"
    includes = table + b'include "/etc/omconf/conference/firewall.d/*.nft"\n'
    assert machine.problems((NFT, includes)) == []
    (found,) = machine.problems((NFT, table.replace(b"iif lo", b"iff lo")))
    assert f"{NFT}:6:" in found
    assert "Error: " in found
    assert machine.shell("nft list ruleset >&2") == ""
    # A file of the admin's that is wrong counts for the first table, by which it is included at all.
    machine.put("/etc/omconf/conference/firewall.d/a.nft", b"nonsense\n")
    assert len(machine.problems((NFT, includes))) == 1
    machine.put(NFT, includes)
    assert machine.problems((NFT, b"# more\n" + includes)) == []


@needs("systemd-analyze")
def test_systemd(machine: Machine) -> None:
    machine.put("/etc/systemd/system/om.service", b"[Service]\nExecStart=/bin/true\nForeign=1\n")
    good = b"[Unit]\nRequiresMountsFor=/opt/omdata\n"
    assert machine.problems((DROP_IN, good)) == []
    (found,) = machine.problems((DROP_IN, good + b"Ours=1\n"))
    assert "Unknown key" in found
    assert f"{DROP_IN}:3:" in found
    # What is there is replaced, not read as well.
    machine.put(DROP_IN, b"[Unit]\nOurs=1\n")
    assert machine.problems((DROP_IN, good)) == []

    unit = "/etc/systemd/system/omconf-multicast-route.service"
    script = "/usr/local/sbin/omconf-no-such"
    text = f"[Service]\nType=oneshot\nExecStart={script} up\n".encode()
    found, *rest = machine.problems((unit, text), (DROP_IN, good))
    assert rest == []
    assert f"Command {script} is not executable" in found
    writes = Step(("om1",), "", (Put((script, unit)),))
    assert machine.problems((unit, text), (DROP_IN, good), steps=[writes]) == []


def test_a_drop_in_of_a_unit_that_is_not_there_yet(machine: Machine) -> None:
    assert machine.problems((DROP_IN, b"[Unit]\nRequiresMountsFor=/opt/omdata\n")) == []


@pytest.mark.parametrize("checker", checkers._CHECKERS, ids=lambda checker: checker.program)
def test_shellcheck(checker: checkers.Checker) -> None:
    check(checkers._HEAD + checker.script)


def test_the_functions_of_the_node_check_that_ask_for_a_port() -> None:
    text = node_check.functions("has", "prober", "is_open")
    assert [line for line in text.splitlines() if line.endswith("() {")] == [
        "prober() {",
        "is_open() {",
    ]
    assert text.startswith("has() { command")
    check(database._SCRIPT.format(functions=text))


def check(script: str) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    # What a script is given by its head, and what the other shell is to expand.
    command: list[str | Path] = [shellcheck, "-s", "sh", "-e", "SC2016,SC2034", "-"]
    done = subprocess.run(command, input=script, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
