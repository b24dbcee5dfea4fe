"""Values as the plan draws them."""

from __future__ import annotations

from omconf.views.text import values


def test_of_two_long_values_what_differs_is_shown() -> None:
    start, end = "jdbc:mysql://" + "a" * 300, "b" * 300
    item = {"action": "update", "key": "k", "before": f"{start}1{end}", "after": f"{start}2{end}"}
    before, after = values(item)
    assert before == f"... {'a' * 60}1{'b' * 95} ..."
    assert after == before.replace("1", "2")
    grown = values({"action": "update", "key": "k", "before": start, "after": f"{start}, x"})
    assert grown == (f"... {'a' * 60}", f"... {'a' * 60}, x")
    assert values({"action": "create", "key": "k", "after": start})[1].startswith("jdbc:")
    short = {"action": "update", "key": "k", "before": "a" * 90, "after": "a" * 91}
    assert values(short) == ("a" * 90, "a" * 91)
