"""`<home>/bin/setenv.sh`: the JVM options that all nodes need, as a block in Tomcat's file.

Sources: the clustering page, step "Start-up scripts"; CVE-2024-54676 (OpenMeetings before 8.0 accepted
any serialized class from anybody who reaches port 5636); with `blacklist=*` a remote commit is dropped
unless the whitelist has all four entries (measured). catalina.sh sources the file and evaluates
JAVA_OPTS once more, so every option is quoted for that.
"""

from __future__ import annotations

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
from omconf.formats.block import MARKERS, MAX_ENTRIES, Entry, behind, markers, too_many
from omconf.formats.java_opts import plain
from omconf.origin import FromFormat, FromPage, Value
from omconf.regex import regex
from omconf.rules import BY_HAND, CONTRADICTION, DROPPED, OVERRULED, UNCARRIABLE, UNUSABLE_FILE
from omconf.secrets import hides, in_plain, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.artifacts.reading import Texts
    from omconf.cluster.model import Cluster, Node
    from omconf.diagnostics import Diagnostic
    from omconf.formats.setenv import Option
    from omconf.formats.tomcat import Given

__all__ = ["HAZELCASTS", "KIND", "OURS", "START", "Jvm", "item_of", "plain"]

SERIALIZATION = FromPage("Start-up scripts: OpenJPA's serialization black and white list")
DATA_DIR = FromPage("File systems: the data folder is outside OpenMeetings")
TIME_ZONE = FromPage("Servers: the same time zone on all of them")
SHELL = FromFormat("POSIX shell")

CR = "A line ends in CR LF: a shell reads the CR as part of the line, and catalina.sh fails."
_PERHAPS = "(if that branch runs)"
_QUOTE = "Put the option in single quotes, inside the double ones: `\"$JAVA_OPTS '-Da=b|c'\"`."
_MISTAKES = {
    "\n": ("a line end", "End each line but the last with a backslash."),
    **dict.fromkeys("'\"", ("a quote that is not closed", "Close the quote.")),
}
"""Characters that the shell interprets: the name in messages, and a hint."""
_LOST = ": the options of omconf's block are lost."
_MOVE = "Move it out of `if`, functions, quotes, here-documents, before any `exit` or `readonly`."
_KEEP = 'Write `JAVA_OPTS="$JAVA_OPTS ..."`.'
_UNREAD = "omconf's block overrides what stands before it, except in CATALINA_OPTS."

