"""However the system stands in its way, a command ends with one line and a status, and no traceback."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from suite.results.published import published_folder
from suite.results.store import notes_digest
from tests.starter import AMTLB
from tests.suite.helpers import refused
from tests.suite.verify.corpus import FRESH
from tests.suite.verify.packed import invented, packed

NOT_UTF8 = b"\xff\xfe"


def call(*arguments: str | bytes, **options) -> subprocess.CompletedProcess[str]:
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([AMTLB, *arguments], text=True, errors="replace", timeout=120, **options)


@pytest.mark.parametrize(
    "arguments", [["protocol", "digest"], ["protocol", "show"], ["protocol", "show", "--json"], ["--help"]]
)
def test_a_full_disk_behind_the_output_is_told(arguments):
    """Output that cannot be written is one line and status 1."""
    with Path("/dev/full").open("w") as full:
        done = call(*arguments, stdout=full)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: reading or writing failed: No space left on device; is the disk full, or the output closed?"
    ]


def test_nowhere_to_write_is_survived():
    """With errors that cannot be written either, or closed streams, the status is all that is left."""
    with Path("/dev/full").open("w") as full:
        assert call("protocol", "digest", stdout=full, stderr=full).returncode == 1
    done = subprocess.run(f"{AMTLB} protocol digest >&- 2>&-", shell=True)
    assert done.returncode in (0, 1)


def test_a_reader_that_has_gone_is_no_error():
    """A pipe that nobody reads any more ends the command without a word."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {AMTLB} protocol show --json | true"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("command", "status"), [("verify", 3), pytest.param("scores", 1, marks=pytest.mark.slow)]
)
def test_a_verdict_that_nobody_reads_accuses_nobody(command, status):
    """``amtlb verify`` ends with 3, which is no verdict, where the reader of its output has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = call(command, published_folder("uniform", "smoke"), stdout=writing)
    finally:
        os.close(writing)
    assert done.returncode == status
    assert done.stderr == ""


def test_names_of_others_have_no_effect_on_a_terminal(tmp_path):
    """A folder whose name holds an escape sequence is named without it."""
    shutil.copytree(
        published_folder("uniform", "smoke") / FRESH, tmp_path / "outer" / "evil\x1b[31mred" / FRESH
    )
    done = call("scores", tmp_path / "outer")
    refused(done, 1, "[31mred")
    assert "\x1b" not in done.stderr


def test_scores_of_a_submission_are_printed_only(tmp_path):
    """A submission's ``scores.json``, which its sums name, stays as it is, whatever is computed here."""
    folder = tmp_path / "theirs"
    shutil.copytree(published_folder("uniform", "smoke"), folder)
    (folder / "scores.json").write_text("{}")
    assert call("scores", folder).returncode == 0
    assert (folder / "scores.json").read_text() == "{}"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["benchmark", "run"])
def test_complete_results_need_no_place_to_write(command, tmp_path):
    """Results that take no file are printed by the commands that play, too, where nothing is missing."""
    folder = tmp_path / "results"
    shutil.copytree(published_folder("uniform", "smoke"), folder)
    (folder / "logs").write_text("")  # root may write everywhere else
    asked = ["run", f"smoke/{FRESH}"] if command == "run" else ["benchmark"]
    done = call(*asked, "--learner", "baselines.uniform:make", "--out", folder, env=os.environ)
    assert done.returncode == 0, done.stderr


