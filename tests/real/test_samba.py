"""The share in smb.conf, checked by testparm and served by a real smbd to smbclient.

No kernel in a network namespace mounts cifs, so smbclient stands for the nodes, with the credentials
file that the mount would use, and `mount.cifs -f` says what it would hand to the kernel.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from omconf.actions import Run
from omconf.artifacts import cifs_credentials, fstab, samba
from omconf.artifacts.cifs_credentials import MAX_PASSWORD
from omconf.artifacts.effect import Change
from omconf.cluster.model import Cluster
from omconf.formats import block
from omconf.formats.smb_hosts import allows
from omconf.secrets import Secret
from tests import first
from tests.clusters import cluster_of, spec_of
from tests.command import omconf
from tests.needs import fixture_needs, needs, program
from tests.real.programs import Network, run

USER = "daemon"  # an account that every Debian has: Samba wants one of the system's
PASSWORD = "S3cret, of \"the\" 'cluster' =#;%\\ü"
SHARE = "OM data"
HAND_MADE = """\
# Sample configuration file
[global]
   workgroup = WORKGROUP
   server role = standalone server
   guest ok = yes
   hosts deny = 10.9.9.9
   map to guest = bad user
   create mask = 0777
;  include = /nowhere
[homes]
   browseable = no
   Valid  Users = %S \\
      root
[print$]
   path = /var/lib/samba/printers
   write list = root, @lpadmin
"""


def _spec(export: str = "/opt/omdata", nodes: int = 3, **storage: Any) -> dict[str, Any]:
    storage = {
        "kind": "cifs",
        "share": SHARE,
        "user": USER,
        "export": export,
        "password": {"env": "OM_STORAGE_PASSWORD"},
        **storage,
    }
    return spec_of(nodes, storage=storage)


def _block(export: str = "/opt/omdata", nodes: int = 3, **storage: Any) -> str:
    cluster = cluster_of(_spec(export, nodes, **storage))
    return samba.KIND.render(cluster, cluster.nodes[0])[0].text


def _testparm(text: str, tmp_path: Path) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """What testparm says of a file: its items, as our own reader reads what testparm prints."""
    file = tmp_path / "smb.conf"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    done = run("testparm", "-s", "-v", file, check=False)
    entries, _ = samba.KIND.entries(done.stdout)
    return done, {entry.key: entry.value for entry in entries}


@needs("testparm")
def test_testparm_takes_the_block_beside_what_others_wrote(tmp_path: Path) -> None:
    text = block.merge(HAND_MADE, "conference", _block())
    done, shown = _testparm(text, tmp_path)
    assert done.returncode == 0
    assert "Loaded services file OK." in done.stderr
    assert not re.search("(?i)unknown|ignor|invalid|warning", done.stderr)
    entries, findings = samba.KIND.entries(_block())
    assert not findings
    ours = {entry.key: entry.value for entry in entries}
    assert {key: shown[key] for key in ours} == ours
    assert shown["[homes]/valid users"] == "%S root"


OTHERS = [
    "",
    HAND_MADE,
    "[a]\npath=/x\nREADONLY = 0\n[A]\ncreate mode = 0600\n[b]\npublic=on\npath=/a  b\\\n\t# c\n",
    "path = /nowhere\n[a]\r\npath = /x\\ \r\ny\r\nallow hosts = 10.1.1.2,10.1.1.3\r\n",
    '[ü b]\npath = "/q x"\nwritable = TRUE\n# c \\\nhosts deny = ALL EXCEPT 10.1.1.1\n',
    "[a]\npath = /x\n[b\nguest ok = yes\n",
    "[a]\npath = /x\n  = x\n",
]


@needs("testparm")
@pytest.mark.parametrize("text", OTHERS, ids=range(len(OTHERS)))
def test_our_reader_agrees_with_testparm(text: str, tmp_path: Path) -> None:
    done, shown = _testparm(text, tmp_path)
    reading = samba.KIND.read(text)
    assert bool(reading.findings) == (done.returncode != 0)
    if done.returncode == 0:
        names = ("path", "guest ok", "read only", "create mask", "hosts allow", "hosts deny")
        told = {k: v for k, v in reading.items.items() if k.endswith(names) and "[global]" not in k}
        assert {key: shown.get(key) for key in told} == told


HOSTS = ("10.1.1.2", "10.1.1.", "10.1.", "10.1.1.0/24", "10.1.1.2/255.255.255.254", "ALL", "EXCEPT")


@needs("testparm")
def test_who_is_let_in_is_what_testparm_says(tmp_path: Path) -> None:
    """In every list of up to three words, as `hosts allow`, `hosts deny` or both."""
    random = Random(3)
    lists = [" ".join(random.choices(HOSTS, k=random.randint(0, 4))) for _ in range(150)]
    pairs = list(zip(lists, reversed(lists), strict=True))
    shares = [
        f"[s{n}]\npath = /x\nhosts allow = {allow}\nhosts deny = {deny}\n"
        for n, (allow, deny) in enumerate(pairs)
    ]
    (tmp_path / "smb.conf").write_text("[global]\n" + "".join(shares))
    for address in ("10.1.1.2", "10.1.1.3", "10.1.2.2", "10.2.1.2", "10.1.1.20"):
        done = run("testparm", "-s", tmp_path / "smb.conf", "no-name", address)
        let_in = set(re.findall(r"Allow connection from .* to s(\d+)", done.stdout + done.stderr))
        ours = {str(n) for n, (allow, deny) in enumerate(pairs) if allows(address, allow, deny)}
        assert ours == let_in


@dataclass
class Server:
    """An smbd on the data server's host, with files and databases of its own."""

    network: Network
    folder: Path
    export: Path

    @property
    def configuration(self) -> Path:
        return self.folder / "smb.conf"

    def write(self, lines: str) -> None:
        """Put the block into an smb.conf that others wrote too, and that keeps to this folder."""
        own = "".join(
            f"   {name} = {self.folder}/{name.split()[0]}\n"
            for name in (
                *("private dir", "lock directory", "state directory", "cache directory"),
                *("pid directory", "ncalrpc dir", "log file"),
            )
        )
        text = HAND_MADE.replace("[homes]", f"{own}   disable netbios = yes\n[homes]")
        self.configuration.write_text(block.merge(text, "conference", lines))

    def account(self, *command: str, given: str = "") -> None:
        run("smbpasswd", "-c", self.configuration, *command, input=given)

    def control(self, *command: str) -> None:
        run("smbcontrol", "-s", self.configuration, *command)

    def client(self, address: str, credentials: Path, *commands: str) -> Any:
        """Run commands of smbclient on the host with this address, or keep it waiting for more."""
        space = self.network.hosts.get(address) or self.network.host(address)
        base = ("smbclient", "-s", "/dev/null", f"//10.1.1.1/{SHARE}", "-A", credentials)
        if commands:
            return self.network.run(space, *base, "-c", "; ".join(commands), check=False)
        return self.network.start(space, *base)


