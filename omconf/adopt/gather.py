"""Reads nodes and their facts from a source: chooses what to read, runs each kind's reader."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from omconf.adopt import (
    cifs,
    database_tls,
    hazelcast,
    host,
    hosts_files,
    known_secrets,
    lines,
    member_list,
    names,
    persistence,
    properties,
    release,
    setenv,
    storage,
)
from omconf.adopt.model import Common, Seen, diagnostic
from omconf.artifacts import kinds
from omconf.artifacts.hazelcast import KIND as HAZELCAST
from omconf.artifacts.persistence import KIND as PERSISTENCE
from omconf.cluster import places
from omconf.cluster.resolve import natural
from omconf.dataclass import dataclass
from omconf.deployed.snapshot import NodeFiles, Request
from omconf.diagnostics import Diagnostic, Finding, Severity
from omconf.formats import header
from omconf.rules import GUESSED, MISSING_SETTING, NOT_A_FILE, NOT_KEPT
from omconf.secrets import quoted
from omconf.spec.checks import label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omconf.adopt.sources import Origin
    from omconf.deployed.survey import Survey
    from omconf.plan.mask import Mask
    from omconf.releases import Release

UNNAMED = "openmeetings"
"""The name of a cluster whose files have none that a spec can use."""
AROUND = (
    *host.NAMES,
    *host.NETWORK,
    *host.ROUTES,
    *host.FIREWALLS,
    "/etc/systemd/system/*.mount",
    "/etc/systemd/system/omconf-firewall.service",
    "/usr/local/sbin/omconf-multicast-route",
    setenv.INIT_SCRIPTS,
)


@dataclass(slots=True)
class Gathered:
    """The nodes of a source that could be read, with facts, and why others could not."""

    nodes: list[Seen] = field(default_factory=list)
    gaps: dict[str, str] = field(default_factory=dict)
    """Missing nodes by their name in the source, and why."""
    before: dict[str, str] = field(default_factory=dict)
    """Instance-names of nodes that have other names now, by these."""
    found: list[Diagnostic] = field(default_factory=list)
    release: Release | None = None
    hidden: Mask | None = None
    """Hides the secrets of all nodes, in what is reported."""

    @property
    def complete(self) -> bool:
        """Whether all nodes of the source could be read."""
        return not self.gaps

    @property
    def labels(self) -> dict[str, str]:
        """The nodes' names in the source, by name."""
        return {node.name: node.survey.label for node in self.nodes}


def gather(
    origin: Origin,
    *,
    said: Mapping[str, str],
    release_said: str | None = None,
    only: Sequence[str] = (),
    taken: frozenset[str] = frozenset(),
) -> Gathered:
    """Survey, read and name the nodes, and note the facts of each.

    `said` are chosen names by the node's name in the source; `only` limits the import to some nodes.
    """
    gathered = Gathered()
    surveys = origin.look()
    if isinstance(surveys, Diagnostic):
        gathered.found.append(surveys)
        return gathered
    known = {survey.label for survey in surveys}
    for name in sorted({*only, *said} - known):
        shown = ", ".join(sorted(known)[:10])
        message = f"There is no node `{name}` in the source."
        gathered.found.append(MISSING_SETTING.at(None, message, hint=f"Use one of: {shown}."))
    if gathered.found:
        return gathered
    _read(gathered, origin, [s for s in surveys if not only or s.label in only])
    if not gathered.nodes:
        return gathered
    named = names.give(gathered.nodes, said, taken)
    if isinstance(named, list):
        gathered.found += named
        return gathered
    gathered.before = named
    gathered.nodes.sort(key=lambda node: natural(node.name))
    gathered.release = release.facts(gathered.nodes, release_said)
    if gathered.release is None:
        message = "No file tells the release of OpenMeetings."
        hint = "Say it: --release 9.1.0. `omconf releases` lists those that omconf knows."
        gathered.found += [d for node in gathered.nodes for d in node.found]
        gathered.found.append(MISSING_SETTING.at(None, message, hint=hint))
        return gathered
    _note(gathered, gathered.release)
    return gathered


def _read(gathered: Gathered, origin: Origin, surveys: Sequence[Survey]) -> None:
    """Read the files of all nodes that have a home."""
    wanted = _with_homes(gathered, surveys)
    requests = {label: _request(node, origin) for label, node in wanted.items()}
    if not requests:
        return
    snapshot = origin.source({label: label for label in wanted}).read(requests, whole=False)
    if isinstance(snapshot, Diagnostic):
        gathered.found.append(snapshot)
        return
    again: dict[str, Request] = {}
    for label_of, node in wanted.items():
        node.files = snapshot.nodes[label_of]
        if node.files.problem:
            _missing(gathered, label_of, node.files.problem)
            continue
        if _choose(node):
            again[label_of] = _request(node, origin)
    if again:  # not the home or unit that was assumed at first
        snapshot = origin.source({label: label for label in again}).read(again, whole=False)
        if isinstance(snapshot, Diagnostic):
            gathered.found.append(snapshot)
            return
        for label_of in again:
            files = wanted[label_of].files = snapshot.nodes[label_of]
            if files.problem:
                _missing(gathered, label_of, files.problem)
    gathered.nodes += [node for node in wanted.values() if not node.files.problem]


