"""Figures of an estimate against a reference; numpy and scipy only."""

from sedt.metrics.counts import Counts, Figures, Scores
from sedt.metrics.event_based import Collars, event_based
from sedt.metrics.pairing import class_labels
from sedt.metrics.segment_based import segment_based
from sedt.metrics.tagging import tagging

__all__ = [
    "Collars",
    "Counts",
    "Figures",
    "Scores",
    "class_labels",
    "event_based",
    "segment_based",
    "tagging",
]
