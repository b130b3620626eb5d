"""Files that systems and habits add to an honest submission are recognised, named, passed over or explained."""

import json
import shutil
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from protocol import StoreError, UnknownName, plan
from suite.results.store import notes_digest
from suite.scoring.score import score
from suite.verify.findings import Finding
from suite.verify.lineage_rules import check_plan
from tests.suite.helpers import V1
from tests.suite.verify.corpus import FRESH, TRANSFER, Forged
from tests.suite.verify.packed import audited, invented, packed

SMOKE = V1.edition("smoke")
NOTED = f"{FRESH}/notes/deep/er/a.txt"
Add = Callable[[Path], None]


@pytest.fixture(scope="module")
def honest(tmp_path_factory) -> Path:
    """A submission with a note in a folder."""
    folder = tmp_path_factory.mktemp("honest")
    store = invented(folder / "results")
    note = store.folder / NOTED
    note.parent.mkdir(parents=True)
    note.write_text("one\ntwo\n")
    record = store.folder / FRESH / "record.json"
    digest = notes_digest(store.folder / FRESH)
    record.write_text(json.dumps(json.loads(record.read_text()) | {"notes_sha256": digest}))
    return packed(store, folder / "submission")


@pytest.fixture
def folder(honest, tmp_path) -> Path:
    shutil.copytree(honest, tmp_path / "submission")
    return tmp_path / "submission"


def _file(*paths: str) -> Add:
    def add(folder: Path) -> None:
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(b"\x00\x01 left behind")

    return add


def _listed(folder: Path) -> None:
    """As ``sha256sum`` over all that is there makes the sums."""
    _file(".DS_Store", "README.md")(folder)
    for name in (".DS_Store", "README.md"):
        Forged(folder).list_in_sums(name)


def _many_objects(folder: Path) -> None:
    _file(*(f".git/objects/{place:02x}/object" for place in range(200)))(folder)


PASSED_OVER: dict[str, Add] = {
    "a Mac's": _file(".DS_Store", "fresh/.DS_Store", f"{FRESH}/.DS_Store", f"{FRESH}/._record.json"),
    "a Mac's, in notes": _file(f"{FRESH}/notes/.DS_Store", f"{FRESH}/notes/deep/.DS_Store"),
    "a Mac's, in the notes of a run that noted nothing": _file(f"{TRANSFER}/notes/.DS_Store"),
    "a Mac's archiver's": _file("__MACOSX/._submission.toml", f"__MACOSX/{FRESH}/._record.json"),
    "Windows's": _file("Thumbs.db", "fresh/Thumbs.db", "desktop.ini", f"{FRESH}/notes/Thumbs.db"),
    "version control's": _file(".git/config", ".git/HEAD", ".gitattributes", ".gitignore"),
    "version control's objects": _many_objects,
    "a submodule's": _file(".git", ".gitmodules"),
    "a code host's": _file(".github/CODEOWNERS", ".github/workflows/verify.yml"),
    "editors'": _file(
        "scores.json~", ".ipynb_checkpoints/scores.json", "fresh/.record.json.swp", ".idea/a.xml"
    ),
    "a README": _file("README.md", f"{FRESH}/README.txt", "LICENSE"),
    "a network disk's": _file("fresh/@eaDir/record.json@SynoEAStream", f"{FRESH}/@eaDir/a"),
    "Windows's, seen from elsewhere": _file(
        f"{FRESH}/record.json:Zone.Identifier", "$RECYCLE.BIN/a", "System Volume Information/a", "ehthumbs.db"
    ),
    "a Mac's folder's": _file("Icon\r"),
    "what projects say of themselves": _file("COPYING", "NOTICE", "AUTHORS", "CHANGELOG.md", "README.md.txt"),
    "listed in the sums": _listed,
}


@pytest.mark.parametrize("add", PASSED_OVER.values(), ids=PASSED_OVER)
def test_what_systems_add_is_passed_over(folder, add):
    """It is named once, in a warning, and the submission passes."""
    add(folder)
    (warning,) = audited(folder).findings
    assert (warning.rule, warning.severity) == ("S3", "warning")
    assert "passed over" in warning.found


def test_what_systems_leave_before_the_sums_are_written_passes(folder):
    """Files that lay in the results when they were packed, listed in the sums, are passed over, too."""
    _file(f"{FRESH}/notes/.DS_Store")(folder)
    Forged(folder).sums()
    assert {one.severity for one in audited(folder).findings} == {"warning"}


