"""The secrets that a bundle has places for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.rules import NO_SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.bundle.model import Bundle
    from omconf.diagnostics import Diagnostic, Severity
    from omconf.secret_sources import Secrets
    from omconf.secrets import Secret
    from omconf.spec.document import Document


def secrets_of(bundle: Bundle, known: Mapping[str, Secret] | None = None) -> Secrets:
    """The secrets that the bundle has places for; those that are `known` already are not read."""
    from omconf.bundle.compile import contents
    from omconf.secret_sources import Secrets

    refs = {p.name: p.ref for _, c in contents(bundle) for p in c.placeholders}
    return Secrets(refs, known)


def unresolved(secrets: Secrets, severity: Severity, document: Document | None) -> list[Diagnostic]:
    """Report the secrets that were asked for and could not be read, each with the reason (OM322)."""
    hint = "Run omconf where the secret can be read, or correct the reference in the spec."
    return [
        at_reference(NO_SECRET.at(None, message, hint=hint, severity=severity), name, document)
        for name, found in secrets.unresolved.items()
        if (message := f"The secret `{name}` cannot be read: {found.why}.")
    ]


def at_reference(found: Diagnostic, name: str, document: Document | None) -> Diagnostic:
    """Place a finding at a secret's reference: the secret is named by its key in the spec."""
    if document is None:
        return found
    span = document.span(tuple(name.split(".")))
    return replace(found, span=span, source=document.source(span.line))
