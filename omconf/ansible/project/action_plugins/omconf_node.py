# Copyright The omconf developers
# GNU General Public License v3.0 or later, as it uses Ansible's code (see LICENSES/GPL-3.0-or-later.txt
# of omconf or https://www.gnu.org/licenses/gpl-3.0.txt).
"""The task on each node: runs what omconf sends, by the connection that the inventory describes.

omconf listens on a socket that only its own user can reach. It sends a command, with what the command
reads, and gets its exit code and what it printed. Nothing of that passes through variables, results or
the log. In check mode omconf's plan is shown and nothing is run but `true`.
"""

from __future__ import annotations

import json
import os
import select
import socket

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.release import __version__

BEAT_SECONDS = 5
ALIVE = "-o ServerAliveInterval=5 -o ServerAliveCountMax=3"
CENSORED = ": <error censored due to no log>"
BY_HAND = "Only `omconf apply --ansible` runs this playbook; by hand, use --check --diff."


class ActionModule(ActionBase):
    """Runs what omconf sends, or shows its plan."""

    TRANSFERS_FILES = False
    _requires_connection = True
    _VALID_ARGS = frozenset(("node",))

    def run(self, tmp=None, task_vars=None):
        """Run the task on one node; `node` is its name in the spec."""
        super().run(tmp, task_vars)
        node = str(self._task.args.get("node") or "")
        if not node:
            return {"failed": True, "msg": "It is no node of omconf's cluster."}
        if self._task.check_mode:
            return self._shown(node)
        path = os.environ.get("OMCONF_SOCKET")
        if not path:
            return {"failed": True, "msg": BY_HAND}
        self._prepare()
        # What keeps a connection from working is Ansible's to report, in its own words.
        result = self._low_level_execute_command("true")
        if result["rc"] != 0:
            return {"failed": True, "msg": _failure(result)}
        # From now on connections print nothing of what is sent, and nothing of what comes back.
        self._connection._play_context.no_log = True
        try:
            with socket.socket(socket.AF_UNIX) as omconf:
                omconf.connect(path)
                self._serve(omconf, node)
        except (OSError, ValueError):
            return {"failed": True, "msg": "The connection to omconf broke."}
        return {"changed": False}

    def _shown(self, node):
        with open(
            os.path.join(os.path.dirname(__file__), "..", "plan.json"), encoding="utf-8"
        ) as file:
            plan = json.load(file)["nodes"].get(node, "")
        result = self._low_level_execute_command("true")
        if result["rc"] != 0:
            return {"failed": True, "msg": _failure(result)}
        shown = {"changed": bool(plan)}
        if plan and self._task.diff:
            shown["diff"] = {"prepared": plan}
        return shown

    def _serve(self, omconf, node):
        """Run what omconf sends until it has nothing more; what it wants to be run last is run then."""
        _send(omconf, {"node": node, "ansible": __version__})
        stream = omconf.makefile("rb")
        beat = last = None
        try:
            while True:
                # Omconf waits for each answer: nothing is left in the buffer meanwhile.
                if not select.select([omconf], [], [], BEAT_SECONDS)[0]:
                    if beat:
                        self._run(*beat)
                    continue
                told = json.loads(stream.readline() or "{}")
                if not told:
                    break
                given = [stream.read(size) for size in told["sizes"]]
                if "keep" in told:
                    beat, last = ((told["keep"], data) for data in given)
                    code, out, error = 0, b"", b""
                else:
                    code, out, error = self._run(told["run"], given[0])
                _send(omconf, {"code": code, "sizes": [len(out), len(error)]}, out, error)
        finally:
            # Also when omconf is gone. A command that still runs there keeps its lock.
            if last:
                self._run(*last)

    def _prepare(self):
        """Have ssh notice a connection that is cut, and never run anything twice."""
        for option, change in (
            ("ssh_extra_args", lambda args: f"{args or ''} {ALIVE}".strip()),
            ("reconnection_retries", lambda _: 0),
        ):
            try:
                self._connection.set_option(option, change(self._connection.get_option(option)))
            except (AttributeError, KeyError):
                continue  # another connection than ssh

    def _run(self, command, data):
        """Run a command; -1 where there is no answer, with the reason."""
        # Whatever goes wrong here may quote what was sent: only Ansible's own words are passed on, to
        # omconf alone.
        try:
            done = self._low_level_execute_command(
                command, in_data=data, encoding_errors="surrogateescape"
            )
        except AnsibleError as error:
            return -1, b"", str(error).replace(CENSORED, "").encode("utf-8", "replace")
        except Exception as error:  # noqa: BLE001 - connections raise anything
            return -1, b"", f"its connection failed ({type(error).__name__})".encode()
        out, error = (
            text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
            for text in (done.get("stdout") or "", done.get("stderr") or "")
        )
        return done["rc"], out, error


def _failure(result):
    said = f"{result.get('stdout') or ''}\n{result.get('stderr') or ''}".split("\n")
    lines = [line.strip() for line in said if line.strip()]
    return f"A command failed with exit code {result['rc']}: {(lines or ['no message'])[-1]}"


def _send(omconf, told, *data):
    omconf.sendall(b"".join([json.dumps(told).encode(), b"\n", *data]))
