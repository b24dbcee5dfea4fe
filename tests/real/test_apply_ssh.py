"""The tests of carried.py, by ssh."""

from __future__ import annotations

import pytest

from tests.needs import needs
from tests.real.applied import Applied
from tests.real.carried import *  # noqa: F403 - they are run here
from tests.real.machines import NEEDS, Machines

pytestmark = needs(*NEEDS, "sudo")


@pytest.fixture(scope="module")
def cluster(three: Machines) -> Applied:
    return Applied(three)
