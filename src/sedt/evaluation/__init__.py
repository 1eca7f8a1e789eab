"""Reference and estimate -> one record of all metrics; how sure the figures are, and those of two systems."""

from sedt.evaluation.bootstrap import (
    Counted,
    Difference,
    Interval,
    compare,
    compare_runs,
    confidence_intervals,
    counted,
)
from sedt.evaluation.figures import Evaluation, evaluate
from sedt.evaluation.tables import Settings

__all__ = [
    "Counted",
    "Difference",
    "Evaluation",
    "Interval",
    "Settings",
    "compare",
    "compare_runs",
    "confidence_intervals",
    "counted",
    "evaluate",
]
