"""`<home>/bin/setenv.sh`: the JVM options that all nodes need, as a block of Tomcat's own file.

Sources: the clustering page, step "Start-up scripts"; CVE-2024-54676 (OpenMeetings before 8.0 took
any serialized class from whoever reaches port 5636); with `blacklist=*` a remote commit is dropped
unless the whitelist has all four entries (measured). catalina.sh sources the file and evaluates
JAVA_OPTS once more, so every option is quoted for that.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from omconf.actions import Stage
from omconf.artifacts.contents import Artifact, Line, Meaning, line
from omconf.artifacts.effect import Change, Effect, mount_manually, restart
from omconf.artifacts.model import BlockKind
from omconf.artifacts.reading import Elsewhere, Reading
from omconf.diagnostics import Finding
from omconf.findings import MAX_FINDINGS, plain_property, report
from omconf.formats import java, java_opts
from omconf.formats.block import MARKERS, MAX_ENTRIES, Entry, markers, too_many
from omconf.formats.java_opts import plain
from omconf.origin import FromFormat, FromPage, Value
from omconf.rules import BY_HAND, CONTRADICTION, DROPPED, OVERRULED, UNCARRIABLE, UNUSABLE_FILE
from omconf.secrets import hides, in_plain, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.artifacts.reading import Texts
    from omconf.cluster.model import Cluster, Node
    from omconf.diagnostics import Diagnostic
    from omconf.formats.setenv import Option

__all__ = ["HAZELCASTS", "KIND", "OURS", "START", "Jvm", "item_of", "plain"]

SERIALIZATION = FromPage("Start-up scripts: OpenJPA's serialization black and white list")
DATA_DIR = FromPage("File systems: the data folder is outside of OpenMeetings")
TIME_ZONE = FromPage("Servers: the same time zone on all of them")
SHELL = FromFormat("POSIX shell")

CR = "A line ends in CR LF: to a shell the CR is a part of the line, and catalina.sh fails."
_PERHAPS = "(if that branch runs)"
_QUOTE = "Put the option in single quotes, inside the double ones: `\"$JAVA_OPTS '-Da=b|c'\"`."
_SLIPS = {
    "\n": ("a line end", "End each line but the last with a backslash."),
    **dict.fromkeys("'\"", ("a quote that is not closed", "Close the quote.")),
}
"""By character that the shell interprets: its name in a message, and a hint."""
_UNREAD = "What omconf's block sets counts for more, save for options in CATALINA_OPTS."

WHITELIST = ("[B", "java.util", "org.apache.openjpa", "org.apache.openmeetings.db.entity")
"""Without any one of them every remote commit is dropped, and caches stay stale (measured)."""
_WHOLE = ("-DDATA_DIR", "-Duser.timezone")
"""Options in which nodes may not differ while they run side by side."""
OURS = (
    *_WHOLE,
    "-Dopenjpa.serialization.class.blacklist",
    "-Dopenjpa.serialization.class.whitelist",
)
HOST_ZONE = "/etc/timezone"
"""Java before 25 takes the host's time zone from here first (JDK-8345213)."""
START = 'omconf_options="\\'
_SPEC_KEYS = {"-DDATA_DIR": "openmeetings.data_dir", "-Duser.timezone": "openmeetings.timezone"}
HAZELCASTS = (
    "-Dhazelcast.config",
    "-Dhazelcast.discovery.enabled",
    "-Dhazelcast.local.localAddress",
    "-Dhazelcast.local.publicAddress",
)
"""System properties of Hazelcast that override its file."""
_BY_HAND_LIST = re.compile(r"serialization\.class\.whitelist=([^\s\"']*)")
_ANEW = re.compile(
    r"(?:^|[;&|]|\b(?:then|else|do)\s)\s*(?:(?:export\s+)?JAVA_OPTS=(.*)|unset\s+JAVA_OPTS\b)"
)


