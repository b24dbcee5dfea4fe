"""What bash, zsh and fish offer with the scripts of `omconf completion`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from omconf.releases import RELEASES
from omconf.rules import all_rules
from tests.command import EXAMPLES, ROOT, omconf
from tests.needs import needs

BASH = """
source <(omconf completion bash)
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_omconf_completion omconf
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# The completion system of zsh needs a terminal; what it would be told to offer does not.
ZSH = """
compdef() {{ : }}
_arguments() {{ print -r -- "$@" }}
eval "$(omconf completion zsh)"
words=({words}) CURRENT=${{#words}}
_omconf_completion
"""
FISH = """
omconf completion fish | source
complete -C {line}
"""


def offered(shell: str, folder: Path, *words: str) -> list[str]:
    """What a shell offers for the last word, in the folder of an example."""
    program = folder / "omconf"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m omconf "$@"\n')
    program.chmod(0o755)
    line = shlex.join(["omconf", *words[:-1]]) + f" {words[-1]}"
    script = {"bash": BASH, "zsh": ZSH, "fish": FISH}[shell]
    filled = script.format(words=shlex.join(["omconf", *words]), line=shlex.quote(line))
    paths = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    plain = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [shell, *plain, "-c", filled],
        cwd=EXAMPLES / "clustering-page",
        env={**os.environ, **paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    if shell == "zsh":
        listed = done.stdout.strip().removeprefix("*: :((").removesuffix("))")
        return [each.partition(":")[0] for each in shlex.split(listed)]
    return [line.partition("\t")[0] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    "shell",
    [
        pytest.param("bash", marks=needs("bash")),
        pytest.param("zsh", marks=needs("zsh")),
        pytest.param("fish", marks=needs("fish")),
    ],
)
def test_commands_options_nodes_rules_and_releases(shell: str, tmp_path: Path) -> None:
    assert offered(shell, tmp_path, "val") == ["validate"]
    assert offered(shell, tmp_path, "help", "und") == ["undo"]
    assert offered(shell, tmp_path, "undo", "--lock") == ["--lock-timeout"]
    assert offered(shell, tmp_path, "plan", "--local", "") == ["om1", "om2"]
    assert offered(shell, tmp_path, "explain", "om60") == [
        name.lower() for name in all_rules() if name.startswith("OM60")
    ]
    assert offered(shell, tmp_path, "import", "--release", "9") == [
        name for name in RELEASES if name.startswith("9")
    ]


def test_a_spec_with_errors_or_none_offers_no_nodes(tmp_path: Path) -> None:
    line = {
        "COMP_WORDS": "omconf plan --local o",
        "COMP_CWORD": "3",
        "_OMCONF_COMPLETE": "complete_bash",
    }
    assert omconf(cwd=tmp_path, env=line).out.strip() == ""
    (tmp_path / "cluster.yaml").write_text("nodes: [\n")
    done = omconf(cwd=tmp_path, env=line)
    assert (done.out.strip(), done.err) == ("", "")
    (tmp_path / "cluster.yaml").unlink()
    os.mkfifo(tmp_path / "cluster.yaml")
    assert omconf(cwd=tmp_path, env=line).out.strip() == "", "a pipe is not waited for"


@pytest.mark.parametrize(
    "words",
    [
        "plan zz.yaml --node ",
        "plan zz.yaml --strict -o x --local ",
        "verify zz.yaml --ssh --node zz1 --node ",
        "apply --ssh zz.yaml --node ",
        "plan zz.yaml --node=",
    ],
)
def test_nodes_are_those_of_the_spec_that_was_named(words: str, tmp_path: Path) -> None:
    text = (EXAMPLES / "clustering-page/cluster.yaml").read_text()
    (tmp_path / "cluster.yaml").write_text(text)
    (tmp_path / "zz.yaml").write_text(text.replace("om1", "zz1").replace("om2", "zz2"))

    def completed(words: str) -> list[str]:
        line = {
            "COMP_WORDS": f"omconf {words}",
            "COMP_CWORD": str(len(words.split(" "))),
            "_OMCONF_COMPLETE": "complete_bash",
        }
        return omconf(cwd=tmp_path, env=line).out.split()

    assert completed(words) == ["zz1", "zz2"]
    assert completed(words.replace("zz.yaml", "no-such.yaml")) == []
    assert completed(words.replace("zz.yaml", "cluster.yaml")) == ["om1", "om2"]
    assert completed(words.replace("zz.yaml ", "")) == ["om1", "om2"]
