"""A verification as Markdown: it says what was found, and foreign text does nothing."""

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from suite.untrusted.text import printable
from suite.verify.findings import WHOLE, Finding, RuleVerdict, Verification, finding, for_the_reviewer, judge
from suite.verify.markdown import MOST_CHARACTERS, inert, main, markdown

RENDER = MarkdownIt("commonmark", {"html": True}).enable("table").render
HOSTILE = "`a`|b @team #1 [x](javascript:y) ![p](//e) <img src=x> www.e.org https://e.org *b* _i_ &#64; \\`"


def verification(*findings: Finding, learner: str = "my:make") -> Verification:
    return Verification(
        protocol_version="v1",
        edition="smoke",
        edition_digest=None,
        learner=learner,
        division="standard",
        brings=None,
        runs=20,
        replayed=None,
        retrained=None,
        verdicts=judge(findings, ["S1", "D4"]),
        for_the_reviewer=for_the_reviewer(findings),
        findings=findings,
    )


@given(st.text(min_size=1, max_size=60))
@example(HOSTILE)
def test_foreign_text_is_code_and_nothing_else(text):
    """In a line, and in a cell of a table, foreign text is one piece of code with that very text."""
    for page, start, end in (
        (inert(text), "<p>", "</p>\n"),
        (f"| a | b |\n|---|---|\n| {inert(text)} | c |", "<td>", "</td>\n<td>c</td>"),
    ):
        inside = RENDER(page).partition(start)[2].partition(end)[0]
        shown = re.fullmatch("<code>([^<>]*)</code>", inside)
        assert shown, inside
        assert html.unescape(shown[1]).strip(" ") == printable(text).strip(" ")


def test_no_sign_is_left_for_a_site():
    """No character that starts a mention, link, picture, tag or code is in the text itself."""
    found = inert(HOSTILE).removeprefix("<code>").removesuffix("</code>")
    assert not set(re.sub(r"&#\d+;", "", found)) & set("`|@[]()<>*_!:./\\\"'&#-")


def test_the_verdict_is_said():
    """The first line is the verdict; failed rules stand in a table, each finding in another."""
    assert markdown(verification()).startswith("### Compliant\n")
    found = markdown(verification(finding("D4", WHOLE, "seed 5", HOSTILE)))
    assert found.startswith("### Not compliant\n")
    assert "| D4 | the learner's seeds are their derivation | FAIL | 1 | 0 |" in found
    assert f"| D4 | error | <code>the submission</code> | <code>seed 5</code> | {inert(HOSTILE)} |" in found
    assert RENDER(found).count("<img") == RENDER(found).count("<a ") == 0


def test_a_comment_has_room_for_it():
    """Of very many long findings as many are shown as fit, and the number of the others is said."""
    found = markdown(verification(*[finding("D4", WHOLE, "@" * 500, "#" * 500)] * 1000))
    assert 20_000 < len(found) <= MOST_CHARACTERS
    shown = found.count("| D4 | error |")
    assert f"{1000 - shown} more findings" in found


def test_a_kept_verdict_may_be_anybodys(tmp_path, capsys):
    """JSON is printed as Markdown, rules that nobody knows as foreign text; what is no verdict is refused."""
    forged = verification(learner=HOSTILE)
    one = RuleVerdict(rule="@team", title="<img>", verdict="FAIL", errors=1, unchecked=0)
    (tmp_path / "verdict.json").write_text(forged.model_copy(update={"verdicts": (one,)}).model_dump_json())
    assert main([str(tmp_path / "verdict.json")]) == 0
    printed = capsys.readouterr().out
    assert f"| {inert('@team')} | unknown | FAIL |" in printed
    assert "<img" not in printed
    for text in ('{"edition": 1}', "{", "[" * 100_000):
        (tmp_path / "verdict.json").write_text(text)
        assert main([str(tmp_path / "verdict.json")]) == 1
        assert "is no verdict" in capsys.readouterr().err
    assert main([str(tmp_path / "none.json")]) == 1
