"""Hostile values of a spec, a table for each format: refused with a hint, or read by the real program
exactly as they are meant, while the admin's own lines beside them stay what they are.

One process checks a whole table where it can. Which values SQL carries, test_database_access.py tries.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from omconf.artifacts import exports, firewall, fstab, hazelcast, samba, service, setenv
from omconf.artifacts import openmeetings_properties as om_properties
from omconf.bundle.compile import compile_bundle, validate
from omconf.check import check
from omconf.cluster.model import Cluster
from omconf.cluster.resolve import resolve
from omconf.formats import systemd
from omconf.spec.load import load
from tests.clusters import spec_of
from tests.needs import needs, program
from tests.real.hostile import (
    EXPORT_OPTIONS,
    JAVA_OPTIONS,
    MOUNT_OPTIONS,
    PATHS,
    SHARES,
    SSH,
    TEXTS,
    UNITS,
    URLS,
)
from tests.real.programs import JAVA, SHELLS, run
from tests.real.test_hazelcast import FAST, UNREAD, _jars

Run = Callable[[str, dict[str, Path]], subprocess.CompletedProcess[str]]


def _cluster(key: str, value: Any, **sections: Any) -> tuple[Cluster | None, list[str]]:
    """Set one key of the spec: the cluster, or what the errors advise."""
    data = spec_of(2)
    for name, more in sections.items():
        data[name] = {**data.get(name, {}), **more}
    section, last = key.split(".")
    data.setdefault(section, {})[last] = value
    loaded = load(yaml.safe_dump(data, allow_unicode=True).encode(), "cluster.yaml")
    found = [d for d in loaded.diagnostics if d.is_error]
    cluster = None
    if loaded.spec is not None and not found:
        cluster, later = resolve(loaded.document, loaded.spec)
        found += [d for d in (*later, *(check(cluster) if cluster else [])) if d.is_error]
    if found:
        assert all(d.hint for d in found), (value, found)
        return None, [d.hint for d in found]
    assert cluster is not None
    assert validate(compile_bundle(cluster)) == [], value
    return cluster, []


def _taken(
    key: str, values: Iterable[Any], whole: Callable[[Any], Any] = lambda value: value, **more: Any
) -> dict[Any, Cluster]:
    """The clusters of the values that are taken, by value; of each table some are, and some not."""
    values = list(values)
    made = {value: _cluster(key, whole(value), **more)[0] for value in values}
    taken = {value: cluster for value, cluster in made.items() if cluster}
    assert 0 < len(taken) < len(values)
    return taken


ADMINS = "/srv 127.0.0.8(ro,sync,no_subtree_check)\n", "/etc 127.0.0.9(ro,sync,no_subtree_check)\n"


def _exported(
    mounted: Run, tmp_path: Path, texts: list[str], paths: Iterable[str]
) -> list[set[str]]:
    """What exportfs exports of each text between two lines of the admin's: `PATH CLIENT` of each."""
    (tmp_path / "nfs").mkdir()
    for number, text in enumerate(texts):
        (tmp_path / f"e{number}").write_text(text.join(ADMINS))
    (tmp_path / "exports").touch()
    (tmp_path / "folders").write_bytes(b"".join(path.encode() + b"\0" for path in paths))
    script = (
        "mount -t tmpfs none /srv; xargs -0 mkdir -p <folders\n"
        f"set +e; n=0; while [ $n -lt {len(texts)} ]; do\n"
        "for f in etab rmtab xtab; do : >nfs/$f; done\n"
        "cat e$n >/etc/exports; exportfs -ra 2>/dev/null; echo ==; cut -f 1,2 nfs/etab\n"
        "n=$((n + 1)); done\n"
    )
    binds = {"/etc/exports": tmp_path / "exports", "/var/lib/nfs": tmp_path / "nfs"}
    done = mounted(script, binds)
    assert done.returncode == 0, done.stderr
    tables = done.stdout.split("==\n")[1:]
    return [{_key(*line.split("\t")) for line in table.splitlines()} for table in tables]


def _key(path: str, client: str) -> str:
    return f"{_decoded(path)} {client.partition('(')[0]}"


def _decoded(text: str) -> str:
    """Undo the octal codes that etab has."""
    data = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), text.encode())
    return data.decode()


OWN = {"/srv 127.0.0.8", "/etc 127.0.0.9"}


@needs("exportfs")
def test_exportfs_exports_each_path_and_what_the_admin_has(mounted: Run, tmp_path: Path) -> None:
    taken = _taken("openmeetings.data_dir", PATHS)
    texts = [exports.KIND.render(c, c.nodes[0])[0].text for c in taken.values()]
    for path, table in zip(taken, _exported(mounted, tmp_path, texts, taken), strict=True):
        assert table == {*OWN, f"{path} 10.1.1.2"}


