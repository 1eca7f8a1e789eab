"""`sedt evaluate`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from sedt.cli.evaluate import evaluate
from sedt.errors import InputError
from sedt.evaluation import evaluate as evaluate_tables
from sedt.events import Event
from sedt.formats import write_events

APP = typer.Typer()
APP.command()(evaluate)

REFERENCE = {"1.wav": [Event(1.0, 2.0, "dog")], "2.wav": [Event(0.0, 5.0, "cat")], "3.wav": []}
ESTIMATED = {"1.wav": [Event(1.1, 2.1, "cat", 0.9)], "2.wav": [Event(0.3, 5.0, "cat", 0.4)]}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    write_events(tmp_path / "true.tsv", REFERENCE)
    write_events(tmp_path / "found.tsv", ESTIMATED)
    return [str(tmp_path / "true.tsv"), str(tmp_path / "found.tsv")]


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_table_and_notes(files: list[str]) -> None:
    result = run(*files)
    assert result.exit_code == 0
    assert "macro" in result.stdout
    assert "cat" in result.stdout
    assert "note: 2 of 3 files are in the estimate" in result.stderr
    assert "note" not in result.stdout


def test_every_option_reaches_the_metrics(files: list[str], tmp_path: Path) -> None:
    durations, out = tmp_path / "durations.tsv", tmp_path / "new" / "scores.json"
    durations.write_text("filename\tduration\n1.wav\t1.5\n2.wav\t4\n3.wav\t10\n4.wav\t10\n")
    chosen = {
        "threshold": 0.3,
        "onset-collar": 0.31,
        "offset-collar": 0.05,
        "offset-ratio": 0.01,
        "durations": durations,
    }
    options = [text for name, value in chosen.items() for text in (f"--{name}", value)]
    assert run(*files, *options, "--class-agnostic", "--json", out).exit_code == 0
    said = evaluate_tables(
        REFERENCE,
        ESTIMATED,
        durations,
        threshold=0.3,
        onset_collar_s=0.31,
        offset_collar_s=0.05,
        offset_ratio=0.01,
        class_agnostic=True,
    ).as_dict()
    assert json.loads(out.read_text()) == said
    for name in chosen:
        fewer = [text for k, value in chosen.items() if k != name for text in (f"--{k}", value)]
        changed = ["--threshold", 0.5] if name == "threshold" else []
        assert run(*files, *fewer, *changed, "--class-agnostic", "--json", out).exit_code == 0
        assert json.loads(out.read_text()) != said, name
    assert run(*files, *options, "--json", out).exit_code == 0
    assert json.loads(out.read_text()) != said


def test_tags_intervals_and_comparison(files: list[str], tmp_path: Path) -> None:
    tags, other, out = tmp_path / "tags.tsv", tmp_path / "other.tsv", tmp_path / "scores.json"
    tags.write_text("filename\tevent_labels\n1.wav\tdog\n2.wav\tcat\n3.wav\t\n")
    write_events(other, REFERENCE)
    result = run(*files, "--tags", tags, "--bootstrap", 20, "--compare", other, "--json", out)
    assert result.exit_code == 0
    report = json.loads(out.read_text())
    assert report["tagging_from_tags"]["macro"]["f1"] == 1
    assert report["confidence"]["resamples"] == report["comparison"]["resamples"] == 20
    interval = report["confidence"]["figures"]["segment_based_micro_f1"]
    assert interval["low"] <= interval["value"] <= interval["high"]
    assert report["comparison"]["b"] == str(other)
    assert report["comparison"]["notes_b"] == []
    difference = report["comparison"]["figures"]["segment_based_micro_f1"]
    assert difference["a"] == interval["value"]
    assert difference["b"] == 1
    assert f"B is {other}; 20 draws of the files" in result.stdout
    assert "segment micro F1" in result.stdout
    write_events(other, dict(list(REFERENCE.items())[:1]))
    result = run(*files, "--compare", other, "--json", out)
    assert "other.tsv: 1 of 3 files" in result.stderr
    assert len(json.loads(out.read_text())["comparison"]["notes_b"]) == 1
    run(*files, "--json", out)
    assert not {"confidence", "comparison"} & set(json.loads(out.read_text()))
    with pytest.raises(InputError, match=r"none.tsv: cannot be read"):
        run(*files, "--compare", tmp_path / "none.tsv")
    assert run(*files, "--bootstrap", "0").exit_code == 2


def test_what_has_no_value_is_null_in_the_json(tmp_path: Path) -> None:
    for name in ("true.tsv", "found.tsv"):
        write_events(tmp_path / name, {"a.wav": []})
    assert run(tmp_path / "true.tsv", tmp_path / "found.tsv", "--json", tmp_path / "o.json").exit_code == 0
    text = (tmp_path / "o.json").read_text()
    assert json.loads(text)["event_based"]["macro"]["f1"] is None
    assert "NaN" not in text


def test_wrong_input(files: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.tsv: cannot be read"):
        run(files[0], tmp_path / "none.tsv")
    with pytest.raises(InputError, match="not in the reference"):
        run(files[1], files[0])
    assert run(files[1], files[0], "--labelled-only", "--bootstrap", "10").exit_code == 0
    assert run(files[0]).exit_code == 2
    assert run(*files, "--onset-collar", "-1").exit_code == 2


def test_help_has_an_example_and_imports_little() -> None:
    assert "sedt evaluate truth.tsv detected.tsv" in " ".join(run("--help").stdout.replace("│", "").split())
    code = "import sys, sedt.cli.evaluate; print({'numpy', 'torch', 'sedt.evaluation'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr
