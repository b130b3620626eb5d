"""The report: complete, self-contained, and the same bytes for the same results."""

import base64
import csv
import io
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from protocol import RunPart, StoreError
from suite.report.downloads import downloads
from suite.report.facts import days, facts
from suite.report.forests import Axis, ForestRow, draw_forest
from suite.report.page import make_page, write_page
from suite.report.style import TRANSFER, Drawing, inline_svg
from suite.report.watching import Watched, best_episodes, embedded, watched
from suite.results.published import published_folder
from suite.results.store import Store, record_paths
from suite.scoring.estimates import Figure
from suite.scoring.outcomes import read_outcomes
from suite.scoring.score import score_outcomes, scores_text
from suite.scoring.scores import Scores
from tests.suite.helpers import V1, refused
from tests.suite.verify.corpus import Forged

LEARNER = "multihead_a2c"


@pytest.fixture(scope="module")
def inputs() -> tuple:
    """The inputs of a report: the published results of the learner that has heads."""
    store = Store(published_folder(LEARNER, "smoke"), V1)
    outcomes = read_outcomes(store, V1.edition("smoke"))
    return store, outcomes, score_outcomes(outcomes)


@pytest.fixture(scope="module")
def clips(inputs) -> list[Watched]:
    store, outcomes, _ = inputs
    return [watched(episode, episode.game, embedded) for episode in best_episodes(store, outcomes)]


