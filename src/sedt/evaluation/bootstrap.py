"""How sure figures are: the files are drawn anew many times, and both systems get the same draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sedt.errors import InputError
from sedt.evaluation.tables import Durations, Events, Settings, Tables, Tags, tables_of
from sedt.events import EventTable
from sedt.metrics import (
    PSDS1,
    PSDS2,
    PsdsCounts,
    Scores,
    event_based,
    intersection_based,
    psds_counts,
    segment_based,
    tagging,
    tagging_of_tags,
)
from sedt.metrics.bootstrap import (
    central_interval,
    counts_per_file,
    f1_of_counts,
    resampled_files,
    two_sided_p_value,
)
from sedt.metrics.stretches import Floats

RESAMPLES = 1000
SEED = 0


@dataclass(frozen=True)
class Interval:
    """A figure and the range that holds 95 % of its resampled values."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A figure of two systems."""

    a: float
    b: float
    difference: float
    """a - b"""
    low: float
    """The range that holds 95 % of the resampled differences."""
    high: float
    p_value: float
    """Two-sided: how readily resampling turns the sign of the difference."""


@dataclass(frozen=True)
class Counted:
    """What all figures of a run can be had from for any draw of files; `counted` makes it."""

    counts: Mapping[str, Floats]
    """Metric -> (files, classes, 3)."""
    psds: Mapping[str, PsdsCounts]
    num_files: int
    settings: Settings

    def figures(self, weights: Floats) -> dict[str, Floats]:
        """Figure -> its values (resamples,), each file counted as often as `weights` (resamples, files)."""
        values = {}
        for name, counts in self.counts.items():
            values[f"{name}_macro_f1"], values[f"{name}_micro_f1"] = f1_of_counts(counts, weights)
        for name, each in self.psds.items():
            values[name] = np.array([each.score(row) for row in weights])
        return values


def confidence_intervals(
    reference: Events,
    estimated: Events,
    durations: Durations | None = None,
    *,
    tags: Tags | None = None,
    undecided: Events | None = None,
    settings: Settings | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Interval]:
    """Every macro and micro F1, and PSDS where there is one, with intervals of 95 % (percentile bootstrap).

    Files are drawn with replacement. Draws without true events have no figures and are left out, and so are
    figures without a value.

    Raises:
        InputError: as `evaluate`; `resamples` is less than 1.
    """
    settings = settings or Settings()
    system = _per_file(tables_of(reference, estimated, durations, tags, settings, undecided), settings)
    values, drawn = _resampled([system], resamples, seed)[0]
    return {
        name: Interval(values[name], *central_interval(_known(drawn[name])))
        for name in values
        if np.isfinite(values[name]) and len(_known(drawn[name]))
    }


def compare(
    reference: Events,
    a: Events,
    b: Events,
    durations: Durations | None = None,
    *,
    settings: Settings | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Difference]:
    """Compare two estimates by the paired bootstrap: both are scored on the same draws of files.

    Gives the figures that both have; see `confidence_intervals`. Raises InputError as it does.
    """
    return compare_runs(reference, [a], [b], durations, settings=settings, resamples=resamples, seed=seed)


def counted(
    reference: Events,
    estimated: Events,
    durations: Durations | None = None,
    *,
    settings: Settings | None = None,
) -> Counted:
    """A run for `compare_runs`, counted once for several comparisons. Raises InputError: see `evaluate`."""
    settings = settings or Settings()
    return _per_file(tables_of(reference, estimated, durations, None, settings), settings)


def compare_runs(
    reference: Events,
    runs_a: Sequence[Events | Counted],
    runs_b: Sequence[Events | Counted],
    durations: Durations | None = None,
    *,
    settings: Settings | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Difference]:
    """Compare two systems that were each trained several times (seeds): figures are means over their runs.

    All runs are scored on the same draws of files, so the interval says what other files would have changed;
    how seeds differ is not in it. Gives the figures that all runs have. What is `counted` must be of the
    same reference, durations and settings.

    Raises:
        InputError: as `confidence_intervals`; a system has no runs; one was counted in another way.
    """
    if not runs_a or not runs_b:
        raise InputError("no runs to compare")
    settings = settings or Settings()
    runs = (*runs_a, *runs_b)
    systems = [
        run if isinstance(run, Counted) else counted(reference, run, durations, settings=settings)
        for run in runs
    ]
    if any((one.num_files, one.settings) != (systems[0].num_files, settings) for one in systems):
        raise InputError("runs to compare were counted in different ways")
    resampled = _resampled(systems, resamples, seed)
    of_a, of_b = resampled[: len(runs_a)], resampled[len(runs_a) :]
    differences = {}
    for name in resampled[0][0]:
        if not all(np.isfinite(values.get(name, np.nan)) for values, _ in resampled):
            continue
        a, b = (float(np.mean([values[name] for values, _ in side])) for side in (of_a, of_b))
        drawn_a, drawn_b = (np.mean([draws[name] for _, draws in side], axis=0) for side in (of_a, of_b))
        drawn = _known(drawn_a - drawn_b)
        if len(drawn):
            low, high = central_interval(drawn)
            differences[name] = Difference(a, b, a - b, low, high, two_sided_p_value(drawn))
    return differences


def _known(drawn: Floats) -> Floats:
    return drawn[np.isfinite(drawn)]


def _resampled(
    systems: list[Counted], resamples: int, seed: int
) -> list[tuple[dict[str, float], dict[str, Floats]]]:
    """Of each system: figure -> value, and figure -> resampled values."""
    if resamples < 1:
        raise InputError(f"{resamples} resamples: at least 1 is needed")
    num_files = systems[0].num_files
    chunks = [
        [one.figures(weights) for one in systems] for weights in resampled_files(num_files, resamples, seed)
    ]
    report = []
    for number, system in enumerate(systems):
        once = system.figures(np.ones((1, num_files)))
        drawn = {name: np.concatenate([chunk[number][name] for chunk in chunks]) for name in once}
        report.append(({name: float(value[0]) for name, value in once.items()}, drawn))
    return report


def _per_file(tables: Tables, settings: Settings) -> Counted:
    def alone(table: EventTable, name: str) -> EventTable:
        return {name: table.get(name, ())}

    true, labels, collars = tables.true, tables.labels, settings.collars
    metrics: dict[str, Callable[[str], Scores]] = {
        "event_based": lambda n: event_based(alone(true, n), alone(tables.found, n), labels, collars),
        "segment_based": lambda n: segment_based(
            alone(true, n), alone(tables.found, n), labels, durations=tables.durations
        ),
        "intersection_based": lambda n: intersection_based(alone(true, n), alone(tables.likely, n), labels),
        "tagging": lambda n: tagging(alone(true, n), alone(tables.found, n), labels),
    }
    tags = tables.tags
    if tags is not None:
        metrics["tagging_from_tags"] = lambda n: tagging_of_tags(alone(true, n), tags, labels)
    scores = {}
    if tables.why_no_psds is None and tables.durations is not None:
        for name, one in (("psds1", PSDS1), ("psds2", PSDS2)):
            scores[name] = psds_counts(true, tables.scored, tables.durations, one, labels)
    counts = {name: counts_per_file(metric, true) for name, metric in metrics.items()}
    return Counted(counts, scores, len(true), settings)
