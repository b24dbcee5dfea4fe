"""Reads JVM options into facts of the spec: setenv.sh, the unit and its drop-ins, catalina.sh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.artifacts.setenv import HAZELCASTS, KIND, OURS, START, item_of, plain
from omconf.formats import block, header, java, tomcat, unit_file
from omconf.formats.block import Block
from omconf.formats.paths import PLAIN
from omconf.formats.setenv import Option, evaluated
from omconf.formats.shell_variables import Script
from omconf.rules import NOT_KEPT
from omconf.secrets import quoted, tells
from omconf.spec import checks, programs
from omconf.spec.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.adopt.model import Seen

SETENV = KIND.places[0]
CATALINA = "{home}/bin/catalina.sh"
DATA_DIR, _ZONE = OURS[:2]
_TOMCATS = re.compile(
    r"--add-opens.*|-D(?:jdk\.tls\.ephemeralDHKeySize|java\.protocol\.handler\.pkgs"
    r"|org\.apache\.catalina\.security\.SecurityListener\.UMASK|ignore\.endorsed\.dirs"
    r"|java\.util\.logging\.(?:config\.file|manager)|catalina\.(?:base|home)|java\.io\.tmpdir)=.*"
)
"""Options that catalina.sh of Tomcat 9 to 11 itself sets."""
STARTUP = "{home}/bin/startup.sh"
INIT_SCRIPTS = "/etc/init.d/*"
_SCRIPT = re.compile(r"/etc/init\.d/[^/*]+|/[^*]*\.sh")
_BETWEEN = re.compile(r"[\s\"'=:;&|]+")
_BEGIN = re.compile(r"^# BEGIN omconf: (\S+)", re.MULTILINE)


def given(node: Seen) -> list[Option]:
    """List the options that the JVM gets, in its order, including those of omconf's block."""
    told, inside = _given(node)
    return [*told.options, *inside] if not told.behind else _with_behind(told, inside)


def _given(node: Seen) -> tuple[tomcat.Given, list[Option]]:
    """Read what others give the JVM, and the options of a block of omconf's."""
    own = node.path(SETENV)
    text = node.text(own) or ""
    name = _BEGIN.search(text)
    found = block.find(text, name[1]) if name else None
    mine = found if isinstance(found, Block) else None
    texts = {own: text}
    for pattern in KIND.around:
        texts |= {p: text for p, text in node.around(node.path(pattern)) if not _is_ours(p, text)}
    return tomcat.given(own, texts, mine), [*_in_block(mine, own)] if mine else []


def _is_ours(path: str, text: str) -> bool:
    """Tell whether a file is omconf's own drop-in, whose content follows from the spec."""
    return path.endswith("/omconf.conf") and header.cluster_of(text) is not None


def _with_behind(told: tomcat.Given, inside: list[Option]) -> list[Option]:
    count = len(told.options) - len(told.behind)
    return [*told.options[:count], *inside, *told.behind]


def _in_block(found: Block, own: str) -> Iterator[Option]:
    inside = False
    for number, raw in enumerate(found.body.split("\n"), found.line + 1):
        if inside:
            inside = raw.endswith("\\")
            yield Option(plain(raw), number, own, literal=True)
        elif raw == START:
            inside = True


def facts(node: Seen) -> None:
    """Note the data folder, the time zone and further options."""
    options: dict[str, Option] = {}
    for option in given(node):
        key, _ = item_of(option.text)
        options.pop(key, None)  # the last one counts, at its position
        options[key] = option
    further: list[str] = []
    first: tuple[str, int] | None = None
    for key, option in options.items():
        place = (option.path or node.path(SETENV), option.line)
        if key in OURS:
            _own(node, key, option, place)
            continue
        if option.path == node.path(CATALINA) and _TOMCATS.fullmatch(option.text):
            continue
        if why := _refused(key, option):
            node.say(NOT_KEPT, f"The JVM option `{quoted(key)}` is left out: {why}.", place)
            continue
        further.append(option.text)
        first = first or place
    node.tell(("openmeetings", "java_options"), further, first, default=[])
    for name, path, line in [*_given(node)[0].unread, *_of_starters(node)]:
        message = (
            f"`{quoted(name)}` is not read, so JVM options that it sets are missing from the spec."
        )
        hint = "Move its JVM options to openmeetings.java_options."
        node.say(NOT_KEPT, message, (path, line), hint)


def starters(node: Seen) -> list[str]:
    """Return the paths of scripts that the unit runs to start Tomcat, other than catalina.sh."""
    found: list[str] = []
    for pattern in KIND.around:
        for path, text in node.around(node.path(pattern)):
            for setting in unit_file.settings(text) if "/systemd/" in path else ():
                if setting.section == "Service" and setting.key == "ExecStart":
                    words = [word.lstrip("-@+!") for word in _BETWEEN.split(setting.value)]
                    found += [word for word in words if _SCRIPT.fullmatch(word)]
    scripts = (p for p in dict.fromkeys(found) if PLAIN.fullmatch(p))
    return [path for path in scripts if not path.endswith("/catalina.sh")][:8]


def _of_starters(node: Seen) -> Iterator[tuple[str, str, int]]:
    """Find where scripts that start OpenMeetings set JVM options: the variable, path and line.

    These are the unit's, or, where no unit runs it, Tomcat's own and those of SysV init.
    """
    scripts = [(path, node.text(path) or "") for path in starters(node)]
    if not scripts and not node.unit:
        init = [(path, text) for path, text in node.around(INIT_SCRIPTS) if f"{node.home}/" in text]
        scripts = [(node.path(STARTUP), node.text(node.path(STARTUP)) or ""), *init]
    for path, text in scripts:
        lines: dict[int, str] = {}
        for option in evaluated([Script(text, path)]):
            lines.setdefault(option.line, option.variable)
        yield from ((name, path, line) for line, name in lines.items())


def _own(node: Seen, key: str, option: Option, place: tuple[str, int]) -> None:
    value = option.text.partition("=")[2]
    known = option.known
    if key == DATA_DIR and known:
        node.tell(("openmeetings", "data_dir"), value.rstrip("/") or value, place)
    elif key == _ZONE and known:
        node.tell(("openmeetings", "timezone"), java.zone(value), place, default="Etc/UTC")
    elif not known:
        node.say(NOT_KEPT, f"The value of `{key}` is known only on the node.", place)


def _refused(key: str, option: Option) -> str:
    """Return why an option cannot be in a spec; empty if it can."""
    if not option.known:
        return "its value is known only on the node"
    if key in HAZELCASTS:
        return "it overrides the hazelcast.xml that omconf writes"
    if tells(key, option.text):
        return "it is a secret, which `ps` shows to every user of the node"
    why = refusal(checks.clean, option.text) or refusal(programs.jvm_option, option.text)
    return why.removesuffix(".")
