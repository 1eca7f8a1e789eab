from __future__ import annotations

import time
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedt.errors import InputError
from sedt.events import Event
from sedt.metrics import Collars, Counts, event_based

times = st.integers(0, 20).map(lambda tenths: tenths / 10)
an_event = st.builds(
    lambda a, b, label: Event(min(a, b), max(a, b), label), times, times, st.sampled_from("ab")
)
events = st.lists(an_event, max_size=5)


def test_worked_by_hand() -> None:
    reference = {
        "1.wav": [Event(1.0, 2.0, "dog"), Event(5.0, 6.0, "dog"), Event(8.0, 9.0, "cat")],
        "2.wav": [Event(0.0, 5.0, "cat")],
        "3.wav": [],
    }
    estimated = {
        # Hit (onset 0.15 off); offset 0.4 off where 0.2 is allowed: miss; dog in the place of the cat.
        "1.wav": [Event(1.15, 2.0, "dog"), Event(5.0, 6.4, "dog"), Event(8.1, 9.1, "dog")],
        # Offset 0.9 off where 20 % of 5 s = 1.0 s is allowed: hit.
        "2.wav": [Event(0.0, 4.1, "cat")],
        "3.wav": [Event(0.0, 1.0, "cat")],
    }
    scores = event_based(reference, estimated)
    assert scores.counts == {"cat": Counts(2, 2, 1), "dog": Counts(2, 3, 1)}
    # cat: P 1/2, R 1/2, F 2*1/4. dog: P 1/3, R 1/2, F 2*1/5.
    assert scores.macro.f1 == pytest.approx((0.5 + 0.4) / 2)
    assert scores.macro.precision == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert scores.macro.recall == pytest.approx(0.5)
    # Together 4 true, 5 found, 2 hits.
    assert (scores.micro.f1, scores.micro.precision, scores.micro.recall) == pytest.approx(
        (4 / 9, 2 / 5, 2 / 4)
    )
    # One substitution (dog at 8 s), one deletion (dog at 5 s), two insertions (5.0-6.4 s; cat of 3.wav).
    assert scores.error_rate == pytest.approx((1 + 1 + 2) / 4)


def test_the_ends_of_a_collar_are_within_it() -> None:
    # Quarters are exact in binary.
    reference = {"a.wav": [Event(1.0, 2.0, "x")]}
    collars = Collars(0.25, 0.25, 0.0)
    for onset, offset, hits in [(0.75, 2.25, 1), (1.25, 1.75, 1), (0.7499, 2.0, 0), (1.0, 2.2501, 0)]:
        assert (
            event_based(reference, {"a.wav": [Event(onset, offset, "x")]}, None, collars).counts["x"].hits
            == hits
        )


def test_onset_only() -> None:
    reference, estimated = {"a.wav": [Event(1, 2, "x")]}, {"a.wav": [Event(1, 9, "x")]}
    assert event_based(reference, estimated).counts["x"].hits == 0
    assert event_based(reference, estimated, None, Collars(offset_s=None)).counts["x"].hits == 1


def test_one_estimate_is_one_hit_and_the_pairing_is_the_largest() -> None:
    both = [Event(1.0, 2.0, "x"), Event(1.3, 2.3, "x")]
    # 1.15 fits both, 0.9 only the first: a greedy choice for the first true event would lose one hit.
    found = [Event(1.15, 2.15, "x"), Event(0.9, 1.9, "x")]
    assert event_based({"a.wav": both}, {"a.wav": found}).counts["x"].hits == 2
    assert event_based({"a.wav": both}, {"a.wav": found[:1]}).counts["x"].hits == 1


def test_classes_absent_on_one_side() -> None:
    reference = {"a.wav": [Event(0, 1, "there"), Event(0, 1, "both")]}
    estimated = {"a.wav": [Event(0, 1, "said"), Event(0, 1, "both")]}
    report = event_based(reference, estimated, ["both", "nowhere", "said", "there"]).as_dict()
    assert report["per_class"]["there"] == {"f1": 0, "precision": 0, "recall": 0}
    assert report["per_class"]["said"] == {"f1": None, "precision": 0, "recall": None}
    assert report["per_class"]["nowhere"] == {"f1": None, "precision": None, "recall": None}
    # F1 and recall over both, there; precision over both, said, there.
    assert report["macro"] == {"f1": 0.5, "precision": pytest.approx(1 / 3), "recall": 0.5}
    assert report["micro"] == {"f1": 0.5, "precision": 0.5, "recall": 0.5}


def test_no_reference_has_no_value_and_no_detection_is_zero() -> None:
    some, none = {"a.wav": [Event(0, 1, "x")]}, {"a.wav": []}
    assert event_based(none, none).as_dict()["macro"]["f1"] is None
    assert event_based(none, some).as_dict()["error_rate"] is None
    silent = event_based(some, none).as_dict()
    assert silent["macro"]["f1"] == silent["micro"]["f1"] == 0
    assert silent["error_rate"] == 1


def test_events_of_other_labels_do_not_count() -> None:
    table = {"a.wav": [Event(0, 1, "x"), Event(0, 1, "y")]}
    assert event_based(table, table, ["x"]).counts == {"x": Counts(1, 1, 1)}


@pytest.mark.parametrize("collars", [{"onset_s": -0.1}, {"offset_s": float("nan")}, {"offset_ratio": -1.0}])
def test_collars_must_be_possible(collars: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(collars))):
        Collars(**collars)


@given(events)
def test_a_table_against_itself_is_perfect(table: list[Event]) -> None:
    scores = event_based({"a.wav": table}, {"a.wav": table})
    assert all(figures.f1 == 1 for figures in scores.per_class.values())
    assert not table or scores.error_rate == 0


@settings(max_examples=150)
@given(events, events)
def test_hits_against_brute_force(true: list[Event], found: list[Event]) -> None:
    def right(a: Event, b: Event) -> bool:
        collar = max(0.2, 0.2 * (a.offset - a.onset))
        return abs(a.onset - b.onset) <= 0.2 and abs(a.offset - b.offset) <= collar

    def most_pairs(label: str) -> int:
        rows, columns = ([e for e in side if e.label == label] for side in (true, found))
        for size in range(min(len(rows), len(columns)), 0, -1):
            for chosen in combinations(rows, size):
                for order in permutations(columns, size):
                    if all(map(right, chosen, order)):
                        return size
        return 0

    counts = event_based({"a.wav": true}, {"a.wav": found}, ["a", "b"]).counts
    for label in "ab":
        there, said = (sum(e.label == label for e in side) for side in (true, found))
        assert counts[label] == Counts(there, said, most_pairs(label))


@given(events, events, st.randoms())
def test_the_order_of_events_does_not_change_f1(
    true: list[Event], found: list[Event], random: object
) -> None:
    before = event_based({"a.wav": true}, {"a.wav": found}).counts
    random.shuffle(true)  # type: ignore[attr-defined]
    random.shuffle(found)  # type: ignore[attr-defined]
    assert event_based({"a.wav": true}, {"a.wav": found}).counts == before


def test_an_hour_with_ten_events_a_second() -> None:
    # A table of all pairs would have 1.3e9 of them.
    true = [Event(k / 10, k / 10 + 0.05, "syllable") for k in range(36_000)]
    found = [Event(e.onset + 0.004, e.offset - 0.004, e.label) for e in true]
    start = time.perf_counter()
    counts = event_based({"a.wav": true}, {"a.wav": found}, None, Collars(0.02, 0.02)).counts
    assert counts == {"syllable": Counts(36_000, 36_000, 36_000)}
    assert time.perf_counter() - start < 10
