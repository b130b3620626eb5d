"""All commands, and how they end."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from protocol import AmtlbError, UnknownName, current_protocol
from suite.cli import benchmark, cluster, episodes, learners, protocol, publish, results, runs, submit, verify
from suite.cli.options import PLAY, RULES, error_line
from suite.cli.stopping import TERMINATED_STATUS, Terminated, heed_sigterm

COULD_NOT_CHECK = 3
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The Atari Multitask & Transfer Learning Benchmark. "
    "Exit status: 0 done, 1 failed, 2 wrong use, 3 could not check, 130 stopped "
    "by Ctrl-C, 143 by SIGTERM.",
)
app.add_typer(benchmark.app)
app.add_typer(runs.app)
app.add_typer(learners.app)
app.add_typer(cluster.app, name="cluster", rich_help_panel=PLAY)
app.add_typer(results.app)
app.add_typer(episodes.app)
app.add_typer(publish.app)
app.add_typer(submit.app)
app.add_typer(verify.app)
app.add_typer(protocol.app, name="protocol", rich_help_panel=RULES)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"amtlb {version('amtlb')}, protocol {current_protocol().version}")
        raise typer.Exit()


@app.callback()
def _about(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def run() -> NoReturn:
    """Read the arguments, do what they say, and exit: whatever a user can fix is one line, not a traceback."""
    heed_sigterm()
    _open_standard_files()
    os.environ["PYTHONSAFEPATH"] = "1"  # no process that this one starts imports from where the user stands
    os.environ["MPLBACKEND"] = "agg"  # a notebook names its own, which is not here
    failed = COULD_NOT_CHECK if sys.argv[1:2] == ["verify"] else 1  # what gives no verdict accuses nobody
    try:
        status = _run(failed)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        status = failed  # whoever read the output has gone, and knows
    except OSError as error:
        status = _say(_of_system(error), failed)
    except UnicodeEncodeError as error:
        status = _say(f"a name here is not UTF-8 ({error}); rename the file", failed)
    except MemoryError as error:
        said = f" ({error})" if str(error) else ""
        status = _say(f"this command got no more memory{said}; allow it more (`ulimit -v`)", failed)
    except Exception as error:  # of a library that meets what it cannot read, or a mistake of ours
        status = _say(_unexpected(error), failed)
    _drop_output()
    raise SystemExit(status)


def _open_standard_files() -> None:
    """Open the null device for each standard file that the caller closed, so that no other gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # for as long as we are
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _run(failed: int) -> int | str | None:
    try:
        _check_names()
        app(standalone_mode=True)
    except UnknownName as error:
        return _say(str(error), 2)
    except AmtlbError as error:
        return _say(str(error), failed)
    except KeyboardInterrupt:
        return 130
    except Terminated:
        return _say("stopped by SIGTERM", TERMINATED_STATUS)
    except SystemExit as ended:
        # Typer ends with 1 where whoever read the output has gone, also before a verdict was printed.
        return failed if isinstance(ended.__context__, BrokenPipeError) else ended.code
    return 0


def _check_names() -> None:
    """Raise UnknownName where the user stands nowhere, or where a name could not be printed or stored."""
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        raise UnknownName("the working folder has been removed; change to one that is there") from None
    named = {f"argument {number}": text for number, text in enumerate(sys.argv[1:], 1)}
    named |= {name: text for name, text in os.environ.items() if name.startswith("AMTLB_")}
    for what, text in ({"the working folder": folder} | named).items():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UnknownName(f"{what}, {text!a}, is not UTF-8; rename it") from None


def _of_system(error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.filename is None:
        return f"reading or writing failed: {reason}; is the disk full, or the output closed?"
    return f"{error.filename} cannot be read or written: {reason}; choose another place, or change its rights"


def _unexpected(error: Exception) -> str:
    """A line about an error that nobody foresaw; its traceback goes into a file."""
    said = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="amtlb-traceback-", suffix=".txt", delete=False) as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return f"{said}; please report it"
    return (
        f"{said}; the traceback is in {file.name}: please report it unless it names something that you can fix"
    )


def _say(message: str, status: int) -> int:
    with suppress(OSError):
        print(error_line(message), file=sys.stderr, flush=True)
    return status


def _drop_output() -> None:
    """Discard output that could not be written: Python would try again at its end, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(nowhere, number)
