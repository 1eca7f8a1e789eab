"""Confusion: the same pairs as the event-based metric counts."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from sedt.events import Event
from sedt.metrics import Collars, confusion, event_based

LABELS = ["a", "b", "c"]


def event_lists() -> st.SearchStrategy[list[Event]]:
    def event(onset: int, length: int, label: str) -> Event:
        return Event(onset / 10, (onset + length) / 10, label)

    one = st.builds(event, st.integers(0, 30), st.integers(1, 10), st.sampled_from(LABELS))
    return st.lists(one, max_size=8)


def test_by_hand() -> None:
    true = [Event(0, 1, "a"), Event(2, 3, "a"), Event(4, 5, "b"), Event(6, 7, "c")]
    found = [Event(0.1, 1, "a"), Event(2, 3.1, "b"), Event(8, 9, "b")]
    told = confusion({"x": true, "y": []}, {"x": found}, LABELS)
    assert told.called == {("a", "a"): 1, ("a", "b"): 1}
    assert told.missed == {"b": 1, "c": 1}
    assert told.false == {"b": 1}
    errors = told.files["x"]
    assert errors.called_otherwise == [(true[1], found[1])]
    assert errors.missed == true[2:]
    assert errors.false == found[2:]
    assert errors.number == 5
    assert told.files["y"].number == 0


@given(event_lists(), event_lists(), st.sampled_from([0.1, 0.2, 0.5]))
def test_it_adds_up_to_the_metric(true: list[Event], found: list[Event], collar_s: float) -> None:
    collars = Collars(collar_s, collar_s)
    told = confusion({"x": true}, {"x": found}, LABELS, collars)
    scores = event_based({"x": true}, {"x": found}, LABELS, collars)
    for label in LABELS:
        counts = scores.counts[label]
        assert told.called.get((label, label), 0) == counts.hits
        assert (
            sum(told.called.get((label, x), 0) for x in LABELS) + told.missed.get(label, 0)
            == counts.reference
        )
        assert (
            sum(told.called.get((x, label), 0) for x in LABELS) + told.false.get(label, 0) == counts.estimated
        )
    if true:
        errors = told.files["x"]
        wrong = len(errors.called_otherwise) + len(errors.missed) + len(errors.false)
        assert scores.error_rate is not None
        assert math.isclose(scores.error_rate, wrong / len(true))
