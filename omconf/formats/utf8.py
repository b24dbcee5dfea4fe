"""Text out of files that need not be UTF-8."""

from __future__ import annotations


def replaced(text: str) -> str:
    """Write the replacement character for each byte that is no UTF-8.

    Python reads such a byte as half a character (`surrogateescape`), which no JSON may hold.
    """
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
