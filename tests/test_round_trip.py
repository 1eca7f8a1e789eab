"""Events -> targets -> perfect predictions -> events is the identity."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from sedt.batch import Predictions, Targets
from sedt.data.targets import strong_targets
from sedt.decoding import Decision, decode
from sedt.events import Event
from sedt.losses.events import SetLoss

CLASSES = ["cat", "dog", "rain"]
WINDOW_S = 10.0
QUERIES = 12


@st.composite
def separate_events(draw: st.DrawFn) -> list[Event]:
    """At most four events of each class, at least 0.25 s long and 10 ms apart within their class."""
    events = []
    for label in CLASSES:
        start = 0.0
        for _ in range(draw(st.integers(0, 4))):
            onset = start + draw(st.floats(0.01, 1.5))
            offset = onset + draw(st.floats(0.25, 1.5))
            if offset <= WINDOW_S:
                events.append(Event(onset, offset, label))
            start = offset
    return sorted(events, key=lambda e: (e.label, e.onset))


def perfect_predictions(targets: Targets) -> Predictions:
    """What a model would say that knows: each event in a query, the others empty; queries in any order."""
    order = torch.randperm(QUERIES, generator=torch.Generator().manual_seed(0))
    logits = torch.full((QUERIES, len(CLASSES) + 1), -20.0)
    spans = torch.full((QUERIES, 2), 0.5)
    for query, event in zip(order, range(len(targets.labels)), strict=False):
        logits[query, targets.labels[event]] = 20.0
        spans[query] = targets.spans[event]
    logits[order[len(targets.labels) :], -1] = 20.0
    return Predictions(logits[None, None], spans[None, None], (targets.tags * 40 - 20)[None])


@given(separate_events())
def test_identity(events: list[Event]) -> None:
    targets = strong_targets(events, CLASSES, WINDOW_S)
    predictions = perfect_predictions(targets)
    (decoded,) = decode(predictions.probabilities(), CLASSES, Decision(), WINDOW_S)
    found = sorted(decoded, key=lambda e: (e.label, e.onset))
    assert [e.label for e in found] == [e.label for e in events]
    times = np.array([(e.onset, e.offset) for e in found]).reshape(-1, 2)
    np.testing.assert_allclose(
        times, np.array([(e.onset, e.offset) for e in events]).reshape(-1, 2), atol=1e-4
    )


@given(separate_events())
def test_perfect_predictions_have_no_loss(events: list[Event]) -> None:
    targets = strong_targets(events, CLASSES, WINDOW_S)
    loss = SetLoss()
    assert loss.total(loss(perfect_predictions(targets), [targets])).item() < 1e-3
