"""Scores of the finished model on the recipe's test recordings, as `sedt evaluate` would count.

Without a test set they are of the validation recordings, so that a run always holds something to look at.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

import sedt.build as build
from sedt.batch import Supervision
from sedt.config import DecodingConfig, Recipe
from sedt.errors import noting
from sedt.evaluation import Evaluation, evaluate
from sedt.package import Package
from sedt.training.trainer import Devices
from sedt.training.tune import judge
from sedt.trials import Heard, Part, collars_of, hear, trial_of, write_trial


def score_part(
    package: Package, recipe: Recipe, part: Part, folder: Path, devices: Devices, console: Console
) -> dict[str, Any]:
    """Detect in all recordings of a part and evaluate; prints the table, gives back all figures.

    Leaves `<part>_events.tsv` (what was scored) and a folder `<part>` with the truth, all candidates,
    durations and the counts at every threshold, for `sedt report`.

    `untuned` holds the figures of the recipe's own thresholds, where the package has tuned ones.
    """
    detector = judge(package, recipe, devices)
    with noting(partial(console.print, highlight=False, markup=False)):
        sets = build.all_recordings(getattr(recipe.data, part), Supervision.STRONG, detector.sample_rate)
    heard = hear(detector, sets)
    write_trial(folder, part, trial_of(heard, package, collars_of(recipe)))
    evaluation = _evaluate(heard, package, package.decoding, recipe)
    console.print(f"{part} recordings, scored as by {_collars(recipe)}:", highlight=False, soft_wrap=True)
    console.print(evaluation.table())
    report = evaluation.as_dict()
    if package.decoding != recipe.decoding:
        report["untuned"] = _evaluate(heard, package, recipe.decoding, recipe).as_dict()
    return report


def _collars(recipe: Recipe) -> str:
    """The options of `sedt evaluate` that count as the recipe does."""
    tune = recipe.tune
    edges = f"--onset-collar {tune.onset_collar_s:g} --offset-collar {tune.offset_collar_s:g}"
    return f"{edges} --offset-ratio {tune.offset_ratio:g}"


def _evaluate(heard: Heard, package: Package, decoding: DecodingConfig, recipe: Recipe) -> Evaluation:
    decision, classes = build.decision(decoding), package.classes
    predictions = heard.predictions.items()
    return evaluate(
        heard.reference,
        {name: each.events(classes, decision) for name, each in predictions},
        heard.durations,
        **recipe.tune.model_dump(),
        tags={name: each.tags(classes, decision) for name, each in predictions},
        undecided={name: each.candidates(classes, decision.median_s) for name, each in predictions},
    )
