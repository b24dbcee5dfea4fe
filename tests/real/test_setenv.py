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


SET = "JAVA_OPTS=-Da=1\n"
MORE = '\nJAVA_OPTS="$JAVA_OPTS -Dc=3"\n'
COMMANDS = [
    'umask 027 # once; JAVA_OPTS="-Db=2"',
    "# don't\nJAVA_OPTS=-Db=2",
    "X=a#b; JAVA_OPTS=-Db=2",
    "export X=1 # JAVA_OPTS=-Db=2",
    'echo "usage; JAVA_OPTS=-Db=2" >&2',
    "echo 'usage\nJAVA_OPTS=-Db=2' >&2",
    "echo it\\'s >&2\nJAVA_OPTS=-Db=2",
    'echo "$(echo ")")" >&2; JAVA_OPTS=-Db=2',
    "echo a \\\n JAVA_OPTS=-Db=2 >&2",
    "false && \\\n JAVA_OPTS=-Db=2",
    "false &&\n JAVA_OPTS=-Db=2",
    f": # heap is 1 << shift{MORE}",
    f": $((1<<2)) $(( (1<<2) + 1 )){MORE}",
    f"cat<<EOF >/dev/null\nJAVA_OPTS=-Db=2\nEOF{MORE}",
    f"cat <<'END OF' >/dev/null\ndon't\nJAVA_OPTS=-Db=2\nEND OF{MORE}",
    f"(\nJAVA_OPTS=-Db=2\n){MORE}",
    f"(if true; then JAVA_OPTS=-Db=2; fi){MORE}",
    '(case "$1" in run) JAVA_OPTS=-Db=2;; esac)',
    'case "$1" in (run) JAVA_OPTS=-Db=2;; esac',
    "true | JAVA_OPTS=-Db=2",
    "true |\n JAVA_OPTS=-Db=2",
    'echo -Db=2 | while read o; do JAVA_OPTS="$JAVA_OPTS $o"; done',
    f"f() {{ JAVA_OPTS=-Db=2; }}{MORE}",
    f"f ()\n{{\n if true; then JAVA_OPTS=-Db=2; fi\n return 1\n}}{MORE}",
    f'[ -n "" ] && {{\nJAVA_OPTS=-Db=2\n}}{MORE}',
    "{ JAVA_OPTS=-Db=2; }",
    f"false && if true; then JAVA_OPTS=-Db=2; fi{MORE}",
    "return 0\nJAVA_OPTS=-Db=2",
    'if [ "$1" = run ]; then return; fi\nJAVA_OPTS=-Db=2',
    '[ "$1" = stop ] && exit 1\nJAVA_OPTS=-Db=2',
    f"(exit 3){MORE}",
    'export "JAVA_OPTS=$JAVA_OPTS -Db=2"',
    "export X=1 'JAVA_OPTS=-Db=2' Y=2",
    'eval "set -- $JAVA_OPTS"; eval : JAVA_OPTS',
    f'printf "%s" JAVA_OPTS=-Db=2 >/dev/null{MORE}',
]
"""What a reader takes for assignments that are none, or does not find."""


@needs("dash", "bash", "busybox")
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_commands_around_assignments(shell: list[str]) -> None:
    for command in COMMANDS:
        text = f"{SET}{command}\n"
        done = subprocess.run([*shell, "-c", CATALINA], input=text, capture_output=True, text=True)
        given = done.stdout.split("\0")[:-1]
        found = options(text)
        assert [option.text for option in found if option.known] + ["end"] == given, text
        assert len(found) == len(given) - 1


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
