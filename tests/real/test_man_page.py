"""The man page: as fresh as the commands, and without a warning of groff's."""

from __future__ import annotations

import subprocess

from omconf.cli.app import COMMANDS
from tests import man_page
from tests.needs import needs


def test_it_is_fresh() -> None:
    assert man_page.PAGE.read_text() == man_page.page(), "run `make schemas`"


@needs("groff")
def test_groff_reads_it_without_a_warning() -> None:
    words = ["groff", "-man", "-Tutf8", "-ww", "-rLL=78n", "-P-cbou", str(man_page.PAGE)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for command in COMMANDS:
        assert f"   {command}" in done.stdout
    assert "--detailed-exitcode" in done.stdout
