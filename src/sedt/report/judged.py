"""What the model said of the recordings that it is judged on: read from the run, or said again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sedt.build as build
from sedt.batch import Supervision
from sedt.config import Recipe
from sedt.data.recordings import Recordings
from sedt.detector import Detector
from sedt.errors import InputError, noting
from sedt.evaluation import evaluate
from sedt.metrics import Collars
from sedt.package import PackageConfig, load_package
from sedt.report.folder import RunFolder
from sedt.trials import Part, Recording, Trial, collars_of, hear, named_recordings, read_trial, trial_of


@dataclass(frozen=True)
class Judged:
    """The model on the recordings of `part`."""

    part: Part
    package: PackageConfig
    collars: Collars
    trial: Trial
    scores: dict[str, Any]
    """As `Evaluation.as_dict` has them."""
    recordings: dict[str, Recording] = field(default_factory=dict)
    """By name, to be read; empty where the data is gone."""
    why_silent: str | None = None
    """Why there are no recordings."""

    @property
    def num_files(self) -> int:
        """How many recordings."""
        return len(self.trial.reference)

    @property
    def seconds(self) -> float:
        """Their length together."""
        return sum(self.trial.durations.values())


def judge(run: RunFolder, say: Callable[[str], None]) -> Judged | str:
    """The model's answers and scores; if there are none, why.

    Raises:
        InputError: a table of the run is damaged, or its model is.
    """
    if run.package is None and not run.trains_detector:
        return "The recipe trains no detector, so there are no scores of events."
    if run.package is None:
        return "There is no model, so there are no scores yet: the run was cut off, or is going on."
    if run.part is None:
        return (
            "The recipe names no recordings with known events to test or validate on, so there are no scores."
        )
    why_silent = None
    sets: list[Recordings] = []
    try:
        sets = _recordings(run, run.part, say)
    except InputError as error:
        why_silent = str(error)
    trial = read_trial(run.path, run.part)
    if trial is None and why_silent is not None:
        return f"The run keeps no events, and its {run.part} recordings cannot be read again ({why_silent})."
    collars = collars_of(run.recipe)
    if trial is None:
        say(f"{run.part}: detecting anew, the run keeps no events")
        package = load_package(run.path / "model")
        trial = trial_of(hear(Detector(package), sets), package, collars)
    scores = run.scores or _scores(run.recipe, trial)
    recordings = {one.name: one for one in named_recordings(sets)}
    return Judged(run.part, run.package, collars, trial, scores, recordings, why_silent)


def _recordings(run: RunFolder, part: Part, say: Callable[[str], None]) -> list[Recordings]:
    with noting(partial(say)):
        sources = getattr(run.recipe.data, part)
        return build.all_recordings(sources, Supervision.STRONG, run.recipe.features.sample_rate)


def _scores(recipe: Recipe, trial: Trial) -> dict[str, Any]:
    return evaluate(
        trial.reference,
        trial.estimated,
        trial.durations,
        **recipe.tune.model_dump(),
        undecided=trial.candidates,
    ).as_dict()