def _with_homes(gathered: Gathered, surveys: Sequence[Survey]) -> dict[str, Seen]:
    """Return the nodes on which OpenMeetings was found, by their names in the source."""
    wanted: dict[str, Seen] = {}
    for survey in surveys:
        if survey.problem:
            _missing(gathered, survey.label, survey.problem)
            continue
        for odd in survey.odd:
            message = f"`{quoted(odd)}` is left out: its name contains an invisible character."
            hint = "Give its folder another name, if that is the OpenMeetings to import."
            gathered.found.append(NOT_KEPT.at(None, message, hint=hint, node=survey.label))
        if not survey.homes:
            message = "No `webapps/*/WEB-INF/classes/hazelcast.xml` is found here."
            hint = "It is looked for below /opt, /srv, /usr/local, /var/lib, /home and where units say."
            _missing(gathered, survey.label, Finding(MISSING_SETTING, 0, message, hint))
            continue
        node = Seen(survey.label, survey, NodeFiles())
        node.home, node.webapp = survey.homes[0]
        wanted[survey.label] = node
    return wanted


def _missing(gathered: Gathered, name: str, finding: Finding) -> None:
    gathered.gaps[name] = finding.message
    found = diagnostic(name, "", finding)
    if finding.rule.severity is not Severity.ERROR:
        found = finding.rule.at(None, finding.message, node=name, severity=Severity.ERROR)
    gathered.found.append(found)


def _choose(node: Seen) -> bool:
    """Choose home and unit; returns whether other files have to be read for them."""
    first = (node.home, node.webapp)
    node.unit = _unit(node, named=True) or _unit(node, named=False)
    if not node.unit:
        node.home, node.webapp = first
    real = dict(node.survey.real)
    chosen = (real.get(node.home, node.home), node.webapp)
    for home, webapp in node.survey.homes:
        if (home, webapp) != (node.home, node.webapp) and (real.get(home), webapp) != chosen:
            path = f"{home}/webapps/{webapp}"
            message = f"Another OpenMeetings lies in `{quoted(path)}`: it is left out."
            node.say(NOT_KEPT, message, None, "Import a copy of the tree without the other one.")
    moved = (node.home, node.webapp) != first or node.unit not in ("", places.DEFAULT_UNIT)
    return moved or _managed(node) is not None or bool(_named(node))


def _unit(node: Seen, *, named: bool) -> str:
    """Go on to the first home that a unit runs, and return that unit; empty if there is none."""
    for home, webapp in node.survey.homes:
        node.home, node.webapp = home, webapp
        if unit := host.unit_of(node, named=named):
            return unit
    return ""


def _request(node: Seen, origin: Origin) -> Request:
    own = [t for kind in kinds() for t in kind.places if "{cluster}" not in t]
    around = [t for kind in kinds() for t in kind.around if "{cluster}" not in t]
    around.append(setenv.STARTUP)
    settings = {
        "home": node.home,
        "webapp": node.webapp,
        "unit": node.unit or places.DEFAULT_UNIT,
    }
    units = node.survey.units[:64]
    managed = _managed(node)
    further = [*_of_omconf(managed), *_named(node)]
    return Request(
        paths=tuple(dict.fromkeys(map(node.path, own))),
        cluster=managed or "-",
        ssh=origin.ssh(node.survey.label),
        settings=settings,
        around=tuple(dict.fromkeys([*AROUND, *map(node.path, around), *units, *further])),
    )


def _named(node: Seen) -> list[str]:
    """Return the files that other files name and that the import reads, too."""
    return [*cifs.credentials(node), *database_tls.named(node), *setenv.starters(node)]


def _managed(node: Seen) -> str | None:
    """Return the cluster whose omconf wrote the node's hazelcast.xml."""
    text = node.text(node.path(HAZELCAST.places[0]))
    return header.cluster_of(text) if text is not None else None


def _of_omconf(cluster: str | None) -> list[str]:
    if cluster is None:
        return []
    folder = f"/etc/omconf/{cluster}"
    named = [f"{folder}/{name}" for name in ("check.conf", "firewall.nft", "storage.credentials")]
    return [*named, *database_tls.ours(cluster)]


