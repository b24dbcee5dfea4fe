"""Files as people write them, with mistakes: made from a seed, so that every run makes the same."""

from __future__ import annotations

from random import Random

HOSTS = {
    "om1.example.org": "10.1.9.1",
    "om2.example.org": "10.1.9.2",
    "om3.example.org": "10.1.9.3",
}
"""The only names that resolve."""
FOLDERS = ("/srv/data", "/srv/om data", "/srv/ünï", "/srv/a#b", "/opt/omdata", '/opt/q"q')

_CLIENTS = (
    *("10.1.1.1", "10.1.1.2", "10.1.1.3", "10.1.1.0/24", "10.1.0.0/255.255.0.0", "10.1.1.7/32"),
    *("om1.example.org", "OM2.Example.org", "om3.example.org", "localhost", "nowhere.example.org"),
    *("*.example.org", "om?.example.org", "om[1-3].example.org", "@nodes", "*", "gss/krb5"),
    *("2001:db8::1", "2001:DB8:0::2", "fd00::/64", "::1", "0.0.0.0/0", "10.1.1.9/24"),
)
_BAD_CLIENTS = ("10.1.1.0/33", "10.1.1.0/x", "om1.example.org/24", "fd00::/129", "10.1.1.0/255.0")
EXPORT = (
    *("rw", "ro", "sync", "async", "no_subtree_check", "subtree_check", "root_squash"),
    *("no_root_squash", "all_squash", "no_all_squash", "anonuid=65534", "anongid=1000", "fsid=0"),
    *("fsid=root", "fsid=7", "secure", "insecure", "wdelay", "no_wdelay", "hide", "nohide"),
    *("crossmnt", "nocrossmnt", "secure_locks", "insecure_locks", "auth_nlm", "no_auth_nlm"),
    *("acl", "no_acl", "pnfs", "no_pnfs", "security_label", "sec=sys", "sec=krb5:krb5p"),
    *("sec=sys:krb5", "sec=krb5i", "anonuid=-2", "nordirplus", "mountpoint=/srv", "mp"),
)
_BAD_EXPORT = (
    "rx",
    "RW",
    "no_root_sqash",
    "anonuid=me",
    "sec=krb6",
    "sync=1",
    "fsid=x",
    "anonuid=",
)


def exports(random: Random) -> str:
    """A file for exportfs, of a few lines."""
    ends = random.choices(("\n", "\r\n"), (30, 1))[0]
    lines = [_export_line(random) for _ in range(random.randint(1, 4))]
    text = ends.join(lines)
    return text if random.random() < 0.15 else text + ends


def _blank(random: Random) -> str:
    return random.choices(
        (" ", "\t", "  ", " \t", " \\\n", "\\\n", " \\\n\t\t"), (9, 3, 2, 1, 2, 1, 2)
    )[0]


def _export_line(random: Random) -> str:
    kind = random.random()
    if kind < 0.06:
        return random.choice(("", "  ", "\t", "# /srv/data *(rw)", "  # a comment", "# goes on \\"))
    if kind < 0.07:
        return random.choice(('""', "srv/data *(rw)", "\\", "/srv/data", "/srv/data \\"))
    words = [_path(random)]
    for _ in range(random.choices((0, 1, 2, 3), (1, 8, 6, 3))[0]):
        if random.random() < 0.12:
            words.append(f"-{_options(random)}")
        words.append(_client(random))
    line = random.choices(("", " ", "\t"), (20, 1, 1))[0] + words[0]
    for word in words[1:]:
        line += _blank(random) + word
    return line + random.choices(("", " ", "\t", " # why", "# why", " \\"), (40, 2, 1, 2, 1, 1))[0]


def _path(random: Random) -> str:
    path = random.choices(FOLDERS, (8, 3, 2, 1, 5, 1))[0]
    if random.random() < 0.1:
        path += "/"
    way = random.random()
    if way < 0.2 and '"' not in path:
        return random.choice((f'"{path}"', f'{path[:4]}"{path[4:]}"'))
    coded = ' "#' + ("dü" if way < 0.4 else "")
    return "".join(
        "".join(f"\\{byte:03o}" for byte in char.encode()) if char in coded else char
        for char in path
    )


def _client(random: Random) -> str:
    bad = random.random() < 0.02
    name = random.choice(_BAD_CLIENTS if bad else _CLIENTS)
    odds = random.random()
    if odds < 0.12:
        return name
    if odds < 0.15:
        return f"{name}{_blank(random)}({_options(random)})"
    if odds < 0.17:
        return f"({_options(random)})"
    if odds < 0.185:
        return f"{name}({_options(random)}" + random.choice(("", "))", ")x", ")(ro)"))
    if odds < 0.2:
        return f'"{name}({_options(random)})"'
    return f"{name}({_options(random)})"


