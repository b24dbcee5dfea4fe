"""Regular expressions that are compiled when they are first used.

A short command uses a third of the patterns in the modules that it loads; to compile one takes a
tenth of a millisecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

    regex = re.compile
else:
    import re
    from functools import cached_property

    class regex:  # noqa: N801 - called as `re.compile` is
        """What `re.compile` returns, later."""

        def __init__(self, text, flags=0):
            self.pattern = text
            self._flags = flags

        @cached_property
        def _compiled(self):
            return re.compile(self.pattern, self._flags)

        def __getattr__(self, name):
            """Look up what is not known here yet, a method mostly, and keep it."""
            found = getattr(self._compiled, name)
            setattr(self, name, found)
            return found
