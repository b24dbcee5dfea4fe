"""DOT, checked by Graphviz: it takes every picture without a word and shows each text as it is."""

from __future__ import annotations

import subprocess

import pytest
from lxml import etree

from omconf.topology import dot
from omconf.topology.model import Topology, topology
from tests.clusters import simple
from tests.command import EXAMPLES, omconf
from tests.needs import needs
from tests.topology.test_drawings import HOSTILE, hostile, texts_of

pytestmark = needs("dot")
PICTURES = {
    "hostile texts": hostile(HOSTILE),
    "one node": topology(simple(1)),
    "everything on nodes": topology(simple(4, database={"host": "om1"}, storage={"server": "om4"})),
    "a folder of another alphabet": topology(simple(openmeetings={"data_dir": "/opt/данные & #1"})),
    "a thousand nodes": topology(simple(1000)),
}


def _shown(text: str) -> set[str]:
    done = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    # Graphviz writes spaces as no-break spaces.
    shown = etree.fromstring(done.stdout).iterfind(".//{*}text")
    return {(element.text or "").replace("\xa0", " ") for element in shown}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_every_text_is_shown(picture: Topology) -> None:
    wanted = {*texts_of(picture), f"{picture.cluster}: {picture.discovery}"}
    assert wanted <= _shown(dot.draw(picture))


@pytest.mark.parametrize("example", sorted(p.parent.name for p in EXAMPLES.glob("*/cluster.yaml")))
def test_examples(example: str) -> None:
    drawn = omconf("graph", EXAMPLES / example / "cluster.yaml", "--format", "dot")
    assert drawn.code == 0
    assert "Database" in _shown(drawn.out)


def test_a_quote_that_is_not_escaped_would_be_noticed() -> None:
    text = dot.draw(hostile(HOSTILE)).replace("&quot;", '"')
    with pytest.raises(AssertionError):
        _shown(text)
