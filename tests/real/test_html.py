"""A plan's page in a real browser: it fits a screen and a phone, logs no errors, requests nothing, and
shows the contents of deployed files as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from omconf.views import html
from tests.command import EXAMPLES, omconf
from tests.needs import fixture_needs, needs
from tests.plan.documents import HOSTILE
from tests.real.chromium import Page, browser
from tests.views.pages import TAGS, texts, with_text

pytestmark = needs("bash", "chromium")
CASE = EXAMPLES / "clustering-page/plan.json"
PLAN = json.loads(CASE.read_text())
SCREENS = [(width, dark) for width in (1280, 390) for dark in (False, True)]
ELEMENTS = "[...new Set([...document.querySelectorAll('*')].map(e => e.localName))]"
TEXT = "document.body.textContent"
WIDTH = "document.documentElement.scrollWidth"
SEEN = "document.body.innerText"
COLOUR = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
@fixture_needs("bash", "chromium")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    assert omconf("show", str(CASE), "--html", "plan.html", cwd=folder).code == 0
    return folder / "plan.html"


@pytest.mark.parametrize(("width", "dark"), SCREENS)
def test_a_plan_on_a_screen(page: Page, example: Path, width: int, dark: bool) -> None:
    page.open(example, width=width, dark=dark)
    assert page.complaints == []
    assert page.requests == [example.as_uri()]
    assert page.value(WIDTH) <= width
    red, green, blue = map(int, page.value(COLOUR).strip("rgb()").split(","))
    assert (red + green + blue < 3 * 64) is dark, "its style sheet is allowed, and has both"
    seen = page.value(SEEN)
    for shown in (
        "12 to create, 5 to update, 0 to delete on 2 of 2 nodes. All nodes must stop.",
        "/opt/om/webapps/openmeetings/WEB-INF/classes/hazelcast.xml",
        "systemctl stop openmeetings.service",
        "224.0.0.0",
    ):
        assert shown in seen
    assert page.picture().startswith(b"\x89PNG")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_stays_text_and_fits_a_phone(page: Page, tmp_path: Path, text: str) -> None:
    drawn = html.plan(with_text(PLAN, text))
    opened(page, tmp_path, drawn)
    assert page.complaints == []
    assert len(page.requests) == 1
    assert set(page.value(ELEMENTS)) <= TAGS
    assert page.value(WIDTH) <= 390
    body = "".join(texts(drawn)).partition("omconf plan\n")[2]
    assert page.value(TEXT).split() == body.split()


def test_print_shows_what_is_folded(page: Page, tmp_path: Path) -> None:
    """A part that is closed on the screen takes room on paper."""
    change = PLAN["changes"][0]
    changes = [{**change, "node": f"om{n}", "path": f"/{n}"} for n in range(9)]
    opened(page, tmp_path, html.plan({**PLAN, "changes": changes, "rollout": []}))
    height = "document.querySelector('.group').offsetHeight"
    closed = page.value(height)
    page.do("Emulation.setEmulatedMedia", media="print")
    assert page.value(height) > closed + 40
    assert page.printed().startswith(b"%PDF")


def test_the_policy_would_stop_a_script_and_a_picture(page: Page, tmp_path: Path) -> None:
    """Were markup to get through, it could neither run, load, nor look like omconf's."""
    marks = "<script>document.title='ran'</script><img src='https://evil.example/x.png'>"
    styled = "<p style='position:fixed'>x</p><style>body{display:none}</style>"
    opened(page, tmp_path, html.plan(PLAN).replace("<main>", f"<main>{marks}{styled}"))
    assert page.value("document.title") != "ran"
    assert page.value("getComputedStyle(document.body).display") == "block"
    assert len(page.complaints) >= 4
    assert all("Content Security Policy" in said for said in page.complaints)


def opened(page: Page, folder: Path, drawn: str) -> None:
    (folder / "page.html").write_text(drawn)
    page.open(folder / "page.html", width=390)
