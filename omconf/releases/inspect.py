"""The reader of an unpacked OpenMeetings, and what it differs in from the table.

What is read is hostile input: no DTD, no entities, no network, limits on size and depth; a file
that cannot be read is a problem in the answer, never an exception. Secrets are masked as they are
read. Not read: Java's version (only the build file tells), H2's file (no cluster can use it), and
the settings of `persistence.xml` itself, which are the installer's.
"""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, BinaryIO

from lxml import etree

from omconf.dataclass import dataclass
from omconf.files.read import NotRegularError, TooLargeError
from omconf.files.tree import Tree, UnresolvedError
from omconf.formats import xml_reader
from omconf.releases.facts import (
    hazelcast_facts,
    is_shared,
    persistence_facts,
    stock_hazelcast,
    stock_persistence,
    stock_shared,
)
from omconf.releases.model import StockElement
from omconf.releases.table import RELEASES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from omconf.releases.facts import Facts
    from omconf.releases.model import Release

HAZELCAST_FILE = "hazelcast.xml"
IN_USE_FILE = "persistence.xml"
VERSIONS = "versions"
"""Stands for a file in `Observed.facts`: the versions that jars tell."""

_WEB_INF = "webapps/openmeetings/WEB-INF"
_STOCK_SUFFIX = "_persistence.xml"
_LEFT_OUT = {"h2_persistence.xml"}
_MAX_XML = 256 * 1024
"""Bytes of an XML file; the stock files have 3 to 6 KiB."""
_MAX_JAR = 64 * 1024 * 1024
"""Bytes of a jar."""
_MAX_MANIFEST = 64 * 1024
"""Bytes of a jar's manifest."""
_MAX_DEPTH = 16
"""Levels of nesting in an XML file."""
_MAX_SHOWN = 400
"""Characters of a value."""

_VERSION = r"([0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z]+)?)\.jar"
_JARS = {
    "openmeetings": re.compile(r"openmeetings-[a-z-]+-" + _VERSION),
    "hazelcast": re.compile(r"hazelcast-" + _VERSION),
    "openjpa": re.compile(r"openjpa(?:-[a-z]+)*-" + _VERSION),
    "postgresql": re.compile(r"postgresql-" + _VERSION),
    "mysql": re.compile(r"mysql-connector-j(?:ava)?-" + _VERSION),
    "mssql": re.compile(r"mssql-jdbc-" + _VERSION),
    "oracle": re.compile(r"ojdbc[0-9]*-" + _VERSION),
}
_TOMCAT = re.compile(rb"^Implementation-Version: *([0-9A-Za-z.-]+)\r?$", re.MULTILINE)
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    RuntimeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be read, and why; `path` is below the directory, or the directory itself."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What an unpacked OpenMeetings says of itself.

    `release` is by its own jars, None when they do not tell. `facts` are by file (or VERSIONS) and
    item. `missing` names what was looked for and is not there, which may be right: some drivers
    are not shipped, and `persistence.xml` comes with the installation.
    """

    release: str | None
    facts: Mapping[str, Facts]
    missing: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """An item that a release's row (`known`) and a directory (`found`) say otherwise.

    None: that side does not have it. Values are ready to be printed: long ones are cut,
    unprintable characters are replaced.
    """

    what: str
    known: str | None
    found: str | None


class _RefusedError(Exception):
    """A file that is not read; the text says why."""


def read(directory: Path) -> Observed:
    """Read the OpenMeetings that is unpacked in `directory`, the folder that holds `webapps`.

    Raises nothing for what it finds there: see `Observed.problems`.
    """
    try:
        tree = Tree.at(os.path.realpath(directory))
    except (FileNotFoundError, NotADirectoryError):
        return _nothing(directory, "no such folder")
    except OSError as error:
        return _nothing(directory, error.strerror or "cannot be read")
    with tree:
        return _observed(tree, directory)


def _observed(tree: Tree, directory: Path) -> Observed:
    facts: dict[str, Facts] = {}
    missing: list[str] = []
    problems: list[Problem] = []

    def attempt(reader: Callable[[Tree, str], Facts], path: str, file: str) -> None:
        try:
            facts[file] = reader(tree, f"/{path}")
        except (FileNotFoundError, NotADirectoryError):
            missing.append(_shown(path))
        except (_RefusedError, UnresolvedError) as error:
            problems.append(Problem(_shown(path), _shown(str(error))))
        except NotRegularError:
            problems.append(Problem(_shown(path), "not a regular file"))
        except OSError as error:
            problems.append(Problem(_shown(path), error.strerror or "cannot be read"))

    lib, classes = _names(tree, f"{_WEB_INF}/lib"), f"{_WEB_INF}/classes"
    if not (lib or _names(tree, classes)):
        return _nothing(
            directory,
            f"no OpenMeetings is unpacked here: no {_WEB_INF}/classes and no {_WEB_INF}/lib",
        )
    attempt(_read_hazelcast, f"{classes}/{HAZELCAST_FILE}", HAZELCAST_FILE)
    expected = {database + _STOCK_SUFFIX for database in _newest().persistence}
    there = {name for name in _names(tree, f"{classes}/META-INF") if _is_stock(name)}
    for file in sorted(expected | there - _LEFT_OUT):
        attempt(_read_persistence, f"{classes}/META-INF/{file}", file)
    attempt(_read_in_use, f"{classes}/META-INF/{IN_USE_FILE}", IN_USE_FILE)
    attempt(_read_tomcat, "lib/catalina.jar", VERSIONS)
    versions = _jar_versions(lib)
    missing += [f"{_WEB_INF}/lib: a jar of {jar}" for jar in _JARS if jar not in versions]
    release = versions.pop("openmeetings", None)
    if release and "," in release:
        problems.append(Problem(f"{_WEB_INF}/lib", f"jars of several releases: {release}"))
        release = None
    facts[VERSIONS] = facts.get(VERSIONS, {}) | versions
    return Observed(release, facts, tuple(missing), tuple(problems))


def counterpart(observed: Observed) -> Release:
    """Return the row to compare with: the release's own, or the newest when it has none."""
    return RELEASES.get(observed.release or "", _newest())


