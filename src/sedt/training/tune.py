"""The stage after fine-tuning: thresholds and shortest events per class, on the validation clips alone."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

import sedt.build as build
from sedt.config import Recipe, Stage
from sedt.decoding import Decision
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.features import Frontend
from sedt.package import Package, retuned
from sedt.training.datasets import Datasets
from sedt.training.trainer import Devices, StageRun, device_of
from sedt.trials import collars_of, hear
from sedt.tuning import tune as run_tuning


def tune(
    recipe: Recipe, datasets: Datasets, frontend: Frontend, run: StageRun, resume: bool
) -> dict[str, Any]:
    """Choose what `sedt.tuning.tune` chooses. Returns the settings, and macro F1 before and after.

    Raises:
        InputError: there is no trained model.
    """
    package = trained(run.folder, recipe, datasets.classes)
    heard = hear(judge(package, recipe, run.devices), datasets.validation)
    start = build.decision(recipe.decoding)
    tuned = run_tuning(heard.predictions, heard.reference, datasets.classes, start, collars_of(recipe))
    before, after = tuned.before.macro.f1, tuned.after.macro.f1
    run.console.print(f"tune: event-based {before:.4g} -> {after:.4g} on the validation clips")
    return {"decision": asdict(tuned.decision), "before": before, "after": after}


def judge(package: Package, recipe: Recipe, devices: Devices) -> Detector:
    """A detector of what was trained, where it was trained."""
    return Detector(package, batch_size=recipe.machine.eval_batch_size, device=device_of(devices))


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