def _note(gathered: Gathered, known: Release) -> None:
    """Run the readers of all kinds on each node."""
    nodes = gathered.nodes
    common = Common(known, tuple(nodes), {}, hosts_files.told(nodes))
    for node in nodes:
        _own(node)
        setenv.facts(node)
        host.service(node)
        host.timezone(node)
        hazelcast.facts(node, common)
        persistence.facts(node, common)
        properties.facts(node, common)
        host.address(node, common)
        host.network(node)
        host.firewall(node)
        _unread(gathered, node)
        lines.unread(node)
    persistence.no_database(nodes)
    storage.addresses(nodes)
    patterns = host.patterns(nodes)
    for node in nodes:
        host.no_address(node, patterns)
    common = Common(known, tuple(nodes), host.known_hosts(nodes))
    member_list.facts(nodes, common)
    storage.facts(nodes, common)
    cifs.samba(nodes)
    secrets = known_secrets.of(nodes)
    gathered.hidden = secrets.every
    hazelcast.further(nodes, known, secrets.within)
    known_secrets.leave_out(nodes, secrets)
    _cluster(nodes)
    _servers(nodes)
    gathered.found += [found for node in nodes for found in node.found]


def _own(node: Seen) -> None:
    path = node.path(HAZELCAST.places[0])
    node.tell(("nodes", "*", "home"), node.home, (path, 0))
    node.tell(("openmeetings", "webapp"), node.webapp, (path, 0), default="openmeetings")


def _unread(gathered: Gathered, node: Seen) -> None:
    """Report files that could not be read: without one that omconf writes, the node is incomplete."""
    every = sorted({**node.files.around, **node.files.files}.items())
    for path, file in [(p, f) for p, f in every if not f.on_the_way]:  # no file can be there
        if file.problem and path in node.files.files:
            node.report(path, file.problem)
            gathered.gaps.setdefault(node.survey.label, f"{path} cannot be read")
            if path == node.path(setenv.SETENV):  # which options a node has besides is not known
                key = ("openmeetings", "java_options")
                node.facts = [fact for fact in node.facts if fact.path != key]
        elif file.problem and not (file.problem.rule is NOT_A_FILE and _may_be_link(node, path)):
            why = file.problem.message
            unread = why if why.startswith("It cannot be read") else f"It is not read: {why}"
            node.say(NOT_KEPT, unread, (path, 0), file.problem.hint)
    for kind in (HAZELCAST, PERSISTENCE):
        path = node.path(kind.places[0])
        there = node.file(path)
        if there is None:
            hint = "Check that OpenMeetings is installed here completely."
            node.say(MISSING_SETTING, "There is no such file.", (path, 0), hint)
            gathered.gaps.setdefault(node.survey.label, f"{path} is not there")
        elif there.problem:
            gathered.gaps.setdefault(node.survey.label, f"{path} cannot be read")
        elif (reading := kind.read(node.text(path) or "")).broken:
            for finding in reading.findings[:10]:
                node.report(path, finding)
            gathered.gaps.setdefault(node.survey.label, f"{path} cannot be read")
    _guess_url(gathered, node)


def _may_be_link(node: Seen, path: str) -> bool:
    """Tell whether a file may be a link or a folder: a masked unit, or that of another program."""
    own = {node.path("/etc/systemd/system/{unit}"), *node.survey.units}
    others = (*host.ROUTES, setenv.INIT_SCRIPTS)
    other = path not in own and any(places.fits(each, path) for each in others)
    return path.endswith(".mount") or other


def _guess_url(gathered: Gathered, node: Seen) -> None:
    """Guess the URL of a node whose hazelcast.xml has none for a spec."""
    if not node.fact("nodes", "*", "url"):
        address = node.fact("nodes", "*", "address")
        url = f"https://{host.host_name(node) or (address.value if address else node.name)}"
        node.tell(
            ("nodes", "*", "url"), f"{url}:5443/openmeetings", guess="no server.url can be taken"
        )
        if node.survey.label in gathered.gaps:
            return  # an error names the file that cannot be read
        message = "hazelcast.xml has no `server.url` for a spec: the node's URL is guessed."
        hint = f"Correct `nodes.{node.name}.url` in the spec."
        node.say(GUESSED, message, (node.path(HAZELCAST.places[0]), 0), hint)


def _cluster(nodes: Sequence[Seen]) -> None:
    """Return the cluster's name: as omconf wrote it, or Hazelcast's cluster-name if that is valid."""
    for node in nodes:
        path = node.path(HAZELCAST.places[0])
        said = node.fact("hazelcast", "cluster_name")
        name = str(said.value) if said else ""
        if managed := _managed(node):
            node.tell(("cluster",), managed, (path, 2))
        elif name and name != "dev" and label(name) == name:
            line = said.place.line if said and said.place else 0
            node.tell(("cluster",), name, (path, line))
        else:
            node.tell(("cluster",), UNNAMED, guess="no file has a name that a spec accepts")


def _servers(nodes: Sequence[Seen]) -> None:
    """Write servers so that the spec reads a name as what it is."""
    known = {node.name for node in nodes}
    for node in nodes:
        for index, fact in enumerate(node.facts):
            if fact.path == ("database", "host"):
                if isinstance(fact.value, list):
                    continue  # several are written so already
                text = str(fact.value)
                if text in known or ("." not in text and text != "localhost"):
                    node.facts[index] = replace(fact, value={"host": text})
            elif fact.path == ("storage", "server"):
                text = str(fact.value)
                if text not in known and "." not in text:
                    node.facts[index] = replace(fact, value={"host": text})