def differences(observed: Observed) -> list[Difference]:
    """List what was found and differs from the row of `counterpart`; an unknown release first.

    A file or jar that is missing or could not be read is no difference. Persistence files that
    differ in the same item in the same way share one entry.
    """
    row = counterpart(observed)
    found: list[tuple[str, str | None, str | None]] = []
    if observed.release not in {None, row.name}:
        found.append(("release", row.name, observed.release))
    versions: dict[str, str | None] = {
        "tomcat": row.tomcat,
        "openjpa": row.openjpa,
        "hazelcast": row.hazelcast_jar,
        **row.jdbc_drivers,
    }
    for jar, version in observed.facts.get(VERSIONS, {}).items():
        if version != versions.get(jar):
            found.append((f"{VERSIONS}: {jar}", versions.get(jar), version))
    if HAZELCAST_FILE in observed.facts:
        compared = _compared(stock_hazelcast(row), observed.facts[HAZELCAST_FILE])
        found += [(f"{HAZELCAST_FILE}: {item}", before, after) for item, before, after in compared]
    found += _persistence_differences(row, observed.facts)
    return [Difference(_shown(what), _shown_or_none(a), _shown_or_none(b)) for what, a, b in found]


def _persistence_differences(
    row: Release, facts: Mapping[str, Facts]
) -> Iterator[tuple[str, str | None, str | None]]:
    stock = {name: name.removesuffix(_STOCK_SUFFIX) for name in facts if _is_stock(name)}
    known = {
        name: stock_persistence(row, database)
        for name, database in stock.items()
        if database in row.persistence
    }
    yield from ((name, None, "a file the row lacks") for name in stock if name not in known)
    everywhere = [list(known)]
    if IN_USE_FILE in facts:
        known[IN_USE_FILE] = stock_shared(row)
        everywhere.append(list(known))
    files = defaultdict(list)
    for name, says in known.items():
        for difference in _compared(says, facts[name]):
            files[difference].append(name)
    for (item, before, after), names in files.items():
        shared = len(names) > 1 and names in everywhere
        label = f"*{IN_USE_FILE}" if shared else ", ".join(names)
        yield f"{label}: {item}", before, after


