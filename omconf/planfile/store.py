"""A plan in a file: the document that `plan --json` prints, with what it is bound to.

Written whole or not at all. What is read back may come from anybody: it has exactly the form of
model.py, or of format1.py, or is refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json

from omconf.files import read as files
from omconf.planfile import format1, model
from omconf.planfile.place import put
from omconf.rules import NEWER, NO_PLAN, UNWRITABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.diagnostics import Diagnostic


MAX_BYTES = 128 * 1024 * 1024
"""The first plan of 10,000 nodes takes half of it."""
_NOT_ASCII = re.compile("[^\x00-\x7e]")
_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")
_FORMATS: dict[str, type[model.Plan]] = {"1.0": format1.Plan, "2.0": model.Plan}
_APPLIED = ("2.0",)
_START = b'{\n  "format_version": "'


def write(path: str, document: Mapping[str, Any]) -> Diagnostic | None:
    """Write a plan for its owner alone (0600); gives OM330 for what is in the way.

    Only a plan or an empty file is replaced: `--out cluster.yaml` is a mistake.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False)
    data = (_NOT_ASCII.sub(_escaped, text) + "\n").encode()
    if len(data) > MAX_BYTES:
        message = f"The plan is larger than {MAX_BYTES >> 20} MiB."
        return UNWRITABLE.at(None, message, hint="Plan some of the nodes at a time: `--node NODE`.")
    return put(path, data, start=_START, what="plan", mode=0o600)


def _escaped(found: re.Match[str]) -> str:
    """Write a character for ASCII; half of one, which no other program reads, is replaced."""
    char = found[0]
    return json.dumps("\ufffd" if "\ud800" <= char <= "\udfff" else char)[1:-1]


def read(path: str, *, to_apply: bool = False) -> dict[str, Any] | Diagnostic:
    """Read a plan back, as a document; OM331 or OM332 for what is none that can be used.

    Plans of an earlier format are shown, and none `to_apply`.
    """
    try:
        data = files.contents(path, MAX_BYTES).data
    except files.TooLargeError:
        return NO_PLAN.at(
            None, f"{path} is larger than {MAX_BYTES >> 20} MiB, the limit for a plan."
        )
    except OSError as error:
        return NO_PLAN.at(None, f"{path} cannot be read: {error.strerror}.")
    return parse(data, path, to_apply=to_apply)


def parse(data: bytes, path: str, *, to_apply: bool = False) -> dict[str, Any] | Diagnostic:
    """Read a plan from the bytes of a file whose name is shown in a diagnostic, as `read` does."""
    hint = "`omconf plan ... --out FILE` saves one."
    try:
        found = from_json(data)
    except ValueError as error:
        return NO_PLAN.at(None, f"{path} is not a plan: it is not JSON: {error}.", hint=hint)
    version = found.get("format_version") if isinstance(found, dict) else None
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        message = f"{path} is not a plan: it has no format version."
        return NO_PLAN.at(None, message, hint=hint)
    if version not in (_APPLIED if to_apply else _FORMATS):
        known = "this omconf shows 1.0 and 2.0, and applies 2.0"
        message = f"{path} is a plan of format {version}; {known}."
        return NEWER.at(None, message, hint="Plan again, or use the omconf that saved it.")
    try:
        plan = _FORMATS[version].model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part)[:80] for part in first["loc"])
        return NO_PLAN.at(None, f"{path} is not a plan: `{where}`: {first['msg']}.", hint=hint)
    if version == "2.0" and (wrong := model.contradiction(plan)):
        return NO_PLAN.at(None, f"{path} is not a plan: {wrong}.", hint=hint)
    return plan.model_dump(exclude_unset=True)
