"""Samba's lists of hosts: `hosts allow` and `hosts deny`.

Source: smb.conf(5), hosts_access(5), and lib/util/access.c of Samba 4.17.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PREFIX = re.compile(r"(?:[0-9]{1,3}\.){1,3}")


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
    """Tell whether a list has an address: before its EXCEPT, and not behind it."""
    upper = [word.upper() for word in words]
    cut = upper.index("EXCEPT") if "EXCEPT" in upper else len(words)
    found = _any(_is(address, word) for word in words[:cut])
    if found is False or cut == len(words):
        return found
    # Of several EXCEPTs, each takes back what the list behind it has.
    besides = _matches(address, words[cut + 1 :])
    if besides is None:
        return None
    return False if besides else found


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
            return ipaddress.ip_address(word) == ipaddress.ip_address(address)
        return ipaddress.ip_address(address) in ipaddress.ip_network(word, strict=False)
    except ValueError:
        return None
