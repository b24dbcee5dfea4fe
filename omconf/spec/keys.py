"""The keys allowed at each path of a spec, and their names in messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import meant
from omconf.regex import regex
from omconf.secrets import hides
from omconf.spec import mistakes
from omconf.spec.models import Spec
from omconf.spec.models.section import Section, section_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omconf.spec.document import Path

_KEY = regex(r"(?:^|[{,])\s{0,99}[\"']?([A-Za-z_][\w-]{0,40})")
_MOST = 200
"""Different words that are compared with the spec's keys."""
_OTHER_NAMES: dict[Path, str] = {
    ("storage", "mount_options"): "options",
    ("database", "hostname"): "host",
    ("openmeetings", "version"): "release",
    ("name",): "cluster",
}
"""Keys that are often taken for those that they are called here, although another is more similar."""
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def name_of(path: Path) -> str:
    """Return a key in words, for a message: `storage.kind`, `why` of the first item of `ignore`."""
    for i, part in enumerate(path):
        if isinstance(part, int):
            which = f"the {_ORDINALS[part]} item" if part < len(_ORDINALS) else f"item {part + 1}"
            item = f"{which} of {name_of(path[:i])}"
            return f"{name_of(path[i + 1 :])} of {item}" if path[i + 1 :] else item
    return f"`{'.'.join(str(part)[:80] for part in path)}`"


def intended(path: Path) -> Path | None:
    """Return the path of the key that a misspelled one probably means; None if none is similar."""
    if path in _OTHER_NAMES:
        return (*path[:-1], _OTHER_NAMES[path])
    near = meant(mistakes.key_of(str(path[-1])), fields_at(path[:-1]))
    return (*path[:-1], near) if near else None


def elsewhere(key: str) -> str | None:
    """Return the one section of single keys that has a key which stands in another one.

    None if several have it, or if its name says nothing of one section.
    """
    sections = {name: section_of(info) for name, info in Spec.model_fields.items()}
    has = [name for name, model in sections.items() if model and key in model.model_fields]
    return has[0] if len(has) == 1 and has[0] != "ignore" and key != "name" else None


def is_secret(name: str) -> bool:
    """Tell whether the key of this name holds a secret, or its value may be one by mistake."""
    return hides(name) or name == "client_key" or name.startswith("remember_me")


def _all(model: type[Section] = Spec) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield name
        if inner := section_of(info):
            yield from _all(inner)


def misspells_a_secret(lines: Iterable[str]) -> bool:
    """Tell whether a key in lines of a spec that is not YAML may be a misspelled key of a secret."""
    words = {found for line in lines for found in _KEY.findall(line)}
    known = dict.fromkeys(_all())
    near = (meant(word, known) for word in words - known.keys()) if len(words) <= _MOST else ()
    return len(words) > _MOST or any(name and is_secret(name) for name in near)


def place_of(path: Path) -> str:
    """Return a section in words, for a message about its keys: `storage:`, `nodes.om1:`."""
    name = name_of(path)
    return name if " " in name else f"{name[:-1]}:`"


def model_at(path: Path) -> type[Section] | None:
    """Return the model of the section at a path; None if there is no section."""
    model: type[Section] | None = Spec
    in_mapping = False
    for part in path:
        if in_mapping:  # a name chosen by the user, or the index of a list's item
            in_mapping = False
            continue
        info = model.model_fields.get(str(part)) if model else None
        model = section_of(info) if info else None
        in_mapping = str(part) in ("nodes", "removed", "ignore")
    return None if in_mapping else model


def fields_at(path: Path) -> Iterator[str]:
    """Yield the keys that the section at a path may have; none if users choose them."""
    model = model_at(path)
    yield from model.model_fields if model else ()
