"""Segment-based metric, as sed_eval defines it (Mesaros et al., Applied Sciences 6(6), 2016)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sedt.events import Event, EventTable
from sedt.metrics.counts import Counts, Scores


def segment_based(
    reference: EventTable, estimated: EventTable, labels: Sequence[str], segment_s: float = 1.0
) -> Scores:
    """Count segments of `segment_s` seconds in which a class sounds and was said to sound.

    A segment that an event touches counts as active. The error rate pairs misses and false alarms of one
    segment as substitutions. Files are those of `reference`.
    """
    hits = np.zeros(len(labels), dtype=np.int64)
    true_total, found_total = np.zeros_like(hits), np.zeros_like(hits)
    errors = 0
    for name, events in reference.items():
        guesses = estimated.get(name, ())
        length = _num_segments([*events, *guesses], segment_s)
        true, found = (_roll(e, labels, length, segment_s) for e in (events, guesses))
        both = true & found
        hits, true_total, found_total = hits + both.sum(0), true_total + true.sum(0), found_total + found.sum(0)
        # Of misses and false alarms in a segment, pairs are substitutions: the larger number counts.
        missed, alarms = (true & ~found).sum(1), (found & ~true).sum(1)
        errors += int(np.maximum(missed, alarms).sum())
    counts = {
        label: Counts(int(true_total[i]), int(found_total[i]), int(hits[i])) for i, label in enumerate(labels)
    }
    total = int(true_total.sum())
    return Scores(counts, errors / total if total else math.nan)


def _num_segments(events: Sequence[Event], segment_s: float) -> int:
    return math.ceil(max((e.offset for e in events), default=0.0) / segment_s)


def _roll(events: Sequence[Event], labels: Sequence[str], length: int, segment_s: float) -> NDArray[np.bool_]:
    """(segments, classes): whether the class sounds somewhere in the segment."""
    roll = np.zeros((length, len(labels)), dtype=np.bool_)
    for event in events:
        first, last = math.floor(event.onset / segment_s), math.ceil(event.offset / segment_s)
        roll[first:last, labels.index(event.label)] = True
    return roll
