"""The help of every command: each option with its text and its default, commands by what they are for."""

from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

from suite.cli.commands import app


def commands(group, path=()):
    """Every command below a group: the words that call it, and its parameters."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command.params


EVERY = list(commands(typer.main.get_command(app)))


def shown(*words: str) -> str:
    done = CliRunner().invoke(app, [*words], env={"COLUMNS": "240", "TERMINAL_WIDTH": "240"})
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize(("words", "parameters"), EVERY, ids=[" ".join(words) for words, _ in EVERY])
def test_help_shows_every_option_with_its_default(words, parameters):
    """Each option has a line with a text, and its default where it has one, in words where it depends."""
    lines = shown(*words, "--help").splitlines()
    for parameter in parameters:
        assert parameter.help, parameter.name
        if parameter.param_type_name != "option":
            continue
        (line,) = (line for line in lines if line.lstrip("│* ").startswith(f"{parameter.opts[0]} "))
        default = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
        if parameter.show_default and default not in (None, False, True):
            assert f"[default: {default}]" in line or f"[default: ({default})]" in line


def test_no_default_is_lost_in_markup():
    """No help text writes a default by hand, which the terminal's markup would swallow."""
    for _, parameters in EVERY:
        assert not any("[default" in (parameter.help or "") for parameter in parameters)


def test_commands_stand_in_panels_by_what_they_are_for():
    """The first help lists playing, then reading, then sharing, then the rules."""
    text = shown("--help")
    places = [text.index(f"─ {panel} ") for panel in ("Play", "Read results", "Share and verify", "The rules")]
    assert places == sorted(places)


def test_the_version_names_package_and_protocol():
    """`amtlb --version` prints both, and does nothing else."""
    assert shown("--version") == f"amtlb {version('amtlb')}, protocol v1\n"
