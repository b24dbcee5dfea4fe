"""The rooms of `omconf explain` put together: bundle, and where each line comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.resources import rule_page
from omconf.rules import NO_SUCH_PLACE, all_rules

if TYPE_CHECKING:
    from omconf.bundle.locate import Explained
    from omconf.diagnostics import Diagnostic, Rule
    from omconf.pipeline.compiled import Compiled


def explain(compiled: Compiled, target: str) -> Explained | list[Diagnostic]:
    """Find a file or a line of the compiled bundle, with all that tells why it is there."""
    from omconf.bundle.locate import Explained, locate, outdated

    cluster, bundle, document = compiled.cluster, compiled.bundle, compiled.document
    if cluster is None or bundle is None or document is None:
        return compiled.diagnostics
    located = locate(bundle, target)
    if isinstance(located, list):
        return located
    texts = {document.file: document.text}
    if extra := cluster.hazelcast.extra:
        texts[extra.value.path] = extra.value.data.decode("utf-8", "replace")
    return Explained(located, texts, compiled.diagnostics, outdated(bundle, located))


def page(name: str) -> tuple[Rule, str] | Diagnostic:
    """Return the rule that a user names (`OM221`, `om221`, `221`), and its page in Markdown."""
    rules = all_rules()
    number = name.upper().removeprefix("OM")
    rule = rules.get(f"OM{number}")
    if rule is not None:
        return rule, rule_page(rule.id)
    asked = int(number[:9])
    near = sorted(rules.values(), key=lambda rule: abs(int(rule.id[2:]) - asked))[:3]
    named = "; ".join(f"{rule.id}, {rule.title}" for rule in near)
    hint = f"Similar: {named}. `omconf rules` lists all."
    return NO_SUCH_PLACE.at(None, f"There is no rule OM{number}.", hint=hint)
