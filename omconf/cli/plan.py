"""`omconf plan`: what is deployed now, and what would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from omconf.cli import output, planned
from omconf.diagnostics import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Collection

    from omconf.cluster.model import Cluster
    from omconf.deployed.snapshot import Source
    from omconf.diagnostics import Diagnostic
    from omconf.plan.model import Plan

NO_SOURCE = Rule("OM304", Severity.ERROR, "a plan without something to compare with")
SOURCES = """one of these four:
    omconf plan --deployed trees       trees/<node>/ is that node's root tree
    omconf plan --local om1            this host is the node om1
    omconf plan --ssh                  the nodes themselves, by your own ssh
    omconf plan --git HEAD -o bundles  the bundles as they were committed"""


def plan(
    spec: output.Spec = output.DEFAULT_SPEC,
    deployed: Annotated[
        Path | None,
        typer.Option("--deployed", metavar="DIR", help="DIR/<node>/ is that node's root tree."),
    ] = None,
    local: Annotated[
        str | None, typer.Option("--local", metavar="NODE", help="This host is the node NODE.")
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="With --local: its root tree.  [default: /]"),
    ] = None,
    ssh: Annotated[bool, typer.Option("--ssh", help="Read the nodes themselves, by ssh.")] = False,
    sudo: Annotated[
        bool, typer.Option("--sudo", help="With --ssh: read by `sudo -n` on the nodes.")
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=1,
            max=3600,
            help="With --ssh: how long a node may take.  [default: 60]",
        ),
    ] = None,
    git: Annotated[
        str | None,
        typer.Option(
            "--git",
            metavar="REV",
            help="The bundles of -o as committed at REV; with another source: what was applied.",
        ),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="With --git: the bundle directory."),
    ] = None,
    as_json: planned.AsJson = False,
    markdown: planned.AsMarkdown = False,
    max_chars: planned.MaxChars = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only errors and the last line.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Save the plan, for `omconf show`."),
    ] = None,
    detailed_exitcode: planned.DetailedExitcode = False,
    node: Annotated[
        list[str] | None, typer.Option("--node", metavar="NODE", help="Only this node; repeatable.")
    ] = None,
    strict_format: Annotated[
        bool,
        typer.Option("--strict-format", help="Count files that only look different as changes."),
    ] = False,
    require_secrets: Annotated[
        bool, typer.Option("--require-secrets", help="A secret that cannot be read is an error.")
    ] = False,
    no_color: output.NoColor = False,
) -> None:
    """Compare what the spec compiles to with what is deployed; nothing is changed anywhere."""
    from omconf.views import document

    if no_color:
        output.colourless()
    planned.require_one_form(as_json=as_json, markdown=markdown, most=max_chars)
    if quiet and (as_json or markdown):
        raise typer.BadParameter("--quiet goes with neither --json nor --markdown.")
    asked = Asked(deployed, local, root, ssh, sudo, seconds, git, directory, node or ())
    saved_as = str(out) if out else None
    made = _made(spec, asked, strict=strict_format, require=require_secrets, saved_as=saved_as)
    drawn = document.no_plan(made) if isinstance(made, list) else document.of_plan(made)
    planned.show(drawn, as_json=as_json, markdown=markdown, most=max_chars, quiet=quiet)
    planned.leave(drawn, detailed=detailed_exitcode)


class Asked(NamedTuple):
    """What the command line says of where deployed files are."""

    deployed: Path | None
    local: str | None
    root: Path | None
    ssh: bool
    sudo: bool
    seconds: float | None
    git: str | None
    directory: Path | None
    nodes: Collection[str]

    def mistake(self) -> str:
        """What is wrong with it, in a sentence; nothing when it names one source."""
        named = sum((self.deployed is not None, self.local is not None, self.ssh))
        if named == 0 and self.git is None:
            return "A plan needs the deployed files."
        if named > 1:
            return "A plan has one source: --deployed, --local and --ssh do not go together."
        if (self.git is None) != (self.directory is None):
            return "--git goes with -o, the bundle directory that was committed."
        if self.root is not None and self.local is None:
            return "--root goes with --local."
        if (self.sudo or self.seconds is not None) and not self.ssh:
            return "--sudo and --timeout go with --ssh."
        if self.local is not None and self.nodes:
            return "--local is one node: --node does not go with it."
        return ""

    @property
    def only(self) -> Collection[str]:
        """The nodes to plan; none: all."""
        return self.nodes if self.local is None else (self.local,)

    def sources(self, cluster: Cluster) -> tuple[Source, Source | None]:
        """The source of the plan, and the base that tells who changed what."""
        base = self._committed()
        if self.deployed is not None:
            from omconf.deployed.directory import Directory

            return Directory(str(self.deployed)), base
        if self.local is not None:
            from omconf.deployed.local import Local

            return Local(str(self.root or "/")), base
        if self.ssh:
            from omconf.deployed.ssh import Ssh

            removed = {node.name.value: node.ssh.value for node in cluster.removed}
            return Ssh(self.sudo, self.seconds or 60.0, removed), base
        assert base is not None  # noqa: S101 - there was no mistake
        return base, None

    def _committed(self) -> Source | None:
        if self.git is None:
            return None
        from omconf.deployed.git import Git

        return Git(self.git, str(self.directory))


def _made(
    spec: Path, asked: Asked, *, strict: bool, require: bool, saved_as: str | None
) -> Plan | list[Diagnostic]:
    from omconf.pipeline import plan as plans
    from omconf.pipeline.compiled import compile_spec

    if mistake := asked.mistake():
        return [NO_SOURCE.at(None, mistake, hint=SOURCES)]
    compiled = compile_spec(str(spec))
    if compiled.failed or compiled.cluster is None:
        return compiled.diagnostics
    source, base = asked.sources(compiled.cluster)
    return plans.plan(
        compiled,
        source,
        base=base,
        only=asked.only,
        strict=strict,
        require_secrets=require,
        saved_as=saved_as,
    )
