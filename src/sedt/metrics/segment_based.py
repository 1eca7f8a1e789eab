"""Segment-based metric, as sed_eval defines it (Mesaros et al., Applied Sciences 6(6), 2016)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.metrics.counts import Counts, Scores
from sedt.metrics.pairing import class_labels, file_pairs


def segment_based(
    reference: EventTable,
    estimated: EventTable,
    labels: Sequence[str] | None = None,
    segment_s: float = 1.0,
    durations: Mapping[str, float] | None = None,
) -> Scores:
    """Count segments of `segment_s` seconds in which a class sounds and was said to sound.

    A segment that an event touches counts as active. A file is as long as `durations` says (what lies behind
    its end does not count), else up to its last offset. The error rate pairs misses and false alarms of one
    segment as substitutions. Files are those of `reference`; classes are `labels`, or all of both tables.

    Raises:
        InputError: `segment_s` is not more than 0.
    """
    if not segment_s > 0:
        raise InputError(f"segment_s is {segment_s}: must be more than 0 seconds")
    labels = class_labels(reference, estimated, labels)
    columns = {label: column for column, label in enumerate(labels)}
    totals = np.zeros((3, len(labels)), dtype=np.int64)  # reference, estimated, hits
    errors = 0
    for name, *both in file_pairs(reference, estimated, labels):
        last = max((event.offset for events in both for event in events), default=0.0)
        length = math.ceil((durations or {}).get(name, last) / segment_s)
        true, found = (_roll(events, columns, length, segment_s) for events in both)
        totals += [true.sum(0), found.sum(0), (true & found).sum(0)]
        # Of misses and false alarms in a segment, pairs are substitutions: the larger number counts.
        missed, alarms = (true & ~found).sum(1), (found & ~true).sum(1)
        errors += int(np.maximum(missed, alarms).sum())
    counts = {label: Counts(*totals[:, column].tolist()) for label, column in columns.items()}
    in_reference = int(totals[0].sum())
    return Scores(counts, errors / in_reference if in_reference else math.nan)


def _roll(
    events: Sequence[Event], columns: Mapping[str, int], length: int, segment_s: float
) -> NDArray[np.bool_]:
    """(segments, classes): whether the class sounds somewhere in the segment."""
    roll = np.zeros((length, len(columns)), dtype=np.bool_)
    for event in events:
        first, end = math.floor(event.onset / segment_s), math.ceil(event.offset / segment_s)
        roll[first:end, columns[event.label]] = True
    return roll
