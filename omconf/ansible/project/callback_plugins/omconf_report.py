# Copyright The omconf developers
# GNU General Public License v3.0 or later, as it uses Ansible's code (see LICENSES/GPL-3.0-or-later.txt
# of omconf or https://www.gnu.org/licenses/gpl-3.0.txt).
"""Tells omconf, as JSON lines through its socket, how the task ended on each host."""

from __future__ import annotations

import json
import os
import socket

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Reports each host's end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "omconf_report"

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._omconf = None
        if path := os.environ.get("OMCONF_SOCKET"):
            self._omconf = socket.socket(socket.AF_UNIX)
            self._omconf.connect(path)

    def _tell(self, result, end):
        if self._omconf is None:
            return
        host = getattr(result, "host", None) or result._host
        found = getattr(result, "result", None) or result._result
        told = {"host": host.get_name(), "end": end, "text": str(found.get("msg") or "")[:2000]}
        try:
            self._omconf.sendall(json.dumps(told).encode() + b"\n")
        except OSError:
            self._omconf = None  # omconf is gone

    def v2_runner_on_ok(self, result):
        """Report it."""
        self._tell(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        """Report it."""
        self._tell(result, "failed")

    def v2_runner_on_unreachable(self, result):
        """Report it."""
        self._tell(result, "unreachable")

    def v2_runner_on_skipped(self, result):
        """Report it."""
        self._tell(result, "skipped")