@pytest.fixture
@fixture_needs("smbclient", "smbcontrol", "smbd", "smbpasswd", "ss")
def server(network: Network) -> Iterator[Server]:
    # Not below pytest's own folders: nobody else may enter those.
    folder = Path(tempfile.mkdtemp(prefix="omconf-samba-"))
    folder.chmod(0o755)
    try:
        export = folder / "om data"
        export.mkdir()
        shutil.chown(export, "nobody", "nogroup")
        made = Server(network, folder, export)
        made.write(_block(str(export)))
        for name in ("private", "lock", "state", "cache", "pid", "ncalrpc"):
            (folder / name).mkdir()
        made.account("-s", "-a", USER, given=f"{PASSWORD}\n{PASSWORD}\n")
        made.account("-a", "-n", "nobody")
        made.account("-d", "nobody")
        host = network.host("10.1.1.1")
        process = network.start(host, program("smbd"), "--foreground", "-s", made.configuration)
        sockets = (host, "ss", "-lnt")
        _until(lambda: ":445 " in network.run(*sockets).stdout)
        try:
            yield made
        finally:
            made.control("smbd", "shutdown")  # and all that it started
            process.wait(30)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def credentials(tmp_path: Path, server: Server) -> Path:
    """The credentials file of om2, with the password filled in by omconf."""
    spec = tmp_path / "cluster.yaml"
    spec.write_text(yaml.safe_dump(_spec(str(server.export))))
    env = {"OM_STORAGE_PASSWORD": PASSWORD, "OM_DB_PASSWORD": "x"}
    built = omconf("build", spec, "-o", tmp_path / "staged", "--reveal-secrets", env=env)
    assert built.code == 0, built.err
    file = tmp_path / "staged/om2/files/etc/omconf/conference/storage.credentials"
    assert file.stat().st_mode & 0o777 == 0o600
    return file


