"""Pairs of JDBC URLs as people write them: the same written twice, or with one thing changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from urllib.parse import quote

_HOSTS = ("db.example.org", "10.1.1.9", "localhost", "[fd00::9]", "DB.example.org", "db2")
_NAMES = ("openmeetings", "om", "OM", "om db", "ömdb", "a+b", "50%", "")
_PORTS = {"postgresql": "5432", "mysql": "3306"}
_PARAMETERS: dict[str, dict[str, tuple[str, ...]]] = {
    "postgresql": {
        "ssl": ("true", "false", ""),
        "sslmode": ("require", "disable", "verify-full", "Prefer"),
        "targetServerType": ("primary", "master", "preferSlave", "preferSecondary"),
        "ApplicationName": ("om app", "om+app", "OM"),
        "connectTimeout": ("10", "010"),
        "currentSchema": ("a,b", "om"),
        "options": ("-c geqo=off", "-c geqo=on"),
        "tcpKeepAlive": ("true",),
    },
    "mysql": {
        "useSSL": ("true", "false"),
        "requireSSL": ("true", "no"),
        "verifyServerCertificate": ("TRUE", "false"),
        "sslMode": ("REQUIRED", "disabled", "PREFERRED", "verify_ca"),
        "serverTimezone": ("Europe/Berlin", "UTC"),
        "characterEncoding": ("UTF-8", "latin1"),
        "useUnicode": ("true", "yes"),
        "createDatabaseIfNotExist": ("true", "false", "YES"),
        "connectTimeout": ("10", "20"),
        "passwordCharacterEncoding": ("UTF-8", "latin1"),
        "sessionVariables": ("sql_mode='ANSI',a=1", "a+b"),
        "connectionAttributes": ("site:a b", "site:ä"),
    },
}


@dataclass(frozen=True)
class _Url:
    """What a URL says; a port that is empty is left out."""

    kind: str
    hosts: tuple[tuple[str, str], ...]
    name: str
    parameters: tuple[tuple[str, str], ...]


def pair(random: Random, kind: str) -> tuple[str, str]:
    """Two URLs of one kind of database."""
    hosts = random.choices((1, 2, 3), (9, 2, 1))[0]
    known = _PARAMETERS[kind]
    names = random.sample(sorted(known), random.choices((0, 1, 2, 3), (3, 4, 3, 2))[0])
    first = _Url(
        kind,
        tuple((random.choice(_HOSTS), _port(random, kind)) for _ in range(hosts)),
        random.choices(_NAMES, (9, 5, 2, 2, 2, 1, 1, 1))[0],
        tuple((name, random.choice(known[name])) for name in names),
    )
    second = first if random.random() < 0.5 else _changed(random, first)
    return _written(random, first), _written(random, second)


def _port(random: Random, kind: str) -> str:
    return random.choices(("", _PORTS[kind], "6000", "0" + _PORTS[kind]), (4, 4, 2, 0.3))[0]


def _changed(random: Random, url: _Url) -> _Url:
    what = random.randrange(7)
    (host, port), *others = url.hosts
    known = _PARAMETERS[url.kind]
    if what == 0:
        return replace(url, hosts=((random.choice(_HOSTS), port), *others))
    if what == 1:
        return replace(url, hosts=((host, _port(random, url.kind)), *others))
    if what == 2:
        return replace(url, hosts=(*others, (host, port), ("db3", "")))
    if what == 3:
        return replace(url, name=random.choice((url.name.swapcase(), *_NAMES)))
    if what == 4 and url.parameters:
        (name, value), *rest = url.parameters
        changed = random.choice((*known[name], value.swapcase(), value.replace("+", " ")))
        return replace(url, parameters=((name, changed), *rest))
    if what == 5 and url.parameters:
        (name, value), *rest = url.parameters
        return replace(
            url, parameters=((random.choice((name.lower(), name.upper())), value), *rest)
        )
    name = random.choice(sorted(known))
    return replace(url, parameters=(*url.parameters, (name, known[name][0])))


def _written(random: Random, url: _Url) -> str:
    """Write a URL in one of the ways that mean it, and now and then in one that does not."""
    default = _PORTS[url.kind]
    hosts = []
    for host, said in url.hosts:
        port = random.choice(("", default)) if said in ("", default) else said
        name = random.choice(("", host)) if host == "localhost" and len(url.hosts) == 1 else host
        hosts.append(f"{name}:{port}" if port else name)
    text = f"jdbc:{url.kind}://{','.join(hosts)}/{_coded(random, url.name)}"
    if url.hosts == (("localhost", ""),) and url.kind == "postgresql" and random.random() < 0.4:
        text = f"jdbc:postgresql:{_coded(random, url.name)}"
    (host, port), *others = url.hosts
    if url.kind == "mysql" and not others and random.random() < 0.06:
        form = random.choice(("address=(host={})(port={})", "(host={},port={})"))
        text = f"jdbc:mysql://{form.format(host, port or default)}/{_coded(random, url.name)}"
    elif url.kind == "mysql" and others and random.random() < 0.2:
        text = text.replace(
            "jdbc:mysql:", f"jdbc:mysql:{random.choice(('loadbalance', 'replication'))}:"
        )
    if random.random() < 0.03:
        text = text.removesuffix("/")
    parameters = random.sample(url.parameters, len(url.parameters))
    if parameters and random.random() < 0.05:
        parameters.insert(0, (parameters[-1][0], "other"))
    words = [
        name + ("" if not value and random.random() < 0.5 else f"={_coded(random, value)}")
        for name, value in parameters
    ]
    if words and random.random() < 0.05:
        words.insert(random.randint(0, len(words)), "")
    text += "?" + "&".join(words) if words or random.random() < 0.1 else ""
    return text + ("#om" if random.random() < 0.02 else "")


def _coded(random: Random, text: str) -> str:
    way = random.random()
    if way < 0.1:
        return "".join(f"%{byte:02x}" for byte in text.encode())
    safe = "" if way < 0.5 else "/:,='"
    coded = quote(text, safe=safe)
    return coded.replace("%20", "+") if random.random() < 0.5 else coded
