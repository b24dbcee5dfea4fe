"""Samba's lists of hosts: `hosts allow` and `hosts deny`.

Source: smb.conf(5), hosts_access(5), and lib/util/access.c of Samba 4.17.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PREFIX = regex(r"(?:[0-9]{1,3}\.){1,3}")


def allows(address: str, allow: str, deny: str = "") -> bool | None:
    """Tell whether the lists let an IPv4 address in; None where names decide that are not known."""
    allow_words, deny_words = allow.split(), deny.split()
    allowed = _matches(address, allow_words) if allow_words else False
    if allowed or (allowed is None and not deny_words):
        return allowed
    if not deny_words:
        return not allow_words
    denied = _matches(address, deny_words)
    if allowed is None:
        return True if denied is False else None
    return None if denied is None else not denied


def _matches(address: str, words: Sequence[str]) -> bool | None:
    """Tell whether a list has an address: before its EXCEPT, and not in the list behind it."""
    lists: list[list[str]] = [[]]
    for word in words:
        if word.upper() == "EXCEPT":
            lists.append([])
        else:
            lists[-1].append(word)
    besides: bool | None = False
    for each in reversed(lists):
        found = _any(_is(address, word) for word in each)
        besides = (
            found if besides is False or found is False else None if besides is None else False
        )
    return besides


def _any(answers: Iterable[bool | None]) -> bool | None:
    known = list(answers)
    return True if True in known else None if None in known else False


def _is(address: str, word: str) -> bool | None:
    if word.upper() == "ALL":
        return True
    if _PREFIX.fullmatch(word):
        return address.startswith(word)
    slash = "/" in word
    try:
        if not slash:
            told = ipaddress.ip_address(word)
            mapped = told.ipv4_mapped if told.version == 6 else None
            return (mapped or told) == ipaddress.ip_address(address)
        return ipaddress.ip_address(address) in ipaddress.ip_network(word, strict=False)
    except ValueError:
        return None
