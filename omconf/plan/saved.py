"""A plan in a file: the document that `plan --json` prints, with what it is bound to.

Written whole or not at all. What is read back may come from anybody: it has exactly the form of
`schemas/plan.schema.json`, or is refused.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from omconf.diagnostics import Diagnostic, Rule, Severity
from omconf.files import read as files
from omconf.files.write import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

UNWRITABLE = Rule("OM330", Severity.ERROR, "a saved plan that cannot be written")
NO_PLAN = Rule("OM331", Severity.ERROR, "a file that is no plan, or cannot be read")
NEWER = Rule("OM332", Severity.ERROR, "a plan that another version of omconf saved")

MAX_BYTES = 128 * 1024 * 1024
"""The first plan of 10,000 nodes takes half of it."""
_NOT_ASCII = re.compile("[^\x00-\x7e]")
_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")
_START = b'{\n  "format_version": "'


def write(path: str, document: Mapping[str, Any]) -> Diagnostic | None:
    """Write a plan for its owner alone (0600); gives OM330 for what is in the way.

    Replaced is only a plan, or an empty file: `--out cluster.yaml` is a slip of the hand.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False)
    data = (_NOT_ASCII.sub(_escaped, text) + "\n").encode()
    if len(data) > MAX_BYTES:
        message = f"The plan has more than {MAX_BYTES >> 20} MiB."
        return UNWRITABLE.at(None, message, hint="Plan some of the nodes at a time: `--node NODE`.")
    above, name = os.path.split(os.path.realpath(path))
    try:
        folder = files.folder(above)
        try:
            if not _replaceable(name, folder):
                message = f"{path} is there already, and is no plan."
                return UNWRITABLE.at(None, message, hint="Name another file, or remove it.")
            replace(name, data, dir_fd=folder, mode=0o600)
        finally:
            os.close(folder)
    except OSError as error:
        return UNWRITABLE.at(None, f"{path} cannot be written: {error.strerror}.")
    return None


def _escaped(found: re.Match[str]) -> str:
    """Write a character for ASCII; half of one, which no other program reads, is replaced."""
    char = found[0]
    return json.dumps("\ufffd" if "\ud800" <= char <= "\udfff" else char)[1:-1]


def _replaceable(name: str, folder: int) -> bool:
    try:
        found = files.start(name, len(_START), dir_fd=folder, follow=False)
    except FileNotFoundError:
        return True
    except files.NotRegularError:
        return False
    return found.data in (b"", _START)


def read(path: str) -> dict[str, Any] | Diagnostic:
    """Read a plan back, as a document; OM331 or OM332 for what is none that can be used."""
    try:
        data = files.contents(path, MAX_BYTES).data
    except files.TooLargeError:
        return NO_PLAN.at(None, f"{path} has more than {MAX_BYTES >> 20} MiB: no plan is as large.")
    except OSError as error:
        return NO_PLAN.at(None, f"{path} cannot be read: {error.strerror}.")
    return parse(data, path)


def parse(data: bytes, path: str) -> dict[str, Any] | Diagnostic:
    """Read a plan from the bytes of a file whose name is shown in a diagnostic."""
    hint = "`omconf plan ... --out FILE` saves one."
    try:
        found = from_json(data)
    except ValueError as error:
        return NO_PLAN.at(None, f"{path} is no plan: it is not JSON: {error}.", hint=hint)
    version = found.get("format_version") if isinstance(found, dict) else None
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        message = f"{path} is no plan: it has no format version."
        return NO_PLAN.at(None, message, hint=hint)
    if version != "1.0":
        message = f"{path} is a plan of format {version}; this omconf reads 1.0."
        return NEWER.at(None, message, hint="Use the newer omconf that saved it, or plan again.")
    try:
        plan = _Plan.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part)[:80] for part in first["loc"])
        return NO_PLAN.at(None, f"{path} is no plan: `{where}`: {first['msg']}.", hint=hint)
    return plan.model_dump(exclude_unset=True)


_Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
_Positive = Annotated[int, Field(ge=1, le=1_000_000_000)]
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Cause = Literal["spec", "drift", "conflict"]
_ItemAction = Literal["create", "update", "delete"]


class _Part(BaseModel):
    """A part of the document, as plan.schema.json has it. A key may be left out, but never null."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _Source(_Part):
    kind: Literal["directory", "local", "ssh", "git"]


class _Summary(_Part):
    create: _Count
    update: _Count
    delete: _Count
    reformat: _Count
    nodes_changed: _Count
    nodes: _Count


class _Item(_Part):
    key: str
    action: _ItemAction
    before: str = ""
    after: str = ""
    secret: Literal["equal", "different", "unknown"] = "unknown"  # noqa: S105 - a state
    hint: str = ""
    cause: _Cause = "spec"

    @model_validator(mode="after")
    def _secret_is_unseen(self) -> _Item:
        if "secret" in self.model_fields_set and {"before", "after"} & self.model_fields_set:
            raise ValueError("a secret shows neither before nor after")
        return self


class _Effect(_Part):
    action: str
    scope: Literal["node", "cluster"]
    rolling: bool
    why: str
    run: list[str]


class _Change(_Part):
    node: str
    path: Annotated[str, Field(pattern="^/")]
    kind: str
    ownership: Literal["file", "block", "keys"]
    action: Literal["create", "update", "delete", "reformat"]
    items: list[_Item]
    effect: _Effect = Field(default=None, validate_default=False)  # type: ignore[assignment]
    notes: list[str] = []
    cause: _Cause = "spec"


class _Step(_Part):
    step: _Positive
    nodes: Annotated[list[str], Field(min_length=1)]
    run: list[str]
    why: str
    check: list[str] = []


class _SecretCheck(_Part):
    node: str
    path: Annotated[str, Field(pattern="^/")]
    key: str
    secret: Literal["equal", "different", "unknown"]


class _Diagnostic(_Part):
    rule: Annotated[str, Field(pattern="^OM[0-9]{3}$")]
    severity: Literal["error", "warning"]
    node: str = ""
    path: str = ""
    line: _Positive = 1
    column: _Positive = 1
    end_line: _Positive = 1
    end_column: _Positive = 1
    message: str
    hint: str = ""
    source: str = ""


class _Spec(_Part):
    path: str
    sha256: _Digest


class _Bundle(_Part):
    sha256: _Digest


class _FromEnvironment(_Part):
    env: str


class _FromFile(_Part):
    file: str


class _FromCommand(_Part):
    command: str


class _Binding(_Part):
    spec: _Spec
    bundle: _Bundle
    strict_format: bool
    deployed: dict[
        str, dict[str, Annotated[str, Field(pattern="^([0-9a-f]{64}|absent|unreadable)$")]]
    ]
    secrets: dict[str, _FromEnvironment | _FromFile | _FromCommand]


class _Plan(_Part):
    format_version: Literal["1.0"]
    cluster: str | None
    source: _Source | None
    has_changes: bool
    complete: bool
    summary: _Summary
    changes: list[_Change]
    rollout: list[_Step]
    secrets: list[_SecretCheck] = []
    diagnostics: list[_Diagnostic]
    binding: _Binding = Field(default=None, validate_default=False)  # type: ignore[assignment]
