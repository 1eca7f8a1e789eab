"""Our figures against those of sed_eval: random events (stored) and the DCASE2019 public set (data)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from sedt.events import Event, EventTable
from sedt.formats.dcase import read_durations, read_strong
from sedt.metrics import Collars, Figures, Scores, event_based, segment_based, tagging

CASES = json.loads((Path(__file__).parent / "sed_eval_figures.json").read_text())["cases"]


def table(rows: dict[str, list[list[Any]]]) -> EventTable:
    return {name: [Event(*row) for row in events] for name, events in rows.items()}


def figures(given: Figures) -> list[float]:
    return [given.f1, given.precision, given.recall]


def expected(values: list[float | None]) -> Any:
    numbers = [math.nan if value is None else value for value in values]
    return pytest.approx(numbers, abs=1e-9, nan_ok=True)


def check(scores: Scores, case: dict[str, Any]) -> None:
    assert figures(scores.macro) == expected(case["macro"])
    assert figures(scores.micro) == expected(case["micro"])
    assert scores.per_class.keys() == case["per_class"].keys()
    for label, values in case["per_class"].items():
        assert figures(scores.per_class[label]) == expected(values)
    assert scores.error_rate == pytest.approx(case["error_rate"], abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_random_events(case: dict[str, Any]) -> None:
    reference, estimated = table(case["reference"]), table(case["estimated"])
    offset_s = case["collar_s"] if case["evaluate_offset"] else None
    collars = Collars(case["collar_s"], offset_s, case["offset_ratio"])
    check(event_based(reference, estimated, collars=collars), case["event_based"])
    segments = segment_based(reference, estimated, segment_s=case["segment_s"], durations=case["durations"])
    check(segments, case["segment_based"])


def test_the_stored_cases_hold_what_is_hard() -> None:
    per_class = [values for case in CASES for values in case["event_based"]["per_class"].values()]
    assert any(values[0] is None for values in per_class), "a class that is not in the reference"
    assert any(values == [0.0, 0.0, 0.0] for values in per_class), "a class never found"
    assert {case["evaluate_offset"] for case in CASES} == {True, False}
    assert {case["durations"] is None for case in CASES} == {True, False}


@pytest.fixture
def public(data_folder: Path) -> Path:
    folder = data_folder.parent / "oracles" / "evaluation_public"
    if not folder.is_dir():
        pytest.skip("no folder oracles/evaluation_public beside SEDT_DATA")
    return folder


@pytest.mark.data
@pytest.mark.parametrize("with_durations", [True, False])
def test_public_set(public: Path, with_durations: bool) -> None:
    said = json.loads((public / "expected.json").read_text())
    reference, estimated = read_strong(public / "reference.tsv"), read_strong(public / "estimated.tsv")
    durations = read_durations(public / "durations.tsv") if with_durations else None
    ours = {
        "event_based": event_based(reference, estimated),
        "segment_based": segment_based(reference, estimated, durations=durations),
    }
    for name, scores in ours.items():
        report = scores.as_dict()
        assert report["error_rate"] == pytest.approx(said[name]["error_rate"], abs=1e-6)
        for mean in ("macro", "micro"):
            assert report[mean] == pytest.approx(said[name][mean], abs=1e-6)
        assert report["per_class"].keys() == said[name]["per_class"].keys()
        for label, values in said[name]["per_class"].items():
            assert report["per_class"][label] == pytest.approx(values, abs=1e-6)
    tags = tagging(reference, estimated)
    assert tags.macro.f1 == pytest.approx(said["tagging"]["macro"]["f1"], abs=1e-6)
    f1 = {label: row.f1 for label, row in tags.per_class.items()}
    assert f1 == pytest.approx(said["tagging"]["per_class"], abs=1e-6)
