"""The secrets that a comparison came across: read for the spec, or found in deployed files."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.reading import Reading
    from omconf.bundle.model import Bundle
    from omconf.cluster.model import Cluster
    from omconf.diagnostics import Finding
    from omconf.plan.mask import Mask
    from omconf.plan.model import ItemChange
    from omconf.secret_sources import Secrets
    from omconf.secrets import Secret
    from omconf.topology.model import Topology


@dataclass(slots=True)
class Seen:
    """Collects secrets while files are compared, for a mask over all that the plan prints."""

    secrets: Secrets
    deployed: dict[str, Secret] = field(default_factory=dict, repr=False)

    def note(self, reading: Reading) -> Reading:
        """Note the secrets of a file, and return its reading."""
        self.deployed |= {secret.reveal(): secret for secret in reading.secrets.values()}
        return reading

    def resolve(
        self, artifact: Artifact, findings: Sequence[Finding], changed: Sequence[ItemChange]
    ) -> None:
        """Read the spec's secrets for a file of which something is shown: they may stand in that."""
        if findings or any(item.before is not None for item in changed):
            for placeholder in artifact.placeholders:
                self.secrets.look(placeholder.name)

    def mask(self, cluster: Cluster, bundle: Bundle, drawn: Topology) -> Mask | None:
        """Return what hides them; None when there are none."""
        found = [*self.secrets.known, *self.deployed.values()]
        if not found:
            return None
        from omconf.plan.mask import Mask

        return Mask(found, _public(cluster, bundle, drawn))


def _public(cluster: Cluster, bundle: Bundle, drawn: Topology) -> Iterator[str]:
    """Names that a plan prints whatever the secrets are."""
    yield cluster.name.value
    for node in cluster.nodes:
        yield from (node.name.value, node.address.value, node.url.value)
    yield from {artifact.path for node in bundle.nodes for artifact in node.artifacts}
    yield drawn.discovery
    for box in (*drawn.nodes, *drawn.servers):
        yield from (box.title, *box.lines)
    yield from (link.label for link in drawn.links)
