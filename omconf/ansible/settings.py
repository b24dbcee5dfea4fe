"""The environment in which Ansible's programs run."""

from __future__ import annotations

import os
import re

from omconf.secrets import last_line

SETTINGS = {
    "ANSIBLE_DEBUG": "False",  # it prints what commands print, secrets in deployed files included
    "ANSIBLE_DEPRECATION_WARNINGS": "False",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_NOCOLOR": "True",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
    "ANSIBLE_RUN_TAGS": "all",  # tags choose among the tasks of playbooks, of which omconf has one
    "ANSIBLE_SKIP_TAGS": "",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""What overrides the user's own configuration."""
NO_MORE = "No inventory was parsed"
"""What Ansible says last; the reason comes before."""
WORDS = ("vault", "Failed to parse", "Unable to parse")
"""Words of the lines that say it best, the best first."""
NO_TERMINAL = (
    "omconf gives Ansible no terminal: name files of passwords, by vault_password_file or"
    " become_password_file."
)


def environment(hidden: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return the environment of Ansible's programs: the user's own, without variables of secrets."""
    return {name: value for name, value in os.environ.items() if name not in hidden} | SETTINGS


def reason(printed: str) -> str:
    """Return why one of Ansible's programs failed, from what it printed, masked; empty for nothing."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    errors = [
        line for line in lines if line.startswith(("ERROR", "[ERROR")) and NO_MORE not in line
    ]
    parsing = [line for word in WORDS for line in lines if word in line]
    found = (errors[-1:] or parsing or lines[-1:] or [""])[0]
    return last_line([re.sub(r"^(\[?(ERROR|WARNING)\]?[!:]?)[\s*]*", "", found)])


def hint(why: str) -> str:
    """Return what helps where Ansible wants to ask somebody; empty if it does not."""
    return NO_TERMINAL if "prompt" in why or "EOF" in why else ""
