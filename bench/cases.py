"""What is measured: each function gives rows of the table."""

from __future__ import annotations

import shutil
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import peers
from bench.measure import REPEATS, Command, Rounds, peak
from bench.specs import deploy, spec
from bench.table import Row, memory, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

OMCONF = Path(sys.executable).parent / "omconf"
REFERENCE = (sys.executable, "-c", "from bench.reference import app; app()")
BUDGETED = 1000
"""How many nodes the budgets are for."""


def counted(nodes: int) -> str:
    """Say how many nodes."""
    return "1 node" if nodes == 1 else f"{nodes:,} nodes"


def gone(folder: Path) -> Callable[[], None]:
    """Remove a folder, as a preparation."""
    return partial(shutil.rmtree, folder, ignore_errors=True)


def specs(work: Path, nodes: int, kind: str = "multicast") -> tuple[Path, Path, Path]:
    """Write three specs: the second changes one node, the third all of them."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    texts = (spec(nodes, kind), spec(nodes, kind, one=True))
    other = spec(nodes, kind, ttl=31) if kind == "multicast" else texts[0].replace("9.1.0", "9.0.0")
    paths = (work / "cluster.yaml", work / "one.yaml", work / "all.yaml")
    for path, text in zip(paths, (*texts, other), strict=True):
        path.write_text(text)
    return paths


def cold(repeats: int) -> Iterator[Row]:
    """How omconf starts, against an application that does nothing."""
    for option in ("--version", "--help"):
        against = "empty Typer app"
        rounds = Rounds(
            {"omconf": Command([OMCONF, option]), against: Command([*REFERENCE, option])},
            max(repeats, 2 * REPEATS),
        )
        yield timed(rounds, "omconf", against, f"`{option}`", limit=1.5)


def small(root: Path, repeats: int) -> Iterator[Row]:
    """Three nodes, against an application with the same imports."""
    work = root / "small"
    spec_file, one, _ = specs(work, 3, "tcp-ip")
    new, old, trees = work / "new", work / "old", work / "trees"
    Rounds({"": Command([OMCONF, "build", spec_file, "-o", old])}, 1)
    deploy(old, trees)
    imports, diffs = "app with its imports", "app with deepdiff too"
    plan = ("--deployed", trees)
    rounds = Rounds(
        {
            imports: Command([*REFERENCE, "second"]),
            diffs: Command([*REFERENCE, "second", "--deepdiff"]),
            "build": Command([OMCONF, "build", spec_file, "-o", new], gone(new)),
            "again": Command([OMCONF, "build", spec_file, "-o", old]),
            "check": Command([OMCONF, "build", spec_file, "-o", old, "--check"]),
            "plan": Command([OMCONF, "plan", spec_file, *plan]),
            "one": Command([OMCONF, "plan", one, *plan]),
        },
        max(repeats, 2 * REPEATS),
    )
    named = "3 nodes, tcp-ip: "
    yield timed(rounds, "build", imports, f"{named}build into a new folder", limit=1.5)
    yield timed(rounds, "again", imports, f"{named}build again", limit=1.5)
    yield timed(rounds, "check", imports, f"{named}build --check", limit=1.5)
    yield timed(rounds, "plan", imports, f"{named}plan, nothing changed", limit=1.5)
    yield timed(rounds, "one", diffs, f"{named}plan, one node changed", limit=1.5)


def many(root: Path, nodes: int, repeats: int, *, where: str = "") -> Iterator[Row]:
    """N nodes: builds against `cp -r` of the bundle, plans against `diff -r` of two bundles.

    `where` names a slower file system, on which less is measured.
    """
    work = root / str(nodes)
    spec_file, one, every = specs(work, nodes)
    new, copy, trees = work / "new", work / "copy", work / "trees"
    build = [OMCONF, "build", spec_file, "-o", new]
    budgeted = nodes == BUDGETED
    named = f"{counted(nodes)}{where}: "
    rounds = Rounds(
        {
            "first build": Command(build, gone(new)),
            "cp -r": Command(["cp", "-r", new, copy], gone(copy)),
            "again": Command(build),
            "check": Command([*build, "--check"]),
        },
        repeats,
    )
    yield timed(rounds, "first build", "cp -r", f"{named}build", limit=6 if budgeted else None)
    limit = 1.0 if budgeted and where else None
    yield timed(rounds, "again", "first build", f"{named}build again", limit=limit)
    yield timed(rounds, "check", "first build", f"{named}build --check")
    deploy(new, trees)
    with (copy / f"om{min(nodes, 2)}" / "manifest.json").open("a") as file:
        file.write("\n")
    rounds = Rounds(
        {
            "diff -r": Command(["diff", "-r", new, copy], codes=(1,)),
            "none": Command([OMCONF, "plan", spec_file, "--deployed", trees]),
            "one": Command([OMCONF, "plan", one, "--deployed", trees]),
        }
        | ({} if where else {"every": Command([OMCONF, "plan", every, "--deployed", trees])}),
        repeats,
    )
    limit = 8.0 if budgeted else None
    yield timed(rounds, "none", "diff -r", f"{named}plan, nothing changed", limit=limit)
    yield timed(rounds, "one", "diff -r", f"{named}plan, one node changed", limit=limit)
    if not where:
        yield timed(rounds, "every", "diff -r", f"{named}plan, all nodes changed", limit=limit)
        limit = 120.0 if budgeted else None
        again = peak(Command(build, gone(new)))
        yield memory(f"{named}peak memory of build", again, limit)
        for what, path in (("one node", one), ("all nodes", every)):
            most = peak(Command([OMCONF, "plan", path, "--deployed", trees]))
            yield memory(f"{named}peak memory of plan, {what} changed", most, limit)
    shutil.rmtree(work)


def adopted(root: Path, repeats: int, few: int = 20, many: int = 200) -> Iterator[Row]:
    """Imports of copies of nodes: the time of many against that of few, and their memory."""
    commands, named = {}, {}
    for nodes in (few, many):
        work = root / f"adopted-{nodes}"
        spec_file, _, _ = specs(work, nodes)
        bundle, trees = work / "bundle", work / "trees"
        Rounds({"": Command([OMCONF, "build", spec_file, "-o", bundle])}, 1)
        deploy(bundle, trees)
        named[nodes] = f"import of {counted(nodes)}"
        # The secrets of a copy are placeholders still: differences remain, and are listed.
        words = [OMCONF, "import", "--deployed", trees, "--json"]
        commands[named[nodes]] = Command(words, codes=(0, 1, 2))
        plan = [OMCONF, "plan", spec_file, "--deployed", trees]
        commands.setdefault("plan", Command(plan))
    rounds = Rounds(commands, repeats)
    less, more = named[few], named[many]
    yield timed(rounds, less, "plan", f"{counted(few)}: import", limit=3.0)
    yield timed(rounds, more, less, f"{counted(many)}: import", limit=1.2 * many / few)
    for nodes, name in named.items():
        yield memory(f"{counted(nodes)}: peak memory of import", peak(commands[name]))
        shutil.rmtree(root / f"adopted-{nodes}")


def growth(root: Path, sizes: Sequence[int], repeats: int) -> Iterator[Row]:
    """The time of a build a node, against that at 100 nodes."""
    commands = {}
    for nodes in (1, 100, *sizes):
        spec_file, _, _ = specs(root / f"growth-{nodes}", nodes)
        new = root / f"growth-{nodes}/new"
        commands[str(nodes)] = Command([OMCONF, "build", spec_file, "-o", new], gone(new))
    rounds = Rounds(commands, repeats)

    def started(nodes: int) -> list[float]:
        """The seconds of each further node: without what one node takes, the start above all."""
        pairs = zip(rounds.seconds[str(nodes)], rounds.seconds["1"], strict=True)
        return [(all_of_them - one) / (nodes - 1) for all_of_them, one in pairs]

    for nodes in sizes:
        whole = rounds.ratio(str(nodes), "100") * 100 / nodes
        pairs = zip(started(nodes), started(100), strict=True)
        further = statistics.median(a / b for a, b in pairs)
        each = f"{rounds.median(str(nodes)) / nodes * 1000:.2f} ms"
        work = f"build, a node of {nodes:,}"
        told = f"{whole:.2f}x a node of 100"
        yield Row(work, each, told, whole, 1.0, "1x", rounds.repeats)
        each = f"{statistics.median(started(nodes)) * 1000:.2f} ms"
        told = f"{further:.2f}x the same of 100"
        yield Row(f"{work}, start taken off", each, told, further, repeats=rounds.repeats)
    for nodes in (1, 100, *sizes):
        shutil.rmtree(root / f"growth-{nodes}")


def others(root: Path, installed: peers.Installed, nodes: int, slow: bool) -> Iterator[Row]:
    """Peers on the same job, against omconf."""
    work = root / "peers"
    spec_file, _, _ = specs(work, nodes)
    bundle, new, against = work / "bundle", work / "new", "omconf build"
    Rounds({"": Command([OMCONF, "build", spec_file, "-o", bundle])}, 1)
    commands = peers.commands(installed, bundle, nodes, work / "theirs")
    for name, command in commands.items():
        takes_long = name in ("Kapitan", "Ansible")
        if takes_long and not slow:
            continue
        ours = Command([OMCONF, "build", spec_file, "-o", new], gone(new))
        told = f"{counted(nodes)}: {name} writes the same files"
        try:
            rounds = Rounds({name: command, against: ours}, 1 if name == "Ansible" else REPEATS)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            continue
        yield timed(rounds, name, against, told)
    shutil.rmtree(work)
