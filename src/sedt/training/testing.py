"""Test scores: the finished model on the recipe's test recordings, as `sedt evaluate` would count."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

import sedt.build as build
from sedt.batch import Supervision
from sedt.config import DecodingConfig, Recipe
from sedt.decoding import RecordingPredictions
from sedt.detector import Detector
from sedt.errors import noting
from sedt.evaluation import Evaluation, evaluate
from sedt.events import Event
from sedt.formats import write_events
from sedt.package import Package


def score_test_set(package: Package, recipe: Recipe, file: Path, console: Console) -> dict[str, Any]:
    """Detect in all test recordings and evaluate; prints the table, gives back all figures.

    The events that are scored go into `file`, a TSV.

    `untuned` holds the figures of the recipe's own thresholds, where the package has tuned ones.
    """
    detector = Detector(package)
    predictions: dict[str, RecordingPredictions] = {}
    reference: dict[str, list[Event]] = {}
    durations: dict[str, float] = {}
    with noting(partial(console.print, highlight=False, markup=False)):
        sets = build.all_recordings(recipe.data.test, Supervision.STRONG, detector.sample_rate)
    for recordings in sets:
        for index in range(len(recordings)):
            name, duration_s = recordings.name(index), recordings.duration_s(index)
            samples, known = recordings.read(index, detector.sample_rate, 0.0, duration_s)
            reference[name], durations[name] = known.events, duration_s
            predictions[name] = detector.predict(samples, detector.sample_rate)

    def score(decoding: DecodingConfig) -> Evaluation:
        decision, classes = build.decision(decoding), package.classes
        return evaluate(
            reference,
            {name: each.events(classes, decision) for name, each in predictions.items()},
            durations,
            **recipe.tune.model_dump(),
            tags={name: each.tags(classes, decision) for name, each in predictions.items()},
            undecided={
                name: each.candidates(classes, decision.median_s) for name, each in predictions.items()
            },
        )

    decision = build.decision(package.decoding)
    write_events(file, {name: each.events(package.classes, decision) for name, each in predictions.items()})
    evaluation = score(package.decoding)
    console.print(evaluation.table())
    report = evaluation.as_dict()
    if package.decoding != recipe.decoding:
        report["untuned"] = score(recipe.decoding).as_dict()
    return report
