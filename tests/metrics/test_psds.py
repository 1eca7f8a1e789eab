"""PSDS against a slow count over every threshold, and what must hold of any score."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedt.errors import InputError
from sedt.events import Event, EventTable, merge_overlapping
from sedt.metrics import PSDS1, PSDS2, PsdsSettings, psds, psds_counts

LABELS = "abc"

times = st.integers(0, 30).map(lambda n: n / 4)
an_event = st.builds(
    lambda a, b, label, score: Event(min(a, b), max(a, b), label, score),
    times,
    times,
    st.sampled_from(LABELS),
    st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]),
)
tables = st.dictionaries(st.sampled_from("wxyz"), st.lists(an_event, max_size=6), min_size=1)


def shared_s(a: Event, b: Event) -> float:
    return max(0.0, min(a.offset, b.offset) - max(a.onset, b.onset))


def at_threshold(
    label: str, threshold: float, true: EventTable, found: EventTable, s: PsdsSettings
) -> tuple[int, int, dict[str, int]]:
    """Hits, false alarms and cross triggers of one class, by definition."""
    hits, alarms, cross = 0, 0, dict.fromkeys(LABELS, 0)
    for name, events in true.items():
        above = [
            Event(e.onset, e.offset, label)
            for e in found.get(name, ())
            if e.label == label and e.duration > 0 and e.score is not None and e.score >= threshold
        ]
        mine = [e for e in events if e.label == label]
        right = []
        for detection in merge_overlapping(above):
            if sum(shared_s(detection, e) for e in mine) >= s.dtc * detection.duration - 1e-9:
                right.append(detection)
                continue
            alarms += 1
            for other in LABELS:
                on_it = sum(shared_s(detection, e) for e in events if e.label == other)
                if s.cttc is not None and other != label and on_it >= s.cttc * detection.duration - 1e-9:
                    cross[other] += 1
        for event in mine:
            covered = sum(shared_s(event, d) for d in right)
            hits += covered > 0 and covered >= s.gtc * event.duration - 1e-9
    return hits, alarms, cross


def slowly(
    reference: EventTable, found: EventTable, durations: Mapping[str, float], s: PsdsSettings
) -> float:
    true = {name: merge_overlapping(events) for name, events in reference.items()}
    every = [e for events in true.values() for e in events]
    labels = sorted({e.label for e in every})
    hours = sum(durations[name] for name in true) / 3600
    seconds = {label: sum(e.duration for e in every if e.label == label) for label in labels}
    thresholds = sorted({e.score for events in found.values() for e in events if e.score is not None})
    points: dict[str, list[tuple[float, float]]] = {}
    for label in labels:
        points[label] = [(0.0, 0.0)]
        for threshold in thresholds:
            hits, alarms, cross = at_threshold(label, threshold, true, found, s)
            others = [3600 * cross[o] / seconds[o] if seconds[o] else 0.0 for o in labels if o != label]
            rate = alarms / hours + (s.alpha_ct * sum(others) / len(others) if others else 0.0)
            points[label].append((rate, hits / sum(e.label == label for e in every)))
    rates = sorted({rate for curve in points.values() for rate, _ in curve if rate <= s.max_per_hour})
    area = 0.0
    for rate, after in zip(rates, [*rates[1:], s.max_per_hour], strict=True):
        best = [max(hit for r, hit in curve if r <= rate + 1e-9) for curve in points.values()]
        area += max(0.0, float(np.mean(best)) - s.alpha_st * float(np.std(best))) * (after - rate)
    return area / s.max_per_hour


@pytest.mark.parametrize("seed", range(150))
def test_against_a_count_over_every_threshold(seed: int) -> None:
    r = random.Random(seed)

    def some(number: int, scores: Sequence[float]) -> list[Event]:
        starts = [r.randrange(40) / 4 for _ in range(number)]
        return [Event(t, t + r.randrange(13) / 4, r.choice(LABELS), r.choice(scores)) for t in starts]

    files = [f"{n}" for n in range(r.randint(1, 8))]
    reference = {name: some(r.randrange(6), [0.5]) for name in files}
    found = {name: some(r.randrange(9), [0.1, 0.2, 0.4, 0.8, 0.9]) for name in files if r.random() < 0.9}
    # Near hits, so that the curve rises.
    for name in found:
        found[name] += [
            Event(e.onset, e.offset, e.label, r.random()) for e in reference[name] if r.random() < 0.5
        ]
    durations = {name: r.choice([60.0, 200.0, 600.0]) for name in files}
    if not any(reference.values()):
        assert math.isnan(psds(reference, found, durations))
        return
    for settings in (PSDS1, PSDS2, PsdsSettings(0.4, 0.6, 0.2, alpha_ct=1, alpha_st=0.5, max_per_hour=300)):
        assert psds(reference, found, durations, settings) == pytest.approx(
            slowly(reference, found, durations, settings), abs=1e-9
        )


def test_worked_by_hand() -> None:
    reference = {"1": [Event(0, 4, "a"), Event(10, 20, "b")], "2": [Event(0, 4, "a")]}
    found = {
        "1": [Event(0, 4, "a", 0.9), Event(50, 54, "a", 0.7), Event(10, 20, "b", 0.8)],
        "2": [Event(0, 4, "a", 0.5)],
    }
    durations = {"1": 60.0, "2": 60.0}
    # a: half from 0 on, all from one false alarm in 120 s = 30 per hour on; b: all from 0 on.
    # Mean less deviation: 3/4 - 1/4 up to 30, then 1.
    assert psds(reference, found, durations) == pytest.approx(0.3 * 0.5 + 0.7 * 1)
    # A wrong a of 8 s, half of it on b, is also a cross trigger: 1 in 10 s of b, half weight: 180 per hour.
    wrong = {
        **found,
        "2": [Event(0, 4, "a", 0.5)],
        "1": [*found["1"][:1], Event(16, 24, "a", 0.7), found["1"][2]],
    }
    assert psds(reference, wrong, durations) == pytest.approx(0.3 * 0.5 + 0.7 * 1)
    assert psds(reference, wrong, durations, PSDS2) == pytest.approx(0.5)


def test_a_run_that_grows_can_lose_its_hit() -> None:
    # From 0.4 down the detection is 10 s long, of which 4 s are right: a false alarm then.
    reference = {"1": [Event(0, 4, "a")]}
    found = {"1": [Event(0, 4, "a", 0.9), Event(3, 10, "a", 0.4)]}
    counts = psds_counts(reference, found, {"1": 3600.0})
    (changes,) = counts.changes
    assert changes.score.tolist() == [0.9, 0.4, 0.4]
    assert changes.hits.sum() == 0
    assert changes.false_alarms.sum() == 1
    assert counts.score() == 1


def test_what_does_not_count() -> None:
    reference = {"1": [Event(0, 4, "a")]}
    durations = {"1": 36.0}
    right = Event(0, 4, "a", 0.5)
    assert psds(reference, {"1": [right]}, durations) == 1
    assert psds(reference, {}, durations) == 0
    for surplus in (Event(5, 5, "a", 0.9), Event(5, 9, "owl", 0.9)):
        assert psds(reference, {"1": [right, surplus]}, durations) == 1
    assert psds(reference, {"1": [right]}, durations, labels=["a", "owl"]) == 1
    assert math.isnan(psds(reference, {"1": [right]}, durations, labels=["owl"]))
    # A true event without length can't be hit.
    assert psds({"1": [Event(0, 4, "a"), Event(9, 9, "a")]}, {"1": [right]}, durations) == 0.5
    with pytest.raises(InputError, match="the a at 0 s has no score"):
        psds(reference, {"1": [Event(0, 4, "a")]}, durations)


@given(tables)
def test_a_perfect_estimate_has_1(table: dict[str, list[Event]]) -> None:
    lasting = {name: [e for e in events if e.duration > 0] for name, events in table.items()}
    durations = dict.fromkeys(table, 60.0)
    if any(lasting.values()):
        assert psds(lasting, lasting, durations) == pytest.approx(1)
        assert psds(lasting, lasting, durations, PSDS2) == pytest.approx(1)


@given(tables, tables, st.randoms(use_true_random=False))
def test_order_does_not_matter(
    reference: dict[str, list[Event]], found: dict[str, list[Event]], shuffle: random.Random
) -> None:
    durations = dict.fromkeys("wxyz", 60.0)
    reference = {**{key: [] for key in durations}, **reference}

    def mixed(table: dict[str, list[Event]]) -> dict[str, list[Event]]:
        names = shuffle.sample(sorted(table), len(table))
        return {name: shuffle.sample(table[name], len(table[name])) for name in names}

    for settings in (PSDS1, PSDS2):
        one, other = (
            psds(r, f, durations, settings) for r, f in ((reference, found), (mixed(reference), mixed(found)))
        )
        assert one == pytest.approx(other, abs=1e-12, nan_ok=True)


@given(tables, tables, st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_a_file_counted_twice_is_two_files(
    reference: dict[str, list[Event]], found: dict[str, list[Event]], weights: list[int]
) -> None:
    durations = {"w": 60.0, "x": 90.0, "y": 120.0, "z": 30.0}
    reference = {name: reference.get(name, []) for name in durations}
    copies = {f"{name}{n}": name for name, w in zip(durations, weights, strict=True) for n in range(w)}
    for settings in (PSDS1, PSDS2):
        score = psds_counts(reference, found, durations, settings).score(np.array(weights, dtype=float))
        repeated = psds(
            {new: reference[name] for new, name in copies.items()},
            {new: found[name] for new, name in copies.items() if name in found},
            {new: durations[name] for new, name in copies.items()},
            settings,
        )
        assert score == pytest.approx(repeated, abs=1e-9, nan_ok=True)


def test_the_score_is_the_area_under_the_mean_curve() -> None:
    true = {"x": [Event(0, 1, "a"), Event(2, 3, "b")], "y": [Event(0, 2, "a")]}
    found = {
        "x": [Event(0, 1, "a", 0.9), Event(2, 3, "b", 0.4), Event(5, 6, "b", 0.5)],
        "y": [Event(0, 2, "a", 0.2), Event(4, 5, "a", 0.3)],
    }
    counts = psds_counts(true, found, {"x": 100.0, "y": 100.0}, PSDS1)
    rate, height = counts.mean_curve()
    widths = np.diff(rate, append=PSDS1.max_per_hour)
    assert counts.score() == pytest.approx(height @ widths / PSDS1.max_per_hour)
    curves = counts.curves()
    assert sorted(curves) == [0, 1]
    for rates, hits in curves.values():
        assert (np.diff(rates) >= 0).all()
        assert (np.diff(hits) > 0).all()
    assert curves[0][1][-1] == 1
    assert curves[1][0].tolist() == [0, 3600 / 200], "the hit of b comes after a false alarm"


def test_no_curves_without_true_events() -> None:
    counts = psds_counts({"x": []}, {}, {"x": 1.0})
    assert counts.curves() == {}
    assert counts.mean_curve()[0].size == 0


def test_a_file_without_a_duration_is_named() -> None:
    table = {"a.wav": [Event(0.0, 1.0, "x", 0.5)]}
    with pytest.raises(InputError, match=r"a\.wav: no duration"):
        psds(table, table, {}, PSDS1)
