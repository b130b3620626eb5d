"""Options that commands share are declared once, and reach a command as what they belong to."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from suite.cli.grouped import grouped


@dataclass(frozen=True)
class Inner:
    """A group inside another."""

    depth: Annotated[int, typer.Option("--depth", help="How deep.")] = 1


@dataclass(frozen=True, kw_only=True)
class Outer:
    """A group with one inside."""

    name: Annotated[str, typer.Option("--name", help="Whose.")]
    inner: Inner
    tags: Annotated[list[str] | None, typer.Option("--tag", help="Repeatable.")] = None


heard: list[tuple[object, ...]] = []
app = typer.Typer()


@app.command()
@grouped
def command(
    *,
    place: Annotated[str, typer.Argument(help="Where.")],
    loud: Annotated[bool, typer.Option("--loud", help="Whether.")] = False,
    outer: Outer,
    last: Annotated[str, typer.Option("--last", help="The end.")] = "z",
) -> None:
    """Say what was given."""
    heard.append((place, loud, outer, last))


def called(*words: str) -> int:
    heard.clear()
    return CliRunner().invoke(app, words).exit_code


def test_a_group_is_made_of_its_options():
    """Options of a dataclass, and of one in it, arrive as that dataclass, with defaults where none is given."""
    assert called("here", "--name", "me") == 0
    assert heard == [("here", False, Outer(name="me", inner=Inner(1), tags=None), "z")]
    given = ("here", "--loud", "--name", "me", "--depth", "7", "--tag", "a", "--tag", "b", "--last", "y")
    assert called(*given) == 0
    assert heard == [("here", True, Outer(name="me", inner=Inner(7), tags=["a", "b"]), "y")]


def test_a_field_without_a_default_is_required():
    """A command is not called where an option that its dataclass needs is missing, or is of another type."""
    for words in (("here",), ("here", "--name", "me", "--depth", "deep")):
        assert called(*words) == 2
        assert heard == []


def test_options_stand_where_their_group_stands():
    """The help lists the options of a group in its own order, between those before and after it."""
    text = CliRunner().invoke(app, ["--help"]).output
    places = [text.index(option) for option in ("--loud", "--name", "--depth", "--tag", "--last")]
    assert places == sorted(places)
