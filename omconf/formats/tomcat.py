"""What Tomcat gives its JVM: the unit's environment, then catalina.sh, which sources setenv.sh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.formats import setenv, unit_file
from omconf.formats.shell_variables import SKIP, START, Script
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omconf.formats.block import Block
    from omconf.formats.setenv import Option

_SOURCE = rf"{START}(?:\.|source)[ \t]++"
_SOURCES = regex(rf"{_SOURCE}[^\n;&|#]*?setenv\.sh", re.MULTILINE)
_OTHER_FILE = regex(rf"""{SKIP}|{_SOURCE}["']?+(?P<path>[^\s"';&|#]++)["']?+""", re.MULTILINE)
_BLOCK = "-omconf-block-"
"""Stands for the options of omconf's block where these are evaluated."""
_STAND_IN = f'JAVA_OPTS="$JAVA_OPTS {_BLOCK}"'


@dataclass(frozen=True, slots=True)
class Given:
    """The options that others give the JVM, in its order, and those `behind` omconf's block.

    These count for more than the block does, which stands at the end of setenv.sh where there is none
    yet. `lost` tells that its own options do not reach the JVM, `idle` that this is so because the
    block does not run. `unread` gives the environment more, or the command: what it is called, path
    and line of the unit.
    """

    options: tuple[Option, ...]
    behind: tuple[Option, ...]
    lost: bool
    idle: bool
    unread: tuple[tuple[str, str, int], ...]


def given(own: str, texts: Mapping[str, str], block: Block | None = None) -> Given:
    """Read the options of setenv.sh (its path is `own`) and of the files around it, by their paths."""
    catalina = f"{own.removesuffix('setenv.sh')}catalina.sh"
    start, end = sourcing(texts.get(catalina, ""), catalina)
    units = {path: text for path, text in texts.items() if path not in (own, catalina)}
    environment = unit_file.Environment.of(in_order(units))
    for name, _, _ in environment.files:
        if name in units:
            environment.values |= unit_file.assignments(units[name], name)
    unread = [file for file in environment.files if file[0] not in units]
    scripts = [start, Script(_with_stand_in(texts[own], block), own), end]
    every = [part for script in scripts for part in _parts(script, own, units)]
    whole = [part for part in every if isinstance(part, Script)]
    unread += [part for part in every if not isinstance(part, Script)]
    options = setenv.evaluated(whole, environment.values)
    if zone := setenv.time_zone(whole, environment.values):
        options.insert(0, zone)
    at = max((n for n, option in enumerate(options) if option.text == _BLOCK), default=-1)
    others = tuple(option for option in options if option.text != _BLOCK)
    behind = others if at < 0 else tuple(options[at + 1 :])
    idle = at < 0 and _BLOCK not in {
        option.text for option in setenv.evaluated(list(_up_to_block(whole)), environment.values)
    }
    return Given(others, behind, at < 0, idle, (*unread, *environment.commands))


def sourcing(text: str, path: str) -> tuple[Script, Script]:
    """Cut catalina.sh into what is before it sources setenv.sh, and what is behind that."""
    found = _SOURCES.search(text)
    cut = found.start() if found else len(text)
    return Script(text[:cut], path), Script(text[cut:], path, text.count("\n", 0, cut) + 1)


def parts(script: Script, known: Mapping[str, str]) -> Iterator[Script | tuple[str, str, int]]:
    """Cut a script where it sources other files, and put those in that are known, by path.

    Of one that is not known: its path as it is written, the script's path, and the line.
    """
    begin, line = 0, script.line
    for found in _OTHER_FILE.finditer(script.text):
        if not found["path"]:
            continue
        yield Script(script.text[begin : found.start()], script.path, line)
        line += script.text.count("\n", begin, found.end())
        begin = found.end()
        path = found["path"]
        yield Script(known[path], path) if path in known else (path, script.path, line)
    yield Script(script.text[begin:], script.path, line)


def _parts(
    script: Script, own: str, known: Mapping[str, str]
) -> Iterable[Script | tuple[str, str, int]]:
    """Follow setenv.sh into the files that it sources; catalina.sh sources no other options."""
    return parts(script, known) if script.path == own else (script,)


def _with_stand_in(text: str, block: Block | None) -> str:
    """Replace the block in setenv.sh, in as many lines, or add it where there is none."""
    if not block:
        return f"{text}\n{_STAND_IN}"
    lines = "\n" * text.count("\n", block.start, block.end)
    return f"{text[: block.start]}{_STAND_IN}{lines}{text[block.end :]}"


def _up_to_block(scripts: Iterable[Script]) -> Iterator[Script]:
    """Cut the scripts behind the block."""
    for script in scripts:
        before, stand_in, _ = script.text.partition(_STAND_IN)
        if stand_in:
            yield Script(f"{before}{_STAND_IN}", script.path, script.line)
            return
        yield script


def in_order(units: Mapping[str, str]) -> dict[str, str]:
    """Order the unit's file, of several the one that counts, and its drop-ins as systemd reads them.

    Drop-ins of all services are sorted in by their names; the unit's own one of a name replaces them.
    """
    mains = [path for path in units if path.endswith(".service")]
    main = min(mains, key=lambda path: not path.startswith("/etc/"), default=None)
    drop_ins = [path for path in units if path.endswith(".conf")]
    drop_ins.sort(key=lambda path: not path.startswith("/etc/systemd/system/service.d/"))
    of_name = {path.rpartition("/")[2]: path for path in drop_ins}
    order = [*([main] if main else []), *(of_name[name] for name in sorted(of_name))]
    return {path: units[path] for path in order}
