"""A verification as Markdown for a comment, in which nothing foreign can act."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path

from pydantic import ValidationError

from suite.untrusted.files import MAX_JSON_BYTES, Unreadable, parse_json, read_bytes
from suite.untrusted.text import printable
from suite.verify.findings import REVIEWED_RULES, RULES, Finding, Verification

MOST_CHARACTERS = 60_000
"""GitHub takes comments of up to 65,536."""
_PLAIN = re.compile(r"[^A-Za-z0-9 ,%]")


def inert(text: str) -> str:
    """Foreign text as one line of Markdown that shows it and does nothing else.

    All but letters, digits and a few signs become numeric character references, which Markdown and HTML take as
    text. Sites look for mentions and issues in what is rendered, but not in code, so code is what it is.
    """
    shown = _PLAIN.sub(lambda found: f"&#{ord(found[0])};", printable(text))
    return f"<code>{shown}</code>"


def markdown(found: Verification) -> str:
    """The verdict first, then what was looked at, the rules that do not pass, and as many findings as fit."""
    lines = [f"### {found.in_words.capitalize()}", "", inert(found.about), ""]
    if found.brings is not None:
        lines += [f"Brings from elsewhere: {inert(found.brings)}", ""]
    for done in (found.replayed, found.retrained):
        lines += [done.in_words, ""] if done is not None else []
    passed = [_rule(one.rule)[0] for one in found.verdicts if one.verdict == "PASS"]
    lines += [f"Rules that pass: {', '.join(passed) or 'none'}.", ""]
    rows = [
        (*_rule(one.rule), one.verdict, str(one.errors), str(one.unchecked))
        for one in found.verdicts
        if one.verdict != "PASS"
    ]
    lines += _table(("rule", "what", "verdict", "errors", "unchecked"), rows)
    reviewed = [(*_rule(one.rule), str(one.warnings)) for one in found.for_the_reviewer]
    lines += _table(("for the reviewer", "what", "warnings"), reviewed)
    return "\n".join([*lines, *_findings(found.findings, MOST_CHARACTERS - len("\n".join(lines)))])


def _findings(findings: Sequence[Finding], room: int) -> list[str]:
    rows = [_row(finding) for finding in findings]
    sizes = accumulate(sum(map(len, row)) + 20 for row in rows)
    fit = sum(size < room - 200 for size in sizes)
    lines = _table(("rule", "severity", "place", "expected", "found"), rows[:fit])
    return (
        [*lines, f"{len(findings) - fit} more findings are in the JSON.", ""] if fit < len(findings) else lines
    )


def _row(finding: Finding) -> tuple[str, ...]:
    return (
        _rule(finding.rule)[0],
        finding.severity,
        *map(inert, (finding.where, finding.expected, finding.found)),
    )


def _rule(rule: str) -> tuple[str, str]:
    """A rule's id and title; the verdict may hold any text in their place."""
    title = (RULES | REVIEWED_RULES).get(rule)
    return (inert(rule), "unknown") if title is None else (rule, title)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A pipe table; nothing where there are no rows."""
    body = ["| " + " | ".join(row) + " |" for row in rows]
    return ["| " + " | ".join(header) + " |", "|---" * len(header) + "|", *body, ""] if body else []


def main(arguments: Sequence[str]) -> int:
    """Print a verdict that was kept as JSON, by whomever; the exit status is 1 where it is none."""
    try:
        path = Path(*arguments)
        data = read_bytes(path.parent, path.name, MAX_JSON_BYTES)
        parse_json(data)
        print(markdown(Verification.model_validate_json(data)), end="")
    except (Unreadable, ValidationError) as error:
        print(f"error: {printable(str(path))} is no verdict: {printable(str(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
