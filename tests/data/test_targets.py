"""Seconds -> shares of the window, and what a window's edge does to an event."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sedt.batch import Supervision
from sedt.data.targets import crop_events, no_targets, strong_targets, weak_targets
from sedt.errors import InputError
from sedt.events import Event
from sedt.spans import spans_to_edges

CLASSES = ["cat", "dog"]


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0.25, 5), st.sampled_from(CLASSES)), max_size=6))
def test_targets_give_the_events_back(rows: list[tuple[float, float, str]]) -> None:
    events = [Event(onset, min(10.0, onset + length), label) for onset, length, label in rows]
    targets = strong_targets(events, CLASSES, 10.0)
    edges = spans_to_edges(targets.spans) * 10
    for (onset, offset), label in zip(edges.tolist(), targets.labels.tolist(), strict=True):
        inside = [e for e in events if e.label == CLASSES[label] and e.onset >= onset - 1e-3]
        assert min(abs(e.onset - onset) for e in inside) < 1e-3
        assert min(abs(e.offset - offset) for e in inside) < 1e-3
    assert {CLASSES[i] for i in targets.labels.tolist()} == {e.label for e in events}
    assert targets.tags.tolist() == [float(any(e.label == c for e in events)) for c in CLASSES]


def test_overlaps_of_one_class_become_one_event() -> None:
    events = [Event(1, 3, "dog"), Event(2.5, 4, "dog"), Event(2, 3, "cat"), Event(10.5, 11, "dog")]
    targets = strong_targets(events, CLASSES, 10.0)
    assert targets.supervision is Supervision.STRONG
    torch.testing.assert_close(spans_to_edges(targets.spans), torch.tensor([[0.1, 0.4], [0.2, 0.3]]))
    assert targets.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        (Event(4.0, 6.0, "dog"), (0.0, 1.0)),  # half of it is inside
        (Event(1.0, 5.1, "dog"), None),  # 0.1 of 4.1 s
        (Event(1.0, 5.3, "dog"), (0.0, 0.3)),  # 0.3 s are enough
        (Event(4.98, 5.04, "dog"), (0.0, 0.04)),  # a syllable, most of it inside
        (Event(4.94, 5.01, "dog"), None),  # a syllable, little of it inside
        (Event(14.0, 17.0, "dog"), (9.0, 10.0)),
        (Event(5.0, 5.0, "dog"), None),
    ],
)
def test_events_at_the_window_s_edge(event: Event, kept: tuple[float, float] | None) -> None:
    cropped = crop_events([event], start_s=5.0, window_s=10.0)
    if kept is None:
        assert not cropped
    else:
        assert (cropped[0].onset, cropped[0].offset) == pytest.approx(kept)


def test_weak_and_none_know_no_times() -> None:
    weak = weak_targets({"dog"}, CLASSES)
    assert weak.supervision is Supervision.WEAK
    assert weak.tags.tolist() == [0, 1]
    assert weak.spans.shape == no_targets(2).spans.shape == (0, 2)
    assert no_targets(2).supervision is Supervision.NONE


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(InputError, match=r"'cow'.*cat, dog"):
        weak_targets({"cow"}, CLASSES)
    with pytest.raises(InputError, match="'cow'"):
        strong_targets([Event(0, 1, "cow")], CLASSES, 10.0)
