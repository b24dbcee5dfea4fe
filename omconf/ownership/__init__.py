"""How much of a file on a node is omconf's: all of it, a block of lines, or single keys.

Each way of owning knows, in one module: where its content lies in a bundle, what counts of a deployed
file now, what of it is omconf's, and what the file shall be. Nothing else asks which way it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts.contents import Ownership
from omconf.ownership.block import Block
from omconf.ownership.keys import Keys
from omconf.ownership.whole import Whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.ownership.model import Owned

OWNED: Mapping[Ownership, Owned] = {
    Ownership.FILE: Whole(),
    Ownership.BLOCK: Block(),
    Ownership.KEYS: Keys(),
}