@pytest.fixture(scope="module")
def report(inputs, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_page(*inputs, folder)
    return folder


def test_the_same_results_give_the_same_bytes(inputs, report, tmp_path):
    """Page and figures, SVG and PNG, are equal in two writings."""
    write_page(*inputs, tmp_path)
    files = sorted(path.relative_to(report) for path in report.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    for path in files:
        assert (report / path).read_bytes() == (tmp_path / path).read_bytes(), path


def test_every_section_and_figure_is_there(report):
    """The page has all that was promised, and each figure is a file of its own in both forms."""
    page = (report / "report.html").read_text()
    anchors = re.findall(r'<section id="([a-z]+)"', page)
    assert anchors == [
        "transfer",
        "pretraining",
        "multitask",
        "learning",
        "heads",
        "baselines",
        "runs",
        "glossary",
        "reproduce",
    ]
    names = {path.stem for path in (report / "figures").glob("*.svg")}
    assert names == {path.stem for path in (report / "figures").glob("*.png")}
    assert {"answer_transfer", "answer_multitask", "answer_rank", "contrast_curve", "ratio_curve"} <= names
    assert {f"learning_{game}" for game in V1.edition("smoke").games} <= names
    assert len([name for name in names if name.startswith("head_use")]) == 2
    assert page.count("<svg ") == len(names)


def test_figures_have_ids_of_their_own(report):
    """No id is given twice on the page, and every reference inside it has its target."""
    page = (report / "report.html").read_text()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', page))
    assert targets <= set(ids)


def test_colours_follow_the_page(report):
    """Inlined figures name no colour that the page's schemes do not define."""
    page = (report / "report.html").read_text()
    svgs = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert re.findall(r"#[0-9a-f]{6}", svgs) == []
    assert set(re.findall(r"var\((--[a-z]+)\)", svgs)) <= set(re.findall(r"(--[a-z]+):", page))


def test_contrast_is_enough_in_both_schemes(report):
    """Text has 4.5 times, and lines and bars 3 times, the luminance of what they stand on (WCAG 2.2)."""
    page = (report / "report.html").read_text()
    schemes = [dict(re.findall(r"(--[a-z]+): (#[0-9a-f]{6})", block)) for block in
               re.findall(r":root \{(.*?)\}", page, re.DOTALL)]  # fmt: skip
    assert len(schemes) == 2
    for colours in schemes:
        for ground in ("--paper", "--panel"):
            for name, least in (("--ink", 7), ("--muted", 4.5), ("--fresh", 4.5), ("--transfer", 4.5),
                                ("--generalist", 4.5), ("--pretrain", 4.5), ("--null", 3)):  # fmt: skip
                assert ratio_of(colours[name], colours[ground]) >= least, (name, ground)


def ratio_of(one: str, other: str) -> float:
    """The contrast ratio of two colours, by the formula of WCAG 2.2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lights = sorted((luminance(one), luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def test_the_page_carries_its_scores(inputs, report):
    """scores.json is byte for byte what ``amtlb scores`` writes; the tables have a row per figure and run."""
    _, outcomes, scores = inputs
    page = (report / "report.html").read_text()
    links = re.findall(r'<a download="([^"]+)" href="data:([^;]+);charset=utf-8;base64,([^"]+)">', page)
    files = {name: base64.b64decode(data).decode() for name, _, data in links}
    assert list(files) == ["scores.json", "scores.csv", "runs.csv"]
    assert files["scores.json"] == scores_text(scores)
    rows = list(csv.DictReader(io.StringIO(files["scores.csv"])))
    headline = next(row for row in rows if (row["game"], row["measure"]) == ("", "transfer_contrast"))
    assert float(headline["value"]) == scores.transfer.contrast.value
    assert float(headline["low"]) == scores.transfer.contrast.interval.low
    runs = list(csv.DictReader(io.StringIO(files["runs.csv"])))
    assert [row["run_id"] for row in runs] == [record.run_id for record in outcomes.records]


def test_no_download_is_a_formula(inputs):
    """A record's text that opens like a formula is quoted, as in every CSV file."""
    _, outcomes, scores = inputs
    record = outcomes.records[0].model_copy(update={"cpu": "=1+1", "started_at": "-1+1"})
    text = base64.b64decode(downloads(scores, [record])[2].link.partition("base64,")[2]).decode()
    row = next(csv.DictReader(io.StringIO(text)))
    assert (row["cpu"], row["started_at"]) == ("'=1+1", "'-1+1")


def test_the_page_says_when_and_what_was_played(inputs, report):
    """Edition, budget, and the days of the runs; what is no day is left out."""
    _, outcomes, _ = inputs
    found = {fact.name: fact.text for fact in facts(outcomes.protocol, outcomes.edition, outcomes.records)}
    assert found["Edition"] == "smoke, protocol v1"
    assert found["Budget"] == "8,000 frames per game"
    started = sorted(record.started_at[:10] for record in outcomes.records)
    assert found["Played"] == (started[0] if started[0] == started[-1] else f"{started[0]} to {started[-1]}")
    assert found["Played"] in (report / "report.html").read_text()
    assert found["Machines"].startswith("alike")
    mixed = [outcomes.records[0].model_copy(update={"device": "cuda"}), *outcomes.records[1:]]
    found = {fact.name: fact.text for fact in facts(outcomes.protocol, outcomes.edition, mixed)}
    assert "2 devices: cpu (19 runs), cuda (1 run)" in found["Machines"]
    odd = [record.model_copy(update={"started_at": "<b>"}) for record in outcomes.records]
    assert days(odd) == "unknown"
    assert days([*odd, outcomes.records[0]]) == outcomes.records[0].started_at[:10]


def test_numbers_below_0_have_real_minus_signs(report):
    """Outside of data, digests and dates, no number on the page begins with a hyphen."""
    page = (report / "report.html").read_text()
    shown = re.sub(r"<(style|script|pre|code)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert "−0." in shown
    assert re.findall(r"(?<![\w.\-])-\d[\d.]*", shown) == []


def test_names_are_escaped(inputs, tmp_path):
    """The words of a record are never markup on the page."""
    store, outcomes, scores = inputs
    hostile = scores.model_copy(update={"learner": "<script>alert(1)</script>"})
    page = write_page(store, outcomes, Scores.model_validate(hostile.model_dump()), tmp_path).read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_best_episode_of_each_game_is_embedded(inputs, clips):
    """The page has a still and a moving picture of each game, with its points."""
    _, outcomes, _ = inputs
    page = make_page(*inputs, clips).text
    section = page[page.index('<section id="episodes"') :].partition("</section>")[0]
    assert section.count('src="data:image/webp;base64,') == len(outcomes.games)
    assert section.count('data-moving="data:image/webp;base64,') == len(outcomes.games)
    for place, game in enumerate(outcomes.games):
        top = max(float(arm[place].max()) for arm in outcomes.evaluation_tops)
        assert f"<strong>{game}</strong> {top:,.0f} points in " in section
    assert len(page) < 1_500_000


def test_the_command_writes_it(amtlb, smoke_results, tmp_path):
    """``amtlb report`` names the page; without heads or clips it has no such section; refusals are one line.

    It is written from within a notebook, too, which names a backend for figures that only the notebook has.
    """
    notebook = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    done = amtlb("report", smoke_results, "--out", tmp_path / "report", "--no-watch", env=notebook)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "report" / "report.html") in done.stdout
    page = (tmp_path / "report" / "report.html").read_text()
    assert 'id="heads"' not in page
    assert 'id="episodes"' not in page
    refused(amtlb("report", tmp_path / "none"), 2, "neither a results folder")
    (tmp_path / "file").touch()
    done = amtlb("report", smoke_results, "--out", tmp_path / "file", "--no-watch")
    refused(done, 1, "cannot be written", "another folder")


def test_notes_of_another_kind_are_told_on_the_page(inputs, tmp_path):
    """A run whose notes on heads cannot be read costs its own figure alone; the page says why."""
    store, outcomes, scores = inputs
    folder = tmp_path / "<b>results"
    shutil.copytree(store.folder, folder)
    (folder / "generalist" / "seed0" / "notes" / "head_use.parquet").write_text("mine")
    write_page(Store(folder, V1), outcomes, scores, tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    (line,) = re.findall("Not shown, of smoke/.*/seed0: .*head_use.parquet cannot be read", page)
    assert "&lt;b&gt;results" in line
    assert len([*(tmp_path / "report" / "figures").glob("head_use*.svg")]) == 1


def test_a_report_has_no_place_in_a_submission(amtlb, tmp_path):
    """Of a submission it is written into the working folder, so that the submission passes as before."""
    submission = tmp_path / "theirs"
    shutil.copytree(published_folder("uniform", "smoke"), submission)
    done = amtlb("report", submission, "--no-watch", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "theirs-report" / "report.html").is_file()
    assert not (submission / "report").exists()


def test_a_figure_that_cannot_be_written_is_told(inputs, tmp_path):
    """A strange ending is a StoreError that names what to do."""
    from suite.report.figures import multitask_by_game
    from suite.report.style import save

    with pytest.raises(StoreError, match=r"name an \.svg"):
        save(multitask_by_game(inputs[2]).figure, tmp_path / "figure.txt")


def test_the_command_that_plays_it_again_is_shown(inputs):
    """It names the device that all parts were played on, or the image that the learner was in."""
    store, outcomes, scores = inputs
    plain = "make benchmark EDITION=smoke LEARNER=baselines.multihead_a2c:make"
    for changes, command in (
        ({}, plain),
        ({"device": "cuda:0"}, f"{plain} DEVICE=cuda"),
        (
            {"image_sha256": "e" * 64},
            "amtlb benchmark --edition smoke --learner baselines.multihead_a2c:make --image sha256:" + "e" * 64,
        ),
    ):
        records = [record.model_copy(update=changes) for record in outcomes.records]
        page = make_page(store, replace(outcomes, records=records), scores, [], []).text
        reproduce = page.partition('<section id="reproduce"')[2]
        assert f"<code>{command}</code>" in reproduce
        assert ("Image of the learner" in reproduce) == ("image_sha256" in changes)


@pytest.mark.parametrize("name", ["learning_my learner (division open)", 'a"b<c>#d', "plain_name"])
def test_the_ids_of_a_figure_can_be_referred_to(name):
    """Whatever a figure is called, its references are of letters, digits, - and _, and have their targets."""
    figure = draw_forest(
        [ForestRow("a", Figure(value=0.1, interval=None, null=None))], Axis("x", 0.0), TRANSFER
    )
    svg = inline_svg(Drawing(name, "", "", figure))
    targets = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    assert targets
    assert targets <= set(re.findall(r'\bid="([A-Za-z0-9_.-]+)"', svg))


def test_a_resumed_run_is_told_with_all_its_parts(inputs, tmp_path):
    """Seconds, machines and commits of a report are those of every part of a run, in its files too."""
    store, outcomes, scores = inputs
    last = outcomes.records[0]
    first = RunPart(
        until_steps=1, device="cpu", cpu="first CPU", code_commit="f" * 40, versions={"torch": "0"},
        wall_seconds=3600.0,
    )  # fmt: skip
    resumed = last.model_copy(update={"resumed_from": (first,)})
    changed = replace(outcomes, records=(resumed, *outcomes.records[1:]))
    page = make_page(store, changed, scores, [], []).text
    reproduce = page.partition('<section id="reproduce"')[2]
    for told in ("first CPU", "f" * 40, "torch 0"):
        assert told in reproduce
    runs = page.partition('<section id="runs"')[2].partition("</section>")[0]
    assert f"{3600 + last.wall_seconds:,.0f}" in runs
    link = next(one.link for one in downloads(scores, changed.records) if one.name == "runs.csv")
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(link.partition("base64,")[2]).decode())))
    assert float(rows[0]["wall_seconds"]) == 3600 + last.wall_seconds
    assert rows[0]["cpu"] == "; ".join(sorted(["first CPU", last.cpu]))


@pytest.mark.slow
def test_why_an_episode_is_not_shown_names_no_place_of_this_machine(tmp_path):
    """Of an episode that was not played as its ledger claims, a page tells the run, and not where it lies."""
    shutil.copytree(published_folder("uniform", "smoke"), tmp_path / "theirs")
    forged = Forged(tmp_path / "theirs")
    for run in (path.parent.relative_to(forged.folder) for path in record_paths(forged.folder)):
        forged.edit_rows(str(run), without_effect, scores=False)
    store = Store(forged.folder, V1)
    reasons = [one.reason for one in best_episodes(store, read_outcomes(store, V1.edition("smoke")))]
    assert all("seed" in reason for reason in reasons)
    assert not any(str(tmp_path) in reason for reason in reasons)


def without_effect(rows: list[dict]) -> None:
    for row in rows:
        row["actions"] = bytes(len(row["actions"]))
