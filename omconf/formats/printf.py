r"""Bytes written as a format of printf(1) in POSIX shells: how omconf and a node hand files over.

Source: POSIX, printf: `%%`, and `\ddd` with three octal digits; tried with dash, bash and BusyBox.
"""

from __future__ import annotations

from omconf.regex import regex

_PLAIN = regex(rb"[A-Za-z0-9_./:=@,+ \"'<>(){}\[\]#;!?*&$^~`-]")
_WRITTEN = tuple(
    bytes([byte])
    if _PLAIN.fullmatch(bytes([byte]))
    else b"%%"
    if byte == 0x25
    else b"\\%03o" % byte
    for byte in range(256)
)
_CODE = regex(rb"\\([0-7]{3})|%%")


def written(data: bytes | str) -> bytes:
    """Write bytes in printable ASCII without `|`; a leading `-` is no option of printf then."""
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    text = b"".join([_WRITTEN[byte] for byte in raw])
    return b"\\055" + text[1:] if text.startswith(b"-") else text


def meaning(text: bytes) -> bytes:
    """Read back what `written` wrote; anything else stays as it is."""
    return _CODE.sub(lambda found: bytes([int(found[1], 8) & 255]) if found[1] else b"%", text)
