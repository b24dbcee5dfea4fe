"""`omconf build --reveal-secrets` names a secret that it cannot write, and points at its reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clusters import SMALLEST
from tests.command import omconf


@pytest.mark.parametrize(
    ("said", "reference", "place"),
    [
        ("OM212", "{command: [printf, 'hunter2 ']}", "9:13"),
        ("OM322", "{env: OM_NOT_SET}", "9:13"),
    ],
)
def test_a_secret_that_cannot_be_written(
    tmp_path: Path, said: str, reference: str, place: str
) -> None:
    (tmp_path / "cluster.yaml").write_text(SMALLEST.replace("{env: OM_DB_PASSWORD}", reference))
    done = omconf("build", "-o", "out", "--reveal-secrets", cwd=tmp_path)
    assert (done.code, done.findings) == (1, [(said, f"cluster.yaml:{place}")])
    assert "`database.password`" in done.err
    assert not (tmp_path / "out").exists()
