"""What cases start from: specs, further Hazelcast elements and deployed trees, laid out in a folder.

A `Base` is a folder with the spec of an example or a golden case; a second one has its bundle deployed,
a third the files of the case's own `deployed/`. Every secret in them is `OURS` or `THEIRS`, so that the
oracle finds a leak by searching for these.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from unittest import mock

from omconf.bundle.compile import files
from omconf.cluster import places
from omconf.pipeline.compiled import Compiled, compile_spec
from omconf.secrets import Secret
from tests.command import EXAMPLES, ROOT
from tests.fuzz import nasty

OURS, THEIRS = "Zq7vK0pXw3LmT9sB", nasty.SECRET
"""The value of every secret of a spec, and the one that is deployed where it differs."""

ENVIRONMENT = dict.fromkeys(
    ("FUZZ_SECRET", "OM_DB_PASSWORD", "TURN_SECRET", "REMEMBER_KEY", "REMEMBER_SALT"), OURS
)
_PASSWORD = re.compile(rb"(?<=Password=)[^\s,\"]+|(?<=turn\.secret=).*|(?<=encryption\.key=).*")


@dataclass
class Base:
    """A folder with a spec and what belongs to it; files by their paths in the folder."""

    name: str
    folder: Path
    files: dict[str, bytes] = field(default_factory=dict)
    compiled: Compiled | None = None

    @property
    def spec(self) -> Path:
        return self.folder / "cluster.yaml"

    @cached_property
    def deployed(self) -> list[str]:
        return [path for path in self.files if path.startswith("deployed/")]

    @cached_property
    def further(self) -> str:
        return next((path for path in self.files if path.endswith(".xml") and "/" not in path), "")

    @cached_property
    def bundles(self) -> dict[str, bytes]:
        """What the spec compiles to, by path in the bundle directory."""
        assert self.compiled is not None
        assert self.compiled.bundle is not None
        return {path: file.data for path, file in files(self.compiled.bundle).items()}

    def write(self) -> None:
        for path, data in self.files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(data)


class Bases:
    """All bases, in a folder of this process."""

    def __init__(self, folder: Path) -> None:
        self.by_name: dict[str, Base] = {}
        self._of: dict[str, list[Base]] = {"spec": [], "further": [], "deployed": []}
        corpus = Path(__file__).parent / "corpus"
        specs = sorted([*EXAMPLES.glob("*/cluster.yaml"), *ROOT.glob("tests/cases/*/cluster.yaml")])
        for spec in (corpus / "everything.yaml", *specs):
            name = spec.stem if spec.parent == corpus else spec.parent.name
            base = Base(name, folder / name)
            base.files["cluster.yaml"] = spec.read_bytes()
            for further in sorted(spec.parent.glob("*.xml")):
                base.files[further.name] = further.read_bytes()
            self._add("spec", base)
            if base.further:
                self._of["further"].append(base)
            base.compiled = compile_spec(str(base.spec))
            if len(base.compiled.bundle.nodes if base.compiled.bundle else ()) <= 3:
                self._add("deployed", _laid_out(base, folder))
            if (spec.parent / "deployed").exists():
                self._add("deployed", _by_hand(base, spec.parent / "deployed", folder))

    def _add(self, family: str, base: Base) -> None:
        base.write()
        self.by_name[base.name] = base
        self._of[family].append(base)

    def of(self, family: str) -> list[Base]:
        return self._of["deployed" if family == "git" else family]

    @cached_property
    def xml(self) -> list[bytes]:
        """Every XML file of any base."""
        all_of_them = (b.files.items() for b in self.by_name.values())
        return [data for found in all_of_them for path, data in found if path.endswith(".xml")]


def _laid_out(base: Base, folder: Path) -> Base:
    """Deploy a bundle as its README says, with a manifest; the first node has other secrets."""
    result = Base(f"{base.name}-laid-out", folder / f"{base.name}-laid-out")
    result.files |= {p: d for p, d in base.files.items() if not p.startswith("deployed/")}
    result.compiled = compiled = base.compiled
    assert compiled is not None
    assert compiled.bundle is not None, (base.name, compiled.diagnostics)
    bundle = compiled.bundle
    names = {p.name for n in bundle.nodes for a in n.artifacts for p in a.placeholders}
    for number, node in enumerate(bundle.nodes):
        secrets = {name: Secret(OURS if number else THEIRS) for name in names}
        for artifact in node.artifacts:
            path = f"deployed/{node.node}{artifact.path}"
            # To read this one takes most of a plan's time.
            if number == 0 or not path.endswith("/persistence.xml"):
                result.files[path] = artifact.filled(secrets).encode()
        listing = files(bundle)[f"{node.node}/manifest.json"].data
        result.files[f"deployed/{node.node}{places.manifest(bundle.cluster)}"] = listing
    return result


def _by_hand(base: Base, tree: Path, folder: Path) -> Base:
    """A tree of a golden case, its passwords replaced by one that can be found again."""
    result = Base(f"{base.name}-by-hand", folder / f"{base.name}-by-hand")
    result.files |= {p: d for p, d in base.files.items() if not p.startswith("deployed/")}
    result.compiled = base.compiled
    for path in sorted(p for p in tree.rglob("*") if p.is_file()):
        data = _PASSWORD.sub(THEIRS.encode(), path.read_bytes())
        result.files[f"deployed/{path.relative_to(tree)}"] = data
    return result


@contextmanager
def laid_out(folder: Path) -> Iterator[Bases]:
    """Lay all bases out in a folder; the secrets of their specs are in ENVIRONMENT."""
    try:
        with mock.patch.dict(os.environ, ENVIRONMENT):
            bases = Bases(folder)
        yield bases
    finally:
        shutil.rmtree(folder, ignore_errors=True)
