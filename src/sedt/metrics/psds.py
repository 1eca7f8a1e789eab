"""Polyphonic sound detection score (Bilen et al., ICASSP 2020, arXiv 1910.08440).

Exact: over all thresholds, not a sample of them, after Ebbers et al. (ICASSP 2022, arXiv 2201.13148). Each
scored event paints its score over its extent, where events of a class overlap the larger score wins, and a
detection is a longest stretch above the threshold. So detections only grow as the threshold falls, and each
adds to the counts where it appears and takes away where it becomes part of a longer one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sedt.errors import InputError
from sedt.events import EventTable, labels_of
from sedt.metrics.stretches import Floats, Indices, merged_stretches, score_runs
from sedt.metrics.threshold_changes import Changes, threshold_changes

_HOUR_S = 3600.0


@dataclass(frozen=True)
class PsdsSettings:
    """What counts as right, and what errors cost."""

    dtc: float
    """Share of a detection that must lie on true events of its class."""
    gtc: float
    """Share of a true event that right detections must cover."""
    cttc: float | None = None
    """Share of a wrong detection that lies on another class and makes it a cross trigger; None: none is."""
    alpha_ct: float = 0.0
    """Weight of the cross trigger rate, averaged over the other classes, beside the false alarm rate."""
    alpha_st: float = 1.0
    """Weight of the standard deviation over the classes, taken off the mean hit rate."""
    max_per_hour: float = 100.0
    """False alarms per hour up to which the curve counts: `e_max`, as others call it."""


PSDS1 = PsdsSettings(dtc=0.7, gtc=0.7)
"""DCASE task 4, scenario 1: the times matter."""
PSDS2 = PsdsSettings(dtc=0.1, gtc=0.1, cttc=0.3, alpha_ct=0.5)
"""DCASE task 4, scenario 2: classes should not be confused."""


@dataclass(frozen=True)
class PsdsCounts:
    """All that the score of an estimate needs, per file, so that resampled files are quickly scored."""

    changes: Sequence[Changes]
    """Per class, by falling score."""
    num_true: Floats
    """(files, classes): true events."""
    true_s: Floats
    """(files, classes): seconds of true events."""
    duration_s: Floats
    """(files,)"""
    settings: PsdsSettings

    def score(self, weights: Floats | None = None) -> float:
        """The score in 0..1, each file counted `weights` (files,) times (None: once); NaN without truth."""
        curves = self.curves(weights)
        return _area(list(curves.values()), self.settings) if curves else float("nan")

    def curves(self, weights: Floats | None = None) -> dict[int, tuple[Floats, Floats]]:
        """Class, by its place -> (steps,) effective false alarms per hour, and (steps,) hit rate from there.

        Classes without true events have none.
        """
        weights = np.ones(len(self.duration_s)) if weights is None else weights
        num_true, true_s = weights @ self.num_true, weights @ self.true_s
        hours = float(weights @ self.duration_s) / _HOUR_S
        there = np.flatnonzero(num_true) if hours else np.zeros(0, dtype=np.int64)
        return {
            label: self._curve(
                self.changes[label], weights, num_true[label], hours, self._cost(label, there, true_s)
            )
            for label in there.tolist()
        }

    def mean_curve(self) -> tuple[Floats, Floats]:
        """The curve whose area is the score: false alarms per hour, and mean hit rate less its deviation."""
        curves = self.curves()
        return _mean(list(curves.values()), self.settings) if curves else (np.zeros(0), np.zeros(0))

    def _cost(self, label: int, there: Indices, true_s: Floats) -> Floats:
        """(classes,): what a cross trigger of each class adds to the false alarms per hour."""
        cost = np.zeros(len(true_s))
        others = there[(there != label) & (true_s[there] > 0)]
        if self.settings.alpha_ct and len(others):
            cost[others] = self.settings.alpha_ct * _HOUR_S / true_s[others] / (len(there) - 1)
        return cost

    def _curve(
        self, changes: Changes, weights: Floats, num_true: float, hours: float, cost: Floats
    ) -> tuple[Floats, Floats]:
        """False alarms per hour and the best hit rate up to there, from (0, 0): steps of a staircase."""
        weight = weights[changes.file]
        hits = np.cumsum(weight * changes.hits)[changes.last] / num_true
        rate = np.cumsum(weight * changes.false_alarms)[changes.last] / hours
        if self.settings.alpha_ct:
            rate = rate + np.cumsum(weight * (changes.cross @ cost))[changes.last]
        rate, hits = np.append(0.0, np.maximum(rate, 0.0)), np.append(0.0, hits)
        order = np.lexsort((hits, rate))
        rate, hits = rate[order], np.maximum.accumulate(hits[order])
        step = (np.diff(hits, prepend=-1.0) > 0) & (rate <= self.settings.max_per_hour)
        return rate[step], hits[step]


def psds(
    reference: EventTable,
    estimated: EventTable,
    durations: Mapping[str, float],
    settings: PsdsSettings = PSDS1,
    labels: Sequence[str] | None = None,
) -> float:
    """The score of scored events; see `psds_counts` for what counts. NaN without true events."""
    return psds_counts(reference, estimated, durations, settings, labels).score()


def psds_counts(
    reference: EventTable,
    estimated: EventTable,
    durations: Mapping[str, float],
    settings: PsdsSettings = PSDS1,
    labels: Sequence[str] | None = None,
) -> PsdsCounts:
    """Count what changes at which threshold.

    Files are those of `reference`, each with its seconds in `durations`. Classes are those of `labels` (or
    all) with true events; detections of other classes do not count. True events of a class that overlap or
    touch are one; a detection without length is none, a true event without length is never hit.

    Raises:
        InputError: a file has no duration, a detection no score.
    """
    if missing := [name for name in reference if name not in durations]:
        raise InputError(f"{missing[0]}: no duration, and PSDS is counted per hour")
    wanted = set(labels_of([reference]) if labels is None else labels)
    names = [label for label in labels_of([reference]) if label in wanted]
    true, runs = merged_stretches(reference, reference, names), score_runs(reference, estimated, names)
    changes = threshold_changes(runs, true, len(names), settings.dtc, settings.gtc, settings.cttc)
    size = (len(reference), len(names))
    num_true, true_s = np.zeros(size), np.zeros(size)
    np.add.at(num_true, (true.file, true.label), 1)
    np.add.at(true_s, (true.file, true.label), true.length)
    return PsdsCounts(
        [changes.of_label(label) for label in range(len(names))],
        num_true,
        true_s,
        np.array([durations[name] for name in reference], dtype=np.float64),
        settings,
    )


def _area(curves: Sequence[tuple[Floats, Floats]], settings: PsdsSettings) -> float:
    """The height of the mean curve, averaged over the false alarms per hour."""
    grid, height = _mean(curves, settings)
    widths = np.diff(grid, append=settings.max_per_hour)
    return float(height @ widths) / settings.max_per_hour


def _mean(curves: Sequence[tuple[Floats, Floats]], settings: PsdsSettings) -> tuple[Floats, Floats]:
    """Mean hit rate less its deviation over the classes, from each number of false alarms per hour on."""
    grid = np.unique(np.concatenate([rate for rate, _ in curves]))
    rates = np.array([hits[np.searchsorted(rate, grid, side="right") - 1] for rate, hits in curves])
    return grid, np.maximum(rates.mean(axis=0) - settings.alpha_st * rates.std(axis=0), 0.0)
