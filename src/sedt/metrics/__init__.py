"""Figures of an estimate against a reference; numpy and scipy only."""

from sedt.metrics.confusion import Confusion, FileErrors, confusion
from sedt.metrics.counts import Counts, Figures, Scores
from sedt.metrics.event_based import Collars, event_based, match_events
from sedt.metrics.intersection_based import intersection_based
from sedt.metrics.pairing import class_labels
from sedt.metrics.psds import PSDS1, PSDS2, PsdsCounts, PsdsSettings, psds, psds_counts
from sedt.metrics.segment_based import segment_based
from sedt.metrics.tagging import tagging, tagging_of_tags

__all__ = [
    "PSDS1",
    "PSDS2",
    "Collars",
    "Confusion",
    "Counts",
    "Figures",
    "FileErrors",
    "PsdsCounts",
    "PsdsSettings",
    "Scores",
    "class_labels",
    "confusion",
    "event_based",
    "intersection_based",
    "match_events",
    "psds",
    "psds_counts",
    "segment_based",
    "tagging",
    "tagging_of_tags",
]
