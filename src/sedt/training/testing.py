"""Test scores: the finished detector on the recipe's test recordings, as `sedt evaluate` would count."""

from __future__ import annotations

from typing import Any

from rich.console import Console

import sedt.build as build
from sedt.batch import Supervision
from sedt.config import Recipe
from sedt.detector import Detector
from sedt.evaluation import evaluate
from sedt.events import Event
from sedt.package import Package


def score_test_set(package: Package, recipe: Recipe, console: Console) -> dict[str, Any]:
    """Detect in all test recordings and evaluate; prints the table, gives back all figures."""
    rate = package.features.sample_rate
    detector = Detector(package)
    reference: dict[str, list[Event]] = {}
    estimated: dict[str, list[Event]] = {}
    durations: dict[str, float] = {}
    for recordings in build.all_recordings(recipe.data.test, Supervision.STRONG, rate):
        for index in range(len(recordings)):
            name, duration_s = recordings.name(index), recordings.duration_s(index)
            samples, known = recordings.read(index, rate, 0.0, duration_s)
            reference[name], durations[name] = known.events, duration_s
            estimated[name] = detector.detect(samples, rate)
    evaluation = evaluate(reference, estimated, durations)
    console.print(evaluation.table())
    return evaluation.as_dict()
