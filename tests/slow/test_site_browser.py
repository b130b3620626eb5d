"""The site in a real browser: from a folder and below a path of a server, with nothing from another host."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from suite.results.published import published_baselines
from tests import ROOT

pytest.importorskip("playwright", reason="no browser is driven in the image")
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
MKDOCS = ROOT / "build/site-venv/bin/mkdocs"
WIDTHS = {"phone": 390, "desk": 1280}
SCREENSHOTS = Path(os.environ.get("AMTLB_SCREENSHOTS", "build/screenshots"))
"""Kept after the test, to be looked at."""
SHOWN = {
    "index.html",
    "docs/scores.html",
    "files/examples/learning_curve.py.html",
    "results/index.html",
    "results/smoke/index.html",
    "results/smoke/games/breakout.html",
    "results/smoke/learners/ppo.html",
    "results/lite/index.html",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as `make site` does, in a folder of its own."""
    assert MKDOCS.exists(), "there is no MkDocs; `make site-tools` installs it"
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(ROOT / "docs/theme", folder / "docs/theme")
    command = [sys.executable, "-m", "suite.release.site", str(folder / "build/site/source")]
    subprocess.run(command, cwd=ROOT, check=True)
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    subprocess.run([MKDOCS, "build", "-q"], cwd=folder, check=True, env=environment)
    return folder / "build/site/html"


class Links(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs) -> None:
        for name, value in attrs:
            if name in ("href", "src", "data-moving"):
                self.targets.append(value or "")
            elif name in ("id", "name"):
                self.anchors.add(value or "")


def test_every_link_leads_somewhere(site):
    """Each link of each page, into the page, to another one, or to a file, leads to what is there."""
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert {site / name for name in SHOWN} <= set(pages)
    followed = 0
    for path, page in pages.items():
        if path.name == "404.html":  # its links begin at the root of a server
            continue
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            leads_to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert leads_to.is_file(), f"{path.relative_to(site)}: {target}"
            assert (
                not parts.fragment
                or leads_to.suffix != ".html"
                or (unquote(parts.fragment) in pages[leads_to].anchors | {"__skip"})
            ), f"{path.relative_to(site)}: {target}"
            followed += 1
    assert followed > 1000


def test_only_links_name_other_hosts(site):
    """No page loads a script, a style, a font or a picture from another host."""
    for path in site.rglob("*.html"):
        for target in Loaded(path.read_text(encoding="utf-8")).targets:
            assert not urlsplit(target).netloc, f"{path.relative_to(site)}: {target}"


class Loaded(HTMLParser):
    """The addresses that a page loads by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs) -> None:
        found = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video"):
            self.targets.append(found.get("src") or "")
        elif tag == "link" and found.get("rel") in ("stylesheet", "icon", "preconnect", "preload"):
            self.targets.append(found.get("href") or "")


@pytest.fixture(params=["folder", "server"], scope="module")
def address(request, site, tmp_path_factory):
    """The address at which the site is opened: a folder's, or one below a path of a server."""
    if request.param == "folder":
        yield site.as_uri()
        return
    root = tmp_path_factory.mktemp("server")
    (root / "below").mkdir()
    (root / "below/path").symlink_to(site)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/below/path"
        server.shutdown()
        thread.join()


class Visit:
    """A page, what it complained of, and what it asked others for."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: self._ask(asked.url))

    def _ask(self, url: str) -> None:
        if not url.startswith((f"{self.address}/", "data:", "blob:", "about:")):
            self.foreign.append(url)

    def go(self, name: str) -> None:
        self.page.goto(f"{self.address}/{name}")


@pytest.fixture
def visit(browser: Browser, address):
    context = browser.new_context(viewport={"width": WIDTHS["desk"], "height": 844})
    yield Visit(context.new_page(), address)
    context.close()


def test_pages_ask_no_other_host_and_complain_of_nothing(visit):
    """Every kind of page opens with an empty console and asks only for files of the site."""
    for name in sorted(SHOWN):
        visit.go(name)
        assert (name, visit.complaints, visit.foreign) == (name, [], [])


def test_search_finds_a_page(visit):
    """The search of the docs answers, in a folder as on a server."""
    visit.go("docs/scores.html")
    visit.page.locator("input[name=query]").click()
    visit.page.keyboard.type("jumpstart")
    found = visit.page.locator(".md-search-result__link").first
    found.wait_for()
    assert "jumpstart" in found.inner_text().lower()
    assert visit.foreign == []


def test_an_episode_can_be_watched(visit):
    """On the page of a game, a button starts and stops the best episode of a learner."""
    visit.go("results/smoke/games/breakout.html")
    clip = visit.page.locator(".clip").first
    clip.get_by_role("button").click()
    image = clip.locator("img")
    assert image.get_attribute("src").endswith("-moving.webp")
    visit.page.wait_for_function("document.querySelector('.clip img').complete")
    assert image.evaluate("image => image.naturalWidth") == 160
    clip.get_by_role("button").click()
    assert image.get_attribute("src").endswith("-still.webp")
    assert (visit.complaints, visit.foreign) == ([], [])


def test_a_reader_gets_from_the_start_to_a_report_and_back(visit):
    """Start, results, leaderboard, report, and up again by the links above the report."""
    page = visit.page
    visit.go("index.html")
    page.get_by_role("link", name="Results", exact=True).first.click()
    page.get_by_role("link", name="smoke", exact=True).first.click()
    assert page.locator("h1").inner_text() == "Leaderboard of smoke"
    page.get_by_role("link", name="multihead_a2c", exact=True).first.click()
    assert page.locator("h1").inner_text() == "baselines.multihead_a2c:make on smoke"
    page.get_by_role("link", name="smoke", exact=True).click()
    page.get_by_role("link", name="AMTLB", exact=True).click()
    assert "Multitask & Transfer Learning Benchmark" in page.locator("h1").inner_text()


def test_learners_sort_by_each_column(visit):
    """The first table of a leaderboard has every published learner, and a pressed head sorts it."""
    visit.go("results/smoke/index.html")
    table = visit.page.locator("#learners table").first
    rows = table.locator("tbody tr")
    assert sorted(rows.locator("th").all_inner_texts()) == sorted(published_baselines("smoke"))
    assert rows.locator("td", has_text="passes").count() == len(published_baselines("smoke"))
    table.get_by_role("button", name="hours of all runs").click()
    place = [text.strip() for text in table.locator("thead th").all_inner_texts()].index("hours of all runs")
    hours = [float(row.locator("td").nth(place - 1).inner_text().split()[0]) for row in rows.all()]
    assert hours == sorted(hours)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_the_screen_in_both_schemes(browser, site, width, scheme):
    """No page is wider than the screen, and its ground follows the reader's scheme."""
    size = {"width": WIDTHS[width], "height": 844}
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for name in sorted(SHOWN):
        page.goto(f"{site.as_uri()}/{name}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        parts = [float(part) for part in ground[ground.index("(") + 1 : -1].split(",")[:3]]
        assert (sum(parts) / 3 < 128) == (scheme == "dark"), name
        stem = name.removesuffix(".html").replace("/", "-")
        page.screenshot(path=SCREENSHOTS / f"site-{stem}-{width}-{scheme}.png", full_page=True)
    context.close()