def test_a_learner_may_note_what_a_system_leaves(folder):
    """A record whose digest is over such a file passes as well: the learner may have made it."""
    _file(f"{FRESH}/notes/.gitkeep")(folder)
    Forged(folder).change(FRESH, notes_sha256=notes_digest(folder / FRESH))
    assert {one.severity for one in audited(folder).findings} == {"warning"}


def test_what_a_system_leaves_hides_no_change_of_notes(folder):
    """A note that was changed is found though files that cannot be read lie beside it."""
    with (folder / FRESH / "notes/.DS_Store").open("wb") as hole:
        hole.truncate(2**33)
    (folder / NOTED).write_text("changed")
    Forged(folder).list_in_sums(NOTED)
    assert "S4" in {one.rule for one in audited(folder).findings if one.severity == "error"}


def test_notes_that_look_like_a_run_are_notes(tmp_path):
    """A learner may note a record.json in folders that are called as those of runs are."""
    store = invented(tmp_path / "results")
    _file(f"{FRESH}/notes/seed1/record.json")(store.folder)
    record = store.folder / FRESH / "record.json"
    digest = notes_digest(store.folder / FRESH)
    record.write_text(json.dumps(json.loads(record.read_text()) | {"notes_sha256": digest}))
    assert audited(packed(store, tmp_path / "submission")).findings == ()


def test_line_ends_of_a_checkout_are_explained_once(folder):
    """Text files whose lines end in CRLF, as a checkout on Windows makes them, are a warning, once."""
    for path in folder.rglob("*"):
        if path.suffix in (".json", ".toml", ".txt") or path.name == "SHA256SUMS":
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (warning,) = audited(folder).findings
    assert (warning.rule, warning.severity) == ("S4", "warning")
    assert "as a checkout makes them" in warning.found


def _note(folder: Path, name: str, data: bytes) -> Path:
    """A note of a run, with its digests made right."""
    note = folder / FRESH / "notes" / name
    note.write_bytes(data)
    forged = Forged(folder)
    digest = notes_digest(folder / FRESH)
    forged.write_record(FRESH, forged.record(FRESH) | {"notes_sha256": digest})
    forged.sums()
    return note


def test_lines_that_lost_a_sign_are_explained_once(folder):
    """A note whose lines ended in CRLF, and end in LF after a checkout, is a warning."""
    note = _note(folder, "log.csv", b"a,b\r\n1,2\r\n")
    assert audited(folder).findings == ()
    note.write_bytes(b"a,b\n1,2\n")
    assert [(one.rule, one.severity) for one in audited(folder).findings] == [("S4", "warning")]


@pytest.mark.parametrize(
    ("noted", "found"), [("NFC", "NFD"), pytest.param("NFD", "NFC", marks=pytest.mark.slow)]
)
def test_accents_may_be_written_in_another_form(folder, noted, found):
    """A file name whose accents another system keeps apart from their letters is the same name."""
    name = unicodedata.normalize(noted, "Gr\u00f6\u00dfe.csv")
    note = _note(folder, name, b"1")
    assert audited(folder).findings == ()
    note.rename(note.with_name(unicodedata.normalize(found, name)))
    assert audited(folder).findings == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("  ", " *"),
        lambda text: text.replace("  ", "  ./"),
        lambda text: "\n".join(line[:64].upper() + line[64:] for line in text.split("\n")),
        lambda text: "\ufeff" + text,
        lambda text: text + "\n\n",
    ],
    ids=["binary mode", "with the folder", "capitals", "a mark before the text", "empty lines"],
)
def test_sums_are_read_as_sha256sum_reads_them(folder, change):
    """Sums in any form that standard tools write mean the same."""
    sums = folder / "SHA256SUMS"
    sums.write_text(change(sums.read_text()))
    assert audited(folder).findings == ()


def test_a_line_that_is_no_sum_is_named(folder):
    """A line of the sums that names no digest and file is one finding, with its number."""
    sums = folder / "SHA256SUMS"
    sums.write_text("SHA256 (a) = 0\n" + sums.read_text())
    (error,) = audited(folder).findings
    assert (error.rule, error.severity, error.found) == ("S4", "error", "line 1: SHA256 (a) = 0")


def test_a_description_may_begin_with_a_mark(folder):
    """A description that an editor has saved with a mark before its text is read."""
    path = folder / "submission.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    Forged(folder).sums()
    assert audited(folder).findings == ()


