"""Checks of names and values that stand in XML: properties, JDBC options, Hazelcast's cluster-name."""

from __future__ import annotations

from omconf.formats import names, oracle_net
from omconf.regex import regex
from omconf.rules import UNCARRIABLE, UNQUOTABLE, WRONG_VALUE
from omconf.spec.refusal import refuse

MAX_NAME = 255
"""Characters of a cluster-name: members send it in each multicast packet."""
_REPLACED = regex(r"\$\w*\{")


def property_name(value: str) -> str:
    """Check the name of a property of Hazelcast or JPA."""
    if not names.PROPERTY.fullmatch(value):
        refuse(
            UNCARRIABLE,
            f"`{value[:80] if value.isprintable() else ascii(value)[1:81]}` is not a property name.",
            "Use letters, digits, `.`, `_` and `-` only.",
        )
    return value


def option_name(value: str) -> str:
    """Check the name of an option: printable, without white space."""
    if not value or not value.isprintable() or " " in value:
        refuse(
            UNCARRIABLE,
            "The name contains white space or an invisible character.",
            "Write the name without spaces.",
        )
    return value


def carried(value: str) -> str:
    """Check a text that goes into OpenJPA's ConnectionProperties, which trims values."""
    if value != value.strip():
        refuse(
            UNQUOTABLE,
            "The space at its start or end would be lost: OpenJPA trims values.",
            "Remove the space; if the name really has one, rename it.",
        )
    return value


def oracle_name(value: str) -> str:
    """Check the name of an Oracle service."""
    if not oracle_net.NAME.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not an Oracle service name.",
            "Write letters, digits and `_ $ # . -`, as `lsnrctl services` shows it.",
        )
    return value


def hazelcast_name(value: str) -> str:
    """Check Hazelcast's cluster-name, in which Hazelcast replaces `${...}` and `$ENC{...}`."""
    if len(value) > MAX_NAME:
        refuse(
            WRONG_VALUE,
            f"A cluster-name of {len(value):,} characters is too long.",
            f"Use {MAX_NAME} characters at most.",
        )
    if _REPLACED.search(value):
        refuse(
            UNCARRIABLE,
            f"`{value[:80]}` is not a plain name: Hazelcast would replace `${{...}}` by a value.",
            "Write the name itself.",
        )
    return carried(value)


def xml_text(value: str) -> str:
    """Check the text of an XML element: Hazelcast trims it."""
    if value != value.strip():
        refuse(
            UNCARRIABLE,
            "The space at its start or end would be lost: Hazelcast trims values.",
            "Remove the space.",
        )
    return value
