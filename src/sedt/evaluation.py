"""Reference and estimate -> one record of all metrics."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from rich import box
from rich.table import Table
from rich.text import Text

from sedt.errors import InputError
from sedt.events import Event, EventTable, labels_of
from sedt.formats import read_events
from sedt.formats.dcase import read_durations
from sedt.metrics import Collars, Figures, Scores, class_labels, event_based, segment_based, tagging

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
        """F1, precision and recall in per cent: macro, micro, error rate, per class."""
        metrics = [self.event_based, self.segment_based, self.tagging]
        title = f"F1, precision, recall in %; {self.num_files} files"
        table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("", overflow="fold")
        for name in ("event-based", "segment-based", "tagging"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_row("macro", *(_percent(scores.macro) for scores in metrics))
        table.add_row("micro", *(_percent(scores.micro) for scores in metrics))
        table.add_row("error rate", *(_plain(scores.error_rate) for scores in metrics), end_section=True)
        per_class = [scores.per_class for scores in metrics]
        for label in per_class[0]:
            # Text, since a label may hold what rich takes for markup.
            table.add_row(Text(label), *(_percent(figures[label]) for figures in per_class))
        return table


def evaluate(
    reference: Events,
    estimated: Events,
    durations: Mapping[str, float] | str | os.PathLike[str] | None = None,
    *,
    threshold: float | None = None,
    onset_collar_s: float = 0.2,
    offset_collar_s: float | None = 0.2,
    offset_ratio: float = 0.2,
    class_agnostic: bool = False,
    labels: Iterable[str] | None = None,
) -> Evaluation:
    """Score an estimate by the event-based, segment-based (1 s) and clip-level metrics.

    The files of the reference count: one that the estimate does not name has no detections. `durations`
    (seconds, or a table of them) adds files without events, and segments end where it says. Every estimated
    event counts, unless `threshold` drops those with a lower score. With `labels`, events of other labels
    do not count. With `class_agnostic` all labels are one, "event". `offset_collar_s` None: any offset is
    right.

    Raises:
        InputError: a file cannot be read; the estimate names a file that the reference does not; a threshold
            is given and an event has no score; a collar is negative.
    """
    collars = Collars(onset_collar_s, offset_collar_s, offset_ratio)
    true, found = _table(reference), _table(estimated)
    seconds = durations if durations is None or isinstance(durations, Mapping) else read_durations(durations)
    if seconds is not None:
        true = {**dict.fromkeys(seconds, ()), **true}
    _check_files(true, found)
    if threshold is not None:
        found = _above(found, threshold)
    kept = class_labels(true, found, None if labels is None else list(labels))
    dropped = [label for label in labels_of([true, found]) if label not in kept]
    if class_agnostic:
        true, found, kept = _one_label(true, kept), _one_label(found, kept), ["event"]
    return Evaluation(
        event_based=event_based(true, found, kept, collars),
        segment_based=segment_based(true, found, kept, durations=seconds),
        tagging=tagging(true, found, kept),
        num_files=len(true),
        num_estimated_files=sum(name in found for name in true),
        notes=_notes(true, found, kept, dropped),
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


def _notes(true: EventTable, found: EventTable, kept: Sequence[str], dropped: Sequence[str]) -> list[str]:
    notes = []
    missing = [name for name in true if name not in found]
    if missing:
        notes.append(
            f"{len(true) - len(missing)} of {len(true)} files are in the estimate; the others count as "
            f"without detections (the first: {missing[0]})"
        )
    known = set(labels_of([true]))
    unknown = [label for label in labels_of([found]) if label in set(kept) - known]
    if unknown:
        notes.append(
            "labels that the reference does not have count as false alarms, but macro F1 leaves them out: "
            + ", ".join(unknown)
        )
    if dropped:
        notes.append(f"labels left out: {', '.join(dropped)}")
    return notes


def _above(table: EventTable, threshold: float) -> EventTable:
    def keep(name: str, event: Event) -> bool:
        if event.score is None:
            raise InputError(
                f"{name}: the {event.label} at {event.onset:g} s has no score, so threshold {threshold:g} "
                "cannot be applied"
            )
        return event.score >= threshold

    return {name: [e for e in events if keep(name, e)] for name, events in table.items()}


def _one_label(table: EventTable, kept: Sequence[str]) -> EventTable:
    wanted = frozenset(kept)
    return {
        name: [replace(event, label="event") for event in events if event.label in wanted]
        for name, events in table.items()
    }


def _percent(figures: Figures) -> str:
    return " ".join(_plain(100 * value, ".1f") for value in (figures.f1, figures.precision, figures.recall))


def _plain(value: float | None, form: str = ".2f") -> str:
    text = "-" if value is None or math.isnan(value) else format(value, form)
    return f"{'100' if text == '100.0' else text:>4}"
