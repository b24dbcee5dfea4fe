"""Reads openmeetings.properties into facts of the spec: the media server, and shared secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.artifacts.openmeetings_properties import (
    IGNORED,
    KIND,
    KUID,
    REMEMBER,
    SHIPPED_URL,
    TURN,
    TURN_SECRET,
    URL,
)
from omconf.formats import properties
from omconf.rules import NOT_KEPT
from omconf.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.adopt.model import Common, Seen
    from omconf.formats.properties import Setting

ENVS = {
    "remember_me_key": "OM_REMEMBER_ME_KEY",
    "remember_me_salt": "OM_REMEMBER_ME_SALT",
    "turn": "OM_TURN_SECRET",
}
_EMPTY = {"kurento.turn.mode": "rest", "kurento.turn.ttl": "60"}
"""The shipped file's values for a TURN server that is not configured."""


def facts(node: Seen, common: Common) -> None:
    """Note a node's media server and shared secrets."""
    path = node.path(KIND.places[0])
    text = node.text(path)
    if text is None:
        return
    said = properties.read(text)
    if "kurento" in common.release.settings:
        _media_server(node, path, said)
    if "remember.me" in common.release.settings:
        for key, name in REMEMBER.items():
            if (setting := said.get(name)) and "@omconf:" in setting.value:
                place = (path, setting.line)
                value = {"env": ENVS[key]}
                node.tell(("secrets", key), value, place, secret=_secret(setting.value))


def _media_server(node: Seen, path: str, said: Mapping[str, Setting]) -> None:
    kuid = said.get(KUID)
    ours = kuid and re.fullmatch(r"[a-z0-9-]{1,63}\.[a-z0-9-]{1,63}", kuid.value)
    there = {
        name: setting
        for name, setting in said.items()
        if name in (URL, *TURN.values(), TURN_SECRET)
        and setting.value
        and setting.value != {URL: SHIPPED_URL, **_EMPTY}.get(name)
    }
    if not ours:
        for name, setting in there.items():
            key = _key(name)
            message = (
                f"`{name}` stays in the file only: with `{key}`, omconf would also give each node"
            )
            hint = (
                f"To manage it, set `{key}`: nodes that share a media server each need their own"
                " kuid."
            )
            node.say(NOT_KEPT, f"{message} a kuid of its own.", (path, setting.line), hint)
        return
    if IGNORED not in said:
        return
    for name, setting in there.items():
        place = (path, setting.line)
        if name == URL:
            node.tell(("nodes", "*", "kurento_url"), setting.value, place)
        elif name == TURN_SECRET:
            value = {"env": ENVS["turn"]}
            node.tell(("kurento", "turn", "secret"), value, place, secret=_secret(setting.value))
        else:
            number = name == TURN["turn_ttl"] and setting.value.isdecimal()
            value_of = int(setting.value[:9]) if number else setting.value
            node.tell(tuple(_key(name).split(".")), value_of, place)


def _key(name: str) -> str:
    if name == URL:
        return "kurento.url"
    if name == TURN_SECRET:
        return "kurento.turn.secret"
    field = next(field for field, key in TURN.items() if key == name)
    return f"kurento.turn.{field.removeprefix('turn_')}"


def _secret(value: str) -> Secret | None:
    return None if "@omconf:" in value else Secret(value)
