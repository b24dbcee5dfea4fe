"""URLs of http and of WebSockets, as they stand in XML, `.properties`, `check.conf` and Markdown.

Source: RFC 3986. A path may hold what it allows, save for quotes and `@`.
"""

from __future__ import annotations

import re

_PATH = r"(?:/(?:[A-Za-z0-9._~!$&()*+,;=:-]|%[0-9A-Fa-f]{2})*)*"
_IPV6 = r"\[[0-9A-Fa-f:.]{2,45}\]"
_HOST = r"[A-Za-z0-9_.-]{1,253}"
WEB = re.compile(rf"https?://(?:{_HOST}|{_IPV6})(?::[0-9]{{1,5}})?{_PATH}")
"""A node's URL: no user, query or fragment. Which hosts and ports are good, `names` and a rule tell."""
MEDIA_SERVER = re.compile(
    rf"wss?://(?:{_HOST}|{_IPV6})(?::[0-9]{{1,5}})?{_PATH}(?:\?(?:[A-Za-z0-9._~!&()*+,;=:/-]|%[0-9A-Fa-f]{{2}})*)?"
)
TURN = re.compile(r"(?:(?:turn|stun)s?:)?[A-Za-z0-9_.-]+(?::[0-9]{1,5})?(?:\?transport=[a-z]+)?")
"""One TURN server; `HOST:PORT`, or a URL of RFC 7065."""
MAX_URL = 2000
"""Characters of a URL."""
