"""What is read from the time line of a test's nodes."""

from __future__ import annotations

from tests.real.timeline import Line

BEFORE = {
    "om1": "1.0 starting\n2.0 members om1\n3.0 members om1 om2\n4.0 healthy\n",
    "om2": "1.5 starting\n2.5 members om1 om2\n4.5 healthy\n",
}
SINCE = {
    "om1": "10.0 stopping\n11.0 down\n12.0 starting\n13.0 members om1 om2\n15.0 healthy\n",
    "om2": "10.5 members om2\n13.1 members om1 om2\n",
}


def line(since: dict[str, str]) -> Line:
    return Line.of([(name, BEFORE[name] + since.get(name, "")) for name in BEFORE], 9)


def test_nothing_happened() -> None:
    assert line({}).healthy() == {"om1", "om2"}
    assert (line({}).fewest_members(), line({}).fewest_healthy()) == (2, 2)


def test_one_after_the_other() -> None:
    found = line(SINCE)
    assert (found.fewest_members(), found.fewest_healthy(), found.seconds()) == (1, 1, 5.0)
    *_, (_, sees) = found.members()
    assert sees == {"om1": {"om1", "om2"}, "om2": {"om1", "om2"}}


def test_all_at_once() -> None:
    found = line({"om1": SINCE["om1"], "om2": "10.6 down\n14.0 starting\n"})
    assert (found.fewest_members(), found.fewest_healthy()) == (0, 0)
    assert found.healthy() == {"om1"}


def test_a_node_that_is_not_healthy_any_more() -> None:
    assert line({"om2": "10.0 sick\n"}).healthy() == {"om1"}
    assert line({"om2": "10.0 sick\n"}).fewest_members() == 2
