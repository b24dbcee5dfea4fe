"""Hostile trees: an import gives findings, YAML that can be read, and no secret."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from omconf.adopt.sources import Trees
from omconf.pipeline.adopt import Asked, adopt
from omconf.spec.parse import parse
from omconf.views import adoption
from omconf.views import text as text_view
from tests.adopt.trees import CLASSES, by_hand, put
from tests.bundle.writing import QUICK
from tests.fuzz import mutate

pytestmark = pytest.mark.slow

CASES = 400
SECRET = "pa55-postgresql"
PROPERTIES = f"""\
kurento.ws.url=ws://10.1.1.9:8888/kurento
kurento.kuid=om1.x
kurento.ignored.kuids=
kurento.turn.secret={SECRET}
"""
INTERFACES = """\
auto eth0
iface eth0 inet static
  address 10.1.1.1/24
  up route add -net 224.0.0.0 netmask 240.0.0.0 dev eth0
"""
MOUNT = """\
[Mount]
What=10.1.1.1:/opt/omdata
Where=/opt/omdata
Type=nfs
"""
FILES = {
    f"opt/open/{CLASSES}/openmeetings.properties": PROPERTIES,
    "etc/samba/smb.conf": "[om]\npath = /srv/om\nhosts allow = 10.1.1.2\n",
    "etc/network/interfaces": INTERFACES,
    "etc/systemd/system/opt-omdata.mount": MOUNT,
    "etc/systemd/system/openmeetings.service.d/a.conf": "[Service]\nEnvironment=JAVA_OPTS=-Da=b\n",
}
"""Further files of every node."""


@contextmanager
def clusters() -> Iterator[Path]:
    """Lay hand-made clusters out, by their releases."""
    with TemporaryDirectory(prefix="omconf-test-", dir=QUICK) as made:
        folder = Path(made)
        for release, nodes in (("9.1.0", 2), ("7.2.0", 1)):
            by_hand(folder / release, release, "postgresql", nodes)
            for tree in (folder / release).iterdir():
                for path, text in FILES.items():
                    put(tree, path, text)
        yield folder


@pytest.fixture(scope="module")
def laid() -> Iterator[Path]:
    with clusters() as folder:
        yield folder


def case(laid: Path, number: int) -> None:
    """Change some files of one node, import, and look at what comes out."""
    random = Random(number)
    base = laid / random.choice(("9.1.0", "7.2.0"))
    files = sorted(p for p in base.rglob("*") if p.is_file() and p.stat().st_size)
    before: dict[Path, bytes] = {}
    for path in random.sample(files, random.choice((1, 1, 2, 4))):
        before[path] = path.read_bytes()
        path.write_bytes(mutate.at_random(random, before[path], random.choice(files).read_bytes()))
    try:
        result = adopt(Trees(str(base)), Asked(explicit=number % 5 == 0))
        drawn = adoption.of_import(result, {})
        paint = text_view.Paint(colour=False)
        shown = adoption.report(drawn, paint, "")
        shown += text_view.diagnostics(drawn["diagnostics"], paint) + result.text
    finally:
        for path, data in before.items():
            path.write_bytes(data)
    assert SECRET not in shown
    assert result.code in (0, 1, 2)
    if result.text:
        document, found = parse(result.text.encode("utf-8", "surrogateescape"), "cluster.yaml")
        assert isinstance(document.data, dict), found
        assert not found, found


@pytest.mark.parametrize("first", range(0, CASES, 100))
def test_cases(laid: Path, first: int) -> None:
    for number in range(first, first + 100):
        case(laid, number)


if __name__ == "__main__":
    # More cases: python -m tests.adopt.test_fuzz FIRST LAST
    with clusters() as place:
        for each in range(*map(int, sys.argv[1:])):
            case(place, each)