WHITELIST = ("[B", "java.util", "org.apache.openjpa", "org.apache.openmeetings.db.entity")
"""If one is missing, every remote commit is dropped, and caches stay stale (measured)."""
_WHOLE = ("-DDATA_DIR", "-Duser.timezone")
"""Options that must not differ between running nodes."""
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
_DELETE = "Delete it: omconf's block has the complete list."
_APPLY = "Apply the plan: it writes the complete list."
_BY_HAND_LIST = regex(r"serialization\.class\.whitelist=([^\s\"']*)")


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
        "/etc/systemd/system/service.d/*.conf",
        "/etc/default/openmeetings",
        HOST_ZONE,
        "{home}/bin/catalina.sh",
    )
    textual = True
    last_counts = True

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return the same options for every node, in its own home."""
        return [_artifact(cluster, self.paths(cluster, node)[0])]

    def entries(self, text: str) -> tuple[list[Entry], list[Finding]]:
        """Read the options of a block, by name; a system property's value is what follows `=`.

        Outside the block, the admin's own assignments count (shell_variables.py). Finding: OM323 for
        one that sets an option of omconf, too.
        """
        entries: list[Entry] = []
        findings: list[Finding] = []
        inside = False
        begin = 0
        for number, raw in enumerate(text.split("\n"), 1):
            content = raw.removesuffix("\r")
            if content != raw and not findings:
                findings.append(
                    Finding(UNUSABLE_FILE, number, CR, "Remove them: `sed -i 's/\\r$//'`")
                )
            end = begin + len(raw) + 1
            if inside and len(entries) == MAX_ENTRIES:
                findings.append(too_many(number))
                break
            if inside:
                inside = content.endswith("\\")
                key, value = item_of(plain(content))
                for finding in _lacking(f"{key}={value}", number, _APPLY):
                    report(findings, finding)
                entries.append(Entry(key, value, number, number, (begin, end), (begin, end)))
            elif content == START:
                inside = True
            begin = end
        if not entries:
            _by_hand(text, entries, findings)
        return entries, findings

    def behind(self, text: str) -> list[Finding]:
        """Find lines after the block that overwrite JAVA_OPTS and with it the block's options."""
        from omconf.formats.setenv import overwritten

        findings: list[Finding] = []
        for number in overwritten(text, "JAVA_OPTS"):
            message = f"JAVA_OPTS is overwritten here{_LOST}"
            report(findings, Finding(OVERRULED, number, message, _KEEP))
        return findings

    def surroundings(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """Return the unit's files and catalina.sh; without systemd, catalina.sh alone."""
        paths = super().surroundings(cluster, node)
        return paths if cluster.openmeetings.has_systemd else paths[-2:]

    def elsewhere(self, cluster: Cluster, artifact: Artifact, texts: Texts) -> Elsewhere:
        """Read the JVM options that the unit and catalina.sh add to those of setenv.sh.

        catalina.sh starts with the unit's environment, and passes CATALINA_OPTS last: the block can
        override neither these nor what is set after setenv.sh. If nothing sets the time zone, the
        JVM uses the host's.
        """
        return _elsewhere(artifact, cluster.name.value, tuple(texts.items()))

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Refuse options that omconf sets itself, too many bytes, and secrets in plain text."""
        options = cluster.openmeetings.java_options
        if (size := sum(len(option.value.encode()) + 1 for option in options)) > java.MAX_OPTIONS:
            message = (
                f"The JVM options have {size:,} bytes in total; at most {java.MAX_OPTIONS:,} are"
                f" possible."
            )
            hint = "Move long values to a file, and refer to it in an option."
            yield UNCARRIABLE.at(options[0].span, message, hint=hint)
        for option in options:
            name = option.value.partition("=")[0]
            if name in OURS:
                key = _SPEC_KEYS.get(name)
                message = f"`{name}` is written by omconf."
                hint = f"Set `{key}` instead." if key else "Remove it."
                yield CONTRADICTION.at(option.span, message, hint=hint)
            elif name in HAZELCASTS:
                message = f"`{name}` would override the hazelcast.xml that omconf writes."
                hint = (
                    "Remove it; use `hazelcast.properties` or `hazelcast.extra` for further"
                    " settings."
                )
                yield CONTRADICTION.at(option.span, message, hint=hint)
            elif in_plain(name, option.value):
                hint = "Remove it: `ps` would also show it to every user of the node."
                yield plain_property(name, option.span, hint)

    def keep(self, key: str, replaced: bool) -> str:
        """Return the spec's key for an option: its own, or `openmeetings.java_options`."""
        if key in OURS or hides(key):
            return _SPEC_KEYS.get(key, "")
        return "openmeetings.java_options"

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Restart; nodes with different data folders or time zones must not run at the same time."""
        by_hand = cluster.storage.by_hand
        elsewhere = action == "create" or _WHOLE[0] in changes
        manual = mount_manually(cluster) if by_hand and elsewhere else None
        if action != "delete" and any(
            name in changes and changes[name].before is not None for name in _WHOLE
        ):
            why = (
                "nodes with different data folders or time zones would lose each other's files and"
                " delete each other's new sessions"
            )
            storage, om = cluster.storage, cluster.openmeetings
            same = storage.export.value == om.data_dir.value
            moves = elsewhere and same and storage.fstab is None
            decided_by = tuple(name for name in _WHOLE if name in changes)
            return Effect(
                "restart", why, rolling=False, moves=moves, manual=manual, decided_by=decided_by
            )
        why = "setenv.sh is read when OpenMeetings starts; nodes restart one by one"
        if action == "create" and manual:
            return Effect("restart", why, stopped=True, manual=manual)
        return restart(why)


KIND = Jvm()


def _by_hand(text: str, entries: list[Entry], findings: list[Finding]) -> None:
    """Read the hand-made options, and report those that omconf sets."""
    if "_OPT" not in text and "TZ" not in text:
        return
    from omconf.formats import setenv
    from omconf.formats.shell_variables import Script

    for mistake in setenv.mistakes(text):
        what, hint = _MISTAKES.get(mistake.char, (f"an unquoted `{mistake.char}`", _QUOTE))
        message = (
            f"catalina.sh evaluates {mistake.name} once more, and {what} ends java's command there."
        )
        report(findings, Finding(UNUSABLE_FILE, mistake.line, message, hint))
    zone = setenv.time_zone([Script(text)])
    for option in [*([zone] if zone else []), *setenv.options(text)]:
        if len(entries) == MAX_ENTRIES:
            findings.append(too_many(option.line))
            return
        key, value = _told(option)
        place = (0, 0)
        entries.append(Entry(key, value, option.line, option.line, place, place))
        if key in OURS and option.variable not in ("CATALINA_OPTS", "TZ"):
            known = "" if option.known else " to a value known only on the node"
            if not option.sure:
                known = ", in a branch that may not run"
            message = (
                f"`{key}` is set by hand here{known}; the JVM uses the last of several values."
            )
            kept = _SPEC_KEYS.get(key)
            hint = f"To keep its value, set `{kept}`. Then delete it" if kept else "Delete it"
            finding = Finding(BY_HAND, option.line, message, f"{hint}: omconf's block sets it.")
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
    if given.lost and not (block and KIND.behind(behind(texts[own], block))):
        line = block.line if block else texts[own].count("\n") + 1
        findings += [(own, finding) for finding in _lost(given, line)]
    for name, path, number in given.unread:
        message = f"`{quoted(name)}` is not read: JVM options in it are not compared."
        findings.append((path, Finding(BY_HAND, number, message, _UNREAD)))
    counts = given.behind if block else given.options
    for option in counts:
        if not option.known and option.opaque:
            word = f"The value of `{quoted(option.text)}` is known only on the node"
            message = f"{word}: JVM options in it are not compared."
            findings.append((option.path, Finding(BY_HAND, option.line, message, _UNREAD)))
    told = {item_of(o.text)[0]: o for o in counts if not o.opaque}
    zone = java.zone(texts.get(HOST_ZONE, "").strip())
    by_host = block is None and zone == wanted.get(_WHOLE[1])
    return Elsewhere(
        weaker={_WHOLE[1]: zone} if by_host else {},
        stronger={key: _told(option)[1] for key, option in told.items()},
        instead=block is None or given.lost,
        places={key: (o.path, o.line) for key, o in told.items() if o.path != own},
        findings=tuple(findings[:MAX_FINDINGS]),
    )


def _told(option: Option) -> tuple[str, str]:
    """Return an option's name and value; a value in a branch that may not run is marked."""
    key, value = item_of(option.text)
    return key, value if option.sure else f"{value} {_PERHAPS}"


def _lost(given: Given, line: int) -> Iterator[Finding]:
    """Report a block whose options do not reach the JVM, where that is certain."""
    if given.idle:
        yield Finding(OVERRULED, line, f"omconf's block does not run here{_LOST}", _MOVE)
    elif not any(option.opaque for option in given.options):
        message = f"JAVA_OPTS is overwritten after omconf's block{_LOST}"
        yield Finding(OVERRULED, line, message, _KEEP)


def _overrules(key: str, line: int) -> Finding:
    message = f"`{key}` is set here, after omconf's block, and overrides it."
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
    own = {_WHOLE[0]: om.data_dir.value, _WHOLE[1]: java.zone(om.timezone.value)}
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


def _lacking(raw: str, number: int, hint: str = _DELETE) -> Iterator[Finding]:
    """Find a whitelist that causes remote commits to be dropped."""
    if found := _BY_HAND_LIST.search(raw):
        listed = found[1].split(",")
        missing = [name for name in WHITELIST if name not in listed]
        if missing:
            message = f"The whitelist lacks {', '.join(missing)}: every remote commit is dropped."
            yield Finding(DROPPED, number, message, hint)


def item_of(option: str) -> tuple[str, str]:
    """Return a system property's name and value; any other option is its own key."""
    name, equals, value = option.partition("=")
    if name in _WHOLE:
        value = java.zone(value) if name == _WHOLE[1] else value.rstrip("/") or value[:1]
    return (name, value) if equals and name.startswith("-D") else (option, "set")
