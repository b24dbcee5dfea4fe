"""Rows for what reads any text, the spec, files beside it, manifests; also many nodes or findings.

Here a repetition is a key of a spec, a file of a manifest, a node of a cluster or a finding of a view.
test_linear.py holds the growth of the steps as for formats and kinds.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from tests.linear.formats import XML
from tests.linear.kinds import HAZELCAST, START
from tests.linear.row import LINES, WORDS, Read, Text, row

SECRETS: list[str | Text] = [
    *WORDS,
    *(
        "pass",
        "pas",
        "password=",
        "password = ",
        "pw",
        "-dpw",
        "user",
        "user=",
        "//a:",
        "-u a:",
        "-u ",
    ),
    *("thin:", "a[", "property[", "password\\\n", "https://a:b@", "token: ", "api-", "password>a"),
    Text("a", "//b:", "@"),
    Text("a@", "", " "),
    Text("a:", "", "@"),
    Text("//", "", "@h"),
    Text("a", "-u "),
    Text(" ", "user"),
    Text("-", "password"),
    *("--password ", "-pass", "bearer ", "-a--"),
]


@row("secrets", texts=SECRETS)
def _secrets() -> Read:
    from omconf import secrets
    from omconf.plan import binding
    from omconf.views.visible import visible

    def read(text: str) -> object:
        for look in (secrets.hides, secrets.masked, secrets.quoted, visible):
            look(text)
        secrets.tells("a", text)
        return list(secrets.masked_lines(text.split("\n"))), binding._COMMENT.sub("", text)

    return read


SPEC: list[str | Text] = [
    *LINES,
    *("a: b\n", "k%d: v\n", "- a\n", " ", "a: {", "[", "&a%d x\n", "? a\n", "'", "#"),
    Text("a%d: {b: c, d: e}, ", "{", "f: g}"),
    Text("a%d: {b: {c: d}}, ", "{nodes: {", "}}"),
    Text("  om%d: {address: 10.1.1.1, url: 'https://a'}\n", "omconf: 1\nnodes:\n"),
    Text("1", "a: "),
    Text("1", "omconf: 1\nport: ", "e5"),
    Text("- timeo=x%d\n", "omconf: 1\nstorage:\n  kind: nfs\n  options:\n  "),
    Text("  x\n", "omconf: 1\ndatabase:\n password: |\n"),
    Text("  x\n", "omconf: 1\npassword: &a |\n  x\n", "other_password: *a\nthird_password: *a\n"),
    Text("a", "omconf: 1\ncluster: ", "\nignore: [{rule: OM105, why: x}]\n"),
]


@row("spec.load", texts=SPEC, large=64 * 1024)
def _spec() -> Read:
    from omconf.spec.load import load

    return lambda text: load(text.encode(), "cluster.yaml")


VALUES: list[str | Text] = [
    *WORDS,
    *(
        "a.",
        "a-",
        "a@",
        "+",
        "%41",
        "[",
        "::",
        "a ",
        "https://",
        "\\",
        "?",
        "#",
        "{name}",
        "-Da ",
        ",a:1",
    ),
    *(Text(part, "https://", "!") for part in ("a.", "a@", "a", "a/", "/a", "1", "a:", "[", "@")),
    *(Text(part, "/") for part in ("a/", "./", "../", "/")),
    *(Text(part, "-Da=", " !") for part in ("a", " ", " a")),
    *(Text(part, "stun:", "!") for part in ("a", "1", "a.", "a,")),
    Text("a", "", ".service!"),
    Text(".service", "a"),
]


@row("spec.checks", texts=VALUES)
def _checks() -> Read:
    import inspect
    import pkgutil
    from importlib import import_module

    from pydantic_core import PydanticCustomError

    import omconf.spec
    from omconf.spec import checks, urls

    of_text: list[Read] = [checks.label, lambda text: urls.url(text, "om1")]
    # All that check a text of the spec, those to come too.
    for name in (module.name for module in pkgutil.iter_modules(omconf.spec.__path__)):
        module = import_module(f"omconf.spec.{name}")
        for found in vars(module).values():
            if inspect.isfunction(found) and found.__module__ == module.__name__:
                taken = inspect.signature(found).parameters
                if list(taken) == ["value"] and taken["value"].annotation in ("str", "Any"):
                    of_text.append(found)
    assert len(of_text) > 25

    def read(text: str) -> object:
        for check in of_text:
            with suppress(PydanticCustomError):
                check(text)
        return None

    return read


EXTRA: list[str | Text] = [
    *HAZELCAST,
    Text("<map name='a'/>", START, "</hazelcast>"),
    Text("<queue name='q%d'/>", START, "</hazelcast>"),
    Text("<queue name='q%d'/>\n", START, "</hazelcast>"),
    Text("<instance-name/>", START, "</hazelcast>"),
    Text("<import resource='a'/>", START, "</hazelcast>"),
    Text("<password>%d</password>", f"{START}<b>", "</b></hazelcast>"),
    Text("<b xmlns='c'/>", START, "</hazelcast>"),
]


@row("hazelcast.hazelcast_extra", texts=EXTRA, large=64 * 1024)
def _extra() -> Read:
    from omconf.cluster.model import ExtraFile
    from omconf.hazelcast import hazelcast_extra
    from omconf.releases import RELEASES

    return lambda text: hazelcast_extra.read(
        ExtraFile("further.xml", text.encode()), RELEASES["9.1.0"]
    )


@row("schema.xsd", texts=XML)
def _xsd() -> Read:
    from omconf.schema import xsd

    def read(text: str) -> object:
        found = xsd.parse(text.encode())
        if isinstance(found, xsd.Fault):
            return found
        return xsd.faults(xsd.known(found, "hazelcast-deployed.xsd"), "hazelcast-deployed.xsd")

    return read


@row("releases.inspect", texts=HAZELCAST, large=128 * 1024)
def _release() -> Read:
    from omconf.releases import inspect

    def read(text: str) -> object:
        with tempfile.TemporaryDirectory() as folder:
            classes = Path(folder, "webapps/openmeetings/WEB-INF/classes/META-INF")
            classes.mkdir(parents=True)
            (classes.parent / "hazelcast.xml").write_text(text)
            stock = text.replace("hazelcast", "persistence")
            (classes / "mysql_persistence.xml").write_text(stock)
            return inspect.differences(inspect.read(Path(folder)))

    return read


MANIFESTS: list[str | Text] = [
    Text(
        '{"path": "/a%d", "kind": "k", "ownership": "file"}, ',
        '{"format_version": "1.0", "files": [',
        "{}]}",
    ),
    Text(
        '{"path": "/a", "kind": "k", "ownership": "file"}, ',
        '{"format_version": "1.0", "files": [',
        "{}]}",
    ),
    Text(
        "/a",
        '{"format_version": "1.0", "files": [{"path": "',
        '", "kind": "k", "ownership": "file"}]}',
    ),
    Text(
        "a",
        '{"format_version": "1.0", "files": [{"path": "/',
        '", "kind": "k", "ownership": "file"}]}',
    ),
    Text('"a%d", ', '{"format_version": "1.0", "files": [', '"a"]}'),
    Text('"d%d/a/b", ', '{"format_version": "1.0", "files": [', '"a"]}'),
    Text("a/", '{"format_version": "1.0", "files": ["', 'a"]}'),
    Text("./", '{"format_version": "1.0", "files": ["', 'a"]}'),
    *("[", '{"a":', '"a": 1, ', "1", " ", "\\"),
]


@row("bundle.applied", "bundle.listing", "planfile.store", texts=MANIFESTS)
def _manifest(name: str) -> Read:
    from omconf.bundle import applied, comparison
    from omconf.planfile import store

    def of_node(text: str) -> object:
        with suppress(ValueError):
            return applied.read(text.encode(), "conference")
        return None

    def of_bundle(text: str) -> object:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "manifest.json").write_text(text)
            Path(folder, "a/a").mkdir(parents=True)
            return comparison.check({}, Path(folder))

    plan: Read = lambda text: store.parse(text.encode(), "a.plan")  # noqa: E731
    return {"bundle.applied": of_node, "bundle.listing": of_bundle}.get(name, plan)


@row("plan.items.changed", texts=["k%d=v", "k%d"], large=64 * 1024)
def _changed() -> Read:
    from omconf.plan import items

    def read(text: str) -> object:
        found = dict.fromkeys(text.split("k"), "v")
        return [items.shown(item) for item in items.changed(found, {"1": "w"}, lambda *_: "")]

    return read


@row("views", texts=["line %d\n", "same\n", "`\n", "\n"], large=16 * 1024)
def _views() -> Read:
    from omconf.actions import Put, Step
    from omconf.plan.model import Action, ArtifactChange, ItemChange, Plan
    from omconf.rollout.model import Rollout
    from omconf.rules import BEYOND_LIMIT, UNUSABLE_FILE
    from omconf.views import document, folding, markdown
    from omconf.views import text as text_view

    def read(text: str) -> object:
        lines = text.split("\n")
        items = tuple(ItemChange(line, Action.UPDATE, line, "b") for line in lines)
        nodes = tuple(f"n{number}" for number in range(len(lines)))
        changes = [ArtifactChange("n0", "/a", "jvm", "file", Action.UPDATE, items)]
        changes += [ArtifactChange(n, "/a", "jvm", "file", Action.DELETE) for n in nodes]
        found = [UNUSABLE_FILE.at(None, line, node="n0", path="/a") for line in lines]
        found += [BEYOND_LIMIT.at(None, "same", node=node, path="/a") for node in nodes]
        found += [UNUSABLE_FILE.at(None, line) for line in lines]
        rollout = Rollout(tuple(Step((node,), "b", (Put(("/a",)),)) for node in nodes))
        plan = Plan("c", "git", nodes, tuple(changes), rollout=rollout, diagnostics=tuple(found))
        drawn = document.of_plan(plan)
        paint = text_view.Paint(colour=False)
        findings = text_view.diagnostics(folding.findings(drawn["diagnostics"]), paint)
        return text_view.plan(drawn, paint), findings, markdown.plan(drawn)

    return read


@row("rollout", texts=["node\n"], large=16 * 1024)
def _rollout() -> Read:
    from dataclasses import replace

    from omconf.actions import Stage, run
    from omconf.artifacts.effect import Effect
    from omconf.origin import Value
    from omconf.rollout.model import Part, State
    from omconf.rollout.order import order
    from tests.clusters import cluster_of, spec_of

    cluster = cluster_of(spec_of(2))
    mount = Effect("mount", "why", run=(run("mount"),), stopped=True)
    restart = Effect("restart", "why", rolling=False)

    def read(text: str) -> object:
        names = [f"n{number}" for number in range(len(text) // 5)]
        origin = cluster.nodes[0].name.origin
        nodes = tuple(replace(cluster.nodes[0], name=Value(name, origin)) for name in names)
        many = replace(cluster, nodes=nodes)
        parts = [Part(name, "/a", Stage.MOUNT, mount, whole=False) for name in names]
        at_once = Part("n0", "/b", Stage.OPENMEETINGS, restart)
        half = {name: State() for name in names[: len(names) // 2]}
        return order(many, parts, half), order(many, [*parts, at_once], half)

    return read


@row("hazelcast.deployed_members", "verify", texts=["%d\n", "same\n"])
def _nodes(name: str) -> Read:
    from omconf.artifacts.node_check import KIND
    from omconf.artifacts.reading import Reading
    from omconf.formats.node_check import Said
    from omconf.hazelcast import deployed_members
    from omconf.verify import combine
    from omconf.verify.rounds import Heard, Rounds
    from tests.clusters import cluster_of, spec_of

    def members(text: str) -> object:
        lines = text.split("\n")
        items = {f"n{n}": {"instance-name": line} for n, line in enumerate(lines)}
        found = list(deployed_members.findings(items, {n: {} for n in items}, items))
        readings = {
            f"n{n}": Reading(items={"release": f"{n}{line}"}, lines={"release": 1})
            for n, line in enumerate(lines)
        }
        return found, list(KIND.across(cluster, readings, (), {}))

    def verified(text: str) -> object:
        lines = text.split("\n")
        names = [f"n{n}" for n in range(len(lines))]
        first = {n: Heard(Said(facts={"left": ("t",), "member": tuple(lines)})) for n in names[:5]}
        first |= {n: Heard(Said(facts={"left": ("t",)})) for n in names[5:]}
        second = {n: Heard(Said(facts={"sees": (n,) if n < "n5" else ()})) for n in names}
        of_nodes = [combine.report(cluster, n, first[n]) for n in names[:5]]
        return of_nodes, list(combine._folder(Rounds("t", first, second)))

    cluster = cluster_of(spec_of(5))
    return verified if name == "verify" else members
