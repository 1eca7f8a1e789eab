"""Clip-level metric: which classes occur in a file, whenever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sedt.events import EventTable
from sedt.metrics.counts import Counts, Scores
from sedt.metrics.pairing import class_labels, file_pairs


def tagging(reference: EventTable, estimated: EventTable, labels: Sequence[str] | None = None) -> Scores:
    """Count files in which a class occurs and was said to occur.

    Files are those of `reference`; classes are `labels`, or all of both tables.
    """
    labels = class_labels(reference, estimated, labels)
    there: Counter[str] = Counter()
    said: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for pair in file_pairs(reference, estimated, labels):
        true, found = ({event.label for event in events} for events in (pair.true, pair.found))
        there.update(true)
        said.update(found)
        hits.update(true & found)
    return Scores({label: Counts(there[label], said[label], hits[label]) for label in labels})
