"""What Tomcat gives its JVM: the unit's environment, then catalina.sh, which sources setenv.sh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omconf.formats import setenv, unit_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.formats.setenv import Option


@dataclass(frozen=True, slots=True)
class Given:
    """The options by where they count: before setenv.sh, in it, behind it.

    `files` give the environment more: by name, path and line of the unit.
    """

    before: tuple[Option, ...]
    behind: tuple[Option, ...]
    files: tuple[tuple[str, str, int], ...]


def given(own: str, texts: Mapping[str, str]) -> Given:
    """Read the options of setenv.sh (its path is `own`) and of the files around it, by their paths.

    catalina.sh hands CATALINA_OPTS over last, wherever it is set.
    """
    catalina = f"{own.removesuffix('setenv.sh')}catalina.sh"
    start, end = setenv.sourcing(texts.get(catalina, ""), catalina)
    units = {path: text for path, text in texts.items() if path not in (own, catalina)}
    environment = unit_file.Environment.of(_in_order(units))
    before: list[Option] = []
    behind: list[Option] = []
    script = setenv.Script(texts[own], own)
    for option in setenv.evaluated([start, script, end], environment.values):
        later = option.path == catalina and option.line >= end.line
        if later or option.variable == "CATALINA_OPTS":
            behind.append(option)
        elif option.path != own:
            before.append(option)
    return Given(tuple(before), tuple(behind), tuple(environment.files))


def _in_order(units: Mapping[str, str]) -> dict[str, str]:
    """The unit's file, of several the one that counts, and its drop-ins in the order of systemd."""
    mains = [path for path in units if not path.endswith(".conf")]
    main = min(mains, key=lambda path: not path.startswith("/etc/"), default=None)
    return {
        path: units[path] for path in ([main] if main else []) + sorted(set(units) - set(mains))
    }
