"""What a node of machines.py has beside this host's programs: sshd, an admin, no true OpenMeetings.

The folder STATE on the node holds its time line, and files by which a test tells it how to behave.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.needs import JARS
from tests.real import by_ssh
from tests.real.classes import compiled
from tests.real.machine import Machine
from tests.real.programs import JAVA, run

HAZELCAST = "hazelcast/hazelcast-5.6.0.jar"
"""That of OpenMeetings 9.1.0 is of this line."""
STATE = "srv/stand-in"
TOLD = ("refuse", "sick", "seconds", "options")
UNIT = """[Unit]
Description=stands for OpenMeetings
[Service]
User=nobody
Group=nogroup
ExecStartPre=/srv/stand-in/may-start
ExecStart=/srv/stand-in/start
ExecStopPost=/bin/sh -c 'echo "$$(date +%%s.%%3N) down" >>/srv/stand-in/timeline'
SuccessExitStatus=143
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
"""
MAY_START = """#!/bin/sh
cd /srv/stand-in
[ -e refuse ] || exit 0
[ -s refuse ] || exit 1
cd /opt/om
! cat bin/setenv.sh webapps/openmeetings/WEB-INF/classes/hazelcast.xml | grep -qFf /srv/stand-in/refuse
"""
OPEN = " ".join(
    f"--add-opens java.base/{package}=ALL-UNNAMED"
    for package in ("java.lang", "sun.nio.ch", "jdk.internal.ref", "java.nio")
)
START = f"""#!/bin/sh
# As catalina.sh does it; what comes last counts.
[ ! -r /opt/om/bin/setenv.sh ] || . /opt/om/bin/setenv.sh
eval exec java "${{JAVA_OPTS-}}" -Dcatalina.base=/opt/om -Xmx64m -Xshare:auto -XX:TieredStopAtLevel=1 \\
    -XX:+UseSerialGC {OPEN} -Dhazelcast.heartbeat.interval.seconds=1 \\
    -Dhazelcast.max.no.heartbeat.seconds=5 -Dhazelcast.merge.first.run.delay.seconds=5 \\
    -Dhazelcast.merge.next.run.delay.seconds=5 "$(cat /srv/stand-in/options 2>/dev/null)" \\
    -cp /srv/stand-in:/srv/jars/{HAZELCAST} StandIn /opt/om /srv/stand-in
"""
SSHD = """[Service]
ExecStart=/usr/sbin/sshd -D -f /etc/ssh/of-the-test
RuntimeDirectory=sshd
KillMode=process
[Install]
WantedBy=multi-user.target
"""
MOUNT = """[Unit]
Description=the shared folder, mounted by the admin
[Mount]
What=/srv/shared
Where=/opt/omdata
Type=none
Options=bind
[Install]
WantedBy=multi-user.target
"""
MOUNT_NFS = """#!/bin/sh
# Stands for NFS, which this kernel does not have.
exec mount --bind /srv/shared "$2"
"""
ADMIN = "admin"


def files(folder: Path) -> tuple[Path, Path]:
    """Compile the stand-in, and make its certificate in a folder; once for all nodes."""
    classes = compiled(str(JARS / HAZELCAST), JAVA / "StandIn.java")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-keyout", key, "-out", certificate, "-days", "9", "-subj", "/CN=om"),
    )
    store = folder / "keystore.p12"
    secret = ("-passout", "pass:changeit")
    run(
        "openssl",
        "pkcs12",
        "-export",
        "-inkey",
        key,
        "-in",
        certificate,
        *secret,
        "-out",
        store,
    )
    return classes, store


def node(one: Machine, files: tuple[Path, Path], ssh: Path) -> None:
    """Furnish a node that was made and did not boot yet; `ssh` is the folder of by_ssh.client."""
    classes, store = files
    etc, stand_in = one.root / "etc", one.root / STATE
    by_ssh.let_in(etc, ssh)
    config = (ssh / "sshd_config").read_text()
    shutil.copy(ssh / "host", etc / "ssh/of-the-test-key")
    config = config.replace(f"{ssh}/host", "/etc/ssh/of-the-test-key")
    (etc / "ssh/of-the-test").write_text(config)
    units = etc / "systemd/system"
    (units / "ssh.service").unlink()
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    for name, text in (("ssh.service", SSHD), ("opt-omdata.mount", MOUNT)):
        (units / name).write_text(text)
        (wanted / name).symlink_to(f"../{name}")
    (one.root / "opt/omdata").mkdir(exist_ok=True)
    mount = one.root / "usr/sbin/mount.nfs"
    mount.unlink(missing_ok=True)
    mount.write_text(MOUNT_NFS)
    mount.chmod(0o755)
    for file, line in (
        ("passwd", f"{ADMIN}:x:4711:4711::/home/{ADMIN}:/bin/sh\n"),
        ("shadow", f"{ADMIN}:*:19000:0:99999:7:::\n"),
        ("group", f"{ADMIN}:x:4711:\n"),
        (f"sudoers.d/{ADMIN}", f"{ADMIN} ALL=(ALL) NOPASSWD: ALL\n"),
    ):
        (etc / file).parent.mkdir(exist_ok=True)
        with (etc / file).open("a") as there:
            there.write(line)
    (one.root / "home" / ADMIN).mkdir(exist_ok=True)
    shutil.copytree(classes, stand_in)
    shutil.copy(store, stand_in)
    for name, text in (("may-start", MAY_START), ("start", START)):
        (stand_in / name).write_text(text)
    (one.root / "opt/om/logs").mkdir()
    first = one.root / "opt/om/webapps/openmeetings/data/upload"
    first.mkdir(parents=True)
    (first / "of-the-release").write_text("what OpenMeetings ships\n")
    for folder in (stand_in, one.root / "opt/om"):
        run("chown", "-R", "nobody:nogroup", folder)
    for name in ("may-start", "start"):
        (stand_in / name).chmod(0o755)
