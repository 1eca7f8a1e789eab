"""Bootstrap intervals and the comparison of two systems."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from sedt.errors import InputError
from sedt.evaluation import Settings, compare, compare_runs, confidence_intervals, counted, evaluate
from sedt.evaluation.tables import tables_of
from sedt.events import Event, EventTable
from sedt.metrics import tagging

FILES = [f"{n}.wav" for n in range(60)]
DURATIONS = dict.fromkeys(FILES, 10.0)
TAGS = {name: ["dog"] for name in FILES}
F1 = ("event_based", "segment_based", "intersection_based", "tagging")


def made(seed: int, found: float, late_s: float = 0.0) -> tuple[EventTable, EventTable]:
    random = Random(seed)
    reference, estimated = {}, {}
    for name in FILES:
        onsets = [(3 * n + random.random(), label) for n, label in enumerate(("dog", "cat", "dog"))]
        reference[name] = [Event(t, t + 1.5, label) for t, label in onsets]
        estimated[name] = [
            Event(t + late_s, t + late_s + 1.5, label, round(random.random(), 3))
            for t, label in onsets
            if random.random() < found
        ]
    return reference, estimated


def test_values_are_those_of_the_evaluation() -> None:
    reference, estimated = made(0, 0.7)
    intervals = confidence_intervals(reference, estimated, DURATIONS, tags=TAGS, resamples=50)
    report = evaluate(reference, estimated, DURATIONS, tags=TAGS).as_dict()
    for name in (*F1, "tagging_from_tags"):
        for mean in ("macro", "micro"):
            assert intervals[f"{name}_{mean}_f1"].value == pytest.approx(report[name][mean]["f1"])
    for name in ("psds1", "psds2"):
        assert intervals[name].value == pytest.approx(report[name])
    assert len(intervals) == 12
    assert all(one.low <= one.high for one in intervals.values())
    assert set(confidence_intervals(reference, estimated, resamples=5)) == set(list(intervals)[:8])


def test_psds_is_counted_on_candidates_where_they_are_given() -> None:
    reference, decided = made(0, 0.4)
    _, undecided = made(0, 0.9)
    intervals = confidence_intervals(reference, decided, DURATIONS, undecided=undecided, resamples=20)
    report = evaluate(reference, decided, DURATIONS, undecided=undecided).as_dict()
    assert intervals["psds1"].value == pytest.approx(report["psds1"])
    assert intervals["event_based_macro_f1"].value == pytest.approx(report["event_based"]["macro"]["f1"])
    assert report["psds1"] != pytest.approx(evaluate(reference, decided, DURATIONS).psds1)


def test_the_interval_is_that_of_files_drawn_and_scored_one_by_one() -> None:
    reference, estimated = made(1, 0.6)
    random = np.random.default_rng(5)
    values = []
    for _ in range(300):
        drawn = [FILES[n] for n in random.integers(len(FILES), size=len(FILES))]
        true = {f"{n}": reference[name] for n, name in enumerate(drawn)}
        found = {f"{n}": estimated[name] for n, name in enumerate(drawn)}
        values.append(tagging(true, found).macro.f1)
    low, high = np.quantile(values, [0.025, 0.975])
    interval = confidence_intervals(reference, estimated, resamples=1000)["tagging_macro_f1"]
    assert interval.low == pytest.approx(low, abs=0.015)
    assert interval.high == pytest.approx(high, abs=0.015)
    assert interval.low < interval.value < interval.high


def test_comparison() -> None:
    reference, good = made(2, 0.9)
    _, worse = made(2, 0.5)
    differences = compare(reference, good, worse, DURATIONS, resamples=200)
    assert len(differences) == 10
    one = differences["event_based_macro_f1"]
    assert one.a == pytest.approx(evaluate(reference, good).event_based.macro.f1)
    assert one.b == pytest.approx(evaluate(reference, worse).event_based.macro.f1)
    assert one.difference == pytest.approx(one.a - one.b)
    assert 0 < one.low < one.difference < one.high
    assert one.p_value == pytest.approx(2 / 201)
    back = compare(reference, worse, good, DURATIONS, resamples=200)["event_based_macro_f1"]
    assert (back.difference, back.low, back.p_value) == pytest.approx(
        (-one.difference, -one.high, one.p_value)
    )
    assert compare(reference, good, worse, DURATIONS, resamples=200) == differences
    assert compare(reference, good, worse, DURATIONS, resamples=200, seed=1) != differences


def test_a_system_against_itself_differs_by_nothing() -> None:
    reference, estimated = made(3, 0.7)
    for one in compare(reference, estimated, estimated, DURATIONS, resamples=40).values():
        assert (one.difference, one.low, one.high, one.p_value) == (0, 0, 0, 1)


def test_pairing_sees_what_two_intervals_apart_do_not() -> None:
    """A system that lacks a few events of the other: every draw finds it worse."""
    reference, estimated = made(4, 0.7)
    fewer = {
        name: events[1:] if n % 12 == 0 else events for n, (name, events) in enumerate(estimated.items())
    }
    one = compare(reference, estimated, fewer, resamples=500)["event_based_micro_f1"]
    a, b = (
        confidence_intervals(reference, table, resamples=500)["event_based_micro_f1"]
        for table in (estimated, fewer)
    )
    assert a.low < b.high
    assert one.low > 0
    assert one.p_value < 0.05


def test_settings_reach_the_metrics() -> None:
    reference, late = made(5, 0.8, late_s=0.3)
    wide = Settings(onset_collar_s=0.5, offset_collar_s=0.5)
    assert confidence_intervals(reference, late, resamples=3)["event_based_macro_f1"].value == 0
    assert (
        confidence_intervals(reference, late, settings=wide, resamples=3)["event_based_macro_f1"].value > 0.7
    )
    high = Settings(threshold=0.9)
    assert len(tables_of(reference, late, settings=high).found["0.wav"]) < len(reference["0.wav"])
    assert compare(reference, late, late, settings=high, resamples=3)["tagging_macro_f1"].a < 0.4


def test_figures_without_a_value_are_left_out() -> None:
    silent: EventTable = {name: [] for name in FILES}
    assert confidence_intervals(silent, silent, DURATIONS, resamples=3) == {}
    assert compare(silent, silent, silent, resamples=3) == {}


def test_draws_without_true_events_are_left_out() -> None:
    # One file with an event among 60: a third of the draws miss it.
    rare = {**dict.fromkeys(FILES, ()), "0.wav": [Event(0, 1, "dog", 0.9)]}
    intervals = confidence_intervals(rare, rare, DURATIONS, resamples=50)
    assert {(one.value, one.low, one.high) for one in intervals.values()} == {(1, 1, 1)}
    assert compare(rare, rare, rare, resamples=50)["tagging_macro_f1"].p_value == 1


def test_wrong_input() -> None:
    reference, estimated = made(6, 0.7)
    with pytest.raises(InputError, match="0 resamples"):
        confidence_intervals(reference, estimated, resamples=0)
    with pytest.raises(InputError, match=r"the first: new.wav"):
        compare(reference, estimated, {"new.wav": []})


def test_runs_are_averaged_on_the_same_draws() -> None:
    reference, one = made(0, 0.9)
    other, worse = made(1, 0.8)[1], made(2, 0.6)[1]
    several = compare_runs(reference, [one, other], [worse], DURATIONS, resamples=100)
    single = [compare(reference, run, worse, DURATIONS, resamples=100) for run in (one, other)]
    for name, both in several.items():
        assert both.a == pytest.approx(np.mean([each[name].a for each in single]))
        assert both.b == pytest.approx(single[0][name].b)
        assert both.difference == pytest.approx(np.mean([each[name].difference for each in single]))
        assert both.low <= both.difference <= both.high
        assert both.high - both.low <= max(each[name].high - each[name].low for each in single) + 0.02
    before = [counted(reference, run, DURATIONS) for run in (one, other, worse)]
    assert compare_runs(reference, before[:2], before[2:], DURATIONS, resamples=100) == several
    with pytest.raises(InputError, match="counted in different ways"):
        compare_runs(reference, before[:2], before[2:], DURATIONS, settings=Settings(onset_collar_s=0.5))
    twice = compare_runs(reference, [one, one], [worse, worse], DURATIONS, resamples=100)
    for name, each in twice.items():
        assert vars(each) == pytest.approx(vars(single[0][name]))
    with pytest.raises(InputError, match="no runs"):
        compare_runs(reference, [], [worse])
