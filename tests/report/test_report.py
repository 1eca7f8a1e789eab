"""The page of a run: everything that is there, of runs of every kind and in every state."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from runs import copy_of

from browser import opened
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats.dcase import read_strong, write_strong
from sedt.metrics import FileErrors
from sedt.report import write_report
from sedt.report.clips import stretch_of

SECTIONS = ["run", "curves", "classes", "operating", "psds", "confusion", "clips"]


def page_of(run: Path, tmp_path: Path, **options: object) -> str:
    return write_report(run, tmp_path / "page.html", **options).read_text(encoding="utf-8")  # type: ignore[arg-type]


def sections(page: str) -> list[str]:
    return re.findall(r'<section id="(\w+)">', page)


def stages_drawn(page: str) -> list[str]:
    return re.findall(r"<h3>(\w+) ", page)


def test_a_finished_run(sedt_run: Path, tmp_path: Path) -> None:
    page = page_of(sedt_run, tmp_path)
    assert sections(page) == SECTIONS
    assert stages_drawn(page) == ["tag_backbone", "finetune"]
    assert "On the test set: 8 recordings" in page
    assert "Three sounds &lt;told&gt; &amp; apart." in page
    scores = json.loads((sedt_run / "test.json").read_text(encoding="utf-8"))
    for name in ("event_based", "segment_based", "tagging_from_tags"):
        assert f"<b>{100 * scores[name]['macro']['f1']:.1f}</b>" in page
    assert f"<b>{scores['psds1']:.3f}</b>" in page
    for label, counts in scores["event_based"]["counts"].items():
        row = f"<th scope='row'>{label}</th><td>{counts['reference']}</td><td>{counts['estimated']}</td>"
        assert row in page
    assert "learning rate" in page.lower()
    assert "chosen by event-based macro F1" in page or "thresholds" not in page


def test_the_train_command_leaves_one(sedt_run: Path, tmp_path: Path) -> None:
    """By default in the run's folder."""
    run = copy_of(sedt_run, tmp_path)
    assert write_report(run) == run / "report.html"


def test_nothing_is_named_that_would_be_loaded(sedt_run: Path, tmp_path: Path) -> None:
    page = page_of(sedt_run, tmp_path)
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "@import" not in page
    assert "url(" not in page


def test_without_a_test_set_it_says_so(sp_sedt_run: Path, tmp_path: Path) -> None:
    page = page_of(sp_sedt_run, tmp_path)
    assert sections(page) == SECTIONS
    assert "On the validation set" in page
    assert "flatter the model" in page
    assert stages_drawn(page) == ["tag_backbone", "pretrain", "finetune"]
    assert "patches found" in page
    assert 'class="line dashed grey"' in page, "the line of chance"


def test_rivals(crnn_run: Path, tmp_path: Path) -> None:
    page = page_of(crnn_run, tmp_path)
    assert sections(page) == SECTIONS
    assert stages_drawn(page) == ["train_frames"]
    assert "median, s" in page
    assert "CRNN" in page


def test_a_run_that_was_cut_off(sedt_run: Path, tmp_path: Path) -> None:
    run = copy_of(sedt_run, tmp_path)
    for name in ("model", "test", "tune"):
        shutil.rmtree(run / name)
    for name in ("test.json", "test_events.tsv", "finetune/result.json"):
        (run / name).unlink()
    rows = (run / "metrics.csv").read_text(encoding="utf-8").splitlines()
    (run / "metrics.csv").write_text("\n".join(rows[:-1]) + "\n", encoding="utf-8")
    page = page_of(run, tmp_path)
    assert sections(page) == ["run", "curves"]
    assert "no scores yet" in page
    assert "2 epochs" in page
    assert "not finished" in page
    assert "cut off, or going on" in page


def test_a_run_whose_data_is_gone(sedt_run: Path, tmp_path: Path) -> None:
    run = copy_of(sedt_run, tmp_path)
    recipe = (run / "recipe.json").read_text(encoding="utf-8")
    (run / "recipe.json").write_text(recipe.replace("/sounds", "/gone"), encoding="utf-8")
    page = page_of(run, tmp_path)
    assert sections(page) == SECTIONS
    assert "cannot be read" in page
    assert "<audio" not in page
    shutil.rmtree(run / "test")
    page = page_of(run, tmp_path)
    assert sections(page) == ["run", "curves"]
    assert "cannot be read again" in page


def test_an_older_run_is_heard_anew(sedt_run: Path, tmp_path: Path) -> None:
    """The same page as from the tables, but for what they round."""
    run = copy_of(sedt_run, tmp_path)
    kept = page_of(run, tmp_path)
    shutil.rmtree(run / "test")
    said: list[str] = []
    page = page_of(run, tmp_path, say=said.append)
    assert any("detecting anew" in line for line in said)
    tiles = re.compile(r'<div class="tiles">.*?</p>', re.DOTALL)
    assert tiles.search(page)[0] == tiles.search(kept)[0]  # type: ignore[index]
    matrix = re.compile(r'<table class="matrix">.*?</table>', re.DOTALL)
    assert matrix.search(page)[0] == matrix.search(kept)[0]  # type: ignore[index]
    assert page.count("<audio") == kept.count("<audio")


