"""An Ansible that is told to log and to keep all it can, and what it learns so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CALLBACK = '''\
"""Writes down all that a callback is given."""

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "tells_all"
    CALLBACK_NEEDS_ENABLED = True

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if not name.startswith("v2_"):
            return found

        def told(*given, **named):
            with open("{file}", "a") as file:
                for each in (name, *given, *named.values()):
                    file.write(f"{{each}} {{getattr(each, '__dict__', '')}}\\n")
                    for part in ("_result", "result", "task_fields", "_task_fields"):
                        file.write(f"{{getattr(each, part, '')}}\\n")
            return found(*given, **named)

        return told
'''


def settings(folder: Path) -> dict[str, str]:
    """The settings of a user who wants to see all; what they write is in the folder."""
    plugins = folder / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "tells_all.py").write_text(CALLBACK.format(file=folder / "told"))
    return {
        "ANSIBLE_VERBOSITY": "4",
        "ANSIBLE_DEBUG": "1",
        "ANSIBLE_LOG_PATH": str(folder / "log"),
        "ANSIBLE_NO_LOG": "0",
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1",
        "ANSIBLE_DIFF_ALWAYS": "1",
        "ANSIBLE_CALLBACK_PLUGINS": str(plugins),
        "ANSIBLE_CALLBACKS_ENABLED": "tells_all",
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        "ANSIBLE_GATHERING": "smart",
        "ANSIBLE_RETRY_FILES_ENABLED": "1",
        "ANSIBLE_RETRY_FILES_SAVE_PATH": str(folder / "retry"),
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
    }


def kept(*folders: Path) -> dict[str, bytes]:
    """All that was written in some folders."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


@contextmanager
def seen(folder: Path) -> Iterator[dict[str, bytes]]:
    """Look all the time at the arguments and the environment of what these settings reach.

    That is Ansible and what it starts; omconf itself, which has the secrets, is left out.
    """
    found: dict[str, bytes] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    words = (process / "cmdline").read_bytes()
                    variables = (process / "environ").read_bytes()
                    if str(folder).encode() in variables and b"\0omconf\0" not in words:
                        found[f"{process.name} {words[:200]!r}"] = words + variables

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
