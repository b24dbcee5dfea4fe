"""The environment in which Ansible's programs run."""

from __future__ import annotations

import os

SETTINGS = {
    "ANSIBLE_DEBUG": "False",  # it prints what commands print, secrets in deployed files included
    "ANSIBLE_DEPRECATION_WARNINGS": "False",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_NOCOLOR": "True",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""What overrides the user's own configuration."""


def environment(hidden: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return the environment of Ansible's programs: the user's own, without variables of secrets."""
    return {name: value for name, value in os.environ.items() if name not in hidden} | SETTINGS
