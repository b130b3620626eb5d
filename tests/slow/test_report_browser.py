"""The report in a real browser: it renders at every width, asks for nothing, sorts, and names its figures."""

import os
from pathlib import Path

import pytest

from suite.results.published import published_folder

pytest.importorskip("playwright", reason="no browser is driven in the image")
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
WIDTHS = {"phone": 390, "desk": 1280}
SCREENSHOTS = Path(os.environ.get("AMTLB_SCREENSHOTS", "build/screenshots"))
"""Kept after the test, to be looked at."""


@pytest.fixture(scope="module")
def page_file(amtlb, tmp_path_factory) -> Path:
    """The report of the published learner that has heads, through the command line."""
    out = tmp_path_factory.mktemp("report")
    done = amtlb("report", published_folder("multihead_a2c", "smoke"), "--out", out)
    assert done.returncode == 0, done.stderr
    return out / "report.html"


@pytest.fixture(params=[(width, scheme) for width in WIDTHS for scheme in ("light", "dark")], ids="-".join)
def seen(request, browser: Browser, page_file: Path):
    """The open page, what it complained of and what it asked for, at one width and scheme."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": WIDTHS[width], "height": 844}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: requests.append(asked.url))
    page.goto(page_file.as_uri())
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"report-{width}-{scheme}.png", full_page=True)
    yield page, complaints, requests
    context.close()


def test_nothing_is_asked_for_and_nothing_complained_of(seen, page_file):
    """One request, for the page itself; an empty console; no wider than the screen."""
    page, complaints, requests = seen
    assert [url for url in requests if not url.startswith("data:")] == [page_file.as_uri()]
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_tables_stay_in_their_boxes(seen):
    """A table never runs out of the page: it scrolls in its own box, and on a desk it has no need to."""
    page, _, _ = seen
    boxes = page.locator(".scroll")
    assert boxes.count() == page.locator("table").count() > 6
    width = page.viewport_size["width"]
    for place in range(boxes.count()):
        box = boxes.nth(place)
        edges = box.bounding_box()
        assert edges["x"] >= 0
        assert edges["x"] + edges["width"] <= width
        if width == WIDTHS["desk"]:
            assert box.evaluate("box => box.scrollWidth <= box.clientWidth"), box.get_attribute("aria-label")


def test_the_first_screen_has_three_answers(seen):
    """Three answers, each with words, a figure and its legend; on a desk all figures are on the screen."""
    page, _, _ = seen
    cards = page.locator(".answers article")
    assert cards.count() == 3
    for place in range(3):
        card = cards.nth(place)
        assert card.locator("svg text", has_text="95 % interval").count() == 1
        assert len(card.locator(".verdict").inner_text()) > 10
        bottom = card.locator("svg").bounding_box()
        if page.viewport_size["width"] == WIDTHS["desk"]:
            assert bottom["y"] + bottom["height"] < page.viewport_size["height"]


def test_a_term_leads_to_its_definition(seen):
    """Pressing a term of the first answer shows its definition, on the same page."""
    page, _, requests = seen
    page.locator("#answer-transfer a.term", has_text="transfer contrast").click()
    assert page.url.endswith("#term-contrast")
    assert page.locator("#term-contrast").is_visible()
    assert len([url for url in requests if not url.startswith("data:")]) == 1


def test_scores_can_be_downloaded(seen, tmp_path):
    """The links save the scores that the page was written from."""
    page, _, _ = seen
    with page.expect_download() as waited:
        page.get_by_role("link", name="scores.json").click()
    waited.value.save_as(tmp_path / "scores.json")
    published = published_folder("multihead_a2c", "smoke") / "scores.json"
    assert (tmp_path / "scores.json").read_bytes() == published.read_bytes()


def test_figures_are_seen_and_named(seen):
    """Every figure has a size, an alternative text, and type of one size for all: 11 pixels at least."""
    page, _, _ = seen
    figures = page.locator("figure svg")
    assert figures.count() == 10
    sizes = set()
    for place in range(figures.count()):
        figure = figures.nth(place)
        box = figure.bounding_box()
        assert box is not None
        assert box["width"] > 250
        assert box["height"] > 80
        assert len(figure.get_attribute("aria-label") or "") > 40
        assert figure.get_attribute("role") == "img"
        heights = figure.evaluate(
            "svg => [...svg.querySelectorAll('text')].map(text => parseFloat(getComputedStyle(text).fontSize)"
            " * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)"
        )
        sizes |= {round(height, 2) for height in heights}
    assert len(sizes) == 1
    assert min(sizes) >= 11


def test_an_episode_moves_while_it_is_asked_to(seen):
    """Nothing moves by itself; a button starts an episode and stops it again; no file is asked for."""
    page, _, requests = seen
    clip = page.locator(".clip").first
    image, button = clip.locator("img"), clip.get_by_role("button")
    still = image.get_attribute("src")
    assert image.evaluate("image => image.naturalWidth") == 160
    button.click()
    assert image.get_attribute("src") == image.get_attribute("data-moving") != still
    assert button.inner_text().startswith("Stop")
    page.wait_for_function("document.querySelector('.clip img').complete")
    assert image.evaluate("image => image.naturalWidth") == 160
    button.click()
    assert image.get_attribute("src") == still
    assert not [url for url in requests if not url.startswith(("file:", "data:"))]


def test_texts_of_figures_follow_the_scheme(seen, request):
    """Figures are drawn in the page's own ink: light on dark, dark on light, as was asked for."""
    page, _, _ = seen
    is_dark = request.node.callspec.params["seen"][1] == "dark"
    ink, paper = page.evaluate(
        "[getComputedStyle(document.querySelector('figure svg text')).fill,"
        " getComputedStyle(document.body).backgroundColor]"
    )
    assert (brightness(paper) < 128 < brightness(ink)) == is_dark
    assert (brightness(ink) < 128 < brightness(paper)) != is_dark


