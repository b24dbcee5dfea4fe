"""How often omconf reads a generated file as its program does; docs/agreement.md has the counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/agreement.md"


@dataclass
class Agreement:
    """What one program and omconf make of the same files.

    `exceptions` are the reasons for which the two may differ, by a word of the test's own.
    """

    program: str
    versions: str
    of: str
    exceptions: dict[str, str] = field(default_factory=dict)
    agreed: int = 0
    differ: Counter[str] = field(default_factory=Counter)

    def count(self, same: bool, exception: str, *shown: object) -> None:
        """Count a file: the same to both, or different for a reason; `shown` tells what differs."""
        if same:
            self.agreed += 1
            return
        what = "\n".join(str(part)[:600] for part in shown)
        assert exception in self.exceptions, f"{self.program} and omconf differ:\n{what}"
        self.differ[exception] += 1

    def lines(self) -> list[str]:
        """The rows of the page: the counts, and each exception that there was."""
        excepted = self.differ.total()
        counts = (self.versions, self.of, self.agreed + excepted, self.agreed, excepted)
        rows: list[tuple[str | int, ...]] = [(self.program, *counts)]
        rows += [
            (self.program, self.differ[name], reason) for name, reason in self.exceptions.items()
        ]
        return ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]

    def hold(self) -> None:
        """Check that the page has these counts; else the message has the rows that it should have."""
        rare = [name for name in self.exceptions if not self.differ[name]]
        assert not rare, f"no file is an exception of these kinds: {rare}"
        page = PAGE.read_text("utf-8").splitlines()
        found = [line for line in page if line.startswith(f"| {self.program} |")]
        assert found == self.lines(), "write into docs/agreement.md:\n" + "\n".join(self.lines())