def _pointer(path: Path) -> None:
    path.write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize {path.stat().st_size}\n"
    )


@pytest.mark.parametrize("suffixes", [(".parquet",), (".parquet", ".json", ".toml", ".txt")])
def test_pointers_of_git_lfs_are_explained_once(folder, suffixes):
    """Files that are only pointers of Git LFS are unchecked, not errors, and one line says how to get them."""
    for path in folder.rglob("*"):
        if path.suffix in suffixes:
            _pointer(path)
    found = audited(folder)
    assert found.exit_status == 3
    told = [one for one in found.findings if "git lfs pull" in one.found]
    assert len(told) == 1
    assert {one.severity for one in found.findings} == {"unchecked"}
    assert len(found.findings) <= 3
    verdicts = {one.rule: one.verdict for one in found.verdicts}
    assert verdicts["P4"] == ("PASS" if suffixes == (".parquet",) else "UNVERIFIABLE")


def test_a_pointer_hides_no_error(folder):
    """One file that is not here leaves every other one to be checked: what is wrong there is an error."""
    _pointer(folder / FRESH / "ledger.parquet")
    Forged(folder).write_record(TRANSFER, Forged(folder).record(TRANSFER) | {"training_seed": 7})
    found = audited(folder)
    assert found.exit_status == 1
    assert "D4" in {one.rule for one in found.findings}


def test_scores_tell_of_a_pointer(folder):
    """Whoever scores such a folder learns what to do."""
    _pointer(folder / FRESH / "ledger.parquet")
    with pytest.raises(StoreError, match="git lfs pull"):
        score(folder)


def _told(folder: Path) -> str:
    with pytest.raises((StoreError, UnknownName)) as told:
        audited(folder)
    return str(told.value)


def test_a_folder_in_a_folder_is_named(folder):
    """A submission in another folder, as zips often unpack, is refused in a line that names its folder."""
    assert f"lies in {folder}: name that folder" in _told(folder.parent)


def test_a_zip_is_to_be_unpacked(folder, tmp_path):
    """A zip, or a folder that holds one, is not opened; the line says to unpack it."""
    (tmp_path / "sent").mkdir()
    with zipfile.ZipFile(tmp_path / "sent/submission.zip", "w") as archive:
        archive.write(folder / "submission.toml", "submission.toml")
    assert "unpack submission.zip" in _told(tmp_path / "sent")
    assert "unpack it" in _told(tmp_path / "sent/submission.zip")


def errors(found: tuple[Finding, ...]) -> list[Finding]:
    return [one for one in found if one.severity == "error"]


def test_a_stray_file_is_no_habit(folder):
    """Weights, and whatever else is neither of the layout nor left by a system, break S3."""
    _file("weights.pt", f"{FRESH}/README.md.pt")(folder)
    assert {one.rule for one in errors(audited(folder).findings)} == {"S3"}


def _weights(folder: Path) -> None:
    _file("README")(folder)
    (folder / "._weights").write_bytes(bytes(2**20))


@pytest.mark.parametrize("add", [_weights, _file("scores.json.bak"), _file(f"{FRESH}/checkpoint/weights")])
def test_what_nobody_adds_by_habit_is_found(folder, add):
    """More than a MiB of what is passed over, whatever it is called, and other files, are errors."""
    add(folder)
    assert {one.rule for one in audited(folder).findings if one.severity == "error"} == {"S3"}


@pytest.mark.slow
def test_too_many_files_hide_no_error(folder):
    """A forged seed is reported next to the error that there are more notes than are listed."""
    forged = Forged(folder)
    for place in range(20_001):
        (folder / FRESH / "notes" / str(place)).touch()
    forged.write_record(TRANSFER, forged.record(TRANSFER) | {"training_seed": 1})
    found = audited(folder)
    assert found.exit_status == 1
    assert {"S3", "D4"} <= {one.rule for one in found.findings if one.severity == "error"}


def test_a_run_in_a_folder_that_cannot_be_listed_is_not_called_missing():
    """A run in a folder that cannot be listed is unchecked; a run that is absent elsewhere is missing."""
    present = [run.run_id.path for run in plan(V1, SMOKE) if run.run_id.path not in (FRESH, TRANSFER)]
    found = {one.run_id: one.severity for one in check_plan(V1, SMOKE, present, [FRESH.rpartition("/")[0]])}
    assert found == {f"smoke/{FRESH}": "unchecked", f"smoke/{TRANSFER}": "error"}
