"""The connection pool's settings: what dbcp2's BasicDataSource takes, and in which form."""

from __future__ import annotations

import re

_FLAG, _COUNT, _TIME, _TEXT = "true or false", "a whole number", "milliseconds", "text"
SETTINGS = {
    "maxTotal": _COUNT,
    "maxIdle": _COUNT,
    "minIdle": _COUNT,
    "initialSize": _COUNT,
    "maxOpenPreparedStatements": _COUNT,
    "numTestsPerEvictionRun": _COUNT,
    "maxWaitMillis": _TIME,
    "maxConnLifetimeMillis": _TIME,
    "minEvictableIdleTimeMillis": _TIME,
    "softMinEvictableIdleTimeMillis": _TIME,
    "timeBetweenEvictionRunsMillis": _TIME,
    "removeAbandonedTimeout": _COUNT,
    "validationQueryTimeout": _COUNT,
    "defaultQueryTimeout": _COUNT,
    "testOnBorrow": _FLAG,
    "testOnCreate": _FLAG,
    "testOnReturn": _FLAG,
    "testWhileIdle": _FLAG,
    "poolPreparedStatements": _FLAG,
    "cacheState": _FLAG,
    "lifo": _FLAG,
    "fastFailValidation": _FLAG,
    "logAbandoned": _FLAG,
    "logExpiredConnections": _FLAG,
    "removeAbandonedOnBorrow": _FLAG,
    "removeAbandonedOnMaintenance": _FLAG,
    "autoCommitOnReturn": _FLAG,
    "rollbackOnReturn": _FLAG,
    "clearStatementPoolOnReturn": _FLAG,
    "accessToUnderlyingConnectionAllowed": _FLAG,
    "defaultAutoCommit": _FLAG,
    "defaultReadOnly": _FLAG,
    "defaultCatalog": _TEXT,
    "defaultSchema": _TEXT,
    "validationQuery": _TEXT,
    "evictionPolicyClassName": _TEXT,
}
"""Settings of dbcp2's BasicDataSource (its Javadoc), which takes them with either first letter.

`defaultTransactionIsolation` is not among them: OpenJPA cannot set it (measured with 3.1.2, 3.2.2)."""


def bean_name(name: str) -> str:
    """Return a setting's name as the pool knows it: the case of the first letter is free."""
    return name[:1].lower() + name[1:]


MAX_TOTAL = "8"
"""`maxTotal`, the most connections that a pool opens, where it is not set; below 0: any number."""


def fits(form: str, text: str) -> bool:
    """Tell whether a text has the form of a setting."""
    match form:
        case "true or false":
            return text in ("true", "false")
        case "a whole number":
            return _whole(text, 31)
        case "milliseconds":
            return _whole(text, 63)
        case _:
            return True


def _whole(text: str, bits: int) -> bool:
    """Tell whether a text is a number that Java's int (31 bits) or long (63) holds."""
    return re.fullmatch("-?[0-9]{1,19}", text) is not None and abs(int(text)) < 2**bits
