"""The rooms of `omconf build` put together: bundle, secrets, its directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omconf.diagnostics import Diagnostic, Severity
from omconf.pipeline.bundle_secrets import at_reference, secrets_of, unresolved
from omconf.rules import IN_GIT

if TYPE_CHECKING:
    from omconf.bundle.comparison import Checked
    from omconf.bundle.model import Bundle
    from omconf.bundle.writer import Written
    from omconf.secret_sources import Secrets
    from omconf.spec.document import Document


def write_bundle(bundle: Bundle, directory: str) -> Written | list[Diagnostic]:
    """Write the bundle directory, secrets as placeholders."""
    from omconf.bundle.compile import files
    from omconf.bundle.paths import possible
    from omconf.bundle.writer import write

    return write(files(bundle), Path(directory), possible=possible)


def write_revealed(
    bundle: Bundle, directory: str, document: Document | None
) -> Written | list[Diagnostic]:
    """Write a staging copy with the secrets filled in: never inside a git work tree."""
    from omconf.artifacts.contents import UnfitSecretError
    from omconf.bundle.compile import files
    from omconf.bundle.paths import possible
    from omconf.bundle.writer import write
    from omconf.deployed import git_work_tree
    from omconf.rules import UNQUOTABLE

    inside = git_work_tree.covering(directory)
    if inside:
        message = f"{directory} is inside {inside}: secrets would be committed."
        return [
            IN_GIT.at(
                None,
                message,
                hint="Choose a folder outside of it, and delete that folder after use.",
            )
        ]
    secrets = secrets_of(bundle)
    values = secrets.all()
    if secrets.unresolved:
        return _masked(unresolved(secrets, Severity.ERROR, document), secrets)
    try:
        contents = files(bundle, values)
    except UnfitSecretError as error:
        message = f"The secret `{error.name}` cannot be written to its file: {error}."
        found = UNQUOTABLE.at(None, message, hint="Choose another secret.")
        return _masked([at_reference(found, error.name, document)], secrets)
    written = write(contents, Path(directory), private=True, possible=possible)
    return _masked(written, secrets) if isinstance(written, list) else written


def _masked(found: list[Diagnostic], secrets: Secrets) -> list[Diagnostic]:
    """Hide the secrets that were read in findings."""
    from omconf.plan.mask import Mask

    mask = Mask(secrets.known)
    return [mask.diagnostic(d) for d in found]


def check_directory(bundle: Bundle, directory: str) -> Checked | list[Diagnostic]:
    """Compare the bundle directory with what the spec compiles to; nothing is written."""
    from omconf.bundle.comparison import check
    from omconf.bundle.compile import files
    from omconf.bundle.paths import possible

    return check(files(bundle), Path(directory), possible)


def sensitive_paths(bundle: Bundle) -> set[str]:
    """The files of the bundle directory that have places for secrets."""
    from omconf.bundle.compile import contents

    return {path for path, content in contents(bundle) if content.sensitive}
