"""What omconf itself laid out is imported as the spec that it was compiled from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from omconf.artifacts.exports import KIND as EXPORTS
from omconf.artifacts.fstab import KIND as FSTAB
from omconf.artifacts.jvm import KIND as JVM
from omconf.bundle.compile import compile_bundle
from omconf.bundle.model import Bundle
from omconf.pipeline.compiled import compile_text
from tests.adopt.trees import imported, lay
from tests.clusters import cluster_of, specs
from tests.rollout.triples import specs as other_specs

PHASES = [Phase.explicit, Phase.generate]
"""A failing spec is not made smaller: each try compiles two clusters."""


def of_nodes(bundle: Bundle) -> dict[str, object]:
    """All that nodes get, by node and path: to the byte, save for lists of options.

    Of these their order does not count, nor one that a later one of its name overrules.
    """
    read = {"exports": EXPORTS.read, "fstab": FSTAB.read, "setenv.sh": JVM.read}
    return {
        f"{n.node}:{a.path}": read[end](a.text).items
        if (end := a.path.rpartition("/")[2]) in read
        else a.data
        for n in bundle.nodes
        for a in n.artifacts
    }


def round_trip(data: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        lay(cluster_of(data), folder)
        done, found = imported(folder)
        assert done.code in (0, 2), (found["diagnostics"][:3], found["spec"])
        again = compile_text(found["spec"].encode(), "cluster.yaml")
        assert again.bundle is not None, again.diagnostics[:3]
        here, there = of_nodes(again.bundle), of_nodes(compile_bundle(cluster_of(data)))
        assert _known(here, data) == _known(there, data), found["spec"]


def _known(files: dict[str, object], data: dict[str, Any]) -> dict[str, object]:
    """What the nodes' files tell: a cluster of one node shares its folder with nobody."""
    if len(data["nodes"]) > 1:
        return files
    return {
        path: text
        for path, text in files.items()
        if not path.endswith(("/fstab", "/exports", "/smb.conf", "/check.conf", "/firewall.nft"))
    }


@settings(
    max_examples=80,
    phases=PHASES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[*HealthCheck],
)
@given(specs())
def test_generated_specs(data: dict[str, Any]) -> None:
    round_trip(data)


@settings(
    max_examples=50,
    phases=PHASES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[*HealthCheck],
)
@given(other_specs())
def test_specs_of_roll_outs(data: dict[str, Any]) -> None:
    round_trip(data)
