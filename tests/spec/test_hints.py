"""What a finding advises: the way out fits the value that is wrong, and breaks nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clusters import SMALLEST
from tests.command import findings, omconf


def said(text: str, tmp_path: Path) -> str:
    (tmp_path / "cluster.yaml").write_text(text)
    return omconf("validate", cwd=tmp_path).err


HINTS = [
    ("https://om2.example", "https://u:p@om2.example", "`https://om2.example.org:5443/openm"),
    ("om2.example.org:5443/openmeetings", "om2.example.org/x?y=1", "`https://om2.example.org/x`"),
    ("https://om2.example.org:5443/openmeetings", "a b", "`https://om2.example.org:5443/openm"),
    ("om2.example.org:5443", "[fd00::1]:5443", "format 1 of the spec supports only IPv4"),
    ("10.1.1.10", "'fd00::1'", "hint: Give the server's IPv4 address, or its name."),
    ("server: om1", "server: om1, export: //", "hint: Use a folder below `/`"),
    ("server: om1", "server: om1, export: /.", "hint: Use a folder below `/`"),
    ('"9.1.0"', '"9.1.0", home: /', "hint: Use a folder below it."),
    ('"9.1.0"', '"9.1.0", timezone: GMT+1', "hint: Write `Etc/GMT-1`,"),
    ('"9.1.0"', '"9.1.0", timezone: "UTC-2:00"', "hint: Write `Etc/GMT+2`,"),
    ('"9.1.0"', '"9.1.0", timezone: "GMT+5:30"', "hint: Write an IANA name"),
    ('"9.1.0"', '"9.1.0", timezone: GMT+19', "hint: Write an IANA name"),
    ('"9.1.0"', '"9.1.0", timezone: CEST', "hint: Write an IANA name, for example"),
    ('"9.1.0"', '"9.1.0", timezone: PST', "an abbreviation is not an IANA name"),
    ('"9.1.0"', '"9.1.0", timezone: utc', "hint: Write `UTC`."),
    ('"9.1.0"', '"9.1.0", timezone: Austria', "hint: Write an IANA name, for example"),
    ('"9.1.0"', '"9.1.0", timezone: Asia/Mumbai', "hint: Write an IANA name, for example"),
    ('"9.1.0"', '"9.1.0", timezone: Eastern', "hint: Write an IANA name, for example"),
    ('"9.1.0"', '"9.1.0", timezone: us/eastern', "hint: Write `US/Eastern`."),
    ('"9.1.0"', '"9.1.0", timezone: paris', "hint: Write `Europe/Paris`."),
    ('"9.1.0"', '"9.1.0", timezone: new york', "hint: Write `America/New_York`."),
    ('"9.1.0"', '"9.1.0", timezone: Asia/Calcuta', "hint: Write `Asia/Calcutta`."),
    ('"9.1.0"', '"9.1.0", home: "/opt/o\'m"', "hint: Use a folder whose name"),
    ("user: openmeetings", "user: openmeetings\n  pool: {'a b': 1}", "the name without spaces"),
    ("server: om1", "server: {host: 127.0.0.1}", "`127.0.0.1` is a different host on each node."),
    ("server: om1", "server: {host: localhost}", "`server: om1`"),
    ("discovery: {kind: multicast}", "hazelcast: {port: 2049}", "Give `hazelcast.port` another"),
    ("discovery: {kind: multicast}", "hazelcast: {port: 54327}", "Give `hazelcast.port` another"),
    ("kind: multicast", "port: 5701", "hint: Give `discovery.port` another port, 5702 for"),
    ("discovery: {kind: multicast}", "network: {subnet: 10.9.1.0/24}", "`subnet: 10.1.1.0/24`"),
    ("server: om1", "server: om1, options: [softer]", "hint: Write `hard`."),
    ("server: om1", "server: om1, options: [timeo=abc]", "hint: Write `timeo=50`, for"),
    ("server: om1", "server: om1, options: [retry=x]", "hint: Correct its value, or remove"),
    ("server: om1", "server: om1, options: ['hard,bg']", "hint: Give each option an item"),
    ('"9.1.0"', '"9.1.0", home: /opt/omdata', "hint: Write `data_dir: /srv/omdata` under"),
    ('"9.1.0"', '"9.1.0", home: /opt/x, data_dir: /opt/x/y', "such as `/opt/omdata`."),
    ('"9.1.0"', '"9.1.0", home: /opt, data_dir: /opt/y', "such as `/srv/omdata`."),
    (" {env: OM_DB_PASSWORD}", "", "Nothing stands here: a secret needs a reference."),
    ("{env: OM_DB_PASSWORD}", "~", "Nothing stands here: a secret needs a reference."),
    ("{env: OM_DB_PASSWORD}", '""', "Nothing stands here: a secret needs a reference."),
    ("{env: OM_DB_PASSWORD}", "{env: ''}", "`env` has an empty value."),
    ("{env: OM_DB_PASSWORD}", "{env: 5}", "`env` must be text."),
    ("{env: OM_DB_PASSWORD}", "{command: []}", "`command` has an empty value."),
    ("{env: OM_DB_PASSWORD}", "{command: [op, read, 1]}", "Item 3 of `command` must be text."),
    ("{env: OM_DB_PASSWORD}", "{command: [op, read, 1]}", "hint: Put it in quotes."),
    ("{env: OM_DB_PASSWORD}", "{command: op read}", "`command` must be a list"),
    ("{env: OM_DB_PASSWORD}", "{command: [a], foo: 1}", "hint: Write {env: NAME}, {file: PATH}"),
    ("{env: OM_DB_PASSWORD}", "{Env: X}", "hint: Did you mean `env`?"),
    ("{env: OM_DB_PASSWORD}", "{env: X, file: y}", "A secret's reference has one key."),
    ("user: openmeetings", "user: openmeetings\n  max_connections: 0", "must be at least 1."),
    ("user: openmeetings", "user: openmeetings\n  max_connections: 0", "hint: Correct the number"),
    ("10.1.1.10", f"[{', '.join(f'10.1.1.{i}' for i in range(17))}]", "17 items; at most 16 are"),
    ('"9.1.0"', '"9.1.0", user: 1000', "hint: Use lower-case letters, digits, `_` and"),
    ("address: 10.1.1.2", "address: 10.1", "hint: Write an address like `10.1.1.1`."),
    ("kind: multicast}", "kind: multicast}\nnetwork: {subnet: [10.1]}", "Write `10.1.1.0/24`."),
    ("cluster: conference", "cluster: 5", "hint: Put it in quotes."),
    ("server: om1", "server: om1, mount_options: [hard]", "hint: Did you mean `options`?"),
    ("om2:", "ö:", "hint: Write `om2:`."),
    ("om2:", "~:", "hint: Write `om2:`."),
    ("om2:", "OM1:", "hint: Write `om2:`."),
    ("om2:", "OM2:", "hint: Write `om2:`."),
    ("https://om2", "HTTPS://om2", "The scheme of `HTTPS://om2.example.org:5443/openmeetings` is"),
    ("https://om2", "HTTPS://om2", "hint: Write `https://om2.example.org:5443/openmeetings`."),
    ("https://om2.example.org:5443/openmeetings", " https://a/b", "ends with white space."),
    ("https://om2.example.org:5443/openmeetings", " https://a/b", "hint: Write `https://a/b`."),
    ("om2.example.org:", "om2.example.org.:", "ends with a dot."),
    ("om2.example.org:", "om9.example.org.:", "`https://om9.example.org:5443/openmeetings`."),
    (
        "nodes:",
        "node_defaults: {home: '/opt/{name}'}\nnodes:",
        "`{name}` is not replaced in a path",
    ),
    ("om2.example.org:5443/openmeetings", "om2.example.org/é", "`https://om2.example.org/%C3%A9`."),
    ("om2: {", "om2: {renamed_from: Web_3, ", "hint: Write the name that the node had"),
    ("om2: {", "om2: {renamed_from: -3, ", "hint: Write the name that the node had"),
    ("kind: multicast}", "kind: multicast}\nnetwork: {subnet: 10.1.1.9}", "Write `10.1.1.0/24`."),
    ("server: om1", "server: om1, export_options: [syncc]", "`syncc` is not an export option."),
    ("kind: nfs", "kind: cifs, password: {env: S}, domain: EX", "hint: Remove `domain`, or"),
    ("kind: nfs", "kind: cifs, password: {env: S}, user: EX\\om", "hint: Write `user: openm"),
    ("user: openmeetings", 'user: "EX\\user"', "escape before this has too few digits."),
    ("user: openmeetings", 'user: "EX\\user"', "hint: In single quotes a backslash is a plain"),
    ("user: openmeetings", 'user: "EX\\new"', "In single quotes a backslash is a plain"),
    ("1.1.2, url", "1.1.2 url", "hint: Write a comma between keys, or the `}`."),
    ("kind: multicast", "kind: tcpip", "hint: Write `kind: tcp-ip`."),
    ("kind: nfs", "kind: nfs4", "hint: Write `kind: nfs` and `type: nfs4`."),
    ("kind: nfs", "kind: Samba", "hint: Write `kind: cifs`."),
    ("kind: nfs", "kind: glusterfs", "hint: Write `kind: mounted`."),
    ("nodes:", "timezone: Etc/UTC\nnodes:", "hint: It is a key of `openmeetings`: move it there."),
    ("om2: {", "om2: {data_dir: /x, ", "hint: It is a key of `openmeetings`: move it there."),
    ("nodes:", "network: {tls: {}}\nnodes:", "hint: It is a key of `database`: move it there."),
    ("nodes:", "port: 5701\nnodes:", "hint: Valid keys here: omconf, cluster"),
    ("om2: {", "om2: {name: om2, ", "hint: Valid keys here: address, url"),
    ("cluster: conference", "name: conference", "hint: Did you mean `cluster`?"),
    ("  host: 10", "  hostname: 10", "hint: Did you mean `host`?"),
    ("{release:", "{version:", "hint: Did you mean `release`?"),
    ("kind: nfs", "kind: zfs9", "`kind: cifs` or `kind: mounted`."),
    ("kind: postgresql", "kind: postgre", "hint: Write `postgresql`."),
    ("kind: multicast", "port: 65536", "hint: Write `port: 54327`."),
    ("user: openmeetings", "user: openmeetings\n  port: 0", "hint: Remove the key to use"),
    ("user: openmeetings", 'user: "a\\nb"', "hint: Write it on one line"),
    ("nodes:", "ignore: [{rule: OM221}]\nnodes:", "`why` of the first item of `ignore` is miss"),
    ("nodes:", "ignore: [{rule: OM221}]\nnodes:", "`why:` under the first item of `ignore`."),
    ("nodes:", "ignore: [{rule: OM221, why: ' '}]\nnodes:", "The reason is blank."),
    ("nodes:", "nodes: {}\nx:", "hint: Add a node: `om1: {address"),
    ("nodes:", "nodes:\nx:", "hint: Add a node: `om1: {address"),
    ("10.1.1.10", "db1:5433", "hint: Write `{host: db1, port: 5433}`."),
    ("10.1.1.10", "['db1.example.org:5433']", "hint: Write `{host: db1.example.org, port: 5433}`."),
    ("10.1.1.10", "'db1,db2:5433'", "hint: Write several servers as a list: `[db1, {host"),
    (
        "user: openmeetings",
        "user: openmeetings\n  tls: {ca: ca.pem}",
        "`{file: ca.pem, whole: true}`",
    ),
]


@pytest.mark.parametrize(("old", "new", "hint"), HINTS, ids=[new for _, new, _ in HINTS])
def test_the_way_out(old: str, new: str, hint: str, tmp_path: Path) -> None:
    text = SMALLEST.replace(old, new, 1)
    assert text != SMALLEST
    assert hint in said(text, tmp_path)


MISTAKES = [
    ("host: 10.1.1.10", "host db.example.org", "colon is missing after `host`.", "host db"),
    (
        "user: openmeetings",
        "user:openmeetings",
        "space is missing after the colon of `user`",
        "user:",
    ),
    ("nodes:\n", "nodes\n", "a colon is missing after `nodes`.", " | nodes"),
    ("om1: {", "om1 {", "a colon is missing after `om1`.", "om1 {address"),
    ("{address: 10.1.1.1,", "{address:10.1.1.1,", "the colon of `address`.", "`address: ...`"),
    (
        "{address: 10.1.1.1,",
        "{address:\u00a010.1.1.1,",
        "U+00A0 stands after the colon",
        "`address",
    ),
    (
        "10.1.1.10",
        "db.example.org\u00a0",
        "OM260",
        "Remove U+00A0, an invisible character at the end",
    ),
    ("10.1.1.10", "\u200bdb.example.org", "OM260", "U+200B, an invisible character at character 1"),
    ("{env: OM_DB_PASSWORD}", "{env: ${OM_DB_PASSWORD}}", "OM101", "`{env: OM_DB_PASSWORD}`"),
    ("{env: OM_DB_PASSWORD}", "env: OM_DB_PASSWORD", "braces are miss", "`{env: OM_DB_PASSWORD}`"),
    ("{env: OM_DB_PASSWORD}", "$OM_DB_PASSWORD", "OM106", "write `{env: OM_DB_PASSWORD}`."),
    ("10.1.1.10", "'{{ db_host }}'", "OM105", "A spec is no template"),
    ("10.1.1.10", "${DB_HOST}", "OM105", "A spec is no template"),
    ("https://om2.", "https://{{ n }}.", "OM206", "A spec is no template"),
    ("10.1.1.1,", "'10.1.1.1:5701',", "OM105", "Write `10.1.1.1`; Hazelcast's port is set in"),
    ("server: om1", "server: 'om1:/opt/omdata'", "OM105", "Write `om1`; the folder goes to `stor"),
    ("10.1.1.10", "jdbc:postgresql://db:5432/om", "OM105", "`database.port` and `database.name`"),
    (
        "  om2: {",
        "\u00a0 om2: {",
        "U+00A0 stands before the key `om2`, which is no plain space.",
        "Replace it by a plain space.",
    ),
    ("discovery:", "disc\u200bovery:", "U+200B stands in the key `discovery`", "Remove it."),
    ("{kind: multicast}", "\n  kind multicast", "must be a mapping", "missing after `kind`. Write"),
    ("{kind: multicast}", "{kind: ${KIND}}", "looks like a template", "A spec is no template"),
    ('"9.1.0"', '"9.1.0", java_options: -Xmx2g', "OM105", '`java_options: ["-Xmx2g", "-Xms1g"]`'),
]


@pytest.mark.parametrize(
    ("old", "new", "what", "hint"), MISTAKES, ids=[ascii(s[1]) for s in MISTAKES]
)
def test_a_mistake_is_named(old: str, new: str, what: str, hint: str, tmp_path: Path) -> None:
    text = SMALLEST.replace(old, new, 1)
    assert text != SMALLEST
    told = said(text, tmp_path)
    assert what in told
    assert hint in told
    assert told.count("error[") == 1


@pytest.mark.parametrize("form", ["password hunter2", "password:hunter2", "password: $hunter2"])
@pytest.mark.parametrize("where", ["block", "flow"])
def test_a_mistake_shows_no_secret(form: str, where: str, tmp_path: Path) -> None:
    text = SMALLEST.replace("password: {env: OM_DB_PASSWORD}", form)
    if where == "flow":
        head, _, tail = text.partition("database:\n")
        tail = tail[tail.index("storage:") :]
        text = f"{head}database: {{kind: mysql, host: 10.1.1.10, user: om, {form}}}\n{tail}"
    told = said(text, tmp_path)
    assert "error[" in told
    assert "hunter2" not in told


def test_a_mapping_without_colons_shows_no_secret(tmp_path: Path) -> None:
    head, _, tail = SMALLEST.partition("database:\n")
    text = f"{head}database:\n  password hunter2\n{tail[tail.index('storage:') :]}"
    told = said(text, tmp_path)
    assert findings(told) == [("OM105", "cluster.yaml:6:3")]
    assert "hunter2" not in told


@pytest.mark.parametrize("collation", ["latin1_swedish_ci", "utf8mb3_bin", "UTF8_general_ci"])
def test_a_collation_of_the_specs_own_is_not_the_stock_files(
    collation: str, tmp_path: Path
) -> None:
    own = f"mysql\n  options: {{connectionCollation: {collation}, sslMode: REQUIRED}}"
    told = said(SMALLEST.replace("postgresql", own), tmp_path)
    assert [rule for rule, _ in findings(told)] == ["OM219"]
    assert f"`connectionCollation={collation}`" in told
    fine = said(SMALLEST.replace("postgresql", own.replace(collation, "utf8mb4_bin")), tmp_path)
    assert "OM219" not in fine


@pytest.mark.parametrize("url", ["https://u:1234?x@h/y", "https://u:12@34@h:99999/", "u:1234@h /"])
def test_no_url_that_is_advised_holds_a_login(url: str, tmp_path: Path) -> None:
    text = SMALLEST.replace("https://om2.example.org:5443/openmeetings", url)
    hint = said(text, tmp_path).partition("hint: ")[2]
    assert hint.startswith("Write `https://")
    assert "@" not in hint
    assert "12" not in hint


def test_an_offset_is_not_said_to_be_gmt_for_the_jvm(tmp_path: Path) -> None:
    text = SMALLEST.replace('"9.1.0"', '"9.1.0", timezone: GMT+1')
    told = said(text, tmp_path)
    assert findings(told) == [("OM250", "cluster.yaml:3:44")]
    assert "`Etc/GMT-1`" in told


def test_all_hints_of_one_url_say_the_same_url(tmp_path: Path) -> None:
    url = "http://10.1.1.2:5701/om"
    text = said(SMALLEST.replace("https://om2.example.org:5443/openmeetings", url), tmp_path)
    hints = [line for line in text.splitlines() if "  hint:" in line]
    assert [rule for rule in ("OM205", "OM206", "OM207", "OM225") if rule in text] == [
        *("OM205", "OM206", "OM207", "OM225")
    ]
    assert len(hints) == 4
    assert all("`https://om2.example.org:5443/openmeetings`" in hint for hint in hints)


@pytest.mark.parametrize(
    ("database", "shown"),
    [
        ("database: {kind: h2}\n", "database: {kind: h2}"),
        ("pasword: {env: X}", "pasword: {env: X}"),
    ],
)
def test_a_line_without_a_secret_is_shown(database: str, shown: str, tmp_path: Path) -> None:
    head, _, tail = SMALLEST.partition("database:\n")
    text = head + database + tail[tail.index("storage:") :]
    if "kind" not in database:
        text = SMALLEST.replace("password: {env: OM_DB_PASSWORD}", database)
    assert shown in said(text, tmp_path)
    assert "********" not in said(text, tmp_path)


KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"


@pytest.mark.parametrize(
    "value",
    [
        KEY,
        f'"-----BEGIN PRIVATE KEY-----\\n{KEY}"',
        f"|\n      -----BEGIN PRIVATE KEY-----\n      {KEY}\n      -----END PRIVATE KEY-----",
        f"[{KEY}]",
        f"{{content: {KEY}}}",
        f'{{file: "-----BEGIN PRIVATE KEY----- {KEY}", whole: true}}',
        f'{{command: [echo, "-----BEGIN PRIVATE KEY----- {KEY}"], whole: true}}',
    ],
)
def test_a_key_in_the_place_of_its_file_is_not_shown(value: str, tmp_path: Path) -> None:
    tls = f"user: openmeetings\n  tls:\n    client_key: {value}"
    shown = said(SMALLEST.replace("user: openmeetings", tls, 1), tmp_path)
    assert "error[OM106]" in shown
    assert "PRIVATE" not in shown
    assert KEY[:20] not in shown


def test_a_default_url_is_checked_also_where_no_node_uses_it(tmp_path: Path) -> None:
    assert "OM206" in said(SMALLEST + "node_defaults: {url: 'javascript:alert(1)'}\n", tmp_path)
    assert (
        said(SMALLEST + 'node_defaults: {url: "https://{name}.example.org/om"}\n', tmp_path) == ""
    )


def test_a_client_is_no_option_of_exports(tmp_path: Path) -> None:
    for client in ("-", "-ro", "om.-x.example.org"):
        text = SMALLEST.replace("server: om1}", f"server: om1, clients: ['{client}']}}")
        assert [rule for rule, _ in findings(said(text, tmp_path))] == ["OM105"]


@pytest.mark.parametrize(("old", "new"), [("kind: mysql", "kind: mysq"), ("  kind: mysql\n", "")])
def test_no_ignored_rule_is_missed_beside_a_wrong_value(old: str, new: str, tmp_path: Path) -> None:
    """With the right value, it may be found."""
    text = SMALLEST.replace("kind: postgresql", "kind: mysql").replace(old, new)
    ignores = "ignore: [{rule: OM219, why: a}, {rule: OM218, why: b}]\n"
    (tmp_path / "cluster.yaml").write_text(text + ignores)
    rules = omconf("validate", cwd=tmp_path).rules
    assert set(rules) <= {"OM104", "OM105"}
    assert len(rules) == 1


def test_no_node_is_the_database_that_is_missing(tmp_path: Path) -> None:
    text = SMALLEST.replace("10.1.1.1,", "192.0.2.1,").replace(
        "  host: 10.1.1.10\n", "  port: 5443\n"
    )
    assert "port: 5443" in text
    (tmp_path / "cluster.yaml").write_text(text)
    assert "OM225" not in omconf("validate", cwd=tmp_path).rules
