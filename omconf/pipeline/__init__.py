"""The rooms put together: spec, cluster, bundle, deployed files, plan. Nothing else joins them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omconf.diagnostics import (
    PLAIN_PROPERTY,
    Diagnostic,
    Rule,
    Severity,
    has_errors,
    in_order,
    meant,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from omconf.bundle.directory import Checked
    from omconf.bundle.locate import Explained
    from omconf.bundle.model import Bundle
    from omconf.bundle.writer import Written
    from omconf.cluster.model import Cluster
    from omconf.secrets import Secrets
    from omconf.spec.document import Document

NO_SPEC = Rule("OM100", Severity.ERROR, "the spec file cannot be read")
UNKNOWN_NODE = Rule("OM303", Severity.ERROR, "a node that the spec does not have")
NO_SECRET = Rule("OM322", Severity.WARNING, "a secret that cannot be read now")
BY_JAR = Rule("OM264", Severity.ERROR, "a hazelcast.xml that Hazelcast's own schema refuses")
IN_GIT = Rule("OM406", Severity.ERROR, "secrets would be written into a git work tree")


@dataclass(slots=True)
class Compiled:
    """A spec, as far as it could be compiled: with errors there is no bundle."""

    cluster: Cluster | None = None
    bundle: Bundle | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    document: Document | None = None

    @property
    def failed(self) -> bool:
        """True when nothing may be built from it."""
        return self.bundle is None or has_errors(self.diagnostics)


def compile_spec(path: str) -> Compiled:
    """Read a spec, check it, resolve it, render it, and hold the result against the schemas."""
    from omconf.bundle.compile import compile_bundle, judge

    compiled = check_spec(path)
    if compiled.cluster is not None and not has_errors(compiled.diagnostics):
        compiled.bundle = compile_bundle(compiled.cluster)
        compiled.diagnostics += judge(compiled.bundle)
    return compiled


def check_spec(path: str) -> Compiled:
    """Read a spec and check it alone and as a cluster; nothing is rendered."""
    from omconf.check.rules import check
    from omconf.cluster.resolve import resolve
    from omconf.files import read
    from omconf.spec.document import MAX_BYTES
    from omconf.spec.load import load

    try:
        # A pipe too: `omconf validate /dev/stdin`, or of a shell's <(...).
        data = read.start(path, MAX_BYTES + 1, pipe=True).data
    except OSError as error:
        hint = (
            "`omconf init` writes a spec to start from."
            if isinstance(error, FileNotFoundError)
            else ""
        )
        found = NO_SPEC.at(None, f"{path}: {error.strerror}.", hint=hint)
        return Compiled(diagnostics=[found])
    loaded = load(data, path)
    if loaded.spec is None:
        return Compiled(diagnostics=loaded.diagnostics)
    cluster, found_here = resolve(loaded.document, loaded.spec, str(Path(path).parent))
    if cluster is not None:
        found_here += check(cluster)
    diagnostics = loaded.diagnostics + _new(loaded.document, loaded.diagnostics, found_here)
    if cluster is not None and cluster.ignores:
        diagnostics = _silenced(loaded.document, cluster, diagnostics)
    return Compiled(cluster, diagnostics=in_order(diagnostics), document=loaded.document)


def _silenced(document: Document, cluster: Cluster, found: list[Diagnostic]) -> list[Diagnostic]:
    """What is left of the findings in the spec when its `ignore` is heard."""
    from omconf.check import ignored
    from omconf.rules import all_rules
    from omconf.spec.checks import WRONG_VALUE

    rules = all_rules()
    unknown = [
        WRONG_VALUE.at(
            i.rule.span, f"There is no rule `{i.rule.value}`.", hint="`omconf rules` lists all."
        )
        for i in cluster.ignores
        if i.rule.value not in rules
    ]
    known = [i for i in cluster.ignores if i.rule.value in rules]
    left = [*unknown, *ignored.silence(found, known, ignored.in_spec)]
    shown = {id(d) for d in found}
    return [
        d.shown_with(document.source(d.span.line)) if d.span and id(d) not in shown else d
        for d in left
    ]


def _new(document: Document, known: list[Diagnostic], found: list[Diagnostic]) -> list[Diagnostic]:
    """Of later findings, those that say something new: one a place and rule, none where one was."""
    places = {d.span for d in known if d.is_error}
    seen: set[tuple[str, object]] = set()
    result = []
    for d in found:
        span = d.span
        if span and (span in places or (d.rule.id, span) in seen):
            continue
        if span is None or span.file != document.file:
            result.append(d)
            continue
        seen.add((d.rule.id, span))
        if d.rule is PLAIN_PROPERTY:
            document.masked.add((span.line, span.line))
            # Where the secret ends says how long it is.
            d = replace(d, span=replace(span, end_line=span.line, end_column=span.column + 1))  # noqa: PLW2901
        result.append(d.shown_with(document.source(span.line)))
    return result


def graph(cluster: Cluster, form: str) -> str:
    """Draw the cluster's topology as `mermaid`, `dot` or `svg`."""
    from omconf.topology import dot, mermaid, svg
    from omconf.topology.model import topology

    drawings = {"mermaid": mermaid.draw, "dot": dot.draw, "svg": svg.draw}
    return drawings[form](topology(cluster))


