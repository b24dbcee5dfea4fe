"""What a node's check prints is read strictly: a host may answer anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.formats.node_check import MAX_BYTES, MAX_LINES, MAX_TEXT, Check, Status, read


def test_findings_and_facts() -> None:
    said = read(
        b"fact\tnode\tom1\nok\tfiles\tall \xc3\xa4\nfail\tfiles\t\nfact\tsees\ta\nfact\tsees\tb\n"
    )
    assert said.checks == (Check(Status.OK, "files", "all ä"), Check(Status.FAIL, "files", ""))
    assert said.fact("node") == "om1"
    assert said.facts["sees"] == ("a", "b")
    assert (said.fact("sees"), said.fact("nothing")) == (None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\n",
        b"ok\tfiles\tfine\n\n",
        b"Welcome to om1!\nok\tfiles\tfine\n",
        b"OK\tfiles\tfine\n",
        b"ok files fine\n",
        b"ok\tfiles\tfine\tmore\n",
        b"ok\tFILES\tfine\n",
        b"ok\t" + b"f" * 40 + b"\tfine\n",
        b"ok\tfiles\t" + b"x" * (MAX_TEXT + 1) + b"\n",
        (b"ok\tfiles\t" + b"x" * 1000 + b"\n") * (MAX_BYTES // 1000 + 1),
        b"ok\ta\t\n" * (MAX_LINES + 1),
    ],
)
def test_anything_else_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="it"):
        read(wrong)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(output: bytes) -> None:
    try:
        read(output)
    except ValueError as error:
        assert type(error) is ValueError
