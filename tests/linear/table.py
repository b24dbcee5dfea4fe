"""Every reader of text that comes from a node, a spec or a file beside it, and what is hard to read.

A new module of `omconf/formats` and a new kind need a row (see test_linear.py).
"""

from __future__ import annotations

from tests.linear import formats, kinds, others
from tests.linear.row import ROWS

__all__ = ["ROWS", "formats", "kinds", "others"]