def test_nodes_read_and_write_as_openmeetings_and_nobody_else_does(
    server: Server, credentials: Path, tmp_path: Path
) -> None:
    (server.export / "from-server").write_text("shared")
    shutil.chown(server.export / "from-server", "nobody", "nogroup")
    for address in ("10.1.1.2", "10.1.1.3"):
        (tmp_path / address).write_text(address)
        done = server.client(
            address,
            credentials,
            f"lcd {tmp_path}",
            f"put {address}",
            f"mkdir of-{address}",
            f"get from-server back-{address}",
        )
        assert (done.returncode, "NT_STATUS" in done.stdout) == (0, False), done.stdout
        assert (tmp_path / f"back-{address}").read_text() == "shared"
        written = server.export / address
        assert written.read_text() == address
        for path, mode in ((written, 0o640), (server.export / f"of-{address}", 0o750)):
            assert (path.owner(), path.group()) == ("nobody", "nogroup")
            assert path.stat().st_mode & 0o777 == mode
    outsider = server.client("10.1.1.77", credentials, "ls")
    assert outsider.returncode != 0
    assert "ACCESS_DENIED" in outsider.stdout
    wrong = tmp_path / "wrong"
    wrong.write_text(credentials.read_text().replace(PASSWORD, "wrong"))
    refused = server.client("10.1.1.2", wrong, "ls")
    assert refused.returncode != 0
    assert "LOGON_FAILURE" in refused.stdout
    # `map to guest` and `guest ok` of [global] let in whoever has no account; not into this share.
    unknown = tmp_path / "unknown"
    unknown.write_text("username=outsider\npassword=x\n")
    guest = server.client("10.1.1.2", unknown, "ls")
    assert guest.returncode != 0
    assert "ACCESS_DENIED" in guest.stdout


def test_nobody_needs_an_entry_or_samba_refuses_it_its_own_folder(
    server: Server, credentials: Path
) -> None:
    """Samba calls its guest account by one id as an owner, and by another as a forced user."""
    commands = "`smbpasswd -a -n nobody` and `smbpasswd -d nobody`"
    assert first.nodes(cluster_of(_spec()), first.asks("admin", commands)) == ("om1",)
    server.account("-x", "nobody")
    done = server.client("10.1.1.2", credentials, "mkdir refused")
    assert "NT_STATUS_ACCESS_DENIED making remote directory" in done.stdout
    server.account("-a", "-n", "nobody")
    server.account("-d", "nobody")
    server.client("10.1.1.2", credentials, "mkdir made")
    assert [path.name for path in server.export.iterdir()] == ["made"]


def _until(happened: Callable[[], bool]) -> None:
    for _ in range(100):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("it has not happened")


def _said(session: subprocess.Popen[str], *commands: str) -> str:
    return session.communicate("".join(f"{command}\n" for command in commands), timeout=60)[0]


def _connected(server: Server, credentials: Path, address: str) -> subprocess.Popen[str]:
    """A client that has made a folder in the share and waits for more commands."""
    session = server.client(address, credentials)
    session.stdin.write(f"mkdir {address}\n")
    session.stdin.flush()
    while not (server.export / address).exists():
        assert session.poll() is None
        time.sleep(0.05)
    assert isinstance(session, subprocess.Popen)
    return session


def _run(server: Server, changes: dict[str, Change], cluster: Cluster) -> None:
    """Run what the plan says of a change."""
    for do in samba.KIND.effect(cluster, changes, "update").run:
        assert isinstance(do.action, Run)
        program, *words = do.action.argv
        if program == "smbcontrol":
            server.control(*words)
        else:
            assert program in ("sh", "testparm"), (
                "a folder is made, and what Samba reads is checked"
            )