def _options(random: Random) -> str:
    options = random.choices(EXPORT, k=random.choices((0, 1, 2, 3, 5), (1, 4, 6, 6, 3))[0])
    if random.random() < 0.02:
        options.append(random.choice(_BAD_EXPORT))
    text = ",".join(options)
    odds = random.random()
    if odds < 0.02:
        return text + ","
    if odds < 0.03:
        return text.replace(",", random.choice((", ", ",,", " ,", ",\\\n")), 1)
    return f'"{text}"' if odds < 0.04 else text


_DEVICES = (
    *("10.1.1.1:/opt/omdata", "nas.example.org:/volume1/om data", "[fd00::1]:/opt/om/"),
    *("//nas/OM data", "\\\\nas\\share", "/dev/sda1", "UUID=0b1c-77", "LABEL=my disk", "tmpfs"),
    *("/srv/ünï", "/srv/om", "none", "/dev/disk/by-id/a#b"),
)
_POINTS = ("/opt/omdata", "/opt/om data", "/opt/omdata/", "/", "/mnt/x#1", "/srv/ü", "none", "swap")
_TYPES = ("nfs", "nfs4", "cifs", "ext4", "none", "auto", "tmpfs", "swap", "ext4,xfs", "fuse.sshfs")
_MOUNT = (
    *("defaults", "rw", "ro", "hard", "soft", "timeo=50", "_netdev", "nofail", "noauto", "bind"),
    *("user", "users", "uid=33", "credentials=/etc/om.cred", "vers=3.0", "x-systemd.automount"),
    *('context="system_u:object_r:tmp_t:s0:c1,c2"', "comment=om data", "a\\b", "nfsvers=4.2", "sw"),
)
_NUMBERS = (
    "0",
    "1",
    "2",
    "00",
    "+1",
    "-1",
    "0x1",
    "1a",
    "",
    "99999999999",
    "#",
    "2147483648",
    "1.0",
)


def fstab(random: Random) -> str:
    """A file for mount, of a few lines."""
    ends = random.choices(("\n", "\r\n"), (12, 1))[0]
    text = ends.join(_fstab_line(random) for _ in range(random.randint(1, 6)))
    return text if random.random() < 0.2 else text + ends


def _fstab_line(random: Random) -> str:
    if random.random() < 0.12:
        return random.choice(
            ("", " ", "\t", "# a comment", "  # a comment", "#", "a", "/a /b", "\\")
        )
    options = ",".join(random.choices(_MOUNT, k=random.choices((1, 2, 3, 0), (4, 4, 3, 0.3))[0]))
    good = random.random() < 0.85
    numbers = random.choices(_NUMBERS[:3] if good else _NUMBERS, k=2)
    fields = [random.choice(_DEVICES), random.choice(_POINTS), random.choice(_TYPES), options]
    fields = [_field(random, field) for field in fields] + numbers
    fields = fields[: random.choices((6, 5, 4, 3, 2), (12, 1, 3, 1, 0.5))[0]]
    line = random.choices(("", " ", "\t"), (12, 1, 1))[0]
    line += "".join(
        field + random.choices((" ", "\t", "  ", " \t"), (8, 3, 2, 1))[0] for field in fields
    )
    more = random.choices(("", "# why", "extra", "0", "\\"), (20, 2, 1, 1, 1))[0]
    return line.rstrip() + (f" {more}" if more else random.choice(("", " ", "")))


def _field(random: Random, text: str) -> str:
    """A field with its blanks and backslashes as codes; sometimes more of it, or not all."""
    if random.random() < 0.03:
        return text.replace(" ", "\\ ") if random.random() < 0.5 else f'"{text}"'
    coded = " \\\t" + random.choices(("", "#", "do/", "ü"), (9, 3, 1, 1))[0]
    digits = random.choices(("03o", "o"), (20, 1))[0]
    return "".join(
        "".join(f"\\{byte:{digits}}" for byte in char.encode()) if char in coded else char
        for char in text
    )


