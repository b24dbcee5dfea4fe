"""What a node of machines.py has beside this host's programs: sshd, an admin, no true OpenMeetings.

The folder STATE on the node holds its time line, and files by which a test tells it how to behave.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path

from omconf.artifacts import hazelcast
from tests.clusters import simple
from tests.needs import JARS
from tests.real import by_ssh
from tests.real.classes import archived, packed
from tests.real.machine import Machine
from tests.real.programs import JAVA, Network, run

HAZELCAST = "hazelcast/hazelcast-5.6.0.jar"
"""That of OpenMeetings 9.1.0 is of this line."""
STATE = "srv/stand-in"
SECONDS = 60
"""How long anything may take on a busy machine."""
LEARNT = ("members om1 om2", "healthy")
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
JVM = f"""-Xmx64m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC {OPEN} \\
    -Dhazelcast.heartbeat.interval.seconds=1 -Dhazelcast.max.no.heartbeat.seconds=5 \\
    -Dhazelcast.merge.first.run.delay.seconds=5 -Dhazelcast.merge.next.run.delay.seconds=5"""
STAND_IN = f"-cp /srv/stand-in/stand-in.jar:/srv/jars/{HAZELCAST} StandIn"
START = f"""#!/bin/sh
# As catalina.sh does it; what comes last counts.
[ ! -r /opt/om/bin/setenv.sh ] || . /opt/om/bin/setenv.sh
eval exec java "${{JAVA_OPTS-}}" -Dcatalina.base=/opt/om -XX:SharedArchiveFile=/srv/stand-in/archive \\
    {JVM} "$(cat /srv/stand-in/options 2>/dev/null)" {STAND_IN} /opt/om /srv/stand-in
"""
TRAIN = f"""
mount --bind {JARS.resolve()} "$1/jars"
mount --rbind "$1" /srv
exec java $2 {JVM} {STAND_IN} /srv/home /srv/stand-in
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


def files(folder: Path) -> tuple[Path, Path, Path]:
    """The stand-in's jar and its archive of classes, and a certificate in a folder; for all nodes."""
    jar = packed(str(JARS / HAZELCAST), JAVA / "StandIn.java")
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
    return jar, archived(TRAIN, partial(_train, jar, store)), store


def _train(jar: Path, store: Path, option: str) -> None:
    """Have two of them find each other, and ask the one that writes down what it loaded."""
    network = Network(f"om{os.getpid()}a")
    with tempfile.TemporaryDirectory() as folder:
        try:
            running = []
            cluster = simple(2)
            for node, more in zip(cluster.nodes, (option, ""), strict=True):
                srv = Path(folder, node.name.value)
                state, classes = srv / "stand-in", srv / "home/webapps/openmeetings/WEB-INF/classes"
                for made in (state, classes, srv / "jars"):
                    made.mkdir(parents=True)
                (classes / "hazelcast.xml").write_bytes(
                    hazelcast.KIND.render(cluster, node)[0].data
                )
                shutil.copy2(jar, state / "stand-in.jar")
                shutil.copy(store, state)
                private = ("unshare", "-m", "--propagation", "private", "sh", "-ec", TRAIN, "sh")
                host = network.host(node.address.value)
                running.append(network.start(host, *private, srv, more))
            line = Path(folder, "om1/stand-in/timeline")
            end = time.monotonic() + SECONDS
            while not line.exists() or not {*LEARNT} <= {
                x[15:] for x in line.read_text().splitlines()
            }:
                assert time.monotonic() < end, "the stand-ins do not find each other"
                time.sleep(0.1)
            page = (
                f"https://{cluster.nodes[0].address.value}:5443/openmeetings/services/info/health"
            )
            network.run(host, "curl", "-ksS", page)
            running[0].terminate()
            running[0].wait(SECONDS)
        finally:
            network.close()


def node(one: Machine, files: tuple[Path, Path, Path], ssh: Path) -> None:
    """Furnish a node that was made and did not boot yet; `ssh` is the folder of by_ssh.client."""
    jar, archive, store = files
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
    stand_in.mkdir()
    shutil.copy2(jar, stand_in / "stand-in.jar")  # an archive is of a jar of this age alone
    shutil.copy(archive, stand_in / "archive")
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
