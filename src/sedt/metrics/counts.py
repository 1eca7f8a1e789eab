"""Counts of hits and misses -> precision, recall, F1; the shape that all metrics share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Counts:
    """What was there, what was found, what of it is right."""

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
        """Share of what was there that was found; 0 where nothing was there though something was found."""
        return self.hits / self.reference if self.reference else (0.0 if self.estimated else math.nan)

    @property
    def f1(self) -> float:
        """Harmonic mean of both; not a number where nothing was there and nothing was found."""
        total = self.reference + self.estimated
        return 2 * self.hits / total if total else math.nan


@dataclass(frozen=True)
class Figures:
    """Precision, recall and F1 of one class, or of all."""

    f1: float
    precision: float
    recall: float

    def as_dict(self) -> dict[str, float | None]:
        """For JSON: what is not a number is null."""
        values = {"f1": self.f1, "precision": self.precision, "recall": self.recall}
        return {name: None if math.isnan(value) else value for name, value in values.items()}


@dataclass(frozen=True)
class Scores:
    """A metric in full."""

    counts: Mapping[str, Counts]
    """Per class."""
    error_rate: float | None = None
    """Substitutions, deletions and insertions per reference; None where the metric has none."""

    @property
    def macro(self) -> Figures:
        """Mean over the classes that occur in reference or estimate."""
        rows = [c for c in self.counts.values() if c.reference or c.estimated]
        return Figures(_mean(c.f1 for c in rows), _mean(c.precision for c in rows), _mean(c.recall for c in rows))

    @property
    def micro(self) -> Figures:
        """All classes counted together."""
        return _figures(sum(self.counts.values(), Counts()))

    @property
    def per_class(self) -> dict[str, Figures]:
        """One for each class."""
        return {label: _figures(counts) for label, counts in self.counts.items()}

    def as_dict(self) -> dict[str, Any]:
        """The JSON layout of `sedt evaluate`."""
        report: dict[str, Any] = {
            "macro": self.macro.as_dict(),
            "micro": self.micro.as_dict(),
            "per_class": {label: figures.as_dict() for label, figures in self.per_class.items()},
        }
        if self.error_rate is not None:
            report["error_rate"] = None if math.isnan(self.error_rate) else self.error_rate
        return report


def _figures(counts: Counts) -> Figures:
    return Figures(counts.f1, counts.precision, counts.recall)


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return sum(kept) / len(kept) if kept else math.nan
