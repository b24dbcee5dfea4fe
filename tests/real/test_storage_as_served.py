"""Storage as people serve it, checked by exportfs, findmnt, systemd, nfs-ganesha and mount.cifs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omconf.actions import Manual
from omconf.artifacts import cifs_credentials, exports, fstab
from omconf.cluster.model import Cluster
from omconf.formats import fstab as format_
from omconf.formats.nfs_options import effective_export
from omconf.secrets import Secret
from tests.clusters import cluster_of, simple, spec_of
from tests.needs import needs, program
from tests.real.ganesha import CONFIGURATION
from tests.real.programs import Network, run
from tests.real.test_exportfs import _etab

Run = Callable[[str, dict[str, Path]], subprocess.CompletedProcess[str]]


def _mounted(what: str, type_: str, *options: str) -> Cluster:
    data = spec_of(storage={"kind": "mounted"})
    data["storage"] = {
        "kind": "mounted",
        "fstab": {"what": what, "type": type_, "options": ["_netdev", *options]},
    }
    return cluster_of(data)


LINES = {
    "efs": _mounted("fs-0123456789abcdef0:/", "efs", "tls", "iam"),
    "gluster": _mounted("g1:/om", "glusterfs", "backup-volfile-servers=g2:g3"),
    "ceph": _mounted("om@.omdata=/", "ceph", "mon_addr=10.1.1.7/10.1.1.8", "noatime"),
    "a NAS": _mounted("nas:/volume1/om data", "nfs4", "nfsvers=4.1", "hard"),
    "another mount": _mounted("/mnt/all/om", "none", "bind"),
    "an NFSv4 root": simple(
        storage={
            "type": "nfs4",
            "mount_from": "files.example.org",
            "pseudo_root": "/srv/nfs4",
            "export": "/srv/nfs4/om data",
        }
    ),
}


def _line(cluster: Cluster) -> str:
    return fstab.KIND.render(cluster, cluster.nodes[1])[0].text


@needs("findmnt")
@pytest.mark.parametrize("case", LINES)
def test_libmount_reads_each_line_as_it_is_meant(case: str, tmp_path: Path) -> None:
    cluster = LINES[case]
    tab = tmp_path / "fstab"
    tab.write_text(_line(cluster))
    columns = "SOURCE,TARGET,FSTYPE,OPTIONS"
    done = run("findmnt", "--fstab", "--tab-file", tab, "--json", "--output", columns)
    (read,) = json.loads(done.stdout)["filesystems"]
    mount = cluster.storage.fstab
    options = ",".join(o.value for o in cluster.storage.mount_options)
    assert read == {
        "source": mount.what.value if mount else "files.example.org:/om data",
        "target": "/opt/omdata",
        "fstype": mount.type.value if mount else "nfs4",
        "options": options,
    }
    verified = run("findmnt", "--verify", "--tab-file", tab, check=False).stdout
    assert "parse error" not in verified.replace("0 parse errors", "")


def _ordered_before(line: str, tmp_path: Path) -> set[str]:
    """The targets that systemd makes the mount of a line a part of."""
    (tmp_path / "fstab").write_text(line)
    folders = [tmp_path / name for name in ("normal", "early", "late")]
    for folder in folders:
        folder.mkdir()
    env = {**os.environ, "SYSTEMD_FSTAB": str(tmp_path / "fstab"), "SYSTEMD_LOG_TARGET": "console"}
    done = subprocess.run(
        [program("systemd-fstab-generator"), *folders], env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {link.parent.name.partition(".target")[0] for link in folders[0].glob("*/*.mount")}


@needs("systemd-fstab-generator")
@pytest.mark.parametrize("case", LINES)
def test_systemd_mounts_each_line_behind_the_network(case: str, tmp_path: Path) -> None:
    assert _ordered_before(_line(LINES[case]), tmp_path) == {"remote-fs"}


@needs("systemd-fstab-generator")
@pytest.mark.parametrize(
    "type_", ["efs", "beegfs", "fuse.s3fs", "fuse.sshfs", *sorted(format_.NETWORK)]
)
def test_types_that_systemd_knows_for_network_file_systems(type_: str, tmp_path: Path) -> None:
    target = _ordered_before(f"a:/b /opt/omdata {type_} defaults 0 0\n", tmp_path)
    assert target == {"local-fs" if format_.needs_netdev(type_) else "remote-fs"}


@needs("systemd-fstab-generator")
@pytest.mark.parametrize(
    "device", ["nas:/om nfs", "//nas/om cifs", "g1:/om glusterfs", "/srv/om none", "/dev/sdz ext4"]
)
def test_the_sixth_field_has_block_devices_checked_alone(device: str, tmp_path: Path) -> None:
    what, kind = device.split()
    (tmp_path / "fstab").write_text(f"{what} /opt/omdata {kind} bind 0 2\n")
    out = tmp_path / "out"
    out.mkdir()
    env = {**os.environ, "SYSTEMD_FSTAB": str(tmp_path / "fstab")}
    subprocess.run([program("systemd-fstab-generator"), out, out, out], env=env, check=True)
    unit = (out / "opt-omdata.mount").read_text()
    assert ("systemd-fsck" in unit) is what.startswith("/dev/")
    before, after = (f"{what} {kind} hard 0 {number}" for number in (2, 0))
    assert fstab.KIND.same("/opt/omdata", before, after) is ("systemd-fsck" not in unit)


CLIENTS = ["10.1.1.0/24", "10.2.0.0/255.255.0.0", "@nodes", "*.om.example.org", "10.9.9.9"]


@needs("exportfs")
@pytest.mark.parametrize("root", ["/srv/nfs4", "/srv/nfs 4"])
@pytest.mark.parametrize("options", ["ro,fsid=0", "rw,fsid=root,crossmnt", "ro"])
def test_the_roll_out_finds_the_root_above_the_export(
    root: str, options: str, mounted: Run, tmp_path: Path
) -> None:
    storage = {"type": "nfs4", "pseudo_root": root, "export": f"{root}/om"}
    effect = exports.KIND.effect(simple(storage=storage), {}, "create")
    assert effect.manual
    assert isinstance(effect.manual.action, Manual)
    check = effect.manual.action.check
    assert check
    escaped = root.replace(" ", "\\040")
    text = f"{escaped} 10.1.1.2({options},no_subtree_check)\n/srv 10.1.1.2(ro,no_subtree_check)\n"
    (tmp_path / "exports").write_text(text)
    (tmp_path / "nfs").mkdir()
    for name in ("etab", "rmtab", "xtab"):
        (tmp_path / "nfs" / name).touch()
    binds = {"/etc/exports": tmp_path / "exports", "/var/lib/nfs": tmp_path / "nfs"}
    script = f"mount -t tmpfs none /srv; mkdir '{root}'; exportfs -ra; {shlex.join(check.argv)}"
    done = mounted(script, binds)
    assert done.stderr == ""
    assert (done.returncode == 0) is ("fsid" in options)


@needs("exportfs")
@pytest.mark.parametrize(
    ("storage", "options"),
    [
        ({}, {"rw", "sync", "root_squash"}),
        ({"type": "nfs4", "pseudo_root": "/opt/omdata"}, {"rw", "sync", "fsid=0"}),
    ],
)
def test_exportfs_exports_to_the_specs_clients(
    mounted: Run, tmp_path: Path, storage: dict[str, Any], options: set[str]
) -> None:
    cluster = simple(3, storage={**storage, "clients": CLIENTS})
    text = exports.KIND.render(cluster, cluster.nodes[0])[0].text
    code, said, found = _etab(mounted, text, tmp_path)
    assert (code, said) == (0, "")
    assert set(found) == {f"/opt/omdata {client}" for client in CLIENTS}
    assert all(options <= effective for effective in found.values())


@needs("exportfs")
@pytest.mark.parametrize("option", ["rw", "ro", "no_root_squash", "async", "insecure"])
def test_what_holds_without_a_word_is_what_exportfs_says(
    mounted: Run, tmp_path: Path, option: str
) -> None:
    _, _, found = _etab(mounted, f"/opt/omdata 10.1.1.2({option},no_subtree_check)\n", tmp_path)
    implied = set(effective_export([option, "no_subtree_check"]))
    assert implied <= found["/opt/omdata 10.1.1.2"]


@needs("ganesha.nfsd", "nfs-cp", "nfs-ls")
@pytest.mark.parametrize(("root", "pseudo"), [("/srv", "/om"), ("/srv/om", "/")])
def test_a_network_mounts_by_the_path_below_the_root(
    network: Network, tmp_path: Path, root: str, pseudo: str
) -> None:
    """The server's root is at `pseudo`; a host of the network gets in, one beside it does not."""
    cluster = simple(
        storage={
            "type": "nfs4",
            "export": "/srv/om",
            "pseudo_root": root,
            "clients": ["10.1.1.0/29"],
        }
    )
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    (data / "from-server").write_text("shared")
    entries, _ = exports.KIND.entries(exports.KIND.render(cluster, cluster.nodes[0])[0].text)
    clients = "".join(
        f"    CLIENT {{ Clients = {e.key.split()[1]}; Access_Type = RW; Squash = Root_Squash; }}\n"
        for e in entries
    )
    configuration = tmp_path / "ganesha.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=tmp_path, path=data, pseudo=pseudo, clients=clients)
    )
    log = tmp_path / "ganesha.log"
    host = network.host("10.1.1.1")
    words = ("-F", "-f", configuration, "-L", log, "-p", tmp_path / "pid")
    network.start(host, "ganesha.nfsd", *words)
    inside, beside = network.host("10.1.1.2"), network.host("10.1.1.9")
    source = _line(cluster).splitlines()[1].split(" ")[0].replace(":", "", 1)
    for _ in range(100):
        seen = network.run(inside, "nfs-ls", f"nfs://{source}?version=4", check=False)
        if "from-server" in seen.stdout:
            break
        time.sleep(0.1)
    assert "from-server" in seen.stdout, seen.stderr + log.read_text()[-3000:]
    (tmp_path / "new").write_text("new")
    network.run(inside, "nfs-cp", tmp_path / "new", f"nfs://{source}/new?version=4")
    assert (data / "new").read_text() == "new"
    refused = network.run(beside, "nfs-ls", f"nfs://{source}?version=4", check=False)
    assert "from-server" not in refused.stdout


