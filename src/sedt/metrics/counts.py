"""Counts of hits and misses -> precision, recall, F1; the shape that all metrics share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Counts:
    """What was there, what was found, what of it is right.

    What has no value is not a number, as in sed_eval with `empty_system_output_handling="zero_score"`, the
    setting of the DCASE baselines: precision where nothing was there and nothing found, recall and F1 where
    nothing was there.
    """

    reference: int = 0
    estimated: int = 0
    hits: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Counts of both together."""
        return Counts(
            self.reference + other.reference, self.estimated + other.estimated, self.hits + other.hits
        )

    @property
    def precision(self) -> float:
        """Share of the found that is right; 0 where nothing was found though something was there."""
        return self.hits / self.estimated if self.estimated else (0.0 if self.reference else math.nan)

    @property
    def recall(self) -> float:
        """Share of what was there that was found."""
        return self.hits / self.reference if self.reference else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.hits / (self.reference + self.estimated) if self.reference else math.nan

    @property
    def figures(self) -> Figures:
        """All three."""
        return Figures(self.f1, self.precision, self.recall)


@dataclass(frozen=True)
class Figures:
    """Precision, recall and F1 of one class, or of all."""

    f1: float
    precision: float
    recall: float

    def as_dict(self) -> dict[str, float | None]:
        """For JSON: what is not a number is null."""
        return {name: _number(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Scores:
    """A metric in full."""

    counts: Mapping[str, Counts]
    """Per class."""
    error_rate: float | None = None
    """Substitutions, deletions and insertions per reference; None where the metric has none."""

    @property
    def macro(self) -> Figures:
        """Mean over the classes, each figure over those in which it has a value.

        So a class that was found but was nowhere there lowers macro precision alone, as in sed_eval.
        """
        rows = self.per_class.values()
        return Figures(
            _mean(row.f1 for row in rows),
            _mean(row.precision for row in rows),
            _mean(row.recall for row in rows),
        )

    @property
    def micro(self) -> Figures:
        """All classes counted together."""
        return sum(self.counts.values(), Counts()).figures

    @property
    def per_class(self) -> dict[str, Figures]:
        """One for each class."""
        return {label: counts.figures for label, counts in self.counts.items()}

    def as_dict(self) -> dict[str, Any]:
        """The JSON layout of `sedt evaluate`; `counts` is per class: reference, estimated, hits."""
        report: dict[str, Any] = {
            "macro": self.macro.as_dict(),
            "micro": self.micro.as_dict(),
            "per_class": {label: figures.as_dict() for label, figures in self.per_class.items()},
            "counts": {label: asdict(counts) for label, counts in self.counts.items()},
        }
        if self.error_rate is not None:
            report["error_rate"] = _number(self.error_rate)
        return report


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _mean(values: Iterable[float]) -> float:
    kept = [value for value in values if not math.isnan(value)]
    return sum(kept) / len(kept) if kept else math.nan
