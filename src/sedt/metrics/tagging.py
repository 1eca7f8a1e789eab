"""Clip-level metric: which classes occur in a file, whenever."""

from __future__ import annotations

from collections.abc import Sequence

from sedt.events import EventTable
from sedt.metrics.counts import Counts, Scores


def tagging(reference: EventTable, estimated: EventTable, labels: Sequence[str]) -> Scores:
    """Count files in which a class occurs and was said to occur. Files are those of `reference`."""
    counts = {label: Counts() for label in labels}
    for name, events in reference.items():
        true = {event.label for event in events}
        found = {event.label for event in estimated.get(name, ())}
        for label in true | found:
            counts[label] += Counts(label in true, label in found, label in true and label in found)
    return Scores(counts)
