"""What is wrong with a command line, in omconf's words instead of click's and pydantic's."""

from __future__ import annotations

import re
from typing import Any

_INPUT = re.compile(r"Input should be (?P<what>[^,]*)")
_CHOICE = re.compile(
    r"(?:Value error, )?'(?P<value>.*)' is not one of (?P<choices>'.*')", re.DOTALL
)
_EXTRA = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((?P<words>.*)\)", re.DOTALL)
_COMMAND = re.compile(
    r"No such command '(?P<name>.*?)'\.(?P<near> Did you mean .*\?)?", re.DOTALL | re.IGNORECASE
)
_TYPES = {
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "less than or equal to": "at most",
    "greater than or equal to": "at least",
}


def told(error: Any, command: str = "") -> tuple[str, str]:
    """Return a message and a hint for `error`: any usage error of click's, by any of its names.

    `command` is what the hint names where the error does not know its own, as the parser's do not.
    """
    hint = _help(error, command)
    message = str(getattr(error, "message", "") or "")
    option = getattr(error, "option_name", None)
    if option and hasattr(error, "possibilities"):
        near = " or ".join(sorted(error.possibilities or ())[:3])
        return f"Unknown option: {option}", f"Did you mean {near}? {hint}" if near else hint
    if option:
        takes = "takes no value" if "does not take" in message else "needs a value"
        return f"{option} {takes}", hint
    if found := _EXTRA.fullmatch(message.rstrip(".")):
        return f"Unexpected argument: {found['words']}", hint
    if found := _COMMAND.fullmatch(message):
        near = found["near"] or ""
        return f"Unknown command: {found['name']}", f"{near} {hint}".replace("'", "`").strip()
    if (param := getattr(error, "param", None)) is not None:
        choice = _near(message)
        hint = f"Did you mean {choice}? {hint}" if choice else hint
        return _of_value(error, param, message), hint
    return message, hint


def _near(message: str) -> str | None:
    """Return the choice that a misspelt one most likely means."""
    from omconf.diagnostics import meant

    found = _CHOICE.match(message)
    return meant(found["value"], re.findall("'(.*?)'", found["choices"])) if found else None


def _of_value(error: Any, param: Any, message: str) -> str:
    option = next((name for name in param.opts if name.startswith("--")), param.opts[0])
    is_option = option.startswith("-")
    name = option if is_option else (getattr(param, "metavar", None) or option.upper())
    if type(error).__name__.startswith("Missing"):
        return f"Missing {'option' if is_option else 'argument'}: {name}"
    if found := _CHOICE.match(message):
        *others, last = re.findall("'(.*?)'", found["choices"])
        return f"Invalid value for {name}: it must be {', '.join(others)} or {last}"
    if found := _INPUT.match(message):
        what = found["what"]
        for theirs, ours in _TYPES.items():
            what = what.replace(theirs, ours)
        return f"Invalid value for {name}: it must be {what}"
    return f"Invalid value for {name}: {message}"


def _help(error: Any, named: str) -> str:
    command = getattr(getattr(error, "ctx", None), "command_path", None)
    return f"See `{command or f'omconf {named}'.strip()} --help`."
