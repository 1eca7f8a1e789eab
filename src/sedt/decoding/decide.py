"""Probabilities -> events of one window (paper 2.1: fusion of tags and events, then de-overlap)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sedt.batch import Probabilities
from sedt.decoding.frames import runs, smoothed, steps_as_events
from sedt.errors import InputError
from sedt.events import Event
from sedt.spans import spans_to_edges

PerClass = float | Mapping[str, float]
"""One number, or one for every class."""

LEAST_SCORE = 0.01
"""Candidates have at least this score."""

_ROUNDING_S = 1e-6  # a span in float32 falls short of the length that it stands for


@dataclass(frozen=True)
class Decision:
    """How predictions become events."""

    fusion: Literal[1, 2, 3] = 1
    """1: class probabilities times 0/1 tags. 2: every class's best query is raised to the threshold, then as
    1. 3: the best query of every tagged class is raised; classes that are not tagged stay."""
    threshold: PerClass = 0.5
    """Smallest class probability of an event: of the one that its query finds most probable."""
    tag_threshold: PerClass = 0.5
    """A class is tagged where its probability is larger."""
    min_length_s: PerClass = 0.2
    """Shorter events are dropped, in seconds."""
    deoverlap: bool = True
    """Non-maximum suppression: of overlapping events of one class keep the one with the higher score."""
    median_s: PerClass = 0.45
    """Median filter over the steps of a model without queries, in seconds."""


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
        InputError: a setting per class does not name every class; the model has another number of them.
    """
    thresholds = per_class(decision.threshold, classes, "threshold")
    min_lengths = per_class(decision.min_length_s, classes, "min_length_s") - _ROUNDING_S
    if probabilities.frames is not None:
        return _decode_steps(probabilities, classes, decision, window_s, lengths_s)
    _check_classes(probabilities, classes)
    scores = probabilities.classes[..., : len(classes)].astype(np.float64)
    if probabilities.tags is not None:
        tagged = probabilities.tags > per_class(decision.tag_threshold, classes, "tag_threshold")
        scores = _fuse(scores, tagged, thresholds, decision.fusion)
    edges_s = _edges_s(probabilities, window_s, lengths_s)
    return [
        _events(scores[i], edges_s[i], classes, thresholds, min_lengths, decision.deoverlap)
        for i in range(len(scores))
    ]


def candidates(
    probabilities: Probabilities,
    classes: Sequence[str],
    window_s: float,
    lengths_s: Sequence[float] | NDArray[np.float64] | None = None,
    median_s: PerClass = 0.0,
) -> list[list[Event]]:
    """What PSDS is counted on: every query (or step) as an event of every class, before any decision.

    The score is class probability times tag probability; events from `LEAST_SCORE` up, ordered by onset, as
    `decode` gives them, but of any length and free to overlap. `median_s` smoothes the steps of a model
    without queries.
    """
    if probabilities.frames is not None:
        steps = smoothed(probabilities.frames, probabilities.step_s, per_class(median_s, classes, "median_s"))
        steps = steps if probabilities.tags is None else steps * probabilities.tags[:, None, :]
        return [
            steps_as_events(each, classes, LEAST_SCORE, probabilities.step_s, limit)
            for each, limit in zip(steps, _limits(len(steps), window_s, lengths_s).tolist(), strict=True)
        ]
    _check_classes(probabilities, classes)
    scores = probabilities.classes[..., : len(classes)]
    if probabilities.tags is not None:
        scores = scores * probabilities.tags[:, None, :]
    edges_s = _edges_s(probabilities, window_s, lengths_s)
    found: list[list[Event]] = [[] for _ in scores]
    for window, query, label in np.argwhere(scores >= LEAST_SCORE):
        onset, offset = edges_s[window, query].tolist()
        if onset < offset:
            score = float(scores[window, query, label])
            found[window].append(Event(onset, offset, classes[label], score))
    return [sorted(events, key=lambda e: (e.onset, e.offset, e.label)) for events in found]


def _check_classes(probabilities: Probabilities, classes: Sequence[str]) -> None:
    """Raise InputError where there are more or fewer labels than classes ("no event" may come after them)."""
    labels, outputs = len(classes), probabilities.classes.shape[-1]
    if outputs not in {labels, labels + 1}:
        raise InputError(f"{labels} labels for a model of {outputs} outputs")
    if probabilities.tags is not None and probabilities.tags.shape[-1] != labels:
        raise InputError(f"{labels} labels for a model of {probabilities.tags.shape[-1]} tags")


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


def _fuse(
    scores: NDArray[np.float64], tagged: NDArray[np.bool_], thresholds: NDArray[np.float64], fusion: int
) -> NDArray[np.float64]:
    """(batch, queries, classes) and (batch, classes) -> scores (batch, queries, classes) after fusion."""
    if fusion != 1:
        raised = tagged if fusion == 3 else np.ones_like(tagged)
        is_best = np.arange(scores.shape[1])[:, None] == scores.argmax(1)[:, None, :]
        scores = np.where(is_best & raised[:, None, :], np.maximum(scores, thresholds), scores)
    return scores if fusion == 3 else scores * tagged[:, None, :]


def _edges_s(
    probabilities: Probabilities, window_s: float, lengths_s: Sequence[float] | NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """(batch, queries, 2): onset and offset in seconds, clipped to the audio of each window."""
    edges_s = np.maximum(0.0, spans_to_edges(probabilities.spans.astype(np.float64)) * window_s)
    clipped: NDArray[np.float64] = np.minimum(
        edges_s, _limits(len(edges_s), window_s, lengths_s)[:, None, None]
    )
    return clipped


def _limits(
    number: int, window_s: float, lengths_s: Sequence[float] | NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """(windows,): seconds of each that hold audio."""
    if lengths_s is None:
        return np.full(number, window_s)
    limits: NDArray[np.float64] = np.minimum(np.asarray(lengths_s, dtype=np.float64), window_s)
    return limits


def _decode_steps(
    probabilities: Probabilities,
    classes: Sequence[str],
    decision: Decision,
    window_s: float,
    lengths_s: Sequence[float] | NDArray[np.float64] | None,
) -> list[list[Event]]:
    """`decode` for a model without queries: classes that are not tagged are not looked for."""
    assert probabilities.frames is not None
    thresholds = per_class(decision.threshold, classes, "threshold")
    min_lengths = per_class(decision.min_length_s, classes, "min_length_s") - _ROUNDING_S
    medians_s = per_class(decision.median_s, classes, "median_s")
    scores = smoothed(probabilities.frames, probabilities.step_s, medians_s)
    if probabilities.tags is not None:
        tagged = probabilities.tags > per_class(decision.tag_threshold, classes, "tag_threshold")
        scores = scores * tagged[:, None, :]
    limits = _limits(len(scores), window_s, lengths_s)
    return [
        sorted(
            replace(event, label=classes[label])
            for label, event in runs(steps, thresholds, probabilities.step_s, limit)
            if event.duration >= min_lengths[label]
        )
        for steps, limit in zip(scores, limits.tolist(), strict=True)
    ]


def deoverlap(events: Sequence[Event]) -> list[Event]:
    """Non-maximum suppression: of events of one label that overlap the best stays; ordered by onset."""
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
