"""Obstacles on a host: all are reported before the first write, and nothing is written."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from omconf.apply.carrier import FIRST, Piped
from omconf.apply.wire import key
from omconf.apply.written import digest
from tests.apply.host import NEEDS, NO_ROUTE, Host
from tests.needs import needs

pytestmark = [needs(*NEEDS, "findmnt"), pytest.mark.slow]
CLASSES = "/opt/om/webapps/openmeetings/WEB-INF/classes"
TARGET = "/etc/omconf-target"
LOOK = f"cd {TARGET}; stat -c '%n %a %u:%g %s' . .* *; cat hazelcast.xml"
SWAPS = f"""
cd {{folder}}
n=0
while :; do
    sleep 0.0$(( (n = n + 1) % 9 + 1 ))
    mv classes real; ln -s {TARGET} classes; sleep 0.005; rm classes; mv real classes
    [ $((n % 7)) != 0 ] || ln -sf {TARGET}/hazelcast.xml classes/hazelcast.xml
    [ $((n % 7)) != 3 ] || rm -f classes/hazelcast.xml
done
"""
TRIES = int(os.environ.get("OMCONF_SWAPS", "60"))


def refused(host: Host, why: str) -> None:
    before = host.contents()
    done = host.run("apply", "--yes", "--json")
    end = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, end["outcome"]) == (1, "refused"), done.stdout + done.stderr
    assert any(why in d["message"] for d in end["diagnostics"]), end
    assert host.contents() == before
    assert host.programs() == []
    assert not host.shell("find / -xdev -name '.omconf-*' 2>/dev/null")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (
            "mkdir -p {c}; mount -t tmpfs -o size=4k none {c}; dd if=/dev/zero of={c}/x bs=4k count=1",
            "of free space",
        ),
        ("mkdir -p {c}; mount -t tmpfs -o ro none {c}", "read-only"),
        (
            "mkdir -p /opt/om/bin; cd /opt/om/bin; touch setenv.sh; mount --bind setenv.sh setenv.sh",
            "mount point",
        ),
        ("rm /usr/bin/exportfs", "exportfs"),
        ("rm /usr/bin/systemctl", "systemctl"),
    ],
    ids=["full", "read-only", "mount point", "no exportfs", "no systemctl"],
)
def test_what_is_in_the_way(host: Host, spoil: str, why: str) -> None:
    host.shell(
        f"({spoil.format(c=CLASSES)}) 2>/dev/null; chown -R nobody:nogroup /opt/om 2>/dev/null || :"
    )
    refused(host, why)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        ("mount -t tmpfs none {c}; cp -a /tmp/kept/. {c}; mount -o remount,ro {c}", "read-only"),
        ("cd /opt/om/bin; mount --bind setenv.sh setenv.sh", "mount point"),
        (
            (
                "cd /var/lib; cp -a omconf /tmp; mount -t tmpfs -o size=300k,mode=700 none omconf;"
                " cp -a /tmp/omconf/. omconf; cat /dev/zero >omconf/x || :; truncate -s -40k omconf/x"
            ),
            "of free space",
        ),
    ],
    ids=["read-only", "mount point", "full"],
)
def test_what_is_in_the_way_of_an_undo(host: Host, spoil: str, why: str) -> None:
    host.run("apply", "--yes")
    host.shell(f"cp -a {CLASSES} /tmp/kept; {spoil.format(c=CLASSES)}; : >/var/log/programs")
    before = host.contents()
    done = host.run("undo", "--yes", "--json")
    end = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, end["outcome"]) == (1, "refused"), done.stdout + done.stderr
    assert any(why in d["message"] for d in end["diagnostics"]), end
    assert host.contents() == before
    assert host.programs() == []
    assert len(json.loads(host.run("log", "--json").stdout)["entries"]) == 1


FULL = "mount -t tmpfs -o size=64k none {c}; cp -a /tmp/kept/. {c}; cat /dev/zero >{c}/x || :"


def test_to_delete_files_takes_no_room_where_they_are(host: Host) -> None:
    """What is needed for their backups is where these are kept."""
    host.run("apply", "--yes")
    host.shell(f"cp -a {CLASSES} /tmp/kept; {FULL.format(c=CLASSES)}")
    done = host.run("undo", "--yes", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["outcome"] == "undone", done.stdout
    assert host.shell(f"ls {CLASSES}") == b"x\n"


def test_to_restore_files_takes_room_where_they_are(host: Host) -> None:
    for size in ("2", "3"):
        host.run("apply", "--yes")
        host.write_spec(database={"pool": {"maxTotal": size}}, **NO_ROUTE)
    host.shell(f"cp -a {CLASSES} /tmp/kept; {FULL.format(c=CLASSES)}")
    before = host.contents()
    done = host.run("undo", "--yes", "--json")
    (found,) = json.loads(done.stdout.splitlines()[-1])["diagnostics"]
    assert found["message"].startswith(f"{CLASSES}/META-INF/persistence.xml: its file system has")
    assert host.contents() == before


def test_an_undo_that_is_interrupted_while_it_waits_for_health(host: Host) -> None:
    for _ in range(2):
        host.run("apply", "--yes")
    host.write_spec(openmeetings={"java_options": ["-Xmx2g"]}, **NO_ROUTE)
    assert host.run("apply", "--yes").returncode == 0
    host.put("/root/health", '{"inited":true,"installed":true,"dbOk":false}')
    words = host.words("undo", "--yes", "--json")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(json.loads(line))
        if said[-1].get("action", {}).get("type") == "health" and said[-1]["state"] == "started":
            host.signal("INT", "-m [o]mconf undo")
    _, wrong = process.communicate()
    assert (said[-1]["event"], said[-1]["outcome"]) == ("end", "partial"), wrong
    health = [line for line in said if line.get("action", {}).get("type") == "health"]
    assert [line["state"] for line in health] == ["started", "waiting"]


def test_a_file_that_is_edited_between_the_plan_and_its_commit(host: Host) -> None:
    """The stand-in edits what comes later, while an earlier step runs."""
    host.run("apply", "--yes")
    host.write_spec(3, openmeetings={"java_options": ["-Xmx2g"]}, **NO_ROUTE)
    before = host.contents()
    host.put("/usr/bin/exportfs", "#!/bin/sh\necho '# mine' >>/opt/om/bin/setenv.sh\n", 0o755)
    done = host.run("apply", "--yes", "--json")
    end = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, end["outcome"]) == (1, "undone"), done.stdout
    assert "/opt/om/bin/setenv.sh" in end["why"]
    after = host.contents()
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    assert changed == {"/opt/om/bin/setenv.sh"}
    assert b"# mine\n" in host.read("/opt/om/bin/setenv.sh")


def test_links_swapped_in_a_loop_lead_root_nowhere(host: Host) -> None:
    """The service's user swaps his file and its folder for links while root writes there."""
    host.shell(f"mkdir -p {TARGET}; echo secret >{TARGET}/hazelcast.xml; chmod 600 {TARGET}/*")
    host.shell(f"mkdir -p {CLASSES}; chown -R nobody:nogroup /opt/om")
    before = host.shell(LOOK)
    script = SWAPS.format(folder=CLASSES.rpartition("/")[0])
    words = host.inside("setpriv", "--reuid", "65534", "--clear-groups", "sh", "-c", script)
    swapper = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    path = f"{CLASSES}/hazelcast.xml"
    written = 0
    program = host.inside("sh", "-c", FIRST, "omconf-node", "conference", "")
    try:
        with Piped.start(program) as line:
            assert line.ask("lock", "a test", "").ok
            assert line.ask("begin", "{}", "{}").ok
            for number in range(TRIES):
                (looked,) = line.ask_each(("look",), [(path, "absent")])
                now = "absent" if looked.ok else looked.word(1)
                name = f".omconf-{number}"
                row = (path, name, "0640", "nobody", "nogroup", f"{number}")
                line.ask_each(("stage", "1" * (number % 2)), [row])
                after = digest(b"%d" % number)
                told = (path, name, key(path), now, after, "0", "")
                (done,) = line.ask_each(("commit",), [told])
                written += done.ok
                if number % 3 == 0:
                    gone = (path, "", key(path), after, "absent", "0", "")
                    line.ask_each(("commit",), [gone])
    finally:
        host.signal("KILL", "mv classes [r]eal")
        swapper.kill()
        swapper.wait()
    assert host.shell(LOOK) == before
    assert written, "nothing was ever written, so nothing was tried"
