"""libxml2 and xmlschema agree on everything that omconf writes: all releases, databases, examples."""

from __future__ import annotations

import pytest

from omconf import pipeline
from omconf.bundle.compile import compile_bundle, judge
from omconf.releases import RELEASES
from tests.clusters import DATABASES, simple
from tests.command import EXAMPLES


@pytest.mark.parametrize("kind", DATABASES)
@pytest.mark.parametrize("release", RELEASES)
def test_every_release_and_database(release: str, kind: str) -> None:
    for discovery in ("multicast", "tcp-ip"):
        cluster = simple(
            openmeetings={"release": release},
            database={"kind": kind},
            discovery={"kind": discovery},
        )
        bundle = compile_bundle(cluster)
        assert judge(bundle) == []
        assert judge(bundle, authority=True) == []


@pytest.mark.parametrize("example", sorted(p.parent.name for p in EXAMPLES.glob("*/cluster.yaml")))
def test_every_example(example: str) -> None:
    compiled = pipeline.compile_spec(str(EXAMPLES / example / "cluster.yaml"))
    assert compiled.bundle is not None
    assert compiled.diagnostics == []
    assert pipeline.authority(compiled.bundle) == []
