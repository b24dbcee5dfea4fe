"""The servers of a JDBC URL, wherever its driver takes them from, and the database behind them.

Sources: as jdbc_url.py. A mirror of SQL Server, and Db2's alternates, stand among the parameters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from omconf.formats import jdbc_url, oracle_net

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTNER = "failoverPartner"
PARTNER_PORT = "1433"
"""The only one where mssql-jdbc looks for a partner."""
DATABASE = "databaseName"
"""SQL Server's parameter for what other URLs have behind their servers."""
ALTERNATES = ("clientRerouteAlternateServerName", "clientRerouteAlternatePortNumber")
PARAMETERS = frozenset({PARTNER, DATABASE, *ALTERNATES})
"""Those that say where the database is, not how to talk to it."""


class Servers(NamedTuple):
    """The servers of a URL, each with its port, in lower case, and what is before and behind them."""

    places: tuple[tuple[str, str], ...]
    before: str
    behind: str


def servers(base: str, parameters: Mapping[str, str]) -> Servers:
    """Read both parts of a canonical URL; of a form without plain hosts there are no servers."""
    if thin := jdbc_url.THIN.match(base):
        return _oracle(base, thin.end())
    found = re.fullmatch(r"(jdbc:[a-z0-9]+:)((?:[a-z]+:)?)//([^/;()@]+)(|[/;].*)", base)
    if found is None:
        return Servers((), base, "")
    places = (place.rpartition(":") for place in found[3].split(","))
    named = tuple((_host(host), port) for host, _, port in places)
    # Of one host, Connector/J balances and replicates nothing.
    before = found[1] + (found[2] if len(named) > 1 else "")
    behind = found[4]
    if before == jdbc_url.FORMS["mssql"].prefix:
        behind = parameters.get(DATABASE, "")
        if partner := parameters.get(PARTNER):
            named = (*named, (_host(partner), PARTNER_PORT))
    elif before == jdbc_url.FORMS["db2"].prefix:
        hosts, ports = (parameters.get(name, "").split(",") for name in ALTERNATES)
        named = (*named, *zip(map(_host, filter(None, hosts)), ports, strict=False))
    return Servers(named if all(host for host, _ in named) else (), before, behind)


def _host(name: str) -> str:
    return name.strip().lower().rstrip(".")


def _oracle(base: str, start: int) -> Servers:
    """Read Oracle's servers: names of services and SIDs are in any case."""
    target = oracle_net.read(base[start:])
    if target is None:
        return Servers((), base, "")
    places = tuple((_host(host), str(port)) for host, port, _ in target.places)
    return Servers(places, target.data, target.name.lower())
