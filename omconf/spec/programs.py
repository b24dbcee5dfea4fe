"""Checks of what goes to the programs beside: the JVM, Spring, the media server, TURN."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from omconf.formats import java, urls
from omconf.regex import regex
from omconf.rules import OUT_OF_RANGE, UNCARRIABLE, UNKNOWN_ZONE, WRONG_VALUE
from omconf.spec.refusal import refuse, short


def minutes(value: int) -> int:
    """Check a time in minutes: up to a week."""
    if not 1 <= value <= 10080:
        refuse(OUT_OF_RANGE, f"{short(value)} minutes are out of range (1 to 10080, a week).")
    return value


_OFFSET = regex(r"(?i)(?:GMT|UTC)?([+-]\d{1,2})(?::?(\d\d))?")


def _zone_of(hours: int) -> str:
    """Return the zone that is this many hours east of Greenwich; its name has the sign of the west."""
    return f"Etc/GMT{-hours:+d}"


_NOT_JAVAS = ("ROC", "Factory")
"""Zones that the JVM takes for GMT all the same (measured: 17.0)."""

_ABBREVIATION = regex(r"[A-Z]{1,5}|[a-z]{1,5}")
"""`CEST`, `PST`: the JVM knows some (measured: 17.0), and the most similar name is another zone."""


_ALIKE = 0.88
"""How similar a mistyped zone is: `Asia/Calcuta`, but not `Asia/Mumbai` and `Asia/Dubai`."""


def _zone_meant(value: str, known: list[str]) -> str | None:
    """Return the zone of a city (`Paris`, `new york`) or of a typing mistake; None where in doubt."""
    from difflib import get_close_matches

    text = value[:80].strip().replace(" ", "_").lower()
    lower = {zone.lower(): zone for zone in known}
    if text in lower:
        return lower[text]
    cities = [zone for name, zone in lower.items() if name.endswith(f"/{text}")]
    if cities:
        return cities[0] if len(cities) == 1 else None
    near = get_close_matches(text, lower, n=1, cutoff=_ALIKE)
    return lower[near[0]] if near else None


def time_zone(value: str) -> str:
    """Check the name of a time zone; the JVM takes an unknown one for GMT, without a word.

    The names are those of the tzdata package, so that they are the same on every machine.
    """
    from importlib.resources import files

    if value != "Etc/UTC":
        names = files("tzdata").joinpath("zones").read_text("ascii").split()
        known = [name for name in names if name not in _NOT_JAVAS]
        if value not in known:
            if offset := _OFFSET.fullmatch(value):
                near = _zone_of(int(offset[1])) if int(offset[2] or 0) == 0 else None
                why, more = (
                    "a zone is not an offset from GMT",
                    ", whose sign is the other way round",
                )
            else:
                near, more = _zone_meant(value, known), ""
                short_name = near is None and _ABBREVIATION.fullmatch(value)
                why = (
                    "an abbreviation is not an IANA name"
                    if short_name
                    else "the JVM would use GMT instead"
                )
            hint = (
                f"Write `{near}`{more}."
                if near in known
                else "Write an IANA name, for example `Europe/Berlin`."
            )
            refuse(UNKNOWN_ZONE, f"The time zone `{value[:80]}` is unknown: {why}.", hint)
    return value


def jvm_option(value: str) -> str:
    """Check a JVM option: one word of the command line, as `-Xmx2g` or `-Dname=value`."""
    if not value.startswith("-"):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a JVM option: JVM options start with `-`.",
            "Write one option per item: `-Xmx2g`, `-Dname=value`.",
        )
    if not re.match(r"-\S+ +-", value) and not java.OPTION.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not an option that the JVM accepts in one word and starts with.",
            "Write `-Xmx2g`, `-Dname=value` or `--add-opens=module/package=ALL-UNNAMED`, for example.",
        )
    if re.match(r"-\S+ +-", value) and not value.startswith(java.COMMANDS):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` are two options: the JVM would read them as one.",
            "Write each as its own item.",
        )
    return value


def spring_text(value: str) -> str:
    """Check a value of openmeetings.properties: Spring replaces `${...}` and `#{...}` in it."""
    if "${" in value or "#{" in value:
        refuse(
            UNCARRIABLE,
            "Spring would read `${` or `#{` as the start of an expression.",
            "Write the value itself.",
        )
    return value


def kurento_url(value: str) -> str:
    """Check a media server's URL: WebSocket, a host, no user info."""
    try:
        parts = urlsplit(value)
        good = parts.port != 0 and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        good = False
    if not good or not urls.MEDIA_SERVER.fullmatch(value) or len(value) > urls.MAX_URL:
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a media server URL.",
            "Write `ws://10.1.1.20:8888/kurento`.",
        )
    return value


def turn_url(value: str) -> str:
    """Check the TURN servers: `host:port` or URLs, joined by commas without spaces."""
    if len(value) > urls.MAX_URL or not all(map(urls.TURN.fullmatch, value.split(","))):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a TURN server.",
            "Write `turn.example.org:3478`; join several with commas, without spaces.",
        )
    return value
