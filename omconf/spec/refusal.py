"""Lets a check of the spec refuse a value with a rule, a message and a hint."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pydantic_core import PydanticCustomError

from omconf.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from omconf.diagnostics import Rule, Severity


def refuse(rule: Rule, message: str, hint: str = "", severity: Severity | None = None) -> NoReturn:
    """Raise PydanticCustomError, which errors.py turns into a diagnostic of this rule.

    Secrets in the message are masked. `severity` replaces the rule's own.
    """
    context = {"message": masked(message), "hint": hint, "severity": str(severity or rule.severity)}
    raise PydanticCustomError(rule.id, "{message}", context)


def short(number: int) -> str:
    """Write a number for a message; one of 13 digits or more becomes `that size`."""
    return str(number) if abs(number) < 10**12 else "that size"


def refusal(check: Callable[[str], object], value: str) -> str:
    """Return the message with which a check refuses a value; empty if it accepts the value."""
    try:
        check(value)
    except PydanticCustomError as error:
        return error.message()
    return ""
