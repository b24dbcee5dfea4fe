"""The variables that shell scripts set, as far as the scripts themselves tell.

Read are assignments with quotes, continued lines, `export` and the like, `+=`, `${NAME:-WORD}` and the
like, and variables that the scripts themselves set; what depends on anything else keeps its `$`: it is
not known. Nor is what a branch sets that only the node knows to run (shell_branches.py).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.formats.shell_branches import WORDS, Branches, Taken
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS", "CATALINA_OPTS")
"""What gives options to the JVM that runs Tomcat, in its order: Java's own two, catalina.sh's two."""
_MARKED = (*VARIABLES, "TZ")
"""Variables of which it is kept where they were set."""
_BLANK = r"(?:[ \t]|\\\n)"
START = (
    r"(?:(?<=[&|])(?:[ \t]|\\?\n)*+|(?:^|(?<=[;()])|(?<=\{)(?<!\$\{)|(?<=\bdo[ \t])"
    rf"|(?<=\b(?:then|else)[ \t])|(?<=\b(?:then|else))(?=\\\n)|(?<=\bdo)(?=\\\n)){_BLANK}*+)"
)
"""Where a command may begin, a branch of `case` too."""
RUN = r"""\$\((?:[^()\n'"]|'[^'\n]*+'|"(?:[^"\\\n]|\\.)*+"|\([^()\n]*+\))*+\)|`[^`\n]*+`"""
"""What the node's shell puts in the place of a command."""
SKIP = (
    r"""(?<![^\s;&|()])\#[^\n]*+"""
    r"""|(?<![;&|(){}])(?<!\bthen)(?<!\bthen[ \t])(?<!\belse)(?<!\belse[ \t])(?<!\bdo)(?<!\bdo[ \t])"""
    r"""\\\n[ \t]*+[^\s;&|()<>{}'"`\\\#$]*+"""
    r"""|\\(?:.|\Z)|\$'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|'[^']*+(?:'|\Z)"""
    rf"""|"(?:{RUN}|[^"\\]|\\(?:.|\n))*+(?:"|\\?\Z)|\$\{{[^{{}}'"\\\n]*+\}}"""
    r"""|\$?\(\([^()\n]*+(?:\([^()\n]*+\)[^()\n]*+)*+\)\)"""
)
"""What has no command: comments, continued lines, quotes (an open one goes to the end), arithmetic."""
_FUNCTION = (
    r"(?:(?P<function>[A-Za-z_][\w-]*+)[ \t]*+\([ \t]*+\)|function[ \t]++(?P<named>[\w-]++)"
    r"(?:[ \t]*+\([ \t]*+\))?+)\s*+\{"
)
_TOKEN = regex(
    rf"(?P<next>;;)|(?P<skip>{SKIP})"
    r"""|(?<!<)<<-?(?!<)[ \t]*+(?P<here>'[^'\n]*+'|"[^"\n]*+"|(?![0-9])\\?[^\s'"\\;&|<>()]++)"""
    r"(?![ \t]*\))"
    r"|(?P<close>\)|(?<![^\s;&)])\}(?![^\s;&|)<>]))"
    rf"|{START}(?:{_FUNCTION}|(?P<group>\{{)(?=\s)|(?P<leave>return|exit)(?![^\s;&|)}}])"
    r"|(?P<command>export|readonly|declare|typeset|local|unset|eval|read|printf|:)(?=[ \t])"
    rf"|(?=(?P<word>{'|'.join(WORDS.split())})(?![^\s;&|)]))|(?=[A-Za-z_]\w*+\+?=))"
    r"|(?P<subshell>\()",
    re.MULTILINE,
)
_NAME = regex(
    rf"""{_BLANK}*+(?:-[A-Za-z]++(?!\S)|(?P<quote>["']?)(?P<name>[A-Za-z_]\w*+)"""
    r"(?:(?P<more>\+?)(?P<equals>=)|(?![^\s;&|)])))"
)
_ASSIGNMENT = regex(rf"{_BLANK}*+(?P<name>[A-Za-z_]\w*+)(?P<more>\+?)=")
_VALUE = regex(
    rf"""(?:{RUN}|\$'(?:[^'\\]|\\.)*+'|\$\{{[^{{}}'"\\\n]*+\}}|[^\s;&|<>()'"\\]|\\(?:.|\n)|'[^']*+'"""
    rf"""|"(?:{RUN}|[^"\\]|\\(?:.|\n))*+")*+""",
    re.DOTALL,
)
_ENDS = regex(rf"{_BLANK}*+\r?(?:[\n;)}}#]|&&|\|\||\Z)")
"""What follows an assignment that stays; before a command's name, it is that command's alone."""
_ELSEWHERE = regex(r"[ \t]*+[^\s;&|)}]*+[ \t]*+(?:\|(?!\|)|&(?!&))")
"""Behind what a pipe or the background has in a shell of its own."""
_ARGUMENT = regex(rf"{_BLANK}++(?!\#)")
_WORDS = regex(r"[\w-]+")
_INNER = r"\$\{(?:[^{}$]|\$\{[^{}]*+\}|\$(?!\{))*+\}"
_OTHERS = (
    r"""\\(?P<escaped>.|\n)|\$\{(?P<braced>\w++)(?::?(?P<how>[-=+])"""
    rf"""(?P<word>(?:[^{{}}$]|{_INNER}|\$(?!\{{))*+))?\}}"""
    r"""|\$(?P<name>\w++)|(?P<quote>")"""
)
_PIECE = regex(f"'(?P<plain>[^']*+)'|{_OTHERS}", re.DOTALL)
_QUOTED_PIECE = regex(f"(?P<plain>(?!))|{_OTHERS}", re.DOTALL)
"""Between double quotes, where a single quote is a character like others."""
MARK = regex(r"\0([0-9]++)\0")
"""A mark in a value of `Shell`, with its number."""
_MARK = "\0"
_MAX_VALUE = 100_000
"""Characters that a variable may come to."""
_MAX_COMPARED = 1_000
"""Characters of a value that a condition is decided by."""

Value = str | list["Value"]
"""A variable's text, in parts: what it has of other variables is not copied."""


class _Perhaps(list[Value]):
    """A value that a branch may have replaced."""


@dataclass(frozen=True, slots=True)
class Script:
    """Shell text, the path of its file, and the line there with which it begins."""

    text: str
    path: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True)
class Mistake:
    """A character of a variable for which catalina.sh runs another command, and starts no Tomcat."""

    name: str
    char: str
    line: int


class Shell:
    """Carries out the assignments of scripts; the halves of marks' numbers in values lead to `places`.

    An odd number marks what a branch sets that may not run.
    """

    def __init__(
        self, scripts: Sequence[Script], environment: Mapping[str, tuple[str, str, int]]
    ) -> None:
        self.values: dict[str, Value] = dict.fromkeys(VARIABLES, "")
        self.places: list[tuple[str, int]] = []
        self.exported = set(environment)
        self.fixed = set[str]()
        """Variables that are read-only: the shell refuses a further assignment."""
        self.taken: Taken = True
        self.open: list[Mistake] = []
        """Where a quote is opened that nothing closes."""
        self.anew: list[tuple[str, int]] = []
        """Which of the variables loses what it had, in which line."""
        for name, (value, path, line) in environment.items():
            known = value.replace(_MARK, "")
            marked = name in _MARKED and known
            self.values[name] = [self.mark(path, line), known] if marked else known
        self.branches: dict[str, Branches] = {}
        """Of each file, by its path: of one that is cut, the parts go on with them."""
        self.texts = [script.text for script in scripts]
        self.words: Counter[str] = Counter()
        for script in scripts:
            self.run(script)

    def value(self, name: str) -> str:
        """Return a variable's text with its marks, cut at `_MAX_VALUE` characters; empty if unset."""
        return _flat(self.values.get(name, ""))

    def mark(self, path: str, line: int) -> str:
        """Return the mark of a line (from 1) of a file, where something is set now."""
        if self.places[-1:] != [(path, line)]:
            self.places.append((path, line))
        return f"{_MARK}{2 * len(self.places) - 2 + (self.taken is None)}{_MARK}"

    def known(self, word: str) -> str | None:
        """Return a word's value; None where only the node knows it."""
        value = _flat(list(self.expanded(word, "")), _MAX_COMPARED)
        unsure = any(int(number) % 2 for number in MARK.findall(value))
        value = MARK.sub("", value)
        return None if unsure or "$" in value or "`" in value else value

    def run(self, script: Script) -> None:
        """Carry out the commands of a script that set variables, one after the other."""
        text = script.text.replace(_MARK, "")
        end, counted, line = 0, 0, script.line
        branches = self.branches.setdefault(script.path, Branches(self.known))
        while match := _TOKEN.search(text, end):
            end = match.end()
            line += text.count("\n", counted, end)
            counted = end
            if match["close"]:
                branches.close(match["close"])
            elif not match["skip"]:
                self.taken = branches.before(text, match.start())
                end = self.token(script, text, match, line)

    def token(self, script: Script, text: str, match: re.Match[str], line: int) -> int:
        """Carry out a command, or what groups commands; return where the next may begin."""
        branches, end, command = self.branches[script.path], match.end(), match["command"]
        if match["next"] or match["word"]:
            branches.take(match["word"] or "", text, end, self.taken)
            return end + len(match["word"] or "")
        if name := match["function"] or match["named"]:
            branches.group("{", self.taken, None if self.called(name) else False, function=True)
        elif match["group"] or match["subshell"]:
            branches.group(match[0][-1], self.taken, bool(match["group"]))
        elif match["leave"]:
            if not _ELSEWHERE.match(text, end):
                branches.leave(match["leave"], self.taken)
        elif match["here"]:
            return _behind(text, match["here"].strip("'\"\\"), end)
        elif command == ":":
            return self.tried(script, text, end, line)
        elif command in ("eval", "read", "printf"):
            return self.guessed(script, text, end, line, command)
        elif command:
            return self.named(script, text, end, line, command)
        else:
            return self.assigned(script, text, end, line)
        return end

    def called(self, name: str) -> bool:
        """Tell whether a function's name is more than once in the scripts."""
        if not self.words:
            self.words.update(word for text in self.texts for word in _WORDS.findall(text))
        return self.words[name] > 1

    def tried(self, script: Script, text: str, at: int, line: int) -> int:
        """Carry out `:`, for `${NAME:=WORD}` in its arguments; return where it ends."""
        arguments, end = self.arguments(text, at)
        for raw in arguments:
            for _ in self.expanded(raw, self.mark(script.path, line)):
                pass
        return end

    def arguments(self, text: str, at: int) -> tuple[list[str], int]:
        """Return the arguments of a command as they are written, and where they end."""
        found = list[str]()
        while blank := _ARGUMENT.match(text, at):
            raw, at = self.raw(text, blank.end())
            found.append(raw)
            if not raw:
                break
        return found, at

    def guessed(self, script: Script, text: str, at: int, line: int, command: str) -> int:
        """Note what `eval`, `read` and `printf -v` add: only the node's shell can tell the value."""
        arguments, end = self.arguments(text, at)
        words = [
            MARK.sub("", _flat(list(self.expanded(raw, "")), _MAX_COMPARED)) for raw in arguments
        ]
        if command == "printf":
            words = words[1:2] if words[:1] == ["-v"] else []
        elif command == "eval":
            words = re.findall(r"\b(\w+)\+?=", " ".join(words))
        for name in VARIABLES:
            if name in words:
                self.set(name, f" '${{{name}}}'", True, script.path, line)
        return end

    def named(self, script: Script, text: str, at: int, line: int, command: str) -> int:
        """Carry out `export` and the like, with all names behind it; return where it ends."""
        begin, exports = at, command == "export"
        while at < len(text) and (found := _NAME.match(text, at)) and found.end() > at:
            name = found["name"]
            at = found.end()
            line += text.count("\n", begin, at)
            begin = at
            exports = exports or ("x" in found[0] and name is None)
            if command == "unset" and name:
                self.unset(name, line)
            elif found["equals"]:
                # The quote may stand before the name: `export "NAME=VALUE"`.
                quote, start = found["quote"], found.start("quote")
                raw, end = self.raw(text, start if quote else at, Mistake(name, "", line))
                raw, at = quote + raw[at - start :] if quote else raw, max(at, end)
                self.set(name, raw, bool(found["more"]), script.path, line)
            if exports and name and self.taken is not False:
                self.exported.add(name)
            if command == "readonly" and name and self.taken:
                self.fixed.add(name)
        return at

    def assigned(self, script: Script, text: str, at: int, line: int) -> int:
        """Carry out the assignments of one command, unless a program's name follows them."""
        begin, todo = at, []
        while found := _ASSIGNMENT.match(text, at):
            line += text.count("\n", begin, found.end())
            begin = found.end()
            raw, at = self.raw(text, begin, Mistake(found["name"], "", line))
            array = text[at : at + 1] == "(" and found["name"] in VARIABLES
            raw = f" '${{{found['name']}}}'" if array else raw  # only bash knows what of it counts
            todo.append((found["name"], raw, bool(found["more"]), script.path, line))
        if _ENDS.match(text, at) or text[at : at + 1] in "'\"(<>":
            for each in todo:
                self.set(*each)
        return at

    def raw(self, text: str, at: int, mistake: Mistake | None = None) -> tuple[str, int]:
        """Read a value as it is written; where a quote stays open, note it as a mistake."""
        value = _VALUE.match(text, at)
        end = value.end() if value else at
        if mistake and (char := text[end : end + 1]) in ("'", '"'):
            self.open.append(Mistake(mistake.name, char, mistake.line))
        return text[at:end], end

    def set(self, name: str, raw: str, more: bool, path: str, line: int) -> None:
        """Set a variable to a `raw` value, or append that with `more`; noted with its place."""
        if self.taken is False or name in self.fixed:
            return
        mark = self.mark(path, line)
        parts = [self.values.get(name, "")] if more else []
        parts += [part for part in self.expanded(raw, mark) if part]
        here: list[Value] = [mark] if name in _MARKED else []
        kept = more or name not in VARIABLES or re.search(rf"\$\{{?{name}\b", raw)
        if not kept:
            self.anew.append((name, line))
        if self.taken is None:
            if name not in _MARKED:
                self.values[name] = f"${{{name}}}"
                return
            if not kept:
                here += [_Perhaps([self.values.get(name, "")]), " ", mark]
        # An empty value is an empty text, for `${NAME:-DEFAULT}`.
        self.values[name] = [*here, *parts] if parts or here[1:] else ""

    def unset(self, name: str, line: int) -> None:
        """Unset a variable; where only the node knows whether that runs, it may keep its value."""
        if self.taken is not False:
            self.anew.append((name, line))
        if self.taken:
            self.values.pop(name, None)
        elif self.taken is None and name in self.values:
            marked = name in _MARKED
            self.values[name] = _Perhaps([self.values[name]]) if marked else f"${{{name}}}"

    def expanded(self, raw: str, mark: str, *, quoted: bool = False) -> Iterator[Value]:
        """Resolve what the shell does when it reads an assignment, as far as the files tell.

        Behind options of an earlier line, `mark` says that those of this one go on.
        """
        end = 0
        while found := (_QUOTED_PIECE if quoted else _PIECE).search(raw, end):
            yield raw[end : found.start()]
            end = found.end()
            if found["quote"]:
                quoted = not quoted
            elif found["plain"] is not None:
                yield found["plain"]
            elif (escaped := found["escaped"]) is not None:
                kept = quoted and escaped not in '"$`\\\n'
                yield found[0] if kept else escaped.replace("\n", "")
            else:
                yield from self.parameter(found, mark, quoted=quoted)
        yield raw[end:]

    def parameter(self, found: re.Match[str], mark: str, *, quoted: bool) -> Iterator[Value]:
        """Resolve `$NAME`, `${NAME}`, and `${NAME:-WORD}` with `-`, `=` or `+`."""
        name, how = found["braced"] or found["name"], found["how"]
        value = self.values.get(name, "" if how else found[0])
        if how == "+" or (how and not value):
            if bool(value) != (how == "+"):
                return
            word = [part for part in self.expanded(found["word"], mark, quoted=quoted) if part]
            if how == "=" and self.taken:
                self.values[name] = [mark, *word] if word else ""
            yield from word
            return
        yield value
        if value and name in _MARKED:
            yield mark


def _behind(text: str, word: str, at: int) -> int:
    """Find the end of the lines that a command reads, up to one of this word."""
    while start := text.find("\n", at) + 1:
        at = text.find("\n", start)
        at = len(text) if at < 0 else at
        if text[start:at].lstrip("\t") == word:
            break
    return at if start else len(text)


def _flat(value: Value, most: int = _MAX_VALUE) -> str:
    """Write a value out, up to so many characters: each assignment may double it."""
    parts: list[str] = []
    size = 0
    stack: list[tuple[Iterator[Value], bool]] = [(iter([value]), False)]
    while stack and size < most:
        rest, perhaps = stack[-1]
        part = next(rest, None)
        if part is None:
            stack.pop()
        elif isinstance(part, str):
            if perhaps:
                part = MARK.sub(lambda mark: f"{_MARK}{int(mark[1]) | 1}{_MARK}", part)
            parts.append(part)
            size += len(part) + 1
        else:
            stack.append((iter(part), perhaps or isinstance(part, _Perhaps)))
            size += 1
    return "".join(parts)
