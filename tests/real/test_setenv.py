"""Hand-made JVM options, read as a shell gives them to a JVM: the way of catalina.sh."""

from __future__ import annotations

import os
import subprocess
from random import Random

import pytest

from omconf.formats.setenv import options
from tests.needs import needs
from tests.real.judges import SHELLS

# catalina.sh sources setenv.sh and runs `eval "\"$_RUNJAVA\"" ... $JAVA_OPTS $CATALINA_OPTS ...`.
CATALINA = """. /dev/stdin
set -f
eval set -- $JAVA_OPTS $CATALINA_OPTS
for option; do printf '%s\\0' "$option"; done
"""
PARTS = (
    *("-Da=1", " ", "\n", "-Db='x y'", " -DDATA_DIR=/srv/x", '\\"k\\"', "$JAVA_OPTS"),
    *("${JAVA_OPTS}", "${JAVA_OPTS:-}", "$CATALINA_OPTS", "$D", "${D:-z}", "${E:-e}"),
)
FILES = 400


def _file(random: Random) -> str:
    """A file of a few assignments."""

    def value() -> str:
        parts = "".join(random.choice(PARTS) for _ in range(random.randint(1, 5)))
        if random.random() < 0.2:
            return "'" + parts.replace("'", '"').replace("\\", "") + "'"
        return f'"{parts}"'.replace("\n", random.choice(["\n", "\\\n"]))

    lines = [
        random.choice(["", "export ", "  ", "# "])
        + random.choice(["JAVA_OPTS", "CATALINA_OPTS", "D"])
        + f"={value()}"
        for _ in range(random.randint(1, 4))
    ]
    return "D=/opt\n" + random.choice(["\n", ";\n"]).join(lines) + "\n"


@needs("dash", "bash", "busybox")
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_options_are_those_that_the_shell_gives(shell: list[str]) -> None:
    random = Random(5)
    compared = 0
    for _ in range(FILES):
        text = _file(random)
        done = subprocess.run(
            [*shell, "-c", CATALINA],
            input=text,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"]},
        )
        found = options(text)
        # A comment over several lines may break the file; and what is not known is not compared.
        if done.returncode or done.stderr or not all(option.known for option in found):
            continue
        compared += 1
        given = [option for option in done.stdout.split("\0") if option]
        assert [option.text for option in found if option.text] == given, text
    assert compared > FILES * 0.6
