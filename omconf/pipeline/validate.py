"""What `omconf validate` adds to compiling: the slower checks of the compiled files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import Diagnostic, in_order
from omconf.rules import BY_JAR

if TYPE_CHECKING:
    from omconf.bundle.model import Bundle
    from omconf.pipeline.compiled import Compiled


def by_xmlschema(bundle: Bundle) -> list[Diagnostic]:
    """Validate each shape of compiled XML file with xmlschema, regardless of libxml2's result.

    `compile_spec` has validated every single file with libxml2 and the same schemas.
    """
    from omconf.bundle.compile import validate

    return validate(bundle, xmlschema_only=True)


def validate_by_jar(compiled: Compiled, jar: str) -> list[Diagnostic]:
    """Validate every compiled hazelcast.xml against the XSD of a Hazelcast jar."""
    from omconf.origin import FromSpec
    from omconf.schema import official

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
                message = f"Hazelcast rejects `{fault.path}`: {fault.reason}."
                found.append(BY_JAR.at(span, message, path=None if span else artifact.path))
    return in_order(found)