def brightness(colour: str) -> float:
    parts = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return sum(parts) / 3


def test_tables_sort(seen):
    """A pressed header sorts its column, as numbers where they are numbers; pressed again, the other way."""
    page, _, _ = seen
    table = page.locator("#runs table")
    speeds = [float(text.replace(",", "")) for text in pressed(page, "#runs", "steps/s")]
    assert speeds == sorted(speeds)
    assert len(speeds) == 20
    assert table.locator("th[aria-sort=ascending]").count() == 1
    again = [float(text.replace(",", "")) for text in pressed(page, "#runs", "steps/s")]
    assert again == sorted(speeds, reverse=True)
    assert table.locator("th[aria-sort=descending]").count() == 1
    for words in ("run", "started"):
        names = pressed(page, "#runs", words)
        assert [name.lower() for name in names] == sorted(name.lower() for name in names)
    lows = [
        float(text.partition(" ")[0].replace("−", "-"))
        for text in pressed(page, "#transfer", "contrast, 95 % interval")
    ]
    assert lows == sorted(lows)


def pressed(page: Page, section: str, column: str) -> list[str]:
    """Press a header of the section's first table that has it; the cells of its column, from the top."""
    button = page.get_by_role("button", name=column, exact=True)
    table = page.locator(f"{section} table").filter(has=button).first
    headers = table.locator("thead th").all_text_contents()
    table.get_by_role("button", name=column, exact=True).click()
    place = [header.strip() for header in headers].index(column)
    return table.locator("tbody tr").evaluate_all(
        f"rows => rows.map(row => row.cells[{place}].textContent.trim())"
    )


def test_it_reads_without_sight(seen):
    """One main heading, every table captioned with headed rows and columns, no control without a name."""
    page, _, _ = seen
    assert page.locator("h1").count() == 1
    assert page.locator("html[lang=en]").count() == 1
    tables = page.locator("table")
    assert tables.count() >= 6
    for place in range(tables.count()):
        table = tables.nth(place)
        assert table.locator("caption").inner_text()
        assert table.locator("thead th[scope=col]").count() == table.locator("thead th").count()
        assert table.locator("tbody tr").count() == table.locator("tbody th[scope=row]").count()
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, a')].filter(e => !e.textContent.trim()).length"
    )
    assert unnamed == 0
