"""The lines of a spec, as findings show them: without the secrets that stand in them."""

from __future__ import annotations

import re
from array import array
from functools import cached_property
from typing import TYPE_CHECKING

from omconf.regex import regex
from omconf.secrets import SECRET_NAME, WORDS
from omconf.secrets import masked as masked_inside

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "********"
LINES_BACK = 30
MAX_SHOWN = 500
"""Characters of a line that are shown."""
_LOOKED_AT = 4 * MAX_SHOWN

_SECRET_LINE = regex(
    rf"(?i)((?:{WORDS}|remember_me)[\w.-]{{0,60}}[\"']?\s{{0,9}}[:=]\s{{0,9}})(?![\s{{]|$)(.+)"
)
_SECRET_FORM = regex(
    rf"(?i)((?:{WORDS}|remember_me)[\w.-]{{0,60}}[\"']?\s{{0,9}}:\s{{0,9}})(\{{.*)"
)
_SECRET_BEFORE = regex(rf"(?i)(?:{WORDS}|remember_me)[\w.-]{{0,60}}[\"']?\s{{0,9}}:(?!\s*\{{)")
_AFTER_FORM = regex(
    rf"(?i)((?:{WORDS}|remember_me)[\w.-]{{0,60}}[\"']?\s{{0,9}}:\s{{0,9}}\{{[^{{}}]{{0,300}}\}}\s{{0,9}})[^\s,}}\]#].*"
)
"""What follows a secret's reference and is not YAML: it may be the secret."""
_COMMENT = regex(r"\s#.*")


class Lines:
    """A text by lines, which count from 1; where they start is found once, when one is asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def starts(self) -> array[int]:
        """The offset of each line in the text, in characters."""
        found = array("L", [0])
        found.extend(match.end() for match in re.finditer("\n", self.text))
        return found

    def line(self, number: int, most: int) -> str | None:
        """Return a line, or so much of it; None past the end of the text."""
        if not 1 <= number <= len(self.starts):
            return None
        start = self.starts[number - 1]
        end = self.starts[number] - 1 if number < len(self.starts) else len(self.text)
        return self.text[start : min(end, start + most)].rstrip("\r")

    def shown(self, number: int, *, secret: bool, cut: int | None = None) -> str | None:
        """Return a line with secrets in plain text masked; with `secret`, all of it is one.

        From column `cut` on (from 1), nothing is shown.
        """
        line = self.line(number, _LOOKED_AT)
        if line is None:
            return None
        if cut:
            line, secret = line[: cut - 1] + MASK, False
        if SECRET_NAME.search(line):
            line = _COMMENT.sub("", line)
        line = _AFTER_FORM.sub(lambda m: m.group(1) + MASK, line)
        hidden = masked_inside(_SECRET_LINE.sub(lambda m: m.group(1) + MASK, line))
        if secret and hidden == line:
            hidden = _SECRET_FORM.sub(lambda m: m.group(1) + MASK, line)
        if secret and hidden == line:
            return MASK
        return hidden if len(hidden) <= MAX_SHOWN else hidden[:MAX_SHOWN] + " ..."

    def after_a_secret(self, number: int) -> bool:
        """Tell whether a secret may start above a line, and this one be the rest of it."""
        return any(_SECRET_BEFORE.search(line) for line in self.up_to(number - 1))

    def up_to(self, number: int) -> Iterator[str]:
        """Yield `LINES_BACK` lines, of which this one is the last."""
        for n in range(max(1, number - LINES_BACK + 1), number + 1):
            yield self.line(n, _LOOKED_AT) or ""
