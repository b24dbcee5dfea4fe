"""The generated project, to be looked at by hand: `ansible-playbook omconf.yml --check --diff`.

It is the project that omconf itself runs, with an inventory and the plan of each node. Nothing in it
depends on the time or the place where it is written.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from omconf.ansible.inventory import START
from omconf.ansible.session import PLAYBOOK, PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.ansible.inventory import Inventory

FOLDERS = ("action_plugins", "callback_plugins")
INVENTORY = "inventory.yml"
README = """\
# A plan of omconf, as a project of Ansible

omconf wrote this folder for review (`--keep`). It holds no secrets.

    ansible-playbook {playbook} --check --diff

prints the plan of each node as omconf made it. It logs in to each node and runs `true` there; nothing
is compared again and nothing is written. Without `--check` the task fails: the order of nodes, the
checks between them and the way back are omconf's. To carry the plan out:

    omconf apply {options}

- `{playbook}`: the playbook that omconf runs.
- `action_plugins/omconf_node.py`: its task, which runs on a node what omconf sends.
- `callback_plugins/omconf_report.py`: reports to omconf how the task ended on each host.
- `{inventory}`: which host is which node{beside}.
- `plan.json`: the plan of each node, as text.
- `ansible.cfg`: names the inventory. When omconf runs the playbook, your own configuration counts
  instead; to look at this project with yours, set ANSIBLE_CONFIG, and name the inventory by `-i`.
"""
SETTINGS = """\
# omconf: where the inventory of this project is.
[defaults]
inventory = {inventory}
retry_files_enabled = False
"""
STARTS = {
    "README.md": README.partition("\n")[0].encode(),
    "ansible.cfg": SETTINGS.partition("\n")[0].encode(),
    INVENTORY: START.encode(),
    PLAYBOOK: b"# omconf: runs on each node ",
    "plan.json": b'{\n  "omconf_plan": ',
    "action_plugins/omconf_node.py": b"# Copyright The omconf developers\n",
    "callback_plugins/omconf_report.py": b"# Copyright The omconf developers\n",
}
"""How each file begins: another one is never replaced."""


def files(
    inventory: Inventory, plans: Mapping[str, str], folder: str, *, become: bool, options: str
) -> dict[str, bytes]:
    """Return the files of the project by their path in it.

    `plans` are the texts of the nodes that change, `options` those of `omconf apply`. A user's own
    inventory is named as it is seen from `folder`.
    """
    own = ""
    if inventory.file:
        own = os.path.relpath(os.path.realpath(inventory.file), os.path.realpath(folder)) + ","
    texts = {
        "README.md": README.format(
            playbook=PLAYBOOK,
            inventory=INVENTORY,
            options=options,
            beside=", beside your own inventory" if own else "",
        ),
        "ansible.cfg": SETTINGS.format(inventory=f"{own}{INVENTORY}"),
        INVENTORY: inventory.text(become=become),
        "plan.json": json.dumps({"omconf_plan": 1, "nodes": dict(plans)}, indent=2) + "\n",
    }
    copied = {name: (PROJECT / name).read_bytes() for name in STARTS if name not in texts}
    return {name: text.encode() for name, text in texts.items()} | copied
