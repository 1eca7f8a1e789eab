"""Predictions -> events; numpy only, so that an exported model detects without torch."""

from sedt.decoding.decide import Decision, PerClass, candidates, decode, deoverlap, per_class
from sedt.decoding.recording import RecordingPredictions
from sedt.decoding.seams import SeamJoiner, join_windows

__all__ = [
    "Decision",
    "PerClass",
    "RecordingPredictions",
    "SeamJoiner",
    "candidates",
    "decode",
    "deoverlap",
    "join_windows",
    "per_class",
]
