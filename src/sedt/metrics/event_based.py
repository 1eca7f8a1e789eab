"""Event-based (collar-based) metric, as sed_eval defines it (Mesaros et al., Applied Sciences 6(6), 2016)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from sedt.events import Event, EventTable
from sedt.metrics.counts import Counts, Scores


@dataclass(frozen=True)
class Collars:
    """How far an estimate may be off: the onset by `onset_s`, the offset by the larger of `offset_s` and
    `offset_ratio` times the length of the true event. Seconds."""

    onset_s: float = 0.2
    offset_s: float = 0.2
    offset_ratio: float = 0.2


def event_based(
    reference: EventTable, estimated: EventTable, labels: Sequence[str], collars: Collars | None = None
) -> Scores:
    """Count events whose label, onset and offset are right; estimates and references pair one to one.

    Within a file and class the largest possible number of pairs counts. Files are those of `reference`.
    The error rate counts a right time with a wrong label as one substitution.
    """
    collars = collars or Collars()
    counts = {label: Counts() for label in labels}
    substitutions = 0
    for name, true in reference.items():
        found = estimated.get(name, ())
        hits, wrong_label = _match_file(true, found, collars)
        substitutions += wrong_label
        for label in counts:
            counts[label] += Counts(
                sum(e.label == label for e in true), sum(e.label == label for e in found), hits.get(label, 0)
            )
    total = sum(counts.values(), Counts())
    misses = total.reference + total.estimated - 2 * total.hits - substitutions
    return Scores(counts, misses / total.reference if total.reference else math.nan)


def _match_file(
    true: Sequence[Event], found: Sequence[Event], collars: Collars
) -> tuple[dict[str, int], int]:
    """Hits per label, and pairs of right time and wrong label among the rest."""
    if not true or not found:
        return {}, 0
    in_time = _in_time(true, found, collars)
    same = np.array([[a.label == b.label for b in found] for a in true])
    partner = _pairs(in_time & same)
    hits: dict[str, int] = {}
    for row in np.flatnonzero(partner >= 0):
        hits[true[row].label] = hits.get(true[row].label, 0) + 1
    rest = in_time & ~same
    rest[partner >= 0, :] = False
    rest[:, partner[partner >= 0]] = False
    return hits, int((_pairs(rest) >= 0).sum())


def _in_time(true: Sequence[Event], found: Sequence[Event], collars: Collars) -> NDArray[np.bool_]:
    """(true, found): onset and offset within the collars, ends included."""
    a = np.array([[e.onset, e.offset] for e in true])
    b = np.array([[e.onset, e.offset] for e in found])
    offset_collar = np.maximum(collars.offset_s, collars.offset_ratio * (a[:, 1] - a[:, 0]))[:, None]
    difference = np.abs(a[:, None] - b[None])
    in_time: NDArray[np.bool_] = (difference[..., 0] <= collars.onset_s) & (difference[..., 1] <= offset_collar)
    return in_time


def _pairs(allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Largest one-to-one pairing: the column of each row, or -1."""
    partner: NDArray[np.int64] = maximum_bipartite_matching(csr_matrix(allowed), perm_type="column")
    return partner