_PARTS = (
    *("-Da=1", " ", "\n", "-Db='x y'", " -DDATA_DIR=/srv/x", '\\"k\\"', "$JAVA_OPTS"),
    *("${JAVA_OPTS}", "${JAVA_OPTS:-}", "$CATALINA_OPTS", "$D", "${D:-z}", "${E:-e}"),
    *("${JAVA_OPTS:+$JAVA_OPTS }", "${D:+ -Dp=$D }", "${E:-${D:-z}}", "${N:=-Dn=1}", "${E+x}"),
)
_FORMS = (
    'case "$1" in\nrun) {} ;;\n*) ;;\nesac',
    "export X=1 {} Y=2",
    "X=1 {}",
    "{} true",
    "{} | true",
    "cat >/dev/null <<'EOF'\n{}\nEOF\n:",
    "if [ -n run ]; then {}; fi",
    "f() {{ {}\n}}\nf",
    ': "${{CATALINA_OPTS:=-Dc=1}}" "${{D:=/d}}"; {}',
    "unset CATALINA_OPTS\n{}",
)
"""Commands around an assignment."""
_MORE_PARTS = (
    *(" -Xmx2g ", " -Dhosts=localhost|127.* ", " -Dhosts='localhost|127.*' ", "\\\n ", "\t"),
    *(
        " -Durl=http://h/?a=1&b=2 ",
        ' -Dq=\\"a;b\\" ',
        " -Dx=a\\\\;b ",
        " -Dl=[B,c ",
        "; ",
        " # why ",
    ),
    *(" -Dp=~/x ", " -Dr=(a) ", " -Dh=a#b ", " -Dlt=<a> ", "'", " -De= ", " --add-opens=a/b=c "),
    *(
        " -Ddollar=\\$D ",
        " -Dds='\\$D' ",
        " -Dback=a\\\\b ",
        ' -Dw=\\"a \\\\\\"b\\\\\\" c\\\\d\\" ',
    ),
)


_CONDITIONS = (
    *("true", "false", "[ -d / ]", "[ -d /nowhere ]", '[ "$1" = run ]', '[ "$1" = stop ]'),
    *('[ -z "$JAVA_OPTS" ]', '[ -n "$D" ]', '[ "$D" = /opt ]', '[ "x" != "$D" ]', "! [ -d / ]"),
    *('[ -z "$NOWHERE" ]', "test -n run", "[ ! -e / ]", '[ "$PATH" = x ]'),
)
_BRANCHES = (
    "if {c}; then\n  {a}\nfi",
    "if {c}; then {a}; else {b}; fi",
    "if {c}\nthen\n  {a}\nelif {d}; then {b}\nelse\n  {e}\nfi",
    "{c} && {a}",
    "{c} || {a}",
    'case "$1" in\nstop) {a} ;;\nrun|start) {b} ;;\n*) {e} ;;\nesac',
    'case "$D" in\n/opt) {a} ;;\n*) {b};;\nesac',
    "case `uname` in\n  CYGWIN*) {a};;\n  *) {b} ;;\nesac",
    "if {c}; then if {d}; then {a}; fi; {b}; fi",
    "for x in 1; do {a}; done",
    "while {c}; do {a}; break; done",
    "{c} && unset JAVA_OPTS",
    "{a}",
)


def branches(random: Random) -> str:
    """A file for catalina.sh whose assignments are in branches."""

    def set_one() -> str:
        name, value = random.choice(("JAVA_OPTS", "CATALINA_OPTS")), random.randrange(9)
        before = random.choice(("", f"${name} ", f"${{{name}:-}} "))
        return f'{name}="{before}-Da{value}={value}"'

    lines = [
        random.choice(_BRANCHES).format(
            a=set_one(),
            b=set_one(),
            e=set_one(),
            c=random.choice(_CONDITIONS),
            d=random.choice(_CONDITIONS),
        )
        for _ in range(random.randint(1, 3))
    ]
    return "D=/opt\n" + "\n".join(lines) + "\n"


def setenv(random: Random, *, more: bool = False) -> str:
    """A file for catalina.sh, of a few assignments; `more`: with what a shell's eval stumbles over."""

    def value() -> str:
        parts = random.choices(_PARTS + _MORE_PARTS if more else _PARTS, k=random.randint(1, 5))
        text = "".join(parts)
        if random.random() < 0.2:
            return "'" + text.replace("'", '"').replace("\\", "") + "'"
        return f'"{text}"'.replace("\n", random.choice(["\n", "\\\n"]))

    def line() -> str:
        start = random.choice(["", "export ", "  ", "# "])
        text = f"{random.choice(['JAVA_OPTS', 'CATALINA_OPTS', 'D'])}={value()}"
        if not start and random.random() < 0.5:
            return random.choice(_FORMS).format(text)
        text = start + text
        return text.replace("\n", " ") if start == "# " else text

    lines = [line() for _ in range(random.randint(1, 4))]
    return "D=/opt\n" + random.choice(["\n", ";\n"]).join(lines) + "\n"
