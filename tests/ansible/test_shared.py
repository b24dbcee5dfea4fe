"""One session for a whole command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import pytest

from omconf.ansible.shared import Shared


class Begins:
    """Begins sessions, each with a number of its own, and knows which are open."""

    def __init__(self) -> None:
        self.begun = 0
        self.open: list[int] = []

    def __call__(self) -> AbstractContextManager[Any]:
        return self._session()

    @contextmanager
    def _session(self) -> Iterator[int]:
        self.begun += 1
        number = self.begun
        self.open.append(number)
        try:
            yield number
        finally:
            self.open.remove(number)


def test_the_first_session_stays_until_the_end() -> None:
    begins = Begins()
    with closing(Shared()) as shared:
        for nodes in (("om1", "om2"), ("om2",), ("om1", "om2")):
            with shared.session(nodes, begins):
                assert begins.open == [1]
            assert begins.open == [1]
        shared.close()
        assert begins.open == []
    assert begins.begun == 1


def test_a_node_that_it_does_not_reach_takes_another_session() -> None:
    begins = Begins()
    with closing(Shared()) as shared:
        with shared.session(("om1",), begins):
            pass
        with shared.session(("om1", "om2"), begins):
            assert begins.open == [1, 2]
        assert begins.open == [1]
    assert begins.open == []


def test_a_session_that_does_not_begin_is_not_kept() -> None:
    @contextmanager
    def fails() -> Iterator[Any]:
        raise OSError("no playbook")
        yield

    begins = Begins()
    with closing(Shared()) as shared:
        with pytest.raises(OSError, match="no playbook"), shared.session(("om1",), fails):
            pass
        with shared.session(("om1",), begins):
            assert begins.open == [1]
