"""The cluster to its bundle, and the bundle to the files of a directory."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.bundle import manifest
from omconf.bundle.model import Bundle, BundleFile, NodeBundle
from omconf.ownership import OWNED
from omconf.regex import regex
from omconf.rules import OWN_SCHEMA, TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.artifacts.contents import Artifact, Contents
    from omconf.cluster.model import Cluster
    from omconf.diagnostics import Diagnostic
    from omconf.secrets import Secret

MISTAKE = "This is a bug in omconf; please report it with your spec."
_CONTROLS = bytes({*range(9), *range(10, 32), 127})
"""Control characters but for the tab: a file has its line feeds, and none else."""
_TEXT = regex(rb">[^<]+<")


def compile_bundle(cluster: Cluster) -> Bundle:
    """Render every kind for every node; artifacts in the order of their paths."""
    nodes = []
    for node in cluster.nodes:
        artifacts = [a for kind in kinds() for a in kind.render(cluster, node)]
        artifacts.sort(key=lambda a: a.path)
        nodes.append(NodeBundle(node.name.value, tuple(artifacts)))
    external_files = tuple(h for kind in kinds() for h in kind.external_files(cluster))

    def notes() -> str:
        from omconf.bundle import readme

        return readme.write(cluster, nodes, external_files)

    return Bundle(cluster.name.value, tuple(nodes), external_files, notes)


def validate(bundle: Bundle, *, xmlschema_only: bool = False) -> list[Diagnostic]:
    """Validate compiled files against omconf's own schemas, and what their own readers find in them.

    libxml2 validates first, xmlschema explains.

    With `xmlschema_only` only xmlschema validates. Of documents that differ only in the text of their
    elements, it validates the first: libxml2 validates that text in each of them (decision 13).

    A finding here is a mistake of omconf's, save for a file that would be too large; it is still
    said, not raised.
    """
    from omconf.schema import xsd

    checked: set[object] = set()
    found = [] if xmlschema_only else list(_misread(bundle))
    for node in bundle.nodes:
        for artifact in node.artifacts:
            if id(artifact) in checked:
                continue
            checked.add(id(artifact))
            if xmlschema_only:
                shape = _shape(artifact)
                if shape is None or shape in checked:
                    continue
                checked.add(shape)
            if len(artifact.data) > xsd.MAX_BYTES:
                rule, told = (
                    TOO_LARGE,
                    ["It would be larger than 4 MiB, which `omconf plan` cannot read."],
                )
                hint = "Write fewer or shorter options and properties."
            else:
                rule, told = OWN_SCHEMA, _faults(artifact, xmlschema_only=xmlschema_only)
                hint = MISTAKE
            found += [
                rule.at(None, message, hint=hint, node=node.node, path=artifact.path)
                for message in told
            ]
    return found


def _misread(bundle: Bundle) -> Iterator[Diagnostic]:
    """Find files in which a value would become something else: a line more, another entry.

    What several nodes share is read once.
    """
    read: set[int] = set()
    files: list[tuple[str | None, Contents]] = [(None, given) for given in bundle.external_files]
    files += [(node.node, artifact) for node in bundle.nodes for artifact in node.artifacts]
    for node, content in files:
        if id(content) in read:
            continue
        read.add(id(content))
        data, meaning = content.data, content.meaning
        fault = ""
        if len(data) - len(data.translate(None, _CONTROLS)) != len(content.lines):
            fault = "a value contains a line break or a control character"
        elif meaning and id(content.lines) not in read:
            read.add(id(content.lines))
            fault = meaning.fault(content.lines)
        if fault:
            message = f"{fault[:1].upper()}{fault[1:]}."
            yield OWN_SCHEMA.at(None, message, hint=MISTAKE, node=node, path=content.path)


def _shape(artifact: Artifact) -> tuple[str, bytes] | None:
    """Return an XML file's schema, and a digest of all but the text in its elements."""
    if artifact.schema is None:
        return None
    return artifact.schema, sha256(_TEXT.sub(b"><", artifact.data)).digest()


def _faults(artifact: Artifact, *, xmlschema_only: bool) -> list[str]:
    from omconf.schema import xsd

    schema = artifact.schema
    if schema is None:
        return []
    document = xsd.parse(artifact.data)
    if isinstance(document, xsd.Fault):
        faults = [document]
    else:
        if schema.endswith("-deployed.xsd"):
            document = xsd.known(document, schema)
        faults = (xsd.by_xmlschema if xmlschema_only else xsd.faults)(document, schema)
    return [f"line {f.line}, {f.path}: {f.reason}" for f in faults]


def contents(bundle: Bundle) -> Iterator[tuple[str, Contents]]:
    """Go through all that the kinds rendered, by its path in the bundle directory."""
    for external in bundle.external_files:
        yield external.path, external
    for node in bundle.nodes:
        for artifact in node.artifacts:
            yield f"{node.node}/{OWNED[artifact.ownership].folder}{artifact.path}", artifact


def files(bundle: Bundle, secrets: Mapping[str, Secret] | None = None) -> dict[str, BundleFile]:
    """Lay the bundle out as files of a directory; with `secrets`, their values filled in.

    Raises UnfitSecretError for a secret that a file's format cannot carry.
    """
    result = {"README.md": BundleFile(bundle.readme.encode())}
    for node in bundle.nodes:
        listing = manifest.for_node(bundle.cluster, node.node, node.artifacts)
        result[f"{node.node}/manifest.json"] = BundleFile(listing)
    for path, content in contents(bundle):
        if secrets is None:
            mode = 0o755 if content.mode & 0o100 else 0o644
            result[path] = BundleFile(content.data, mode)
        else:
            result[path] = BundleFile(
                content.filled(secrets).encode("utf-8", "surrogateescape"), content.mode
            )
    names = [node.node for node in bundle.nodes]
    listing = manifest.for_directory(bundle.cluster, names, [*result, "manifest.json"])
    result["manifest.json"] = BundleFile(listing)
    return result