class Jvm(BlockKind):
    """The block in setenv.sh of each node."""

    name = "jvm"
    purpose = "the JVM options of OpenMeetings: data folder, time zone, serialization lists"
    places = ("{home}/bin/setenv.sh",)
    stage = Stage.OPENMEETINGS
    around = (
        "/etc/systemd/system/{unit}",
        "/usr/lib/systemd/system/{unit}",
        "/lib/systemd/system/{unit}",
        "/etc/systemd/system/{unit}.d/*.conf",
        "/etc/default/openmeetings",
        HOST_ZONE,
        "{home}/bin/catalina.sh",
    )
    textual = True
    last_counts = True

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Give every node the same options, in its own home."""
        return [_artifact(cluster, self.paths(cluster, node)[0])]

    def entries(self, text: str) -> tuple[list[Entry], list[Finding]]:
        """Read the options of a block, by name; a system property's value is what follows `=`.

        Outside the form of the block the admin's own assignments count (formats/setenv.py). Finding:
        OM323 for one that sets an option of omconf's too.
        """
        entries: list[Entry] = []
        findings: list[Finding] = []
        inside = False
        begin = 0
        for number, raw in enumerate(text.split("\n"), 1):
            content = raw.removesuffix("\r")
            if content != raw and not findings:
                findings.append(
                    Finding(UNUSABLE_FILE, number, CR, "`sed -i 's/\\r$//'` takes them away.")
                )
            end = begin + len(raw) + 1
            if inside and len(entries) == MAX_ENTRIES:
                findings.append(too_many(number))
                break
            if inside:
                inside = content.endswith("\\")
                key, value = item_of(plain(content))
                for finding in _lacking(f"{key}={value}", number):
                    report(findings, finding)
                entries.append(Entry(key, value, number, number, (begin, end), (begin, end)))
            elif content == START:
                inside = True
            begin = end
        if not entries:
            _by_hand(text, entries, findings)
        return entries, findings

    def behind(self, text: str) -> list[Finding]:
        """Find lines behind the block that set JAVA_OPTS anew: what the block says is lost then."""
        findings: list[Finding] = []
        for number, raw in enumerate(text.split("\n"), 1):
            if (
                not raw.lstrip().startswith("#")
                and (found := _ANEW.search(raw))
                and "$JAVA_OPTS" not in (found[1] or "").replace("{", "")
            ):
                message = "JAVA_OPTS is set anew here: all that the block gives it is lost."
                hint = 'Write `JAVA_OPTS="$JAVA_OPTS ..."`.'
                report(findings, Finding(OVERRULED, number, message, hint))
        return findings

    def surroundings(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """Return the unit's files and catalina.sh; without systemd, catalina.sh alone."""
        paths = super().surroundings(cluster, node)
        return paths if cluster.openmeetings.has_systemd else paths[-2:]

    def elsewhere(self, cluster: Cluster, artifact: Artifact, texts: Texts) -> Elsewhere:
        """Read what the unit and catalina.sh give the JVM beside setenv.sh.

        catalina.sh starts with the unit's environment, and hands CATALINA_OPTS over last: these, and
        what it sets behind setenv.sh, no block can overrule. Where nothing sets the time zone, the JVM
        has the host's.
        """
        return _elsewhere(artifact, cluster.name.value, tuple(texts.items()))

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Refuse options that omconf sets itself, too many bytes, and secrets in plain text."""
        options = cluster.openmeetings.java_options
        if (size := sum(len(option.value.encode()) + 1 for option in options)) > java.MAX_OPTIONS:
            message = (
                f"All JVM options together have {size:,} bytes, at most {java.MAX_OPTIONS:,} fit."
            )
            hint = "Move long values to a file that an option names."
            yield UNCARRIABLE.at(options[0].span, message, hint=hint)
        for option in options:
            name = option.value.partition("=")[0]
            if name in OURS:
                key = _SPEC_KEYS.get(name)
                message = f"`{name}` is omconf's to write."
                hint = f"Say it in `{key}`." if key else "Remove it."
                yield CONTRADICTION.at(option.span, message, hint=hint)
            elif name in HAZELCASTS:
                message = f"`{name}` would overrule the hazelcast.xml that omconf writes."
                hint = "Remove it; further settings go to `hazelcast.properties` and `.extra`."
                yield CONTRADICTION.at(option.span, message, hint=hint)
            elif in_plain(name, option.value):
                hint = "Remove it: `ps` would show it to everybody on the node, too."
                yield plain_property(name, option.span, hint)

    def keep(self, key: str, replaced: bool) -> str:
        """Name the key of an option of omconf's own, else `openmeetings.java_options`."""
        if key in OURS or hides(key):
            return _SPEC_KEYS.get(key, "")
        return "openmeetings.java_options"

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Restart; nodes with another data folder or time zone may not run side by side."""
        by_hand = cluster.storage.by_hand
        elsewhere = action == "create" or _WHOLE[0] in changes
        manual = mount_manually(cluster) if by_hand and elsewhere else None
        if action != "delete" and any(
            name in changes and changes[name].before is not None for name in _WHOLE
        ):
            why = (
                "nodes with another data folder or time zone would lose each other's files and"
                " delete each other's fresh sessions"
            )
            storage, om = cluster.storage, cluster.openmeetings
            same = storage.export.value == om.data_dir.value
            moves = elsewhere and same and storage.fstab is None
            decided_by = tuple(name for name in _WHOLE if name in changes)
            return Effect(
                "restart",
                why,
                rolling=False,
                moves=moves,
                manual=manual,
                decided_by=decided_by,
            )
        why = "setenv.sh is read when OpenMeetings starts; nodes restart one by one"
        if action == "create" and manual:
            return Effect("restart", why, stopped=True, manual=manual)
        return restart(why)


KIND = Jvm()


def _by_hand(text: str, entries: list[Entry], findings: list[Finding]) -> None:
    """Read the options that people set, and report those that are omconf's to set."""
    if "_OPT" not in text and "TZ" not in text:
        return
    from omconf.formats import setenv

    for slip in setenv.slips(text):
        what, hint = _SLIPS.get(slip.char, (f"`{slip.char}` outside of quotes", _QUOTE))
        message = (
            f"catalina.sh evaluates {slip.name} once more, and {what} ends java's command there."
        )
        report(findings, Finding(UNUSABLE_FILE, slip.line, message, hint))
    zone = setenv.time_zone([setenv.Script(text)])
    for option in [*([zone] if zone else []), *setenv.options(text)]:
        if len(entries) == MAX_ENTRIES:
            findings.append(too_many(option.line))
            return
        key, value = _told(option)
        place = (0, 0)
        entries.append(Entry(key, value, option.line, option.line, place, place))
        if key in OURS and option.variable not in ("CATALINA_OPTS", "TZ"):
            known = "" if option.known else " to what only the node's own shell knows"
            if not option.sure:
                known = ", in a branch of which only the node's own shell knows whether it runs"
            message = f"`{key}` is set by hand here{known}; of two, the JVM takes the last one."
            kept = _SPEC_KEYS.get(key)
            hint = f"To keep its value, set `{kept}`. Then delete it" if kept else "Delete it"
            finding = Finding(BY_HAND, option.line, message, f"{hint}: the block holds it.")
            for each in (finding, *_lacking(option.text, option.line)):
                report(findings, each)