def _compared(known: Facts, found: Facts) -> Iterator[tuple[str, str | None, str | None]]:
    for item in known | found:
        if known.get(item) != found.get(item):
            yield item, known.get(item), found.get(item)


def _is_stock(name: str) -> bool:
    return name.endswith(_STOCK_SUFFIX)


def _newest() -> Release:
    return list(RELEASES.values())[-1]


def _nothing(directory: Path, why: str) -> Observed:
    return Observed(None, {}, (), (Problem(_shown(str(directory)), why),))


def _names(tree: Tree, folder: str) -> list[str]:
    try:
        return sorted(tree.names(f"/{folder}"))
    except (OSError, UnresolvedError):
        return []


def _jar_versions(names: list[str]) -> Facts:
    versions: dict[str, set[str]] = defaultdict(set)
    for name in names:
        for jar, pattern in _JARS.items():
            if match := pattern.fullmatch(name):
                versions[jar].add(match[1])
    return {jar: ", ".join(sorted(versions[jar])) for jar in _JARS if jar in versions}


def _read_hazelcast(tree: Tree, path: str) -> Facts:
    return hazelcast_facts(*_read_xml(tree, path, "hazelcast"))


def _read_persistence(tree: Tree, path: str) -> Facts:
    return persistence_facts(*_read_xml(tree, path, "persistence"))


def _read_in_use(tree: Tree, path: str) -> Facts:
    return {item: text for item, text in _read_persistence(tree, path).items() if is_shared(item)}


def _read_tomcat(tree: Tree, path: str) -> Facts:
    try:
        with tree.stream(path) as file:
            if os.fstat(file.fileno()).st_size > _MAX_JAR:
                raise _RefusedError(_too_large(_MAX_JAR))
            data = _manifest(file)
    except _BROKEN_ZIP as error:
        raise _RefusedError(f"not a readable jar: {error}") from error
    match = _TOMCAT.search(data)
    if match is None:
        raise _RefusedError("its manifest does not tell Tomcat's version")
    return {"tomcat": match[1].decode("ascii")}


def _manifest(file: BinaryIO) -> bytes:
    with zipfile.ZipFile(file) as jar:
        info = jar.getinfo("META-INF/MANIFEST.MF")
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise _RefusedError("not a jar: its manifest is packed in another way than jars do")
        with jar.open(info) as manifest:
            return manifest.read(_MAX_MANIFEST)


def _too_large(limit: int) -> str:
    return f"larger than {limit // 1024} KiB"


def _read_xml(tree: Tree, path: str, root_tag: str) -> tuple[str, StockElement]:
    """Return the root's namespace, and the root."""
    try:
        data = tree.read(path, _MAX_XML).contents.data
    except TooLargeError as error:
        raise _RefusedError(_too_large(_MAX_XML)) from error
    node = xml_reader.parse(data)
    if isinstance(node, xml_reader.Fault):
        raise _RefusedError(f"line {node.line}: {node.reason}")
    name = etree.QName(node)
    if name.localname != root_tag:
        raise _RefusedError(f"its root is not <{root_tag}>")
    return name.namespace or "", _element(node, 1)


def _element(node: etree._Element, depth: int) -> StockElement:
    if depth > _MAX_DEPTH:
        raise _RefusedError(f"nested deeper than {_MAX_DEPTH} levels")
    return StockElement(
        tag=etree.QName(node).localname,
        attributes=tuple(
            (etree.QName(str(name)).localname, _trimmed(str(value)))
            for name, value in node.attrib.items()
        ),
        text=_trimmed(node.text or ""),
        children=tuple(_element(child, depth + 1) for child in node),
    )


def _trimmed(text: str) -> str:
    return " ".join(text.split())


def _shown(text: str) -> str:
    cut = text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)


def _shown_or_none(text: str | None) -> str | None:
    return None if text is None else _shown(text)