@needs("exportfs")
def test_exportfs_takes_each_option_and_what_the_admin_has(mounted: Run, tmp_path: Path) -> None:
    taken = _taken(
        "storage.export_options",
        EXPORT_OPTIONS,
        lambda option: ["rw", "sync", "no_subtree_check", option],
        openmeetings={"data_dir": "/srv/om"},
    )
    texts = [exports.KIND.render(c, c.nodes[0])[0].text for c in taken.values()]
    mistakes = [f"/srv/om 10.1.1.2(rw,{wrong})\n" for wrong in ('mp="', 'x"', "frobnicate", "a)b")]
    *tables, a, b, c, d = _exported(mounted, tmp_path, [*texts, *mistakes], ["/srv/om"])
    for option, table in zip(taken, tables, strict=True):
        assert table == {*OWN, "/srv/om 10.1.1.2"}, option
    assert not any("/etc 127.0.0.9" in table for table in (a, b, c, d)), (
        "a mistake would be noticed"
    )


def _units(folder: Path, tab: Path) -> dict[str, str]:
    """The mount units that systemd makes of a table: the text by mount point."""
    folders = [folder / name for name in ("normal", "early", "late")]
    for each in folders:
        each.mkdir()
    env = {**os.environ, "SYSTEMD_FSTAB": str(tab), "SYSTEMD_LOG_LEVEL": "warning"}
    env["SYSTEMD_LOG_TARGET"] = "console"
    done = subprocess.run(
        [program("systemd-fstab-generator"), *folders], env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    texts = [path.read_text() for path in folders[0].glob("*.mount")]
    return {
        re.findall("^Where=(.*)$", text, re.MULTILINE)[0].replace("%%", "%"): text for text in texts
    }


def _mounts(tab: Path) -> list[dict[str, str]]:
    columns = "SOURCE,TARGET,FSTYPE,OPTIONS"
    findmnt = program("findmnt")
    done = run(findmnt, "--fstab", "--tab-file", tab, "--json", "--output", columns)
    found: list[dict[str, str]] = json.loads(done.stdout)["filesystems"]
    return found


ADMINS_MOUNT = "nas:/admin /admin nfs ro 0 0\n"


@needs("findmnt", "systemd-fstab-generator")
def test_libmount_and_systemd_read_each_path(tmp_path: Path) -> None:
    taken = _taken("openmeetings.data_dir", PATHS)
    lines = [fstab.KIND.render(c, c.nodes[1])[0].text for c in taken.values()]
    tab = tmp_path / "fstab"
    tab.write_text(ADMINS_MOUNT.join([*lines, ""]))
    *read, last = _mounts(tab)
    own = [mount for mount in read if mount["target"] != "/admin"]
    assert (len(own), last["target"]) == (len(taken), "/admin")
    for path, mount in zip(taken, own, strict=True):
        options = "timeo=50,hard,_netdev"
        assert mount == {
            "source": f"10.1.1.1:{path}",
            "target": path,
            "fstype": "nfs",
            "options": options,
        }
    tab.write_text("".join(lines) + ADMINS_MOUNT)
    units = _units(tmp_path, tab)
    assert set(units) == {*taken, "/admin"}
    for path in taken:
        assert f"What=10.1.1.1:{path.replace('%', '%%')}\n" in units[path]


@needs("findmnt", "systemd-fstab-generator")
def test_libmount_and_systemd_read_each_option(tmp_path: Path) -> None:
    taken = _taken("storage.options", MOUNT_OPTIONS, lambda option: ["hard", option, "_netdev"])
    lines = [
        fstab.KIND.render(c, c.nodes[1])[0].text.replace(" /opt/omdata ", f" /opt/om{n} ")
        for n, c in enumerate(taken.values())
    ]
    tab = tmp_path / "fstab"
    tab.write_text("".join(lines) + ADMINS_MOUNT)
    *own, last = _mounts(tab)
    assert (len(own), last["options"]) == (len(taken), "ro")
    units = _units(tmp_path, tab)
    assert len(units) == len(taken) + 1
    for number, (option, mount) in enumerate(zip(taken, own, strict=True)):
        assert mount["options"] == f"hard,{option},_netdev"
        (given,) = re.findall("^Options=(.*)$", units[f"/opt/om{number}"], re.MULTILINE)
        assert given.replace("%%", "%") == f"hard,{option},_netdev"


@needs("testparm")
def test_samba_reads_each_share_and_path(tmp_path: Path) -> None:
    testparm = program("testparm")
    account = {"kind": "cifs", "password": {"env": "X"}}
    shares = _taken("storage.share", SHARES, storage=account)
    plain = [path for path in PATHS if len(path) < 200]
    paths = _taken("storage.export", plain, storage=account)
    lines = ["[global]\nworkgroup = ADMINS\n[admins]\npath = /admin\n"]
    lines += [samba.KIND.render(c, c.nodes[0])[0].text for c in shares.values()]
    for number, cluster in enumerate(paths.values()):
        text = samba.KIND.render(cluster, cluster.nodes[0])[0].text
        lines.append(text.replace("[openmeetings-conference]", f"[p{number}]"))
    conf = tmp_path / "smb.conf"
    conf.write_text("".join(lines) + "[last]\npath = /last\n")
    said = run(testparm, "-s", conf).stdout
    sections = re.findall(r"^\[(.*)\]\n((?:\t.*\n)*)", said, re.MULTILINE)
    read = {
        name: dict(line.strip().split(" = ", 1) for line in body.splitlines() if " = " in line)
        for name, body in sections
    }
    names = [*shares, *(f"p{number}" for number in range(len(paths)))]
    assert [*read] == ["global", "admins", *names, "last"]
    assert (read["admins"]["path"], read["last"]["path"]) == ("/admin", "/last")
    for share in shares:
        assert read[share]["path"] == "/opt/omdata"
        assert read[share]["valid users"] == "openmeetings"
    for number, path in enumerate(paths):
        assert read[f"p{number}"]["path"].strip('"') == path
        assert "%" not in path


@needs("systemd-analyze", "systemd-escape")
def test_systemd_reads_each_path_and_each_units_name(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    paths = _taken("openmeetings.data_dir", PATHS)
    units = _taken("openmeetings.service", UNITS, network={"firewall": "nftables"})
    services = []
    for number, cluster in enumerate(paths.values()):
        services.append(tmp_path / f"p{number}.service")
        (tmp_path / f"p{number}.service.d").mkdir()
        (artifact,) = service.KIND.render(cluster, cluster.nodes[0])
        (tmp_path / f"p{number}.service.d/omconf.conf").write_text(artifact.text)
    named = {unit: cluster for unit, cluster in units.items() if unit != "none"}
    # To `systemd-analyze verify`, what follows a colon is another name of the file.
    plain = {unit: cluster for unit, cluster in named.items() if ":" not in unit}
    for unit, cluster in plain.items():
        services.append(tmp_path / unit)
        (artifact,) = service.KIND.render(cluster, cluster.nodes[0])
        place = tmp_path / Path(artifact.path).relative_to("/etc/systemd/system")
        place.parent.mkdir()
        place.write_text(artifact.text)
    for file in services:
        file.write_text("[Service]\nExecStart=/bin/true\n")
    waits = [firewall.KIND.render(cluster, cluster.nodes[0])[1].text for cluster in named.values()]
    before = "".join(
        line + "\n" for text in waits for line in text.split("\n") if "Before=" in line
    )
    (tmp_path / "w.service").write_text(f"[Unit]\n{before}[Service]\nExecStart=/bin/true\n")
    env = {**os.environ, "SYSTEMD_LOG_LEVEL": "debug"}
    done = run(
        analyze, "verify", "--man=no", *services, tmp_path / "w.service", env=env, check=False
    )
    blocks = dict(
        re.findall(r"^\t?-> Unit (\S+):\n((?:\t\t.*\n)*)", done.stdout + done.stderr, re.MULTILINE)
    )
    escape = run(program("systemd-escape"), "-p", "--suffix=mount", "--", *paths).stdout
    assert escape.split() == [systemd.mount_unit(path) for path in paths]
    for number, path in enumerate(paths):
        asked = re.findall(r"RequiresMountsFor: (.*) \(origin", blocks[f"p{number}.service"])
        assert path in asked
        assert "TZ=Etc/UTC" in blocks[f"p{number}.service"]
    asked = re.findall(r"Before: (\S+)", blocks["w.service"])
    assert set(named) <= set(asked)
    for unit in plain:
        assert "/opt/omdata" in re.findall(r"RequiresMountsFor: (.*) \(origin", blocks[unit])


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_gives_the_jvm_each_option(tmp_path: Path, shell: list[str]) -> None:
    """As catalina.sh does it: the file is sourced, and the options are evaluated once more."""
    taken = list(_taken("openmeetings.java_options", JAVA_OPTIONS, lambda option: [option]))
    cluster, refused = _cluster("openmeetings.java_options", taken[: len(taken) - 1])
    assert cluster is not None, refused
    artifact = setenv.KIND.render(cluster, cluster.nodes[0])[0]
    (tmp_path / "setenv.sh").write_text(f"BEFORE=1\n{artifact.text}AFTER=2\n")
    script = '. ./setenv.sh\neval "printf \'%s\\\\0\' $JAVA_OPTS"\necho "$BEFORE$AFTER"\n'
    done = run(*shell, "-c", script, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "HOME": "/x"})
    *given, rest = done.stdout.split("\0")
    assert given[4:] == taken[: len(taken) - 1]
    assert rest == "12\n"
    assert done.stderr == ""


def test_hazelcast_reads_each_text_and_url(java: str, tmp_path: Path) -> None:
    names = _taken("hazelcast.cluster_name", TEXTS)
    values = _taken("hazelcast.properties", TEXTS, lambda text: {"hazelcast.a": text})
    urls = _taken("node_defaults.url", URLS, nodes={"om1": {"address": "10.1.1.1"}})
    expected: dict[str, str] = {}
    for what, taken in (("cluster-name", names), ("property hazelcast.a", values)):
        for text, cluster in taken.items():
            path = tmp_path / f"{len(expected)}.xml"
            path.write_bytes(hazelcast.KIND.render(cluster, cluster.nodes[0])[0].data)
            expected[str(path)] = f"{what}={text}"
    for url, cluster in urls.items():
        path = tmp_path / f"{len(expected)}.xml"
        path.write_bytes(hazelcast.KIND.render(cluster, cluster.nodes[0])[0].data)
        expected[str(path)] = f"attribute server.url={url}"
    options = ("-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8")
    done = run(java, *FAST, *options, "-cp", _jars(UNREAD), JAVA / "Parse.java", *expected)
    parsed = dict(re.findall(r"^file=(.*)\n((?:(?!file=).*\n)*)", done.stdout, re.MULTILINE))
    for file, line in expected.items():
        # What Hazelcast itself puts in the place of `${...}` is what the user asked it for.
        if line != "property hazelcast.a=${user.name}":
            assert line in parsed[file].split("\n"), line[:200]


def test_java_reads_each_text(java: str, tmp_path: Path) -> None:
    taken = _taken("kurento.turn", TEXTS, lambda text: {"user": text})
    lines = ["admin.first=1"]
    for number, cluster in enumerate(taken.values()):
        text = om_properties.KIND.render(cluster, cluster.nodes[0])[0].text
        (line,) = (line for line in text.split("\n") if line.startswith("kurento.turn.user="))
        lines.append(line.replace("kurento.turn.user", f"k{number}", 1))
    (tmp_path / "p").write_text("\n".join([*lines, "admin.last=2", ""]))
    said = run(java, *FAST, JAVA / "ReadProperties.java", tmp_path / "p").stdout.splitlines()
    found = dict(line.split("=", 1) for line in said)
    assert (found.pop("admin.first"), found.pop("admin.last")) == ("1", "2")
    assert len(found) == len(taken)
    for number, text in enumerate(taken):
        codes = text.encode("utf-16-be")
        units = [int.from_bytes(codes[at : at + 2], "big") for at in range(0, len(codes), 2)]
        shown = "".join(chr(unit) if 32 <= unit <= 126 else f"\\u{unit:04x}" for unit in units)
        assert found[f"k{number}"] == shown


@needs("cmark-gfm")
def test_markdown_links_each_url(tmp_path: Path) -> None:
    cmark = program("cmark-gfm")
    taken = _taken("node_defaults.url", URLS, nodes={"om1": {"address": "10.1.1.1"}})
    readmes = [compile_bundle(cluster).readme for cluster in taken.values()]
    rows = [row for text in readmes for row in text.split("\n") if row.startswith("| om1 |")]
    table = "\n".join(["| node | address | url |", "| --- | --- | --- |", *rows, ""])
    options = ("-e", "table", "-e", "autolink", "-e", "strikethrough")
    html = run(cmark, *options, input=table).stdout
    cells = re.findall(r"<td>10\.1\.1\.1</td>\n<td><a href=\"([^\"]*)\">([^<]*)</a></td>", html)
    assert len(cells) == len(taken) == len(re.findall("<tr>", html)) - 1
    for url, (target, shown) in zip(taken, cells, strict=True):
        assert (target.replace("&amp;", "&"), shown.replace("&amp;", "&")) == (url, url)


@needs("ssh")
def test_ssh_reads_each_destination() -> None:
    ssh = program("ssh")
    taken = _taken("node_defaults.ssh", SSH)
    for destination in taken:
        done = run(ssh, "-G", "-F", "none", "--", destination, check=False)
        assert done.returncode == 0, (destination, done.stderr)
        said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
        assert said["hostname"] in destination
        assert "proxycommand" not in said
