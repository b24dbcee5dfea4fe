"""The content of an artifact: lines with their origins, placeholders of secrets, ownership."""

from __future__ import annotations

import hashlib
import re
from dataclasses import field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from omconf.dataclass import dataclass
from omconf.origin import Value
from omconf.rules import UNUSABLE_FILE
from omconf.secrets import masked, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omconf.artifacts.reading import Reading
    from omconf.origin import Origin
    from omconf.secret_sources import SecretRef
    from omconf.secrets import Secret


class Ownership(StrEnum):
    """Which part of a file on the node belongs to omconf."""

    FILE = "file"
    BLOCK = "block"
    KEYS = "keys"


class UnfitSecretError(ValueError):
    """A secret that a file's format cannot represent: the reason without its value, and its name."""

    def __init__(self, why: str, name: str) -> None:
        super().__init__(why)
        self.name = name


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A secret in a file: `@omconf:NAME@` stands for the whole encoded value.

    `encode` turns the plain secret into the text that the file's format needs; it raises ValueError
    (without the value) if the format cannot represent it.
    """

    name: str
    ref: SecretRef
    encode: Callable[[str], str] = field(compare=False)

    @property
    def text(self) -> str:
        """The placeholder as written in a bundle."""
        return f"@omconf:{self.name}@"

    def value(self, secret: Secret) -> str:
        """Return the text that replaces the placeholder.

        Raises UnfitSecretError if the format cannot represent it.
        """
        try:
            value = self.encode(secret.reveal())
        except ValueError as error:
            raise UnfitSecretError(str(error), self.name) from None
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise UnfitSecretError("a file cannot contain half of a surrogate pair", self.name)
        return value


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an artifact, without its line end, and the origins of the values in it."""

    text: str
    origins: tuple[Origin, ...]


def line(*parts: str | Value[Any] | Placeholder, why: Iterable[Origin] = ()) -> Line:
    """Join text and values into a line; its origins are `why`, then those of the values."""
    text = "".join(
        str(p.value) if isinstance(p, Value) else p.text if isinstance(p, Placeholder) else p
        for p in parts
    )
    origins = (*why, *(p.origin for p in parts if isinstance(p, Value)))
    return Line(text, tuple(dict.fromkeys(origins)))


@dataclass(frozen=True, slots=True)
class Meaning:
    """The expected result of reading an artifact back: an independent check of its escaping.

    Not for XML, which is validated by schema, and whose escaped text cannot end an element.

    `items` are in the file's own notation, by key. With `whole`, nothing else may be found. `sample`
    has the lines to read instead of all, if the others differ only in an IPv4 address.
    """

    read: Callable[[str], Reading]
    items: Mapping[str, str]
    whole: bool = True
    sample: tuple[Line, ...] = ()

    def fault(self, lines: tuple[Line, ...]) -> str:
        """Describe what is read differently, without any value; empty if nothing is."""
        reading = self.read("".join([line.text + "\n" for line in self.sample or lines]))
        refused = next((f for f in reading.findings if f.rule is UNUSABLE_FILE), None)
        if reading.broken or refused:
            return f"its program would refuse it{f' at line {refused.line}' if refused else ''}"
        for key, value in self.items.items():
            if reading.items.get(key) not in (value, masked(value)):
                return f"`{quoted(key)}` is read back with a different value"
        more = len(reading.items) - len(self.items)
        return f"{more} unexpected items would be read" if self.whole and more else ""


class Contents:
    """The contents of a file: its lines, and the placeholders of secrets in them."""

    lines: tuple[Line, ...]
    mode: int
    placeholders: tuple[Placeholder, ...]
    path: str
    meaning: Meaning | None
    whole_secret: bool = False
    """Whether the whole file is one secret, which may be binary."""

    @property
    def text(self) -> str:
        """The whole text, with its placeholders."""
        return self.data.decode()

    @cached_property
    def data(self) -> bytes:
        """The text as written in a bundle, in UTF-8."""
        return "".join([line.text + "\n" for line in self.lines]).encode()

    @property
    def sensitive(self) -> bool:
        """Whether the filled file contains a secret."""
        return bool(self.placeholders)

    def filled(self, secrets: Mapping[str, Secret]) -> str:
        """Return the text with the placeholders replaced by secrets (by placeholder name).

        Raises UnfitSecretError for a secret that the format cannot represent.
        """
        if not self.placeholders:
            return self.text
        if self.whole_secret:
            (place,) = self.placeholders
            return secrets[place.name].reveal()
        values = {p.text: p.value(secrets[p.name]) for p in self.placeholders}
        pattern = "|".join(re.escape(text) for text in values)
        return re.sub(pattern, lambda found: values[found.group()], self.text)


@dataclass(frozen=True)
class Artifact(Contents):
    """One file (or block, or set of keys) of one node: its path, access and contents."""

    kind: str
    path: str
    ownership: Ownership
    lines: tuple[Line, ...]
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    placeholders: tuple[Placeholder, ...] = ()
    schema: str | None = None
    """The XSD in schemas/ that validates the text; None if it is not XML."""
    meaning: Meaning | None = field(default=None, compare=False, repr=False)
    aliases: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Keys of hand-made entries that mean an entry of this block, such as a client by name."""
    whole_secret: bool = False

    def is_filled(self, text: str) -> bool:
        """Tell whether a text equals this one, where a placeholder matches any text.

        Whether that text is the right secret is not checked.
        """
        if self.whole_secret:
            return True
        pattern = "|".join(re.escape(p.text) for p in self.placeholders)
        head, *others = re.split(pattern, self.text) if pattern else [self.text]
        if not others:
            return text == head
        if not text.startswith(head):
            return False
        position = len(head)
        for part in others:
            position = text.find(part, position)
            if position < 0:
                return False
            position += len(part)
        return position == len(text)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of `data` in hex, as a node's manifest lists it."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class ExternalFile(Contents):
    """A file for the administrator of the data or database server; `path` is relative to the bundle."""

    path: str
    lines: tuple[Line, ...]
    mode: int = 0o644
    placeholders: tuple[Placeholder, ...] = ()
    meaning: Meaning | None = field(default=None, compare=False, repr=False)
