"""The command line: arguments, exit codes, where output goes; no logic."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run omconf; exit 0 fine, 1 error (a wrong command line too), 2 changes where asked for."""
    gc.disable()  # the process ends before cycles of garbage matter, and starts 7 % sooner
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape, never a traceback.
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    code = run_command(sys.argv[1:])
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        code = _unwritten(error)
    gc.freeze()  # or the interpreter looks through all objects for cycles as it ends
    sys.exit(code)


def _unwritten(error: OSError) -> int:
    """Say that the output could not be written, unless its reader simply went away."""
    if not isinstance(error, BrokenPipeError):
        print(f"omconf: the output cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
    _drop_stdout()
    return 1


def _drop_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run_command(arguments: list[str]) -> int:
    """Run one command; returns its exit code. Findings are printed, never raised."""
    import typer
    from typer.main import get_command

    from omconf.cli.app import app

    try:
        code = get_command(app).main(arguments, prog_name="omconf", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        print("omconf: interrupted", file=sys.stderr)  # noqa: T201
        return 130
    except OSError as error:
        return _unwritten(error)
    except Exception as error:
        # Typer carries click's exceptions, by different names in its versions: they can `show`.
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            error.show(file=sys.stderr)
            return 1
        if os.environ.get("OMCONF_DEBUG"):
            raise
        # The text of an unforeseen error may hold anything, a secret too: only its kind is shown.
        message = f"omconf: an unforeseen {type(error).__name__}: this is a mistake in omconf."
        print(message, "OMCONF_DEBUG=1 shows where.", file=sys.stderr)  # noqa: T201
        return 1
    return code if isinstance(code, int) else 0
