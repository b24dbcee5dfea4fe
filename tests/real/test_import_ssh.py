"""`omconf import --ssh` of three running nodes that were set up by hand, then the first plan and apply.

Members of Hazelcast say that the cluster is whole all the time, and no node restarts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time

import yaml

from omconf.releases import RELEASES
from tests.adopt.trees import CLASSES, SETENV, hazelcast_xml, persistence_xml, put
from tests.needs import needs
from tests.real.applied import SECRET
from tests.real.machines import NEEDS, Machines
from tests.real.nodes import DATABASE

pytestmark = needs(*NEEDS)
ALL = ("om1", "om2", "om3")
JOINS = """\
<tcp-ip enabled="true">
\t\t\t\t<member-list>
\t\t\t\t\t<member>10.1.1.1</member>
\t\t\t\t\t<member>10.1.1.2</member>
\t\t\t\t\t<member>10.1.1.3</member>
\t\t\t\t</member-list>
\t\t\t</tcp-ip>
\t\t\t<multicast enabled="false">"""


def set_up_by_hand(three: Machines) -> None:
    """Edit the stock files as the clustering page says, with a member list, and start all nodes."""
    stock = RELEASES["9.1.0"]
    for name in ALL:
        root = three[name].root
        url = f"https://{name}.example.org:5443/openmeetings"
        xml = hazelcast_xml(stock, name, url).replace('<multicast enabled="true">', JOINS)
        home = root / "opt/om"
        put(home, f"{CLASSES}/hazelcast.xml", xml)
        persistence = persistence_xml(stock, "postgresql", DATABASE, SECRET)
        put(home, f"{CLASSES}/META-INF/persistence.xml", persistence)
        put(home, "webapps/openmeetings/WEB-INF/lib/openmeetings-db-9.1.0.jar", b"")
        put(home, "bin/setenv.sh", SETENV.replace("-Xmx2g", "-Duser.timezone=Etc/UTC"))
        secret = home / CLASSES / "META-INF/persistence.xml"
        secret.chmod(0o640)
        shutil.chown(secret, "root", "nogroup")  # not as omconf would have it, and harmless
    three._each(lambda name: three._start(three[name], ALL.index(name), enable=True), ALL)
    three.wait_until_healthy()


def test_import_plan_and_apply(three: Machines) -> None:
    three.restore("bare")
    set_up_by_hand(three)
    three.spec.unlink()
    began = time.time()
    words = [sys.executable, "-m", "omconf", "import", "--ssh", "-o", str(three.spec), "--json"]
    words += [word for name in ALL for word in ("--host", name)]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=300,
        env=three.environment,
        cwd=three.folder,
    )
    found = json.loads(done.stdout)
    assert (found["drift"], found["differences"]) == ([], []), found["diagnostics"]
    assert done.returncode == 0, found["diagnostics"]
    assert [s["state"] for s in found["secrets"]] == ["equal"]
    assert SECRET not in done.stdout + done.stderr + three.spec.read_text()
    assert list(yaml.safe_load(three.spec.read_text())["nodes"]) == [*ALL]

    plan = json.loads(three.omconf("plan", "--ssh", "--json").stdout)
    others = [c for c in plan["changes"] if c["action"] not in ("create", "reformat")]
    assert not others, json.dumps(others[0])
    assert plan["summary"]["disruption"] == "none"

    applied = three.omconf("apply", "--ssh", "--yes", "--json")
    assert applied.returncode == 0, applied.stdout[-2000:] + applied.stderr
    line = three.line(began)
    assert not [m for m in line.moments if m.at >= began and m.what in ("stopping", "starting")]
    assert line.fewest_members() == len(ALL)
    assert set(three.now().values()) == {frozenset(ALL)}
    again = json.loads(three.omconf("plan", "--ssh", "--json").stdout)
    assert {c["action"] for c in again["changes"]} <= {"reformat"}
