"""Thresholds and minimum lengths per class, chosen on validation recordings by event-based F1.

Classes are nearly independent of each other once the tags are decided, so every value is tried for all
classes at once, and each class keeps the one that serves it best.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from sedt.decoding import Decision, RecordingPredictions, per_class
from sedt.errors import InputError
from sedt.events import EventTable
from sedt.metrics import Collars, Scores, event_based

THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))
TAG_THRESHOLDS = tuple(round(0.1 * k, 1) for k in range(1, 10))
MEDIANS_S = (0.0, 0.3, 0.5, 0.8, 1.1, 1.5, 2.1)
"""Median filters tried, for models without queries; shorter where events last less than a second."""
LENGTH_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Minimum lengths tried, as shares of a class's short events (its 5 % quantile on the recordings)."""

PerLabel = dict[str, float]


@dataclass(frozen=True)
class Tuned:
    """What was chosen, and what it brought on the recordings it was chosen on."""

    decision: Decision
    before: Scores
    after: Scores


def tune(
    predictions: Mapping[str, RecordingPredictions],
    reference: EventTable,
    classes: Sequence[str],
    start: Decision,
    collars: Collars | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Tuned:
    """Choose `threshold`, `tag_threshold` and `min_length_s` for each class, and `median_s` where it counts.

    A class that is not in the reference keeps its values, and so do all if macro F1 gets no better. Of values
    that do equally well the one nearest to the start is taken. `progress` is called for every value tried
    (`num_tries` of them).

    Raises:
        InputError: the reference has no event of any class; `start` has settings for other classes.
    """
    if not any(event.label in classes for events in reference.values() for event in events):
        raise InputError("the reference has no event of the model's classes: nothing to tune on")

    def score(decision: Decision) -> Scores:
        progress()
        found = {name: each.events(classes, decision) for name, each in predictions.items()}
        return event_based(reference, found, classes, collars)

    before = score(start)
    decision = _as_tables(start, classes)
    has_tags, has_frames = _outputs(predictions.values())
    if has_tags:
        pairs = product(THRESHOLDS, TAG_THRESHOLDS)
        decision = _best(decision, [{"threshold": t, "tag_threshold": g} for t, g in pairs], score)
    else:
        decision = _best(decision, [{"threshold": t} for t in THRESHOLDS], score)
    if has_frames:
        both = product(THRESHOLDS, _medians(reference, classes))
        decision = _best(decision, [{"threshold": t, "median_s": m} for t, m in both], score)
    short = _short_events(reference, classes)
    lengths = [{label: share * short[label] for label in short} for share in LENGTH_SHARES]
    decision = _best(decision, [{"min_length_s": length} for length in lengths], score)
    after = score(decision)
    is_better = after.macro.f1 > before.macro.f1
    return Tuned(decision, before, after) if is_better else Tuned(start, before, before)


def num_tries(predictions: Collection[RecordingPredictions]) -> int:
    """How often `tune` scores a decision."""
    has_tags, has_frames = _outputs(predictions)
    of_medians = len(THRESHOLDS) * len(MEDIANS_S) + 1 if has_frames else 0
    return len(THRESHOLDS) * (len(TAG_THRESHOLDS) if has_tags else 1) + of_medians + len(LENGTH_SHARES) + 4


def _outputs(predictions: Collection[RecordingPredictions]) -> tuple[bool, bool]:
    """Whether the model says tags, and whether it says steps."""
    said = [each.probabilities for each in predictions]
    return any(one.tags is not None for one in said), any(one.frames is not None for one in said)


def _best(
    start: Decision,
    trials: Iterable[Mapping[str, float | PerLabel]],
    score: Callable[[Decision], Scores],
) -> Decision:
    """`start`, with each class's best values of all trials."""
    names = list(next(iter(trials := list(trials))))
    chosen = {name: dict(_table(start, name)) for name in names}
    first = score(start).per_class
    best = {label: (first[label].f1, 0.0) for label in first}
    for trial in trials:
        tables = {name: {**_table(start, name), **_spread(trial[name], start, name)} for name in names}
        for label, figures in score(_with(start, tables)).per_class.items():
            distance = sum(abs(tables[name][label] - _table(start, name)[label]) for name in names)
            if not np.isnan(figures.f1) and (figures.f1, -distance) > best[label]:
                best[label] = (figures.f1, -distance)
                for name in names:
                    chosen[name][label] = tables[name][label]
    return _with(start, chosen)


def _with(decision: Decision, tables: Mapping[str, PerLabel]) -> Decision:
    """The decision with other tables per class."""
    changed: Any = tables
    return replace(decision, **changed)


def _spread(value: float | PerLabel, start: Decision, name: str) -> PerLabel:
    """One number for every class, or the table that is given."""
    return dict(value) if isinstance(value, dict) else dict.fromkeys(_table(start, name), float(value))


def _table(decision: Decision, name: str) -> PerLabel:
    table: PerLabel = getattr(decision, name)
    return table


def _as_tables(decision: Decision, classes: Sequence[str]) -> Decision:
    """The same decision with every setting per class."""

    def table(name: str) -> PerLabel:
        values = per_class(getattr(decision, name), classes, name)
        return dict(zip(classes, values.tolist(), strict=True))

    return replace(
        decision,
        threshold=table("threshold"),
        tag_threshold=table("tag_threshold"),
        min_length_s=table("min_length_s"),
        median_s=table("median_s"),
    )


def _medians(reference: EventTable, classes: Sequence[str]) -> list[float]:
    """`MEDIANS_S`, shorter where half of the events last less than a second."""
    lengths = [e.duration for events in reference.values() for e in events if e.label in classes]
    return [median_s * min(1.0, float(np.median(lengths))) for median_s in MEDIANS_S]


def _short_events(reference: EventTable, classes: Sequence[str]) -> PerLabel:
    """The length under which one event of a class in twenty lies, for classes that occur."""
    lengths: dict[str, list[float]] = {}
    for events in reference.values():
        for event in events:
            if event.label in classes:
                lengths.setdefault(event.label, []).append(event.duration)
    return {label: float(np.quantile(each, 0.05)) for label, each in lengths.items()}
