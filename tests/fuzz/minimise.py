"""Makes a failing case small: delta debugging over lines, then over bytes.

Whole files are left out first, then halves, quarters and so on of the lines and bytes of each. A
smaller case counts only when it is broken in the same way (`Broken.kind`), after at most `MAX_RUNS`
runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.fuzz.bases import Bases
from tests.fuzz.cases import Case
from tests.fuzz.oracle import Broken, run

MAX_RUNS = 3000


def minimise(bases: Bases, case: Case, kind: str) -> Case:
    """Return a smaller case that is broken in the same way."""
    runs = 0

    def still(candidate: Case) -> bool:
        nonlocal runs
        runs += 1
        if runs > MAX_RUNS:
            return False
        try:
            run(bases, candidate, set(), thorough=True)
        except Broken as broken:
            return broken.kind == kind
        return False

    for path in list(case.files):
        files = {p: content for p, content in case.files.items() if p != path}
        if files and still(replace(case, files=files)):
            case = replace(case, files=files)
    for path, content in list(case.files.items()):
        if not isinstance(content, bytes):
            continue

        def smaller(parts: list[bytes], path: str = path, start: Case = case) -> bool:
            return still(replace(start, files={**start.files, path: b"".join(parts)}))

        lines = _ddmin(content.splitlines(keepends=True), smaller)
        kept = _ddmin([bytes([byte]) for byte in b"".join(lines)], smaller)
        case = replace(case, files={**case.files, path: b"".join(kept)})
    return case


def _ddmin(parts: list[bytes], still: Callable[[list[bytes]], bool]) -> list[bytes]:
    """Leave out ever smaller runs of parts, for as long as what is left still fails."""
    size = max(1, len(parts) // 2)
    while True:
        at = 0
        while at < len(parts):
            rest = parts[:at] + parts[at + size :]
            if still(rest):
                parts = rest
            else:
                at += size
        if size == 1:
            return parts
        size //= 2