def test_who_is_connected_goes_on_and_who_left_does_not_come_in_again(
    server: Server, credentials: Path
) -> None:
    staying = _connected(server, credentials, "10.1.1.2")
    cluster = cluster_of(_spec(str(server.export), nodes=2))
    server.write(_block(str(server.export), nodes=2))
    _run(server, {}, cluster)
    _until(lambda: "ACCESS_DENIED" in server.client("10.1.1.3", credentials, "ls").stdout)
    assert "NT_STATUS" not in _said(staying, "mkdir after")
    assert {path.name for path in server.export.iterdir()} == {"10.1.1.2", "after"}


@needs("smbstatus")
def test_another_folder_is_not_used_beside_the_old_one(server: Server, credentials: Path) -> None:
    session = _connected(server, credentials, "10.1.1.2")
    moved = server.folder / "moved"
    server.export.rename(moved)
    server.export.mkdir()
    shutil.chown(server.export, "nobody", "nogroup")
    server.write(_block(str(moved)))
    change = Change("update", str(server.export), str(moved))
    cluster = cluster_of(_spec(str(moved)))
    _run(server, {f"[{SHARE.lower()}]/path": change}, cluster)
    status = ("smbstatus", "-s", server.configuration, "-S")
    _until(lambda: SHARE not in run(*status).stdout)
    assert "NT_STATUS" in _said(session, "mkdir late")
    server.client("10.1.1.2", credentials, "mkdir new")
    assert (moved / "new").exists()
    assert list(server.export.iterdir()) == []


PASSWORDS = [
    PASSWORD,
    " lead and trail ",
    "," * (MAX_PASSWORD // 2),
    "x" * MAX_PASSWORD,
    '\\"$(a)`',
]


@needs("mount.cifs", "root")
@pytest.mark.parametrize("password", PASSWORDS, ids=range(len(PASSWORDS)))
def test_mount_cifs_reads_the_written_line_and_file(password: str, tmp_path: Path) -> None:
    """`-f` stops before the kernel, `--verbose` tells what it would be given."""
    cluster = cluster_of(_spec())
    (artifact,) = cifs_credentials.KIND.render(cluster, cluster.nodes[1])
    file = tmp_path / "credentials"
    file.write_text(artifact.filled({"storage.password": Secret(password)}))
    (mount,) = fstab.KIND.render(cluster, cluster.nodes[1])
    source, _, _, options, *_ = mount.lines[1].text.replace("\\040", "\0").split(" ")
    options = options.replace(artifact.path, str(file))
    done = run("mount.cifs", "-f", "--verbose", source.replace("\0", " "), tmp_path, "-o", options)
    assert "user=daemon,pass=********" in done.stderr
    assert "file_mode=0640,dir_mode=0750,hard,uid=65534,gid=65534" in done.stderr
    assert rf"unc=\\10.1.1.1\{SHARE}," in done.stderr


@needs("mount.cifs", "root")
def test_mount_cifs_refuses_the_password_that_omconf_refuses(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    password = "," * (MAX_PASSWORD // 2 + 1)
    with pytest.raises(ValueError, match="512 bytes"):
        cifs_credentials.encode(password)
    file.write_text(f"username=x\npassword={password}\n")
    options = f"credentials={file}"
    done = run("mount.cifs", "-f", "//10.1.1.1/x", tmp_path, "-o", options, check=False)
    assert done.returncode != 0
    assert "password too long" in done.stderr


@needs("mount.cifs", "root")
@pytest.mark.parametrize(
    ("line", "domain"), [("domain=UNI", "UNI"), ("DOMx=UNI", "UNI"), ("workgroup=UNI", "")]
)
def test_a_workgroup_is_a_mount_option_alone(line: str, domain: str, tmp_path: Path) -> None:
    text = f"USERx=daemon\npasswd=x\n{line}\n"
    (tmp_path / "credentials").write_text(text)
    options = f"credentials={tmp_path / 'credentials'}"
    done = run("mount.cifs", "-f", "--verbose", "//10.1.1.1/x", tmp_path, "-o", options)
    assert ("domain=UNI," in done.stderr) is bool(domain)
    found = {key: value for key, value, _ in cifs_credentials.said(text)}
    assert found == {"username": "daemon", "password": "x"} | ({"domain": "UNI"} if domain else {})
