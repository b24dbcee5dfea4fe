"""Every rule has a page, and the examples on it are what the rule says and does not say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from omconf.ansible import inventory
from omconf.ansible.session import PlaybookError, session, untested
from omconf.rules import all_rules
from tests import rule_pages
from tests.clusters import SMALLEST
from tests.command import ROOT
from tests.needs import needs
from tests.rule_pages import NOT_RUN, PAGES, SECTIONS, Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from omconf.diagnostics import Diagnostic

pytestmark = pytest.mark.slow

READ = rule_pages.pages()


def cases(section: str) -> list[Any]:
    """The pages whose examples are run, and what these need."""
    found = []
    for page in READ:
        if page.id not in NOT_RUN:
            git = any("$ git " in fence.text for fence in page.examples(section))
            found.append(pytest.param(page, id=page.id, marks=needs("git") if git else ()))
    return found


MAX_LINES = 75


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    assert {page.id for page in READ} == set(all_rules())


@pytest.mark.parametrize("page", READ, ids=lambda page: page.id)
def test_shape(page: Page) -> None:
    rule = all_rules()[page.id]
    assert page.title == f"# {rule.id}: {rule.title}"
    assert page.severity.startswith(f"Severity: {rule.severity}")
    assert tuple(page.sections) == SECTIONS
    assert all(text.strip() for text in page.sections.values())
    assert page.examples("Bad")
    assert page.examples("Good")
    assert not any(fence.expected for fence in page.examples("Good"))
    text = (PAGES / f"{page.id}.md").read_text()
    assert text.count("\n") <= MAX_LINES, "a page is read, not studied"


@pytest.mark.parametrize("page", cases("Bad"))
def test_bad(page: Page, tmp_path: Path) -> None:
    examples = page.examples("Bad")
    if examples[0].language == "console":
        text = "".join(fence.text for fence in examples)
        assert rule_pages.session(text, tmp_path) == text
        assert [found.rule for found in rule_pages.said(text)] == [page.id]
    else:
        found = rule_pages.run(examples, tmp_path)
        assert [(f.rule, f.place) for f in found] == [(page.id, p) for p in page.expected()]
        assert found[0].severity == all_rules()[page.id].severity


@pytest.mark.parametrize("page", cases("Good"))
def test_good(page: Page, tmp_path: Path) -> None:
    examples = page.examples("Good")
    if examples[0].language == "console":
        text = "".join(fence.text for fence in examples)
        assert rule_pages.session(text, tmp_path) == text
        assert rule_pages.said(text) == []
    else:
        assert rule_pages.run(examples, tmp_path) == []


@pytest.mark.parametrize("page", [p for p in READ if p.id in NOT_RUN], ids=lambda page: page.id)
def test_what_is_not_run_says_its_rule(page: Page) -> None:
    (found,) = rule_pages.said("".join(fence.text for fence in page.examples("Bad")))
    assert found.rule == page.id


def hosts() -> Any:
    """What matches the nodes of the smallest spec with the hosts of OM360's bad example."""
    (page,) = (page for page in READ if page.id == "OM360")
    text, _ = page.examples("Bad")
    listed = yaml.safe_load(text.text)["all"]["hosts"]
    addresses = {host: (variables["ansible_host"], "") for host, variables in listed.items()}
    return inventory.matched("hosts.yml", addresses, {"om1": "om1", "om2": "om2"})


def no_playbook() -> Any:
    """What a machine without Ansible says."""
    with (
        pytest.raises(PlaybookError) as raised,
        session(inventory.generated({"om1": "om1"}), become=False),
    ):
        pass
    return raised.value.found


@pytest.mark.parametrize(
    ("rule", "reported"),
    [("OM360", hosts), ("OM361", no_playbook), ("OM362", lambda: untested("2.14.18")[0])],
)
def test_pages_of_ansible(
    rule: str, reported: Callable[[], Diagnostic], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = reported()
    (page,) = (page for page in READ if page.id == rule)
    text = next(fence.text for fence in page.examples("Bad") if fence.language == "console")
    hint = f"  hint: {found.hint}\n" if found.hint else ""
    assert text.endswith(f"\n{found.severity}[{rule}]: {found.message}\n{hint}")


def test_links_lead_somewhere() -> None:
    for path in PAGES.glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (PAGES / link).exists(), f"{path.name}: {link}"


@needs("git")
def test_the_index_is_fresh() -> None:
    assert (PAGES / "index.md").read_text() == rule_pages.index(), "run `make diagnostics`"


BEYOND_A_SCHEMA = {
    "OM102": "a YAML parser keeps one of two keys",
    **dict.fromkeys(
        ("OM201", "OM202", "OM208", "OM225", "OM238", "OM280"), "it takes two values to tell"
    ),
    **dict.fromkeys(
        ("OM211", "OM214", "OM216", "OM230", "OM236", "OM237", "OM282", "OM283"),
        "it takes another key to tell",
    ),
    "OM250": "the zones of the machine",
    **dict.fromkeys(("OM261", "OM262"), "names by their meaning"),
    "OM263": "another file",
    "OM270": "what each release has",
}
"""Rules of errors whose bad example a JSON Schema takes, and why."""


def test_the_schema_for_editors_refuses_bad_examples() -> None:
    schema = json.loads((ROOT / "schemas/cluster.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    taken = set()
    for page in rule_pages.pages():
        bad = [fence for fence in page.examples("Bad") if fence.file == "cluster.yaml"]
        if not bad or page.severity != "Severity: error" or not "OM102" <= page.id < "OM300":
            continue
        rest = rule_pages._without(SMALLEST, set(rule_pages._TOP_KEY.findall(bad[0].text)))
        if validator.is_valid(yaml.safe_load(rest + bad[0].text)):
            taken.add(page.id)
    assert taken == set(BEYOND_A_SCHEMA)
