"""`omconf import`: hand-made nodes to a spec that proves itself."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from omconf.cli import completion, output, sources
from omconf.diagnostics import Diagnostic
from omconf.rules import EXISTS, NO_SOURCE

if TYPE_CHECKING:
    from omconf.adopt.result import Imported
    from omconf.adopt.sources import Origin

STDOUT = Path("-")
"""What `-o` takes for printing the spec, as without it."""
SOURCES = """Use one of these sources:
    omconf import --deployed trees             trees/<node>/ is that node's root tree
    omconf import --ssh --host om1 --host om2  the nodes, by your own ssh configuration
    omconf import --local om1 [--root DIR]     this host, or a copy of its root"""


def import_(
    deployed: sources.Deployed = None,
    ssh: Annotated[bool, typer.Option("--ssh", help="Read the nodes by ssh: see --host.")] = False,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="DEST", help="With --ssh: a destination; repeatable."),
    ] = None,
    sudo: sources.Sudo = False,
    seconds: sources.Timeout = None,
    local: Annotated[
        str | None, typer.Option("--local", metavar="NAME", help="This host is the node NAME.")
    ] = None,
    root: sources.Root = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="SPEC",
            parser=output.path,
            help="Write the spec to this new file instead of printing it.",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            metavar="SPEC",
            parser=output.path,
            help="Add the nodes to this existing spec file.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            metavar="NODE=NAME",
            help="Name a node of the source NAME in the spec; repeatable.",
        ),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            "--release",
            metavar="RELEASE",
            autocompletion=completion.releases,
            help="The release, when no jar identifies it.",
        ),
    ] = None,
    node: Annotated[
        list[str] | None,
        typer.Option("--node", metavar="NODE", help="Only this node of the source; repeatable."),
    ] = None,
    explicit: Annotated[
        bool, typer.Option("--explicit", help="Also write defaults and stock values.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    no_color: output.NoColor = False,
) -> None:
    """Read nodes that were set up by hand, write the smallest spec that compiles to what they have,
    and prove it by a plan against the same nodes. Nothing is changed on any node.

    Exit 0: the plan updates and deletes nothing. Exit 2: differences remain, and are listed.
    Exit 1: an error, and no file is written, except a new spec (-o) that marks missing nodes.
    """  # noqa: D205
    from omconf.pipeline.adopt import PRINTED, Asked, adopt

    if no_color:
        output.colourless()
    origin = _origin(deployed, ssh, host or (), sudo, seconds, local, root)
    if isinstance(origin, Diagnostic):
        _fail(origin, as_json=as_json)
    if out is not None and into is not None:
        raise typer.BadParameter("-o and --into cannot be used together.")
    if out == STDOUT:
        out = None
    if into == STDOUT:
        raise typer.BadParameter("--into takes the file of a spec, not `-`.")
    target = out or into
    asked = Asked(
        names=_names(name or ()),
        release=_release(release),
        only=tuple(node or ()),
        explicit=explicit,
        into=str(into) if into else None,
        file=str(target or PRINTED),
    )
    if out is not None and (why := _unwritable(out)):
        _fail(_exists(str(out), why), as_json=as_json)
    result = adopt(origin, asked)
    written = _written(result, target, replace=into is not None)
    _show(result, written, target, as_json=as_json)
    raise typer.Exit(result.code)


def _origin(
    deployed: Path | None,
    ssh: bool,
    hosts: list[str] | tuple[str, ...],
    sudo: bool,
    seconds: float | None,
    local: str | None,
    root: Path | None,
) -> Origin | Diagnostic:
    from omconf.adopt import sources
    from omconf.formats.names import LABEL, SSH_DESTINATION

    named = (deployed is not None) + ssh + (local is not None)
    if named != 1:
        together = "--deployed, --local and --ssh cannot be used together"
        what = f"takes one source: {together}." if named else "needs a source of deployed files."
        return NO_SOURCE.at(None, f"An import {what}", hint=SOURCES)
    wrong = {
        "--host requires --ssh.": bool(hosts) and not ssh,
        "--root requires --local.": root is not None and local is None,
        "--sudo and --timeout require --ssh.": (sudo or seconds is not None) and not ssh,
    }
    for message in (message for message, it_is in wrong.items() if it_is):
        raise typer.BadParameter(message)
    if deployed is not None:
        return sources.Trees(str(deployed))
    if local is not None:
        if not LABEL.fullmatch(local):
            raise typer.BadParameter(
                f"--local takes a node name such as om1: `{local[:80]}` is not one."
            )
        return sources.Host(local, str(root or "/"))
    if not hosts:
        raise typer.BadParameter("--ssh needs the nodes: --host om1 --host root@om2.example.org")
    for each in hosts:
        if not SSH_DESTINATION.fullmatch(each):
            raise typer.BadParameter(f"`{each[:80]}` is not an ssh destination.")
    return sources.Destinations(tuple(dict.fromkeys(hosts)), sudo, seconds or 60.0)


def _fail(found: Diagnostic, *, as_json: bool) -> NoReturn:
    """Report what prevents an import before any node is read, and exit."""
    from omconf.adopt.result import Imported

    _show(Imported(diagnostics=[found]), {}, None, as_json=as_json)
    raise typer.Exit(1)


def _names(said: list[str] | tuple[str, ...]) -> dict[str, str]:
    from omconf.formats.names import LABEL

    names: dict[str, str] = {}
    for each in said:
        before, equals, name = each.rpartition("=")
        if before in names and names[before] != name:
            raise typer.BadParameter(f"--name gives two names to the node `{before[:80]}`.")
        if not equals or not before or not LABEL.fullmatch(name) or len(name) > 63:
            raise typer.BadParameter(
                f"--name takes NODE=NAME, where NAME is a lower-case host label: `{each[:80]}` is not."
            )
        names[before] = name
    if len(set(names.values())) < len(names):
        raise typer.BadParameter("--name gives one name to two nodes.")
    return names


def _release(said: str | None) -> str | None:
    from omconf.releases import RELEASES, nearest

    if said is not None and said not in RELEASES:
        near = nearest(said)
        hint = f" Did you mean {near}?" if near else ""
        raise typer.BadParameter(f"omconf does not know the release `{said[:40]}`.{hint}")
    return said


def _exists(
    path: str, what: str, hint: str = "Name another file: omconf import ... -o OTHER.yaml"
) -> Diagnostic:
    return EXISTS.at(None, f"{path} is not written: {what}.", hint=hint)


def _unwritable(out: Path) -> str:
    """Return why a new file cannot be written; empty if it can. Asked before any node is read."""
    try:
        os.lstat(out)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        return os.strerror(error.errno or errno.EIO)
    else:
        return "it already exists"
    if not os.path.isdir(out.parent):
        return f"there is no folder {out.parent}"
    return "" if os.access(out.parent, os.W_OK | os.X_OK) else os.strerror(errno.EACCES)


def _written(result: Imported, target: Path | None, *, replace: bool) -> dict[str, str]:
    """Write the spec and the files beside it, all or none; new ones never overwrite."""
    from omconf.files.write import create, remove_file

    if target is None:
        return {}
    if not result.nodes and not result.gaps:  # nothing was read: what is reported says why
        return {}
    flaw, hint = result.flaw(in_place=replace)
    if flaw:
        result.diagnostics.append(_exists(str(target), flaw, hint))
        return {}
    done: dict[str, str] = {}
    every = [(target.parent / name, text) for name, text in result.files.items()]
    for path, text in [*every, (target, result.text)]:
        data = text.encode("utf-8", "surrogateescape")
        try:
            if replace and path == target:
                _replaced(target, result.before, data)
            else:
                create(str(path), data)
        except OSError as error:
            what = "it already exists" if isinstance(error, FileExistsError) else error.strerror
            again = {"hint": "Run the import again."} if error.errno == errno.ESTALE else {}
            result.diagnostics.append(_exists(str(path), what or "it cannot be written", **again))
            for new in done.values():
                with suppress(OSError):
                    remove_file(new)
            return {}
        done[path.name] = str(path)
    return done


def _replaced(target: Path, before: str, data: bytes) -> None:
    """Replace the spec that was read, a link's target too; its owner, mode and BOM are kept.

    Raises OSError if it is no longer the text that was read, or cannot be replaced.
    """
    import codecs

    from omconf.files.read import contents, folder
    from omconf.files.write import replace
    from omconf.spec.parse import MAX_BYTES

    place, name = os.path.split(os.path.realpath(target))
    above = folder(place)
    try:
        now = contents(name, MAX_BYTES, dir_fd=above, follow=False)
        if now.data.decode("utf-8-sig", "replace") != before:
            raise OSError(errno.ESTALE, "it changed while the nodes were read")
        if now.data.startswith(codecs.BOM_UTF8):
            data = codecs.BOM_UTF8 + data
        owner = (now.status.st_uid, now.status.st_gid)
        replace(name, data, dir_fd=above, mode=now.status.st_mode & 0o7777, owner=owner)
    finally:
        os.close(above)


def _show(result: Imported, written: dict[str, str], target: Path | None, *, as_json: bool) -> None:
    import sys

    from omconf.views import adoption, folding
    from omconf.views import text as text_view

    drawn = adoption.of_import(result, written)
    if as_json:
        output.print_json(drawn)
        return
    found = folding.findings(drawn["diagnostics"])
    output.write(text_view.diagnostics(found, output.paint(sys.stderr)), err=True)
    to_stdout = target is not None
    spec = str(target) if target is not None and target != Path("cluster.yaml") else ""
    stream = sys.stdout if to_stdout else sys.stderr
    unwritten = target is not None and not written
    report = adoption.report(drawn, output.paint(stream), spec, unwritten=unwritten)
    if not to_stdout:
        output.write(_printed(result))
    if written:
        report += f"Wrote {', '.join(written.values())}.\n"
    output.write(report, err=not to_stdout)


def _printed(result: Imported) -> str:
    """Return the spec as it is printed; a further file follows as a comment."""
    text = result.text
    for name, content in result.files.items():
        lines = "".join(f"# {line}\n" for line in content.splitlines())
        text += f"\n# A file next to it, {name}:\n{lines}"
    return text
