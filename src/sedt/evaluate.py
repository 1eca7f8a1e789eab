"""Reference and estimate -> one record of all metrics."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from rich.table import Table

from sedt.errors import InputError
from sedt.events import Event, EventTable, labels_of
from sedt.formats import read_events
from sedt.formats.dcase import read_durations
from sedt.metrics import Collars, Figures, Scores, event_based, segment_based, tagging

Events: TypeAlias = EventTable | str | os.PathLike[str]
"""A table of events, or a file of them."""


@dataclass(frozen=True)
class Evaluation:
    """What an estimate is worth."""

    event_based: Scores
    segment_based: Scores
    tagging: Scores
    num_files: int
    """Files of the reference, all of which count."""
    num_estimated_files: int
    """Those of them that the estimate names; the others count as without detections."""
    notes: list[str] = field(default_factory=list)
    """What a reader of the figures should know."""

    def as_dict(self) -> dict[str, Any]:
        """The JSON layout of `sedt evaluate`; what is not a number is None."""
        return {
            "event_based": self.event_based.as_dict(),
            "segment_based": self.segment_based.as_dict(),
            "tagging": self.tagging.as_dict(),
            "files": self.num_files,
            "estimated_files": self.num_estimated_files,
            "notes": self.notes,
        }

    def table(self) -> Table:
        """F1, precision and recall in per cent: macro, micro, per class."""
        metrics = {
            "event-based": self.event_based,
            "segment-based": self.segment_based,
            "tagging": self.tagging,
        }
        table = Table(title=f"F1 / precision / recall in %, {self.num_files} files")
        table.add_column("")
        for name in metrics:
            table.add_column(name, justify="right")
        table.add_row("macro", *(_percent(scores.macro) for scores in metrics.values()))
        table.add_row("micro", *(_percent(scores.micro) for scores in metrics.values()), end_section=True)
        per_class = [scores.per_class for scores in metrics.values()]
        for label in per_class[0]:
            table.add_row(label, *(_percent(figures[label]) for figures in per_class))
        return table


def evaluate(
    reference: Events,
    estimated: Events,
    durations: Mapping[str, float] | str | os.PathLike[str] | None = None,
    *,
    threshold: float | None = None,
    onset_collar_s: float = 0.2,
    offset_collar_s: float = 0.2,
    offset_ratio: float = 0.2,
    class_agnostic: bool = False,
) -> Evaluation:
    """Score an estimate by the event-based, segment-based (1 s) and clip-level metrics.

    The files of the reference count (with `durations`, all files of that table): one that the estimate does not
    name has no detections. Every estimated event counts, unless `threshold` drops those with a lower score.
    With `class_agnostic` all labels are one.

    Raises:
        InputError: a file cannot be read; the estimate names a file that the reference does not; a threshold
            is given and an event has no score.
    """
    true, found = _table(reference), _table(estimated)
    if durations is not None:
        known = durations if isinstance(durations, Mapping) else read_durations(durations)
        true = {name: true.get(name, ()) for name in {**dict.fromkeys(true), **dict.fromkeys(known)}}
    _check_files(true, found)
    if threshold is not None:
        found = _above(found, threshold)
    if class_agnostic:
        true, found = _one_label(true), _one_label(found)
    labels = labels_of([true, found])
    return Evaluation(
        event_based=event_based(true, found, labels, Collars(onset_collar_s, offset_collar_s, offset_ratio)),
        segment_based=segment_based(true, found, labels),
        tagging=tagging(true, found, labels),
        num_files=len(true),
        num_estimated_files=sum(name in found for name in true),
        notes=_notes(true, found),
    )


def _table(events: Events) -> EventTable:
    return events if isinstance(events, Mapping) else read_events(events)


def _check_files(true: EventTable, found: EventTable) -> None:
    if not true:
        raise InputError("the reference has no files")
    extra = [name for name in found if name not in true]
    if extra:
        raise InputError(
            f"{len(extra)} of {len(found)} estimated files are not in the reference (the first: {extra[0]}); "
            "a table of durations can name files without events"
        )


def _notes(true: EventTable, found: EventTable) -> list[str]:
    notes = []
    missing = [name for name in true if name not in found]
    if missing:
        notes.append(
            f"{len(true) - len(missing)} of {len(true)} files are in the estimate; the others count as without "
            f"detections (the first: {missing[0]})"
        )
    unknown = [label for label in labels_of([found]) if label not in set(labels_of([true]))]
    if unknown:
        notes.append(f"labels that the reference does not have count as wrong: {', '.join(unknown)}")
    return notes


def _above(table: EventTable, threshold: float) -> EventTable:
    def keep(name: str, event: Event) -> bool:
        if event.score is None:
            raise InputError(f"{name}: an event has no score, so --threshold cannot be applied")
        return event.score >= threshold

    return {name: [e for e in events if keep(name, e)] for name, events in table.items()}


def _one_label(table: EventTable) -> EventTable:
    return {name: [replace(event, label="event") for event in events] for name, events in table.items()}


def _percent(figures: Figures) -> str:
    values: Sequence[float] = (figures.f1, figures.precision, figures.recall)
    return " / ".join("    -" if math.isnan(value) else f"{100 * value:5.1f}" for value in values)