def authority(bundle: Bundle) -> list[Diagnostic]:
    """Hold each shape of compiled XML file against xmlschema itself, whatever libxml2 says.

    `compile_spec` has held every single file against libxml2's reading of the same schemas.
    """
    from omconf.bundle.compile import judge

    return judge(bundle, authority=True)


def judge_by_jar(compiled: Compiled, jar: str) -> list[Diagnostic]:
    """Hold every compiled hazelcast.xml against the XSD of a Hazelcast jar."""
    from omconf.check import official
    from omconf.origin import FromSpec

    if compiled.bundle is None or compiled.cluster is None:
        return []
    schema = official.schema(jar, compiled.cluster.openmeetings.release.value.hazelcast_xsd)
    if isinstance(schema, str):
        return [BY_JAR.at(None, schema)]
    found = []
    for node in compiled.bundle.nodes:
        for artifact in node.artifacts:
            if not (artifact.schema or "").startswith("hazelcast"):
                continue
            for fault in official.faults(schema, artifact.data):
                line = artifact.lines[fault.line - 1]
                span = next((o.span for o in line.origins if isinstance(o, FromSpec)), None)
                message = f"Hazelcast refuses `{fault.path}`: {fault.reason}."
                found.append(BY_JAR.at(span, message, path=None if span else artifact.path))
    return in_order(found)


def secrets_of(bundle: Bundle) -> Secrets:
    """The secrets that the bundle has places for."""
    from omconf.bundle.compile import contents
    from omconf.secrets import Secrets

    return Secrets({p.name: p.ref for _, c in contents(bundle) for p in c.placeholders})


def write_bundle(bundle: Bundle, directory: str) -> Written | list[Diagnostic]:
    """Write the bundle directory, secrets as placeholders."""
    from omconf.bundle.compile import files
    from omconf.bundle.paths import possible
    from omconf.bundle.writer import write

    return write(files(bundle), Path(directory), possible=possible)


def write_revealed(bundle: Bundle, directory: str) -> Written | list[Diagnostic]:
    """Write a staging copy with the secrets filled in: never inside a git work tree."""
    from omconf.bundle.compile import files
    from omconf.bundle.paths import possible
    from omconf.bundle.writer import write
    from omconf.deployed import git_work_tree
    from omconf.spec.checks import UNQUOTABLE

    inside = git_work_tree.covering(directory)
    if inside:
        message = f"{directory} is inside {inside}: secrets would be committed."
        return [
            IN_GIT.at(None, message, hint="Choose a folder outside of it, and delete it after use.")
        ]
    secrets = secrets_of(bundle)
    values = secrets.all()
    if secrets.unresolved:
        return _masked(unresolved(secrets, Severity.ERROR), secrets)
    try:
        contents = files(bundle, values)
    except ValueError as error:
        return [UNQUOTABLE.at(None, f"A secret cannot be written where it belongs: {error}.")]
    written = write(contents, Path(directory), private=True, possible=possible)
    return _masked(written, secrets) if isinstance(written, list) else written


def _masked(found: list[Diagnostic], secrets: Secrets) -> list[Diagnostic]:
    """Hide the secrets that were read in findings."""
    from omconf.plan.masking import Mask

    mask = Mask(secrets.known)
    return [mask.diagnostic(d) for d in found]


def unresolved(secrets: Secrets, severity: Severity) -> list[Diagnostic]:
    """Say which of the secrets that were asked for could not be read, and why."""
    hint = "Run omconf where it can be read, or see where the spec says that it is."
    return [
        NO_SECRET.at(
            None, f"The secret `{name}` cannot be read: {found.why}.", hint=hint, severity=severity
        )
        for name, found in secrets.unresolved.items()
    ]


def check_directory(bundle: Bundle, directory: str) -> Checked | list[Diagnostic]:
    """Compare the bundle directory with what the spec compiles to; nothing is written."""
    from omconf.bundle.compile import files
    from omconf.bundle.directory import check
    from omconf.bundle.paths import possible

    return check(files(bundle), Path(directory), possible)


def sensitive_paths(bundle: Bundle) -> set[str]:
    """The files of the bundle directory that have places for secrets."""
    from omconf.bundle.compile import contents

    return {path for path, content in contents(bundle) if content.sensitive}


def strangers(cluster: Cluster, named: Collection[str]) -> list[Diagnostic]:
    """Say which of the named nodes the spec does not have."""
    names = {node.name.value for node in cluster.nodes}
    unknown = sorted(set(named) - names)
    if not unknown:
        return []
    message = f"The spec has no node {', '.join(f'`{name}`' for name in unknown)}."
    near = meant(unknown[0], names)
    hint = f"Did you mean `{near}`?" if near else f"Nodes are: {', '.join(sorted(names)[:10])}."
    return [UNKNOWN_NODE.at(None, message, hint=hint)]


def explain(compiled: Compiled, target: str) -> Explained | list[Diagnostic]:
    """Find a file or a line of the compiled bundle, with all that tells why it is there."""
    from omconf.bundle.locate import Explained, locate, outdated

    cluster, bundle, document = compiled.cluster, compiled.bundle, compiled.document
    if cluster is None or bundle is None or document is None:
        return compiled.diagnostics
    located = locate(bundle, target)
    if isinstance(located, Diagnostic):
        return [located]
    texts = {document.file: document.text}
    if extra := cluster.hazelcast.extra:
        texts[extra.value.path] = extra.value.data.decode("utf-8", "replace")
    return Explained(located, texts, compiled.diagnostics, outdated(bundle, located))
