"""Any sequence of builds."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from omconf.bundle.comparison import check
from omconf.bundle.model import BundleFile
from omconf.bundle.writer import Written, write
from tests.bundle.writing import (
    QUICK,
    assert_nothing_torn,
    bundle,
    differences,
    errors,
    killed_at,
    tree,
    tree_of,
)

NAMES = st.sampled_from(["a", "b", "om1", "manifest.json", "x y", "é", "..."])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@st.composite
def bundles(draw: st.DrawFn) -> dict[str, BundleFile]:
    contents = draw(st.dictionaries(PATHS, st.sampled_from([b"", b"1", b"22"]), max_size=8))
    contents = {p: d for p, d in contents.items() if p.partition("/")[0] != "manifest.json"}
    folders = {str(parent) for path in contents for parent in Path(path).parents}
    contents = {p: d for p, d in contents.items() if p not in folders}
    executable = draw(st.sets(st.sampled_from(sorted(contents)))) if contents else set()
    return bundle(contents, tuple(executable))


STEPS = st.lists(st.tuples(bundles(), st.none() | st.integers(0, 40)), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, last=bundles())
def test_any_sequence_of_builds(
    steps: list[tuple[dict[str, BundleFile], int | None]], last: dict[str, BundleFile]
) -> None:
    """Builds, some of them killed: each one that finishes leaves its files and nothing else."""
    with TemporaryDirectory(dir=QUICK) as folder:
        directory = Path(folder) / "dir"
        tried = []
        for files, kill in [*steps, (last, None)]:
            tried.append(files)
            if kill is not None and killed_at(kill, files, directory):
                assert_nothing_torn(directory, *tried)
                continue
            assert isinstance(write(files, directory), Written)
            assert tree(directory) == tree_of(files)
            assert differences(check(files, directory)) == []


@settings(max_examples=40, deadline=None)
@given(old=bundles(), new=bundles(), path=PATHS)
def test_a_foreign_file_is_never_touched(
    old: dict[str, BundleFile], new: dict[str, BundleFile], path: str
) -> None:
    with TemporaryDirectory(dir=QUICK) as folder:
        directory = Path(folder)
        write(old, directory)
        try:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            with (directory / path).open("xb") as file:
                file.write(b"mine")
        except OSError:
            return  # a file of omconf's stands there
        before = tree(directory)
        [(rule, message)] = errors(write(new, directory))
        assert (rule, path in message) == ("OM401", True)
        assert tree(directory) == before
