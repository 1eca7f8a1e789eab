"""Probabilities -> events of one window (paper 2.1: fusion of tags and events, then de-overlap)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sedt.batch import Probabilities
from sedt.errors import InputError
from sedt.events import Event
from sedt.spans import spans_to_edges

PerClass = float | Mapping[str, float]
"""One number, or one for every class."""

_ROUNDING_S = 1e-6  # a span in float32 falls short of the length that it stands for


@dataclass(frozen=True)
class Decision:
    """How predictions become events."""

    fusion: Literal[1] = 1
    """1: class probabilities times 0/1 tags."""
    threshold: PerClass = 0.5
    """Smallest class probability of an event."""
    tag_threshold: PerClass = 0.5
    """A class is tagged where its probability is larger."""
    min_length_s: PerClass = 0.2
    """Shorter events are dropped, in seconds."""
    deoverlap: bool = True
    """Of overlapping events of one class keep the one with the higher score."""


def decode(
    probabilities: Probabilities,
    classes: Sequence[str],
    decision: Decision,
    window_s: float,
    lengths_s: Sequence[float] | NDArray[np.float64] | None = None,
) -> list[list[Event]]:
    """Events of each window, ordered by onset, in seconds from the window's start.

    Args:
        probabilities: of `batch` windows.
        classes: labels in the order of the model's outputs.
        decision: thresholds and rules.
        window_s: seconds that a span of 1 means.
        lengths_s: (batch,) seconds of each window that hold audio; events are clipped to them.

    Raises:
        InputError: a setting per class does not name every class.
    """
    thresholds = per_class(decision.threshold, classes, "threshold")
    min_lengths = per_class(decision.min_length_s, classes, "min_length_s") - _ROUNDING_S
    scores = probabilities.classes[..., : len(classes)]
    if probabilities.tags is not None:
        tagged = probabilities.tags > per_class(decision.tag_threshold, classes, "tag_threshold")
        scores = scores * tagged[:, None, :]
    edges_s = np.maximum(0.0, spans_to_edges(probabilities.spans.astype(np.float64)) * window_s)
    limits = np.full(len(scores), window_s) if lengths_s is None else np.minimum(lengths_s, window_s)
    edges_s = np.minimum(edges_s, limits[:, None, None])
    return [
        _events(scores[i], edges_s[i], classes, thresholds, min_lengths, decision.deoverlap)
        for i in range(len(scores))
    ]


def per_class(value: PerClass, classes: Sequence[str], name: str) -> NDArray[np.float64]:
    """(classes,) of one number or a table. Raises InputError: a class is missing, or one is unknown."""
    if not isinstance(value, Mapping):
        return np.full(len(classes), float(value))
    missing = [label for label in classes if label not in value]
    unknown = [label for label in value if label not in classes]
    if missing or unknown:
        problem = f"no value for class {missing[0]!r}" if missing else f"unknown class {unknown[0]!r}"
        raise InputError(f"decoding.{name}: {problem}")
    return np.array([float(value[label]) for label in classes])


def deoverlap(events: Sequence[Event]) -> list[Event]:
    """Of events of one label that overlap keep the one with the higher score; ordered by onset."""
    kept: list[Event] = []
    for event in sorted(events, key=lambda e: (-(e.score or 0.0), e.onset, e.offset)):
        if not any(
            other.label == event.label and event.onset < other.offset and other.onset < event.offset
            for other in kept
        ):
            kept.append(event)
    return sorted(kept, key=lambda e: (e.onset, e.offset, e.label))


def _events(
    scores: NDArray[np.float64],
    edges_s: NDArray[np.float64],
    classes: Sequence[str],
    thresholds: NDArray[np.float64],
    min_lengths: NDArray[np.float64],
    drop_overlaps: bool,
) -> list[Event]:
    """Events of one window: scores (queries, classes), edges (queries, 2)."""
    best = scores.argmax(-1)
    score = scores.max(-1)
    length = edges_s[:, 1] - edges_s[:, 0]
    keep = (score >= thresholds[best]) & (score > 0) & (length >= min_lengths[best]) & (length > 0)
    events = [
        Event(float(edges_s[q, 0]), float(edges_s[q, 1]), classes[best[q]], float(score[q]))
        for q in np.flatnonzero(keep)
    ]
    return deoverlap(events) if drop_overlaps else sorted(events)