@lru_cache(maxsize=16)
def _elsewhere(artifact: Artifact, cluster: str, files: tuple[tuple[str, str], ...]) -> Elsewhere:
    from omconf.formats import tomcat
    from omconf.formats.block import Block, find

    texts, own = dict(files), artifact.path
    block = find(texts[own], cluster)
    block = block if isinstance(block, Block) else None
    given = tomcat.given(own, texts, block)
    wanted = KIND.read(artifact.text).items
    findings: list[tuple[str, Finding]] = []
    for option in given.behind:
        key, value = item_of(option.text)
        if key in OURS and value != wanted.get(key) and not given.lost:
            findings.append((option.path, _overrules(key, option.line)))
    for name, path, number in given.unread:
        message = f"`{quoted(name)}` is not read: a JVM option that it gives is not compared."
        findings.append((path, Finding(BY_HAND, number, message, _UNREAD)))
    counts = given.behind if block else given.options
    for option in counts:
        if not option.known and option.text[0] in "$`":
            word = f"Only the node's shell knows `{quoted(option.text)}`"
            message = f"{word}: a JVM option in it is not compared."
            findings.append((option.path, Finding(BY_HAND, option.line, message, _UNREAD)))
    told = {item_of(o.text)[0]: o for o in counts if o.text[0] not in "$`"}
    zone = texts.get(HOST_ZONE, "").strip()
    by_host = block is None and zone == wanted.get(_WHOLE[1])
    return Elsewhere(
        weaker={_WHOLE[1]: zone} if by_host else {},
        stronger={key: _told(option)[1] for key, option in told.items()},
        instead=block is None or given.lost,
        places={key: (o.path, o.line) for key, o in told.items() if o.path != own},
        findings=tuple(findings[:MAX_FINDINGS]),
    )


