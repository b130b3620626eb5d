"""The site's sources: every page, each link to something that is there, and tools of their own."""

import re
import tomllib

import pytest
import yaml

from protocol import StoreError
from suite.leaderboard.edition_pages import EditionState
from suite.leaderboard.published import LeftOut
from suite.release.site import results_page
from suite.release.site_pages import write_pages
from tests import ROOT
from tests.suite.helpers import V1


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    out = tmp_path_factory.mktemp("source")
    return out, write_pages(ROOT, out)


def named(nav) -> list[str]:
    """The pages that a menu names, from the top."""
    if isinstance(nav, str):
        return [nav]
    inner = nav.values() if isinstance(nav, dict) else nav
    return [name for one in inner for name in named(one)]


def test_every_link_leads_to_a_file_of_the_site(pages):
    """On each page, those about files included, relative links name a file below the sources."""
    out, _ = pages
    count = 0
    for page in out.rglob("*.md"):
        text = re.sub(r"^(`{3,}).*?^\1$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", text):
            assert (page.parent / target).is_file(), f"{page.relative_to(out)}: {target}"
            count += 1
    assert count > 50


def test_the_menu_names_every_page(pages):
    """Each page of the project is in the menu once, and the menu names nothing else but the results."""
    menu = named(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(menu) == sorted([*(path.as_posix() for path in pages[1]), "results/index.md"])


def test_a_linked_file_becomes_a_page_that_shows_it(pages):
    """A script is shown whole, in its language; a folder lists its files; hidden folders lose their dot."""
    out, _ = pages
    script = (ROOT / "examples/learning_curve.py").read_text()
    shown = (out / "files/examples/learning_curve.py.md").read_text()
    assert shown == f"# examples/learning_curve.py\n\n```python\n{script}```\n"
    assert "(learning_curve.py.md)" in (out / "files/examples/index.md").read_text()
    assert (out / "files/github/workflows/submissions.yml.md").exists()
    assert "](../files/github/workflows/submissions.yml.md)" in (out / "docs/submissions.md").read_text()
    assert (out / "docs/space_invaders.webp").read_bytes() == (ROOT / "docs/space_invaders.webp").read_bytes()


def test_fences_in_a_file_end_no_page(tmp_path):
    """A file with fences of its own is put between longer ones; one that is no text is copied."""
    (tmp_path / "README.md").write_text("[a](a.txt) [b](b.bin#x) [c](https://example.org) [d](#d)")
    (tmp_path / "a.txt").write_text("```\n````\n")
    (tmp_path / "b.bin").write_bytes(b"\xff\x00")
    write_pages(tmp_path, tmp_path / "out")
    text = (tmp_path / "out/README.md").read_text()
    assert text == "[a](files/a.txt.md) [b](files/b.bin#x) [c](https://example.org) [d](#d)"
    assert (tmp_path / "out/files/a.txt.md").read_text() == "# a.txt\n\n`````text\n```\n````\n`````\n"
    assert (tmp_path / "out/files/b.bin").read_bytes() == b"\xff\x00"


def test_a_dead_link_is_refused(tmp_path):
    """A page that links to what is not there is named, with the link."""
    (tmp_path / "README.md").write_text("[a](nowhere.txt)")
    with pytest.raises(StoreError, match=r"README.md links to nowhere\.txt"):
        write_pages(tmp_path, tmp_path / "out")


def test_the_results_page_says_what_is_missing():
    """It leads to each edition and game, and says of an unfinished learner how many runs are published."""
    states = [
        EditionState("smoke", {"open": ["lent"], "standard": ["ppo", "dqn"]}, (), V1.edition("smoke").games),
        EditionState("lite", {}, (LeftOut("ppo", "4 of 84 runs are published"),), V1.edition("lite").games),
    ]
    page = results_page(V1, states)
    assert (
        "| [smoke](smoke/index.html) | ppo, dqn; division open, with weights or data from elsewhere; lent |  |"
        in page
    )
    assert "| [lite](lite/index.html) | none yet | ppo: 4 of 84 runs are published | 8 | 84 |" in page
    assert "[breakout](smoke/games/breakout.html)" in page
    assert "alien" not in page


def test_a_stranger_writes_no_markup_into_the_results_page():
    """The names of learners left out, and the reasons, are text on the page, whatever their author wrote."""
    hostile = LeftOut("<img src=x onerror=alert(1)>", "[x](gone.md) | <b>")
    page = results_page(V1, [EditionState("smoke", {}, (hostile,), V1.edition("smoke").games)])
    assert "&lt;img src=x onerror=alert(1)>: [x\\](gone.md) \\| &lt;b>" in page
    assert "<" not in page


def test_the_tools_are_locked_with_hashes():
    """Each tool has an exact version and hashes, and none is in the lock of the project's own environment."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["site"]
    text = (ROOT / "requirements-site.txt").read_text()
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))
    for line in text.splitlines():
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ; [^\\]+)? \\| {4}--hash=sha256:[0-9a-f]{64}( \\)?", line)
    assert {re.split("[<>=]", one)[0] for one in group} <= set(pins)
    assert "mkdocs" not in (ROOT / "requirements.txt").read_text()


def test_the_site_is_published_with_the_least_rights():
    """The job that builds may only read; the one that publishes checks nothing out."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/site.yml").read_text())
    assert workflow["permissions"] == {}
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert build["permissions"] == {"contents": "read"}
    assert "make site" in [step.get("run") for step in build["steps"]]
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert [step["uses"].partition("@")[0] for step in publish["steps"]] == ["actions/deploy-pages"]
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    (upload,) = (step["with"] for step in build["steps"] if "upload-pages" in step.get("uses", ""))
    assert upload["path"] == config["site_dir"]