def test_a_removed_working_folder_is_told(tmp_path):
    """A command that is called from a folder that is gone says so."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"cd {gone}; rmdir {gone}; exec {AMTLB} protocol digest"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    refused(done, 2, "the working folder has been removed")


@pytest.mark.parametrize(
    "arguments", [["scores"], ["verify"], ["compare"], ["run", "smoke/fresh/breakout/seed0", "--out"]]
)
def test_a_name_that_is_not_utf8_is_told(arguments, tmp_path):
    """Such a name can be neither printed nor stored: it is named, escaped, by its place."""
    refused(call(*arguments, NOT_UTF8, cwd=tmp_path), 2, f"argument {len(arguments) + 1}, ", "is not UTF-8")


def test_where_one_stands_and_what_is_set_must_be_utf8(tmp_path):
    """A working folder and our variables are held to that, too."""
    here = os.fsencode(tmp_path) + b"/" + NOT_UTF8
    os.mkdir(here)
    refused(call("protocol", "digest", cwd=here), 2, "the working folder, ", "is not UTF-8")
    environment = {**os.environb, b"AMTLB_RESULTS": NOT_UTF8}
    refused(call("protocol", "digest", env=environment), 2, "AMTLB_RESULTS, ", "is not UTF-8")


def test_what_may_not_be_read_is_told(tmp_path):
    """An error of the system names the file and is no traceback."""
    done = call("curves", "uniform", "--out", tmp_path / "no/x.csv")
    refused(done, 1, str(tmp_path / "no"))


def test_an_error_that_nobody_foresaw_is_a_line(tmp_path):
    """An unexpected error, here in a library's settings, is one line that names the file with the traceback."""
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings/broken.json").write_text("{")
    done = call(
        *(
            "run",
            "smoke/fresh/breakout/seed0",
            "--snapshot-url",
            tmp_path / "copies",
            "--out",
            tmp_path / "out",
        ),
        env=os.environ | {"FSSPEC_CONFIG_DIR": str(tmp_path / "settings"), "TMPDIR": str(tmp_path)},
    )
    refused(done, 1, "JSONDecodeError: Expecting property name", "please report it")
    (file,) = tmp_path.glob("amtlb-traceback-*.txt")
    assert str(file) in done.stderr
    assert "Traceback" in file.read_text()


def test_a_command_that_gets_no_memory_says_so():
    """More memory than the system gives is a line that says what to do, and no mistake to report."""
    code = "import suite.cli.commands as commands; commands.app = lambda **_: bytearray(2**62); commands.run()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    refused(done, 1, "got no more memory", "ulimit -v")


def test_results_that_cannot_be_written_are_printed(amtlb, tmp_path):
    """Scores of a folder that takes no file are printed; a warning says that they are not kept there."""
    folder = tmp_path / "results"
    shutil.copytree(published_folder("uniform", "smoke"), folder)
    for name in ("submission.toml", "SHA256SUMS", "scores.json"):
        (folder / name).unlink()
    (folder / "scores.json").mkdir()  # root may write everywhere else
    done = amtlb("scores", folder)
    assert done.returncode == 0, done.stderr
    assert "transfer contrast" in done.stdout
    assert done.stderr.startswith(f"warning: {folder}/scores.json cannot be written")
    assert len(done.stderr.splitlines()) == 1


def test_a_verification_that_ends_early_accuses_nobody(tmp_path):
    """``amtlb verify`` ends with status 3 if nothing could be checked; other commands end with status 1."""
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    environment = os.environ | {"TMPDIR": str(folder)}
    for command, status in (("verify", 3), ("scores", 1)):
        done = call(command, published_folder("uniform", "smoke"), env=environment)
        refused(done, status, "AF_UNIX path too long", "choose a shorter TMPDIR")


def test_names_are_the_same_in_every_locale(tmp_path):
    """A note whose name is not ASCII has one digest, and is verified, where the locale is not UTF-8, too."""
    made = ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(tmp_path / "de_DE")]
    if not shutil.which("localedef") or subprocess.run(made, capture_output=True).returncode:
        pytest.skip("this system cannot make a locale")
    store = invented(tmp_path / "results")
    (store.folder / FRESH / "notes").mkdir()
    (store.folder / FRESH / "notes/café.txt").write_text("noted")
    record = store.folder / FRESH / "record.json"
    digest = notes_digest(store.folder / FRESH)
    record.write_text(json.dumps(json.loads(record.read_text()) | {"notes_sha256": digest}))
    folder = packed(store, tmp_path / "übung")
    done = call("verify", folder, env=os.environ | {"LOCPATH": str(tmp_path), "LC_ALL": "de_DE"})
    assert done.returncode == 0, done.stdout + done.stderr