def _told(option: Option) -> tuple[str, str]:
    """Give an option's name and value; the value of a branch that may not run is no value in force."""
    key, value = item_of(option.text)
    return key, value if option.sure else f"{value} {_PERHAPS}"


def _overrules(key: str, line: int) -> Finding:
    message = f"`{key}` is set here, behind omconf's block, which cannot overrule it."
    kept = _SPEC_KEYS.get(key)
    hint = f"To keep its value, set `{kept}`. Then delete it here." if kept else "Delete it here."
    return Finding(OVERRULED, line, message, hint)


@lru_cache(maxsize=256)
def _artifact(cluster: Cluster, path: str) -> Artifact:
    om = cluster.openmeetings
    return Artifact(
        KIND.name,
        path,
        KIND.ownership,
        _text(cluster),
        owner=om.user.value,
        group=om.group.value,
        meaning=_meaning(cluster),
    )


@lru_cache(maxsize=2)
def _meaning(cluster: Cluster) -> Meaning:
    om = cluster.openmeetings
    blacklist, whitelist = OURS[2:]
    own = {"-DDATA_DIR": om.data_dir.value, "-Duser.timezone": om.timezone.value}
    lists = {blacklist: "*", whitelist: ",".join(WHITELIST)}
    further = dict(item_of(option.value) for option in om.java_options)
    return Meaning(_read_strictly, own | lists | further)


def _read_strictly(text: str) -> Reading:
    """Read a block; the reading is broken if an option is not one quoted word."""
    reading = KIND.read(text)
    options = text.partition(f"{START}\n")[2].split("\ncase ", 1)[0]
    reading.broken = not all(java_opts.ONE_WORD.fullmatch(line) for line in options.split("\n"))
    return reading


@lru_cache(maxsize=2)
def _text(cluster: Cluster) -> tuple[Line, ...]:
    om = cluster.openmeetings
    begin, end = markers(cluster.name)
    blacklist, whitelist = OURS[2:]
    options = [
        line(_quoted(om.data_dir, "-DDATA_DIR="), why=(DATA_DIR,)),
        line(_quoted(om.timezone, "-Duser.timezone="), why=(TIME_ZONE,)),
        line(_quoted(Value("*", SERIALIZATION), f"{blacklist}=")),
        line(_quoted(Value(",".join(WHITELIST), SERIALIZATION), f"{whitelist}=")),
        *(line(_quoted(option, "")) for option in om.java_options),
    ]
    ends = ["\\"] * (len(options) - 1) + ['"']
    return (
        line(begin, why=(MARKERS,)),
        line("# catalina.sh evaluates JAVA_OPTS once more: each option is quoted.", why=(SHELL,)),
        line(START, why=(SHELL,)),
        *(Line(f" {o.text}{end}", o.origins) for o, end in zip(options, ends, strict=True)),
        line('case "${JAVA_OPTS-}" in', why=(SHELL,)),
        line('*"$omconf_options"*) ;;', why=(SHELL,)),
        line('*) JAVA_OPTS="${JAVA_OPTS-}$omconf_options" ;;', why=(SHELL,)),
        line("esac", why=(SHELL,)),
        line("export JAVA_OPTS", why=(SHELL,)),
        line(end, why=(MARKERS,)),
    )


def _quoted(value: Value[str], before: str) -> Value[str]:
    return Value(java_opts.quoted(before + value.value), value.origin)


def _lacking(raw: str, number: int) -> Iterator[Finding]:
    """Find a whitelist by hand that lets remote commits be dropped."""
    if found := _BY_HAND_LIST.search(raw):
        listed = found[1].split(",")
        missing = [name for name in WHITELIST if name not in listed]
        if missing:
            message = f"The whitelist lacks {', '.join(missing)}: every remote commit is dropped."
            yield Finding(DROPPED, number, message, "Delete it: the block has the whole list.")


def item_of(option: str) -> tuple[str, str]:
    """Tell a system property's name and value; any other option is its own key."""
    name, equals, value = option.partition("=")
    if name == _WHOLE[0]:
        value = value.rstrip("/") or value[:1]
    return (name, value) if equals and name.startswith("-D") else (option, "set")
