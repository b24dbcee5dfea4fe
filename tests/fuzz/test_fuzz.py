"""Nothing that a user writes causes a traceback, a wrong place, or a secret in the output.

`make fuzz` runs many more cases, and prints a failing one as a seed to keep.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import ROOT, omconf
from tests.fuzz.bases import ENVIRONMENT, Bases, laid_out
from tests.fuzz.cases import FAMILIES, SENT, Case
from tests.fuzz.long_run import MAX_MIB, forget_peak, peak_mib, run_cases
from tests.fuzz.oracle import run

pytestmark = pytest.mark.slow

CASES = {
    "spec": 13_000,
    "further": 2_000,
    "deployed": 5_000,
    "git": 1_000,
    "stream": 3_000,
    "check": 2_000,
}
CHUNK = 500
CHUNKS = [(f, first) for f, most in CASES.items() for first in range(0, most, CHUNK)]
SEEDS = sorted(Path(__file__).parent.glob("seeds/*.json"))


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bases]:
    with laid_out(tmp_path_factory.mktemp("fuzz")) as found:
        yield found


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=SEEDS, ids=lambda path: path.stem)
def seed(request: pytest.FixtureRequest) -> Case:
    return Case.from_json(request.param)


def test_seeds(bases: Bases, seed: Case) -> None:
    run(bases, seed, set(), thorough=True)


def test_seeds_by_the_command_line(bases: Bases, seed: Case, tmp_path: Path) -> None:
    if seed.family in SENT:
        return  # that takes nodes
    base = bases.by_name[seed.base]
    for path, content in {**base.files, **seed.files}.items():
        if isinstance(content, bytes):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
    plan = ("plan", "--json", "--deployed", "deployed")
    validate = [("validate", "--format", form) for form in ("human", "json", "github", "sarif")]
    for arguments in [plan] if seed.family == "deployed" else validate:
        result = omconf(*arguments, cwd=tmp_path, env=ENVIRONMENT)
        assert "unforeseen" not in result.err
        assert result.code in (0, 1)


@pytest.mark.parametrize(("family", "first"), CHUNKS)
def test_cases(bases: Bases, family: str, first: int) -> None:
    forget_peak()
    before = peak_mib()
    report = run_cases(bases, family, range(first, first + CHUNK))
    if report.broken:
        name, text = next(iter(report.broken.values()))
        pytest.fail(f"{text}\n\nTo make it small: python -m tests.fuzz.long_run --case {name}")
    assert report.cases == CHUNK
    if report.mib > max(MAX_MIB, before + MAX_MIB / 2):
        # Other tests of this process hold some of that.
        alone = ["--family", family, "--start", str(first), "--cases", str(CHUNK), "--jobs", "1"]
        done = subprocess.run([sys.executable, "-m", "tests.fuzz.long_run", *alone], cwd=ROOT)
        assert done.returncode == 0


def test_the_same_on_every_machine() -> None:
    shown = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "tests.fuzz.long_run", "--digests", "--cases", "25"]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
        shown.add(done.stdout)
    assert len(shown) == 1
    assert shown.pop().count(b"\n") == 25 * len(FAMILIES)
