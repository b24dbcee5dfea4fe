"""Which commands of a shell script run: `if`, `case`, loops, `&&` and `||`, as far as the script tells.

Undecided is what only the node knows: a file that may be there, a variable that no file sets. Decided
are the first argument of catalina.sh (`start` or `run`), `uname` (Linux), tests of variables that the
files set, and that of a variable that nothing sets for being empty.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Callable

Taken = bool | None
"""Whether a command runs; None where only the node knows."""
WORDS = "if elif else fi case esac for while until select done"
_STARTED = ("start", "run")
"""What catalina.sh is called with when a JVM is to run Tomcat."""
_MAX_CONDITION = 400
"""Characters of a condition that are read."""
_FIRST = regex(r"\$(?:1|\{1(?::?-)?\}|[@*])")
_CONDITION = regex(r"\s*(?P<text>[^\n]*?)(?:;|\n)\s*then\b")
_SUBJECT = regex(r"[ \t]+(?P<word>\"[^\"\n]*\"|'[^'\n]*'|[^\s\"']+)\s+in\b")
_PATTERN = regex(r"(?:\s|\#[^\n]*\n)*\(?[ \t]*(?P<patterns>[^()\n;]*?)[ \t]*\)")
_TEST = regex(r"\[\[?\s+(?P<one>.*?)\s+\]\]?|test\s+(?P<other>.*)", re.DOTALL)
_TEST_WORD = regex(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s\"']+")
_NAME = regex(r"\"?\$\{?(?P<name>[A-Za-z_]\w*)(?::?-)?\}?\"?")
_SURE = regex(r"[A-Za-z_]\w*\+?=|(?:export|readonly|declare|typeset|unset)\s")
_BEGINS = regex(r".*(?:[;{(]|\b(?:then|do|else))", re.DOTALL)


@dataclass(slots=True)
class _Frame:
    """An `if`, `case` or loop that is open: whether it runs, its branch, and one before that did."""

    word: str
    outside: Taken
    taken: Taken
    before: Taken
    subject: str | None = None
    function: bool = False
    assumed: bool = False
    """Whether it is decided by a variable that no file sets, and the host may."""


class Branches:
    """Follows a script. `value` gives a word's value, or None where only the node knows it."""

    def __init__(self, value: Callable[[str], str | None]) -> None:
        self.value = value
        self.frames: list[_Frame] = []
        self.left: Taken = True
        """Whether the script goes on: False behind `exit` or `return`."""
        self.assumed = False
        """Whether the last condition took a variable that no file sets as empty."""

    @property
    def now(self) -> Taken:
        """Whether the commands at this place run."""
        top = self.frames[-1] if self.frames else None
        return _both(_both(top.outside, top.taken), self.left) if top else self.left

    def before(self, text: str, at: int) -> Taken:
        """Tell whether the command that begins at `at` runs and its assignments stay.

        What a pipe runs does so in a shell of its own.
        """
        self.assumed = False
        operator = text[max(0, at - 2) : at]
        if self.now and operator in ("&&", "||"):
            return self.behind(text, at - 2)
        piped = operator != "||" and (operator[-1:] == "|" or operator == "|&")
        return False if piped else self.now

    def group(self, opened: str, outside: Taken, taken: Taken, *, function: bool = False) -> None:
        """Take in a `{`, or a `(`, whose assignments do not stay."""
        frame = _Frame(opened, outside, taken, taken, function=function, assumed=self.assumed)
        self.frames.append(frame)

    def close(self, char: str) -> None:
        """Take in a `}` or `)`; what ends a pattern of `case` closes nothing."""
        if self.frames and self.frames[-1].word == {"}": "{", ")": "("}[char]:
            self.frames.pop()

    def leave(self, word: str, taken: Taken) -> None:
        """Take in a `return` or `exit`; one that may run leaves the rest unsure.

        After `exit` there is no Tomcat: where there is one, an `exit` that may run did not. Nor is a
        script left where a variable is empty that no file sets: guards ask for what the host sets.
        """
        inside = any(frame.function or frame.assumed for frame in self.frames)
        if taken is False or self.assumed or inside:
            return
        if taken or word == "return":
            self.left = _both(self.left, _not(taken))

    def take(self, word: str, text: str, at: int, outside: Taken) -> None:
        """Take in a reserved word, which begins at `at`, or a `;;`, which ends there.

        `outside` tells whether the whole command runs, if the word begins one.
        """
        at += len(word)
        top = self.frames[-1] if self.frames else None
        if not word:
            self.next(text, at)
            return
        if word in ("fi", "esac", "done"):
            if top:
                self.frames.pop()
        elif word in ("elif", "else"):
            if top is None:  # the script was cut in an `if` whose first branch ran
                self.frames.append(top := _Frame("if", True, True, True))
            self.branch(top, True if word == "else" else self.condition(text, at))
            top.assumed = top.assumed or self.assumed
        elif word == "case":
            subject = _SUBJECT.match(text, at, at + _MAX_CONDITION)
            frame = _Frame(word, outside, None, False, subject["word"] if subject else None)
            self.frames.append(frame)
            self.next(text, subject.end() if subject else at)
        else:
            taken = self.condition(text, at) if word == "if" else None
            self.frames.append(_Frame(word, outside, taken, taken, assumed=self.assumed))

    def next(self, text: str, at: int) -> None:
        """Go to the next branch of a `case`."""
        if self.frames and (top := self.frames[-1]).word == "case":
            found = _PATTERN.match(text, at, at + _MAX_CONDITION)
            self.branch(top, self.matches(top.subject, found["patterns"]) if found else None)

    def branch(self, frame: _Frame, fits: Taken) -> None:
        """Begin a branch that runs where its condition `fits` and none before it did."""
        frame.taken = _both(_not(frame.before), fits)
        frame.before = _not(_both(_not(frame.before), _not(fits)))

    def condition(self, text: str, at: int) -> Taken:
        """Tell whether the condition that begins at `at` holds; None if unknown."""
        found = _CONDITION.match(text, at, at + _MAX_CONDITION)
        return self.holds(found["text"]) if found else None

    def behind(self, text: str, at: int) -> Taken:
        """Tell whether a command behind `&&` or `||`, which begins at `at`, runs."""
        before = text[max(0, at - _MAX_CONDITION) : at].rpartition("\n")[2]
        if found := _BEGINS.match(before):
            before = before[found.end() :]
        holds = self.holds(before)
        return _not(holds) if text.startswith("||", at) else holds

    def holds(self, condition: str) -> Taken:
        """Tell whether a condition holds."""
        condition = condition.strip()
        if condition.startswith("! "):
            return _not(self.holds(condition[2:]))
        if condition in ("true", ":", "false"):
            return condition != "false"
        if "&&" in condition or "||" in condition:
            return None
        if _SURE.match(condition):
            return True
        found = _TEST.fullmatch(condition)
        return (
            self.test(_TEST_WORD.findall(found["one"] or found["other"] or "")) if found else None
        )

    def test(self, words: list[str]) -> Taken:
        """Evaluate the words of `[ ... ]`; None if the result is unknown."""
        if words[:1] == ["!"]:
            return _not(self.test(words[1:]))
        if len(words) == 2 and words[0] in ("-z", "-n"):
            value = self.value(words[1])
            if value is None:
                # As in `${NAME:-DEFAULT}`: what no file sets is not set.
                found = _NAME.fullmatch(words[1])
                unset = found and self.value(f"${{{found['name']}:+x}}") == ""
                self.assumed = self.assumed or unset is True
                return True if words[0] == "-z" and unset else None
            return (value == "") == (words[0] == "-z")
        if len(words) == 3 and words[1] in ("=", "==", "!="):
            same = self.matches(words[0], words[2])
            return _not(same) if words[1] == "!=" else same
        return None

    def matches(self, subject: str | None, patterns: str) -> Taken:
        """Tell whether a word fits one of the patterns between `|`."""
        every = [pattern.strip().strip("\"'") for pattern in patterns.split("|")]
        if "*" in every:
            return True
        bare = (subject or "$").strip("\"'")
        if any("$" in pattern or "`" in pattern for pattern in every):
            return None
        if _FIRST.fullmatch(bare):
            return any(fnmatchcase(word, p) for word in _STARTED for p in every)
        value = (
            "Linux" if bare in ("`uname`", "$(uname)", "`uname -s`") else self.value(subject or "$")
        )
        return None if value is None else any(fnmatchcase(value, p) for p in every)


def _both(one: Taken, other: Taken) -> Taken:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _not(taken: Taken) -> Taken:
    return None if taken is None else not taken
