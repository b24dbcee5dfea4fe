"""Items of two files, compared by key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from omconf.plan.items import changed

items = st.dictionaries(st.text(max_size=5), st.sampled_from(["a", "b", ""]), max_size=6)


@given(items, items)
def test_each_item_that_differs_is_told(before: dict[str, str], after: dict[str, str]) -> None:
    told = changed(before, after, lambda *_: "")
    assert [item.key for item in told] == sorted(
        key for key in {**before, **after} if before.get(key) != after.get(key)
    )
    assert all((i.before, i.after) == (before.get(i.key), after.get(i.key)) for i in told)


def test_files_that_share_no_item() -> None:
    told = changed({"/a": "1", "/b": "2"}, {"/c": "1", "/d": "2"}, lambda *_: "")
    assert [(item.key, str(item.action)) for item in told] == [
        ("/a", "delete"),
        ("/b", "delete"),
        ("/c", "create"),
        ("/d", "create"),
    ]
