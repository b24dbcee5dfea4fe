"""The command line: arguments, exit codes, where output goes; no logic."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, TextIO

from omconf import interrupts

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


_STREAMS = "omconf-streams"
"""The option -X of Python by which `_in_utf8` passes on the encoding of the standard streams."""
_encoding = sys._xoptions.get(_STREAMS)  # noqa: SLF001 - it is documented, and has no other name


class UnwrittenError(OSError):
    """Raised when stdout or stderr takes no output, as no other file or program does."""


class _Stream(io.FileIO):
    """A standard stream, whose errors can be told from those of files.

    That its reader went away (`| head -n 1`) is none: what is left goes nowhere, and the command does
    and ends as it would have.
    """

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            _drop(self)
            return super().write(data)
        except OSError as error:
            raise UnwrittenError(error.errno, error.strerror) from error


def main() -> NoReturn:
    """Run omconf; exit 0 fine, 1 error (a wrong command line too), 2 changes where asked for.

    SIGINT, SIGTERM and SIGHUP end it by that signal, after it has ended what it started.
    """
    _in_utf8()
    gc.disable()  # the process ends before cycles of garbage matter, and starts 7 % sooner
    try:
        interrupts.install()
        _open_streams()
        code = _flushed(run_command(sys.argv[1:]))
        interrupts.uninstall()
    except interrupts.Interrupted as interrupted:
        interrupts.die(interrupted.number)
    gc.freeze()  # or the interpreter looks through all objects for cycles as it ends
    sys.exit(code)


def _in_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale has file names in another encoding.

    The bytes of a bundle, of its paths too, and what a plan compares them with are UTF-8 whatever
    the locale; PEP 540. The standard streams keep the locale's encoding, for the terminal.
    """
    if sys.getfilesystemencoding() == "utf-8" or _encoding or not sys.executable:
        return
    streams = getattr(sys.stdout or sys.stderr, "encoding", "utf-8")
    options = ["-X", "utf8", "-X", f"{_STREAMS}={streams}"]
    with suppress(OSError):
        words = [sys.executable, *options, *sys.orig_argv[1:]]
        os.execv(words[0], words)  # noqa: S606 - it is this program again


def _open_streams() -> None:
    """See that stdin, stdout and stderr are there, so that no file takes the number of one.

    A closed one becomes /dev/null, opened the wrong way round for stdin and stdout: its use is an
    error, as with a closed one. What would go to a closed stderr is dropped.
    """
    for number, way in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, way)  # takes the lowest number that is free, which is this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = _opened(1, sys.stdout)  # type: ignore[arg-type]
    sys.stderr = _opened(2, sys.stderr)  # type: ignore[arg-type]


def _opened(number: int, stream: io.TextIOWrapper) -> TextIO:
    """Open a standard stream as Python has it, with errors that are known as its own."""
    raw = _Stream(number, "w", closefd=False)
    raw.name = stream.name
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        str(_encoding or stream.encoding),
        # A terminal that cannot show a character gets its escape, never a traceback.
        "backslashreplace",
        line_buffering=stream.line_buffering or stream.write_through,
    )


def _flushed(code: int) -> int:
    """Write out what is left of the output; returns the exit code that follows."""
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _unwritten(error)
    try:
        sys.stderr.flush()
    except OSError:
        _drop(sys.stderr)  # Python would try again as it ends, and exit with 120
    return code


def _unwritten(error: OSError) -> int:
    """Report output that could not be written; returns the exit code."""
    _complain(f"omconf: the output cannot be written: {error.strerror}")
    _drop(sys.stdout)
    return 1


def _reason(error: OSError) -> str:
    """Say what is wrong; without a folder to begin at, no relative path can be made a whole one."""
    try:
        os.getcwd()
    except FileNotFoundError as gone:
        return f"the current folder is gone: {gone.strerror}"
    except OSError:
        pass
    return error.strerror or type(error).__name__


def _complain(text: str) -> None:
    """Print a line to stderr; one that cannot be printed is lost, and the exit code tells."""
    with suppress(OSError):
        print(text, file=sys.stderr)  # noqa: T201


def _drop(stream: TextIO | _Stream) -> None:
    """Let what is still written to a stream go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def run_command(arguments: list[str]) -> int:
    """Run one command; returns its exit code. Findings are printed, never raised."""
    import typer
    from typer.main import get_command

    from omconf.cli import completion, output
    from omconf.cli.app import COMMANDS, application

    if completion.VARIABLE in os.environ:
        completion.answer()
    named = next((word for word in arguments if not word.startswith("-")), "")
    try:
        code = get_command(application(named)).main(
            arguments, prog_name="omconf", standalone_mode=False
        )
    except SystemExit as ended:  # a shell was told what completes its line
        return int(ended.code or 0)
    except (typer.Abort, KeyboardInterrupt):
        _complain("omconf: interrupted")
        return 130
    except UnwrittenError as error:
        return _unwritten(error)
    except OSError as error:
        _complain(f"omconf: the system reports an error: {_reason(error)}")
        return 1
    except MemoryError:
        _complain(f"omconf: the system reports an error: {os.strerror(errno.ENOMEM)}")
        return 1
    except Exception as error:
        # Typer carries click's exceptions, by different names in its versions: they can `show`.
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            output.wrong_usage(error, arguments, named if named in COMMANDS else "")
            return 1
        if os.environ.get("OMCONF_DEBUG"):
            raise
        # The text of an unforeseen error may hold anything, a secret too: only its kind is shown.
        message = f"omconf: an unforeseen {type(error).__name__}: this is a bug in omconf."
        _complain(f"{message} Set OMCONF_DEBUG=1 to see where.")
        return 1
    return code if isinstance(code, int) else 0
