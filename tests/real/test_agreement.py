"""Generated files, read by omconf and by the programs that they are for: how often both agree.

The files of a test are always the same, so the counts are exact; docs/agreement.md has them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from omconf.artifacts import fstab
from omconf.formats import exports, jdbc_url
from omconf.formats.block import Entry
from omconf.formats.fstab import escape
from tests.needs import needs
from tests.real import written, written_urls
from tests.real.agreement import Agreement
from tests.real.classes import compiled
from tests.real.programs import JAVA, run

Run = Callable[[str, dict[str, Path]], subprocess.CompletedProcess[str]]
Exported = dict[str, tuple[frozenset[str], tuple[str, ...]]]
"""By path and client: the options, and the rights of each security flavour in order."""

EXPORTS = r"""
mount -t tmpfs none /srv; mount -t tmpfs none /opt
while read -r folder; do mkdir -p "$folder"; done <folders
set +e
for file in files/*; do
  cat $file >/etc/exports; : >nfs/etab
  exportfs -ra 2>/dev/null; echo $? >$file.code; cp nfs/etab $file.etab
done
"""
_RIGHTS = re.compile("ro|rw|(no_)?(root|all)_squash")


def _exportfs(mounted: Run, folder: Path, texts: list[str]) -> list[tuple[bool, Exported]]:
    """Whether exportfs refuses each of the files, and what it exports."""
    for name in ("files", "nfs"):
        (folder / name).mkdir(parents=True)
    for name in ("etab", "rmtab", "xtab"):
        (folder / "nfs" / name).touch()
    (folder / "exports").touch()
    hosts = "".join(f"{address} {name}\n" for name, address in written.HOSTS.items())
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}")
    (folder / "nsswitch").write_text("hosts: files\n")
    (folder / "folders").write_text("".join(f"{path}\n" for path in written.FOLDERS))
    files = [folder / "files" / f"{number:05}" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, "utf-8", newline="")
    binds = {
        "/etc/exports": folder / "exports",
        "/var/lib/nfs": folder / "nfs",
        "/etc/hosts": folder / "hosts",
        "/etc/nsswitch.conf": folder / "nsswitch",
    }
    done = mounted(f"cd '{folder}'\n{EXPORTS}", binds)
    assert done.returncode == 0, done.stderr
    return [
        (
            file.with_suffix(".code").read_text() != "0\n",
            _exported(file.with_suffix(".etab").read_text("utf-8")),
        )
        for file in files
    ]


def _exported(etab: str) -> Exported:
    found: Exported = {}
    for line in etab.splitlines():
        path, _, rest = line.partition("\t")
        client, _, options = rest.removesuffix(")").partition("(")
        path = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), path)
        # Each flavour has its rights: to the kernel those before the first flavour count for nothing.
        common, *flavours = options.split(",sec=")
        found[f"{path} {client or '*'}"] = (
            frozenset(word for word in common.split(",") if not _RIGHTS.fullmatch(word)),
            tuple(
                f"{name}: {rights}"
                for names, _, rights in (flavour.partition(",") for flavour in flavours)
                for name in names.split(":")
            ),
        )
    return found


def _plain(entries: list[Entry]) -> str:
    """What omconf read, each client in a line of its own; the first of two equal ones."""
    lines: dict[str, str] = {}
    for entry in entries:
        path, _, client = entry.key.rpartition(" ")
        lines.setdefault(
            entry.key, f"{exports.escape(path)} {exports.escape(client)}({entry.value})\n"
        )
    return "".join(lines.values())


@needs("exportfs")
def test_exportfs(mounted: Run, tmp_path: Path) -> None:
    """exportfs exports the same from a file as from what omconf read in it, written plainly.

    It stops at most errors, so of a file that it refuses only what it did export is compared.
    """
    agreement = Agreement(
        "exportfs",
        "nfs-utils 2.6",
        "`/etc/exports` files",
        {
            "stops": 'A line of `""` or of a carriage return: exportfs reads nothing from there on'
            " and reports no error; omconf reports OM301.",
            "unresolved": "A client twice whose name does not resolve: exportfs ignores both;"
            " omconf resolves no names, and reports OM301.",
            "world": "A path exported to the world twice, as `*` and without a client: exportfs keeps"
            " both; omconf takes the first, and reports OM310.",
        },
    )
    random = Random(1)
    files = [written.exports(random) for _ in range(600)]
    read = [exports.read(text) for text in files]
    real = _exportfs(mounted, tmp_path / "files", files)
    again = _exportfs(mounted, tmp_path / "read", [_plain(entries) for entries, _ in read])
    for text, (entries, findings), (refused, found), (_, plain) in zip(
        files, read, real, again, strict=True
    ):
        wrong = [finding.message for finding in findings if finding.rule.id == "OM301"]
        expected = {key: plain.get(key) for key in found} if refused else plain
        exception = ""
        if not refused and any("looks empty" in message for message in wrong):
            exception = "stops"
        elif not refused and wrong and all("`nowhere.example.org`" in message for message in wrong):
            exception = "unresolved"
        elif [entry.key.endswith(" *") for entry in entries].count(True) > 1:
            exception = "world"
        same = bool(wrong) == refused and expected == found
        agreement.count(same, exception, repr(text), wrong, found, plain)
    agreement.hold()


DEFAULTS = (
    *("ro", "sync", "wdelay", "hide", "nocrossmnt", "secure", "root_squash", "no_all_squash"),
    *("no_subtree_check", "secure_locks", "acl", "no_pnfs", "anonuid=65534", "anongid=65534"),
    "sec=sys",
)
"""The defaults of exportfs."""


@needs("exportfs")
def test_exports_are_the_same_when_exportfs_makes_the_same_of_them(
    mounted: Run, tmp_path: Path
) -> None:
    random = Random(7)
    pairs = []
    for _ in range(500):
        one = random.choices(written.EXPORT, k=random.randint(0, 4))
        more = random.choices(DEFAULTS, k=random.randint(0, 3))
        other = random.sample(one + more, len(one + more)) if random.random() < 0.5 else more + one
        pairs.append((one, other))
    files = [f"/srv/data 10.1.1.1({','.join(options)})\n" for pair in pairs for options in pair]
    real = _exportfs(mounted, tmp_path / "files", files)
    read = [exports.read(text)[0] for text in files]
    same = 0
    for number, (one, other) in enumerate(pairs):
        first, second = real[2 * number : 2 * number + 2]
        ours = read[2 * number][0].value == read[2 * number + 1][0].value
        assert ours == (first == second), (one, other, first, second)
        same += ours and one != other
    assert same > 100


COLUMNS = ("source", "target", "fstype", "options", "freq", "passno")


@needs("findmnt")
def test_findmnt(tmp_path: Path) -> None:
    """findmnt, with the library of mount, gives the same fields, and ignores the same lines."""
    version = run("findmnt", "--version").stdout.split()[-1].rpartition(".")[0]
    agreement = Agreement("findmnt", f"util-linux {version}", "`/etc/fstab` files")
    random = Random(2)
    file = tmp_path / "fstab"
    for _ in range(800):
        text = written.fstab(random)
        file.write_text(text, "utf-8", newline="")
        done = run(
            *("findmnt", "--fstab", "--tab-file", file, "--json", "--list"),
            *("--output", ",".join(COLUMNS)),
            check=False,
        )
        ignored = {int(line) for line in re.findall(r"parse error at line (\d+)", done.stderr)}
        mounts = json.loads(done.stdout)["filesystems"] if done.stdout else []
        lines = [
            [escape(str(mount[name] or "")) for name in COLUMNS[:3]]
            + [
                escape(mount["options"] or "defaults"),
                str(mount["freq"] or 0),
                str(mount["passno"] or 0),
            ]
            for mount in mounts
        ]
        plain, _ = fstab.KIND.entries("".join(" ".join(line) + "\n" for line in lines))
        entries, findings = fstab.KIND.entries(text)
        ours = [(entry.key, entry.value) for entry in entries]
        theirs = [(entry.key, entry.value) for entry in plain]
        same = ignored == {finding.line for finding in findings} and ours == theirs
        agreement.count(same, "", repr(text), done.stderr, theirs, ours)
    agreement.hold()


DRIVERS = {
    "postgresql": ("postgresql-42.2.14", "postgresql-42.7.13"),
    "mysql": ("mysql-connector-java-8.0.20", "mysql-connector-j-9.7.0"),
}
"""The first and the last driver that a release ships."""
URLS = {
    "postgresql": Agreement(
        "pgJDBC",
        "42.2.14 and 42.7.13",
        "pairs of URLs",
        {
            "zeros": "A port with leading zeros: pgJDBC keeps it as text until it connects; to omconf"
            " `05432` is 5432.",
        },
    ),
    "mysql": Agreement("Connector/J", "8.0.20 and 9.7.0", "pairs of URLs"),
}


@pytest.mark.parametrize("kind", URLS)
def test_two_urls_are_the_same_when_the_driver_parses_them_to_the_same(
    java: str, kind: str
) -> None:
    agreement = URLS[kind]
    random = Random(3)
    pairs = [written_urls.pair(random, kind) for _ in range(800)]
    told = zip(*(_told_apart(java, number, pairs) for number in range(2)), strict=True)
    for (one, other), different in zip(pairs, told, strict=True):
        ours = jdbc_url.canonical(one) != jdbc_url.canonical(other)
        zeros = "zeros" if (":05432" in one) != (":05432" in other) else ""
        agreement.count({*different} == {ours}, zeros, one, other, different)
    agreement.hold()


def _told_apart(java: str, number: int, pairs: list[tuple[str, str]]) -> list[bool]:
    """Whether the first or the last drivers parse two URLs to something else."""
    classpath = _jars(number)
    classes = compiled(_jars(0), JAVA / "Urls.java")
    urls = "".join(f"{url}\n" for pair in pairs for url in pair)
    done = run(java, "-cp", f"{classpath}:{classes}", "Urls", input=urls)
    read = [_connected(line) for line in done.stdout.splitlines()]
    assert len(read) == 2 * len(pairs)
    return [
        one != other if read[i] == read[i + 1] == "refused" else read[i] != read[i + 1]
        for i, (one, other) in zip(range(0, len(read), 2), pairs, strict=True)
    ]


def _jars(number: int) -> str:
    return ":".join(str(JAVA / f"lib/drivers/{names[number]}.jar") for names in DRIVERS.values())


def _connected(line: str) -> str:
    """What a driver connects to: a host of no name is localhost, a database of none the user's own.

    The names of hosts have no case; drivers keep that until they look them up.
    """
    line = line.replace("DB.example.org", "db.example.org")
    hosts = re.sub(
        "PGHOST=([^ ]*)",
        lambda found: ",".join(
            host or "localhost" for host in found[1].removesuffix(",").split(",")
        ),
        line,
    )
    return hosts.replace("PGDBNAME=, ", "")