def test_worst_clips_come_first(sedt_run: Path, tmp_path: Path) -> None:
    run = copy_of(sedt_run, tmp_path)
    reference = read_strong(run / "test" / "reference.tsv")
    worst, other, *rest = list(reference)
    false = [Event(0.1 * k, 0.1 * k + 0.05, "tone", 0.9) for k in range(20)]
    events = {worst: false, other: [], **{name: reference[name] for name in rest}}
    write_strong(run / "test_events.tsv", events)
    page = page_of(run, tmp_path)
    assert re.findall(r'class="sedt-title">(\w+)<', page) == [worst, other]
    assert "20 false" in page
    assert page_of(run, tmp_path, num_clips=1).count("<audio") == 1
    assert "clips" not in sections(page_of(run, tmp_path, num_clips=0))


def test_no_errors_at_all(sedt_run: Path, tmp_path: Path) -> None:
    run = copy_of(sedt_run, tmp_path)
    shutil.copy(run / "test" / "reference.tsv", run / "test_events.tsv")
    assert "No clip has an error." in page_of(run, tmp_path)


def test_of_a_long_clip_the_part_with_most_errors() -> None:
    errors = FileErrors([], [Event(30, 31, "a"), Event(300, 301, "a"), Event(304, 305, "a")], [])
    assert stretch_of(errors, 600, 15) == (299, 15)
    assert stretch_of(errors, 10, 15) == (0, 10)
    assert stretch_of(FileErrors([], [Event(599, 600, "a")], []), 600, 15) == (585, 15)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: shutil.rmtree(run), "no such run"),
        (lambda run: (run / "recipe.json").unlink(), "not a run"),
        (lambda run: (run / "recipe.json").write_text("{"), "recipe.json:1: not JSON"),
        (lambda run: (run / "recipe.json").write_text('{"name": 3}'), "recipe.json: `name`"),
        (lambda run: (run / "metrics.csv").write_text("a,b\n1,2\n"), "metrics.csv:1: no column `stage`"),
        (
            lambda run: (run / "metrics.csv").write_text("stage,epoch,seconds\nfinetune,0\n"),
            "metrics.csv:2: another number",
        ),
        (
            lambda run: (run / "metrics.csv").write_text("stage,epoch,seconds,loss\nfinetune,0,1,bad\n"),
            "metrics.csv:2: loss 'bad' is not a number",
        ),
        (lambda run: (run / "metrics.csv").write_bytes(b"\xff\xfe\x00"), "metrics.csv:1: not UTF-16"),
        (lambda run: (run / "test.json").write_text("[]"), "test.json: must hold"),
        (lambda run: (run / "test.json").write_text("{}"), "test.json: `event_based`"),
        (lambda run: (run / "finetune" / "result.json").write_text("x"), "result.json:1: not JSON"),
        (lambda run: (run / "model" / "config.json").write_text("{}"), "config.json: "),
        (lambda run: (run / "test" / "candidates.tsv").write_text("x\n"), "candidates.tsv:1: no column"),
        (
            lambda run: (run / "test" / "operating.tsv").write_text("threshold\n"),
            "operating.tsv:1: no column",
        ),
        (
            lambda run: (shutil.rmtree(run / "model"), (run / "metrics.csv").unlink()),
            "nothing to report yet",
        ),
    ],
)
def test_what_cannot_be_reported(damage: object, words: str, sedt_run: Path, tmp_path: Path) -> None:
    run = copy_of(sedt_run, tmp_path)
    damage(run)  # type: ignore[operator]
    with pytest.raises(InputError) as refused:
        write_report(run, tmp_path / "page.html")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "page.html").exists()


def test_in_a_browser(sedt_run: Path, tmp_path: Path) -> None:
    run = copy_of(sedt_run, tmp_path)
    reference = read_strong(run / "test" / "reference.tsv")
    name = next(name for name, events in reference.items() if events)
    # One clip is wrong, by an event that is found where there is none.
    found = {other: list(events) for other, events in reference.items()}
    found[name] = [Event(1.0, 1.4, "tone", 0.9)]
    write_strong(run / "test_events.tsv", found)
    for scheme in ("light", "dark"):
        with opened(write_report(run), color_scheme=scheme) as watched:
            watched.wait_until("document.querySelector('audio').readyState >= 1")
            watched.page.locator('.sedt-event.is-found[data-onset="1.0000"]').click()
            watched.wait_until("document.querySelector('audio').currentTime > 1.05")
            assert 1.0 < watched.seconds() < 1.6
            ground = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (ground == "rgb(255, 255, 255)") is (scheme == "light")
            chart = watched.page.locator(".sedt-chart svg").first
            chart.scroll_into_view_if_needed()
            box = chart.bounding_box()
            watched.page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 60)
            tip = watched.page.locator(".sedt-tip").first
            assert tip.is_visible()
            assert box["y"] < tip.bounding_box()["y"] < box["y"] + 40
            assert "epoch 2" in tip.inner_text()
            assert watched.problems == []