@needs("mount.cifs", "root")
@pytest.mark.parametrize(
    ("account", "handed"),
    [
        ({"user": r"CORP\svc-om"}, "user=svc-om,domain=CORP,"),
        ({"user": "svc-om", "domain": "corp.example.org"}, "user=svc-om,domain=corp.example.org,"),
        ({"user": "svc-om@corp.example.org"}, "user=svc-om@corp.example.org,pass="),
    ],
)
def test_mount_cifs_hands_the_domain_to_the_kernel(
    tmp_path: Path, account: dict[str, str], handed: str
) -> None:
    storage = {
        "kind": "cifs",
        "server": "10.1.1.9",
        "share": "Open Meetings",
        "password": {"env": "OM_STORAGE_PASSWORD"},
        **account,
    }
    cluster = simple(storage=storage)
    (artifact,) = cifs_credentials.KIND.render(cluster, cluster.nodes[1])
    file = tmp_path / "credentials"
    file.write_text(artifact.filled({"storage.password": Secret("x")}))
    device, _, _, options, *_ = _line(cluster).splitlines()[1].split(" ")
    options = options.replace(artifact.path, str(file))
    source = device.replace("\\040", " ")
    done = run("mount.cifs", "-f", "--verbose", source, tmp_path, "-o", options)
    assert r"unc=\\10.1.1.9\Open Meetings," in done.stderr
    assert handed in done.stderr
