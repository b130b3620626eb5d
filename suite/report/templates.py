"""Pages as HTML: what every template of a page may use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from suite.report.glossary import TERMS, linked, terms_of
from suite.report.numbers import pieces, typeset
from suite.report.sheets import Sheet
from suite.report.style import VARIABLES, Drawing, inline_svg
from suite.report.watching import Watched

OURS = "suite.report"


class Section(NamedTuple):
    """A part of a page: what it is about, in words, episodes, figures and tables."""

    anchor: str
    title: str
    lines: Sequence[str]
    drawings: Sequence[Drawing] = ()
    sheets: Sequence[Sheet] = ()
    clips: Sequence[Watched] = ()


class PageLink(NamedTuple):
    """A page that leads to another one, and the link to it."""

    title: str
    href: str


Trail = Sequence[PageLink]
"""The pages above a page of a site, from the top; (): it stands alone and needs no other file."""


def render(template: str, trail: Trail, packages: Sequence[str] = (), **values: Any) -> str:
    """A page as text.

    Args:
        template: its name.
        trail: the pages above it.
        packages: that hold templates besides this one, the first before the others.
        values: what the template shows; everything is escaped.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, ".") for package in (*packages, OURS)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "linked": linked,
        "pieces": pieces,
        "svg": lambda drawing: Markup(inline_svg(drawing)),
        "terms_of": terms_of,
        "typeset": typeset,
    }
    return environment.get_template(template).render(trail=trail, glossary=TERMS, colours=VARIABLES, **values)
