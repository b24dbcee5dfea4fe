"""Where the spec's secrets come from: references that may travel everywhere, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never

from omconf.dataclass import dataclass
from omconf.secrets import Secret, SecretFile, masked

if TYPE_CHECKING:
    from collections.abc import Mapping

Source = Literal["env", "file", "command"]
COMMAND_SECONDS = 30
MAX_PRINTED = 65536
"""Bytes that a secret's command may print."""
MAX_FILE = 65536
"""Bytes of a file that is a secret as a whole."""
_MAX_BESIDE = 100
"""As many lines after a secret's own are never shown either."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """How the spec names a secret: `{env: NAME}`, `{file: PATH}` or `{command: [argv, ...]}`."""

    source: Source
    argument: tuple[str, ...]
    base: str = "."
    """Folder that a relative file path starts from, and in which a command runs: the spec's."""
    whole: bool = False
    """Whether all that is read counts, byte by byte, and not its first line alone."""
    public: bool = False
    """Whether everybody may read the file: a certificate."""

    def __str__(self) -> str:
        whole = ", whole: true" if self.whole else ""
        return f"{{{self.source}: {' '.join(self.argument)}{whole}}}"


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Why a secret could not be read; a command's own complaint is shown, what it printed never."""

    why: str


def resolve(ref: SecretRef) -> Secret | Unresolved:
    """Read a secret now, from the environment, a file or a command; the first line counts, or all."""
    match ref.source:
        case "env":
            return _from_environment(ref)
        case "file":
            return _from_file(ref)
        case "command":
            return _from_command(ref)
        case unknown:
            assert_never(unknown)


def _counted(ref: SecretRef, data: bytes, what: str) -> Secret | Unresolved:
    """Take what counts of what was read."""
    if not ref.whole:
        return _first_line(data, what)
    if len(data) > MAX_FILE:
        return Unresolved(f"{what} holds more than {MAX_FILE // 1024} KiB")
    if not data:
        return Unresolved(f"{what} is empty")
    return SecretFile(data.decode("utf-8", "surrogateescape"))


def _first_line(data: bytes, what: str) -> Secret | Unresolved:
    try:
        text = data.decode("utf-8-sig")  # editors on Windows begin a file with a byte order mark
    except UnicodeDecodeError:
        return Unresolved(f"{what} is not UTF-8 text")
    line, *others = (line.removesuffix("\r") for line in text.split("\n"))
    beside = [other.strip() for other in others[:_MAX_BESIDE] if other.strip()]
    return Secret(line, *beside) if line else Unresolved(f"{what} is empty")


def _from_environment(ref: SecretRef) -> Secret | Unresolved:
    import os

    name = ref.argument[0]
    value = os.environb.get(name.encode())
    if value is None:
        return Unresolved(f"the environment variable {name} is not set")
    if b"\n" in value and not ref.whole:
        return Unresolved(f"the environment variable {name} holds a line break")
    return _counted(ref, value, f"the environment variable {name}")


def _from_file(ref: SecretRef) -> Secret | Unresolved:
    import os

    from omconf.files import read

    path = Path(ref.base, ref.argument[0])
    try:
        found = read.start(str(path), MAX_FILE + 1)
    except read.NotRegularError:
        return Unresolved(f"{path} is not a file")
    except OSError as error:
        literal = ref.argument[0].startswith("~") or "$" in ref.argument[0]
        more = "; `~` and `$NAME` are not replaced, write the whole path" if literal else ""
        return Unresolved(f"the file {path} cannot be read: {error.strerror}{more}")
    mode = found.status.st_mode
    if found.status.st_uid not in (0, os.geteuid()):
        return Unresolved(f"the file {path} belongs to another user; run: chown $USER {path}")
    if mode & (0o002 if ref.public else 0o007):
        return Unresolved(
            f"the file {path} can be {'' if ref.public else 'read or '}changed by others"
            f" (mode {mode & 0o777:04o}); run: chmod {'o-w' if ref.public else '600'} {path}"
        )
    return _counted(ref, found.data, f"the file {path}")


def _from_command(ref: SecretRef) -> Secret | Unresolved:
    from omconf import process

    name = ref.argument[0]
    done = process.run(ref.argument, seconds=COMMAND_SECONDS, limit=MAX_PRINTED, cwd=ref.base)
    if done.problem:
        return Unresolved(f"the command {name} gives none: {done.problem}")
    if done.code != 0:
        said = _complaint(done.error, done.out) or "it does not say why"
        how = (
            f"failed with exit code {done.code}"
            if done.code > 0
            else f"was ended by signal {-done.code}"
        )
        return Unresolved(f"the command {name} {how}: {said}")
    return _counted(ref, done.out, f"the output of the command {name}")


def _complaint(stderr: str, stdout: bytes) -> str:
    """Return a failed command's own words, unless it printed: they may repeat a part of the secret."""
    said = stderr.strip()
    if said and stdout.strip():
        return "its stderr is hidden, since it may repeat what was printed to stdout"
    return masked(said)[:500]


class Secrets:
    """The spec's secrets by placeholder name, each read at most once and only when asked for."""

    def __init__(
        self, refs: Mapping[str, SecretRef], known: Mapping[str, Secret] | None = None
    ) -> None:
        self._refs = dict(refs)
        self._known: dict[str, Secret | Unresolved] = dict(known or {})
        self._needed: set[str] = set()

    @property
    def names(self) -> list[str]:
        """The placeholders' names."""
        return list(self._refs)

    def ref(self, name: str) -> SecretRef:
        """Return how the spec names a placeholder's secret."""
        return self._refs[name]

    def get(self, name: str) -> Secret | Unresolved:
        """Return the secret of a placeholder, read now if it was not yet."""
        self._needed.add(name)
        return self.look(name)

    def look(self, name: str) -> Secret | Unresolved:
        """Return a secret that is only to be hidden: that it cannot be read is no fault."""
        if name not in self._known:
            self._known[name] = resolve(self._refs[name])
        return self._known[name]

    @property
    def known(self) -> list[Secret]:
        """Those that were read."""
        return [value for value in self._known.values() if isinstance(value, Secret)]

    @property
    def unresolved(self) -> dict[str, Unresolved]:
        """Those that were asked for and could not be read."""
        known = ((name, self._known[name]) for name in sorted(self._needed))
        return {name: value for name, value in known if isinstance(value, Unresolved)}

    def all(self) -> dict[str, Secret]:
        """Read all; those that cannot be read are in `unresolved` afterwards."""
        found = {name: self.get(name) for name in sorted(self._refs)}
        return {name: value for name, value in found.items() if isinstance(value, Secret)}
