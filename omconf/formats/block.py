"""The block: lines that omconf owns inside a file that others edit too (`/etc/exports`, fstab).

On a node the block stands between `# BEGIN omconf: CLUSTER` and `# END omconf: CLUSTER`, so one host
may serve two clusters. Everything outside is kept to the byte, save for entries with the same key as
one of ours, which the block takes over.
"""

from __future__ import annotations

from dataclasses import dataclass
