"""Event-based (collar-based) metric, as sed_eval defines it (Mesaros et al., Applied Sciences 6(6), 2016)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.metrics.counts import Counts, Scores
from sedt.metrics.pairing import class_labels, file_pairs

Indices = NDArray[np.int64]

_SLACK_S = 1e-6  # widens the search for candidates; the collars themselves are then compared exactly


@dataclass(frozen=True)
class Collars:
    """How far an estimate may be off: the onset by `onset_s`, the offset by the larger of `offset_s` and
    `offset_ratio` times the length of the true event. Seconds. `offset_s` None: any offset is right.

    Raises:
        InputError: a collar that is negative or not a number.
    """

    onset_s: float = 0.2
    offset_s: float | None = 0.2
    offset_ratio: float = 0.2

    def __post_init__(self) -> None:
        """Refuse collars that nothing could meet."""
        for name in ("onset_s", "offset_s", "offset_ratio"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise InputError(f"collar {name} is {value}: must be 0 or more")


def event_based(
    reference: EventTable,
    estimated: EventTable,
    labels: Sequence[str] | None = None,
    collars: Collars | None = None,
) -> Scores:
    """Count events whose label, onset and offset are right; the ends of a collar are within it.

    Estimates and true events of a file and class pair one to one, the largest possible number of them. The
    error rate counts a right time with a wrong label as one substitution: each true event left over takes,
    in their order, the first estimate left over. Files are those of `reference`; classes are `labels`, or
    all of both tables.
    """
    labels = class_labels(reference, estimated, labels)
    collars = collars or Collars()
    there: Counter[str] = Counter()
    said: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    substitutions = 0
    for _, true, found in file_pairs(reference, estimated, labels):
        there.update(event.label for event in true)
        said.update(event.label for event in found)
        pairs = match_events(true, found, collars)
        right = [true[i].label for i, j in pairs if true[i].label == found[j].label]
        hits.update(right)
        substitutions += len(pairs) - len(right)
    counts = {label: Counts(there[label], said[label], hits[label]) for label in labels}
    total = sum(counts.values(), Counts())
    errors = total.reference + total.estimated - 2 * total.hits - substitutions
    return Scores(counts, errors / total.reference if total.reference else math.nan)


def match_events(true: Sequence[Event], found: Sequence[Event], collars: Collars) -> list[tuple[int, int]]:
    """Pairs (index into `true`, index into `found`) that are right in time, each event in one at most.

    First the hits, the largest possible number of pairs of one label; then, of the events left over, pairs of
    unlike labels: each true event in its order takes the first estimate left over.
    """
    rows, columns = _in_time(true, found, collars)
    if not len(rows):
        return []
    same = np.array([true[i].label == found[j].label for i, j in zip(rows, columns, strict=True)])
    shape = (len(true), len(found))
    allowed = csr_matrix((np.ones(same.sum()), (rows[same], columns[same])), shape)
    partner = maximum_bipartite_matching(allowed, perm_type="column")
    pairs = [(i, int(partner[i])) for i in range(len(true)) if partner[i] >= 0]
    taken_true, taken_found = {i for i, _ in pairs}, {j for _, j in pairs}
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        if i not in taken_true and j not in taken_found:
            taken_true.add(i)
            taken_found.add(j)
            pairs.append((i, j))
    return pairs


def _in_time(true: Sequence[Event], found: Sequence[Event], collars: Collars) -> tuple[Indices, Indices]:
    """Pairs (true, found) within the collars, ordered by true, then found; labels do not matter."""
    a = np.array([[event.onset, event.offset] for event in true]).reshape(-1, 2)
    b = np.array([[event.onset, event.offset] for event in found]).reshape(-1, 2)
    order = np.argsort(b[:, 0], kind="stable")
    reach = collars.onset_s + _SLACK_S
    first = np.searchsorted(b[order, 0], a[:, 0] - reach)
    number = np.searchsorted(b[order, 0], a[:, 0] + reach, side="right") - first
    rows = np.repeat(np.arange(len(a)), number)
    # Row i's candidates are order[first[i]], order[first[i] + 1], ...
    step = np.arange(len(rows)) - np.repeat(np.cumsum(number) - number, number)
    columns = order[np.repeat(first, number) + step]
    difference = np.abs(a[rows] - b[columns])
    right = difference[:, 0] <= collars.onset_s
    if collars.offset_s is not None:
        length = a[rows, 1] - a[rows, 0]
        right &= difference[:, 1] <= np.maximum(collars.offset_s, collars.offset_ratio * length)
    rows, columns = rows[right], columns[right]
    by_true = np.lexsort((columns, rows))
    return rows[by_true], columns[by_true]
