"""The rooms of `omconf explain` put together: bundle, and where each line comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import Diagnostic

if TYPE_CHECKING:
    from omconf.bundle.locate import Explained
    from omconf.pipeline.compiled import Compiled


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
