"""Reference and estimate -> one record of all metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from sedt.evaluation.printed import figures_table
from sedt.evaluation.tables import Durations, Events, Settings, Tables, Tags, tables_of
from sedt.metrics import (
    PSDS1,
    PSDS2,
    PsdsSettings,
    Scores,
    event_based,
    intersection_based,
    psds,
    segment_based,
    tagging,
    tagging_of_tags,
)


@dataclass(frozen=True)
class Evaluation:
    """What an estimate is worth."""

    event_based: Scores
    segment_based: Scores
    intersection_based: Scores
    tagging: Scores
    """Tags taken from the events."""
    tagging_from_tags: Scores | None
    """Tags said apart from the events, such as an audio query's; None where none were given."""
    psds1: float | None
    """None where the notes say why."""
    psds2: float | None
    num_files: int
    """Files of the reference, all of which count."""
    num_estimated_files: int
    """Those of them that the estimate names; the others count as without detections."""
    notes: list[str] = field(default_factory=list)
    """What a reader of the figures should know."""

    def as_dict(self) -> dict[str, Any]:
        """The JSON layout of `sedt evaluate`; what is not a number is None."""
        from_tags = self.tagging_from_tags
        return {
            "event_based": self.event_based.as_dict(),
            "segment_based": self.segment_based.as_dict(),
            "intersection_based": self.intersection_based.as_dict(),
            "tagging": self.tagging.as_dict(),
            "tagging_from_tags": None if from_tags is None else from_tags.as_dict(),
            "psds1": self.psds1,
            "psds2": self.psds2,
            "files": self.num_files,
            "estimated_files": self.num_estimated_files,
            "notes": self.notes,
        }

    def table(self) -> Table:
        """F1, precision and recall in per cent: macro, micro, error rate, per class; PSDS below."""
        columns = {
            "event-based": self.event_based,
            "segment-based": self.segment_based,
            "tagging": self.tagging,
            "intersection": self.intersection_based,
        }
        if self.tagging_from_tags is not None:
            columns["tags"] = self.tagging_from_tags
        scores = {"PSDS1": self.psds1, "PSDS2": self.psds2}
        return figures_table(columns, scores, self.num_files)


def evaluate(
    reference: Events,
    estimated: Events,
    durations: Durations | None = None,
    *,
    tags: Tags | None = None,
    undecided: Events | None = None,
    threshold: float | None = None,
    onset_collar_s: float = 0.2,
    offset_collar_s: float | None = 0.2,
    offset_ratio: float = 0.2,
    class_agnostic: bool = False,
    labels: Iterable[str] | None = None,
    labelled_only: bool = False,
) -> Evaluation:
    """Score an estimate: event-based, segment-based (1 s), intersection-based, clip-level, PSDS 1 and 2.

    The files of the reference count: one that the estimate does not name has no detections. `durations`
    (seconds, or a table of them) adds files without events, and segments end where it says. With
    `labelled_only` files that the reference does not name count nowhere: nobody knows what is in them.
    `tags` (file -> tags, or a DCASE weak table) adds a second clip-level figure, of tags that were said apart
    from events. Every estimated event counts, unless `threshold` drops those with a lower score; but the
    intersection-based metric, unless a threshold is given, counts scores above 0.5. With `labels`, events of
    other labels do not count. With `class_agnostic` all labels are one, "event". `offset_collar_s` None: any
    offset is right.

    PSDS takes all thresholds. It needs a score of every event and a duration of every file, and is best
    counted on all candidates with their scores (`undecided`, what `sedt detect --undecided` gives), in the
    place of the decided events.

    Raises:
        InputError: a file cannot be read; the estimate or the tags name a file that the reference does not
            (unless `labelled_only`); a threshold is given and an event has no score; a collar is negative.
    """
    settings = Settings(
        threshold,
        onset_collar_s,
        offset_collar_s,
        offset_ratio,
        class_agnostic,
        None if labels is None else list(labels),
        labelled_only,
    )
    return _figures(tables_of(reference, estimated, durations, tags, settings, undecided), settings)


def _figures(tables: Tables, settings: Settings) -> Evaluation:
    true, labels = tables.true, tables.labels
    return Evaluation(
        event_based=event_based(true, tables.found, labels, settings.collars),
        segment_based=segment_based(true, tables.found, labels, durations=tables.durations),
        intersection_based=intersection_based(true, tables.likely, labels),
        tagging=tagging(true, tables.found, labels),
        tagging_from_tags=None if tables.tags is None else tagging_of_tags(true, tables.tags, labels),
        psds1=_psds(tables, PSDS1),
        psds2=_psds(tables, PSDS2),
        num_files=len(true),
        num_estimated_files=sum(name in tables.found for name in true),
        notes=[*tables.notes] if tables.why_no_psds is None else [*tables.notes, tables.why_no_psds],
    )


def _psds(tables: Tables, settings: PsdsSettings) -> float | None:
    if tables.why_no_psds is not None or tables.durations is None:
        return None
    value = psds(tables.true, tables.scored, tables.durations, settings, tables.labels)
    return value if math.isfinite(value) else None
