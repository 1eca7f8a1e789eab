"""The stage after fine-tuning: thresholds and shortest events per class, on the validation clips alone."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

import sedt.build as build
from sedt.config import Recipe, Stage
from sedt.decoding import Decision, RecordingPredictions
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.events import Event
from sedt.features import Frontend
from sedt.metrics import Collars
from sedt.package import Package, retuned
from sedt.training.datasets import Datasets
from sedt.training.trainer import StageRun
from sedt.tuning import tune as run_tuning


def tune(
    recipe: Recipe, datasets: Datasets, frontend: Frontend, run: StageRun, resume: bool
) -> dict[str, Any]:
    """Choose what `sedt.tuning.tune` chooses. Returns the settings, and macro F1 before and after.

    Raises:
        InputError: the recipe has no validation clips, or no trained model.
    """
    if not datasets.validation:
        raise InputError("tune: the recipe has no validation clips (data.validation)")
    detector = Detector(trained(run.folder, recipe, datasets.classes))
    predictions: dict[str, RecordingPredictions] = {}
    reference: dict[str, list[Event]] = {}
    for number, recordings in enumerate(datasets.validation):
        for index in range(len(recordings)):
            name = f"{number}/{index}"  # sources may use the same file names
            duration_s = recordings.duration_s(index)
            samples, known = recordings.read(index, detector.sample_rate, 0.0, duration_s)
            predictions[name] = detector.predict(samples, detector.sample_rate)
            reference[name] = known.events
    collars = Collars(recipe.tune.onset_collar_s, recipe.tune.offset_collar_s, recipe.tune.offset_ratio)
    start = build.decision(recipe.decoding)
    tuned = run_tuning(predictions, reference, datasets.classes, start, collars)
    before, after = tuned.before.macro.f1, tuned.after.macro.f1
    run.console.print(f"tune: event-based {before:.4g} -> {after:.4g} on the validation clips")
    return {"decision": asdict(tuned.decision), "before": before, "after": after}


def detector_stage(recipe: Recipe) -> Stage:
    """The stage that a recipe's detector comes from."""
    if recipe.model.network != "sedt":
        return "train_frames"
    return "finetune_semi" if "finetune_semi" in recipe.stages else "finetune"


def trained(folder: Path, recipe: Recipe, classes: list[str]) -> Package:
    """The model as training has left it. Raises InputError: it has not been trained."""
    stage = detector_stage(recipe)
    file = folder / stage / "best.safetensors"
    if not file.exists():
        raise InputError(f"{file}: not there; the stage `{stage}` comes before")
    model = build.detection_model(recipe.features, recipe.model, len(classes))
    parts = ("frontend.", "network.")  # not what serves training alone
    model.load_state_dict({k: v for k, v in load_file(file).items() if k.startswith(parts)})
    return Package(
        model=model.eval().requires_grad_(False),
        classes=classes,
        features=recipe.features,
        model_config=recipe.model,
        decoding=recipe.decoding,
    )


def with_tuned(package: Package, folder: Path) -> Package:
    """The package with what the stage `tune` chose."""
    result = json.loads((folder / "tune" / "result.json").read_text(encoding="utf-8"))
    scores = {**package.info["scores"], "tuned_validation": {"event_based": result["after"]}}
    tuned = retuned(package, Decision(**result["decision"]), "event-based macro F1 of the validation clips")
    return replace(tuned, info={**tuned.info, "scores": scores})
