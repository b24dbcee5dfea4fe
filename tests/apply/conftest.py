"""Trees and hosts to apply to, and the shells that a node may have."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apply.host import NEEDS, NO_ROUTE, Host
from tests.apply.trees import Tree
from tests.needs import fixture_needs, needs, program


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree.of(tmp_path)


@pytest.fixture
@fixture_needs(*NEEDS)
def host(tmp_path: Path) -> Iterator[Host]:
    """A host of its own, with a spec that needs no route for multicast."""
    made = Host.boot(tmp_path)
    made.write_spec(**NO_ROUTE)
    yield made
    made.close()


@pytest.fixture(
    params=[pytest.param(name, marks=needs(name)) for name in ("dash", "bash", "busybox")]
)
def shell(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """An environment in which `sh` is that shell; BusyBox has all programs of its own.

    Other users than root can get at it, too.
    """
    name = request.param
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        if name != "busybox":
            (folder / "sh").symlink_to(program(name))
            yield {"PATH": f"{folder}:/usr/bin:/bin:/usr/sbin:/sbin"}
            return
        applets = (
            "sh cat chmod chown cp cut df grep head id ln ls mkdir mv printf readlink rm rmdir sed"
            " sha256sum sort stat su sync timeout true"
        )
        for applet in applets.split():
            (folder / applet).symlink_to(program("busybox"))
        yield {"PATH": str(folder)}
