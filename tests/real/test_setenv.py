"""Hand-made JVM options, read as a shell gives them to a JVM: the way of catalina.sh."""

from __future__ import annotations

import os
import subprocess
from random import Random

import pytest

from omconf.formats.setenv import mistakes, options
from tests.needs import needs
from tests.real import written
from tests.real.programs import SHELLS

# catalina.sh, called with `run`, sources setenv.sh and runs
# `eval "\"$_RUNJAVA\"" ... "$JAVA_OPTS" "$CATALINA_OPTS" ...`.
CATALINA = """set -- run
. /dev/stdin
set -f
eval set -- "$JAVA_OPTS" "$CATALINA_OPTS" end
for option; do printf '%s\\0' "$option"; done
"""
FILES = 400


@needs("dash", "bash", "busybox")
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_options_are_those_that_the_shell_gives(shell: list[str]) -> None:
    random = Random(5)
    compared = 0
    for _ in range(FILES):
        text = written.setenv(random)
        done = subprocess.run(
            [*shell, "-c", CATALINA],
            input=text,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"]},
        )
        found = options(text)
        # What is not known is not compared.
        if not all(option.known for option in found):
            continue
        compared += 1
        given = done.stdout.split("\0")[:-1]
        assert (given[-1:] == ["end"] and not done.stderr) != bool(mistakes(text)), text
        assert mistakes(text) or [option.text for option in found] == given[:-1], text
    assert compared > FILES * 0.6
