"""Mutations of bytes and lines, for files of any kind.

`at_random` makes one to four of them: bits, ranges, truncation, lines moved or repeated, other
encodings and line ends, and pieces of another file. They know no format; structure.py has those that
do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz import nasty

Mutation = Callable[[Random, bytes], bytes]


def at_random(random: Random, data: bytes, other: bytes, lines: Sequence[bytes] = ()) -> bytes:
    """Mutate bytes or lines once or a few times; `other` is what is spliced in, `lines` fit here."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        if random.random() < 0.1:
            data = _splice(random, data, other)
        elif lines and random.random() < 0.4:
            data = _insert_line(random, data, random.choice(lines))
        else:
            data = random.choice(_ALL)(random, data)
    return data


def _range(random: Random, data: bytes) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    length = random.choice((1, 1, 2, 3, 8, 40, 400))
    return start, min(start + length, len(data))


def _flip(random: Random, data: bytes) -> bytes:
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def _set(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def _delete(random: Random, data: bytes) -> bytes:
    start, end = _range(random, data)
    return data[:start] + data[end:]


def _repeat(random: Random, data: bytes) -> bytes:
    start, end = _range(random, data)
    return data[:end] + data[start:end] * random.choice((1, 2, 30)) + data[end:]


def _insert(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(nasty.BYTES) + data[at:]


def _replace(random: Random, data: bytes) -> bytes:
    start, end = _range(random, data)
    return data[:start] + random.choice(nasty.BYTES) + data[end:]


def _truncate(random: Random, data: bytes) -> bytes:
    cut = random.randrange(len(data) + 1)
    return data[:cut] if random.random() < 0.7 else data[cut:]


def _splice(random: Random, data: bytes, other: bytes) -> bytes:
    (start, end), (first, last) = _range(random, data), _range(random, other)
    if random.random() < 0.3:
        return data[:start] + other[first:]
    return data[:start] + other[first:last] + data[end:]


def _insert_line(random: Random, data: bytes, line: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    lines.insert(random.randrange(len(lines) + 1), line)
    return b"".join(lines)


def _delete_line(random: Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        del lines[random.randrange(len(lines))]
    return b"".join(lines)


def _repeat_line(random: Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return _insert_line(random, data, random.choice(lines)) if lines else data


def _swap_lines(random: Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        a, b = random.randrange(len(lines)), random.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def _indent_line(random: Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        at = random.randrange(len(lines))
        indents = (b" ", b"  ", b"\t", b"")
        lines[at] = random.choice(indents) + lines[at].lstrip(random.choice((b" ", b"")))
    return b"".join(lines)


def _join_lines(random: Random, data: bytes) -> bytes:
    return data.replace(b"\n", random.choice((b"", b" ", b"\\\n")), random.choice((1, 3, -1)))


def _line_ends(random: Random, data: bytes) -> bytes:
    ends = (b"\r\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\n\r", b"\0\n")
    return data.replace(b"\n", random.choice(ends), random.choice((1, 5, -1)))


def _encoding(random: Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    kind = random.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "utf-7"))
    return text.encode(kind, "replace")


def _tabs(random: Random, data: bytes) -> bytes:
    return data.replace(b"  ", b"\t", random.choice((1, 3, -1)))


def _case(random: Random, data: bytes) -> bytes:
    start, end = _range(random, data)
    return data[:start] + data[start:end].swapcase() + data[end:]


_ALL: tuple[Mutation, ...] = (
    _flip,
    _set,
    _delete,
    _repeat,
    _insert,
    _insert,
    _replace,
    _replace,
    _truncate,
    _delete_line,
    _repeat_line,
    _swap_lines,
    _indent_line,
    _join_lines,
    _line_ends,
    _encoding,
    _tabs,
    _case,
)
