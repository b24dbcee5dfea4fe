"""Check the project's words against tests/words.toml: `python -m tests.words`, part of `make lint`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "tests/words.toml"


@dataclass(frozen=True)
class Word:
    """A pattern that the project does not use, and where it may stand all the same."""

    pattern: re.Pattern[str]
    use: str
    allowed: tuple[re.Pattern[str], ...]
    not_yet: tuple[str, ...]


def words() -> list[Word]:
    """Read the table; an allowed use needs a reason. Raises KeyError where one is missing."""
    table = tomllib.loads(TABLE.read_text("utf-8"))
    return [_word(entry) for entry in table["word"]]


def _word(entry: dict[str, Any]) -> Word:
    allowed = []
    for use in entry.get("allow", []):
        if not use["reason"]:
            raise KeyError("reason")
        allowed.append(re.compile(use["text"], re.IGNORECASE))
    pattern = re.compile(entry["pattern"], re.IGNORECASE)
    return Word(pattern, entry["use"], tuple(allowed), tuple(entry.get("not_yet", [])))


def found(path: str, text: str, words: list[Word]) -> Iterator[str]:
    """Yield a line `path:line: ...` for each use of a word, without the allowed ones."""
    for number, line in enumerate(text.splitlines(), 1):
        for word in words:
            if path.startswith(word.not_yet) or not word.pattern.search(line):
                continue
            rest = line
            for allowed in word.allowed:
                rest = allowed.sub("", rest)
            if use := word.pattern.search(rest):
                yield f"{path}:{number}: `{use[0]}`: {word.use}"


def checked() -> Iterator[tuple[str, str]]:
    """Yield the project's text files: all that git tracks below the table's folders."""
    table = tomllib.loads(TABLE.read_text("utf-8"))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *table["paths"]],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for path in filter(None, listed.split("\0")):
        file = ROOT / path
        if (
            path.startswith(tuple(table["without"]))
            or "/bundles/" in path
            or file.is_symlink()
            or not file.is_file()
        ):
            continue
        try:
            yield path, file.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def clean(texts: list[tuple[str, str]], words: list[Word]) -> Iterator[str]:
    """Yield the entries of `not_yet` that excuse nothing any more."""
    for word in words:
        bare = [replace(word, not_yet=())]
        for start in word.not_yet:
            below = ((path, text) for path, text in texts if path.startswith(start))
            if not any(found_in for path, text in below for found_in in found(path, text, bare)):
                name = TABLE.relative_to(ROOT)
                yield f"{name}: `{start}` is clean of `{word.pattern.pattern}`: remove it"


def main() -> int:
    """Print every use of a word that the table has; exit 1 when there is one."""
    table, texts = words(), list(checked())
    lines = [line for path, text in texts for line in found(path, text, table)]
    lines += clean(texts, table)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
