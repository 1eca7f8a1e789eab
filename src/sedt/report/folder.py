"""A run's folder, as `sedt train` leaves it, finished or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedt.config import Recipe
from sedt.errors import InputError
from sedt.files import load_json
from sedt.package import PackageConfig
from sedt.recipe import validate
from sedt.report.metrics_file import Epoch, read_epochs
from sedt.trials import Part, part_to_judge


@dataclass(frozen=True)
class RunFolder:
    """What is there."""

    path: Path
    recipe: Recipe
    epochs: list[Epoch]
    results: Mapping[str, dict[str, Any]]
    """Of the stages that are done."""
    package: PackageConfig | None
    """What the model package says of itself; None while there is none."""
    scores: dict[str, Any] | None
    """What `sedt train` counted on the recordings of `part`."""

    @property
    def trains_detector(self) -> bool:
        """Whether a model comes of it, and not only weights for another run."""
        return bool({"finetune", "train_frames"} & set(self.recipe.stages))

    def chosen_epoch(self, stage: str) -> int | None:
        """The epoch whose weights were kept, from 1 on; None where none was chosen."""
        chosen = self.results.get(stage, {}).get("epoch")
        numbers = [epoch.number for epoch in self.epochs if epoch.stage == stage]
        if not isinstance(chosen, int | float) or not numbers:
            return None
        # Without validation clips the number of epochs is written, counted from 0 as all are.
        return min(int(chosen) + 1, max(numbers))

    @property
    def part(self) -> Part | None:
        """The recordings that the model is judged on; None where the recipe has none with known events."""
        return part_to_judge(self.recipe)


def read_run(path: Path) -> RunFolder:
    """Read what is there.

    Raises:
        InputError: no such folder, none of a run, a damaged file in it, a run that has left nothing yet.
    """
    if not path.is_dir():
        raise InputError(f"{path}: no such run: the folder that `sedt train` has made is needed")
    if not (path / "recipe.json").is_file():
        raise InputError(
            f"{path}: not a run: `sedt train` leaves a recipe.json in its folder, and there is none"
        )
    recipe = validate(Recipe, load_json(path / "recipe.json"), where=str(path / "recipe.json"))
    epochs = read_epochs(path / "metrics.csv")
    config = path / "model" / "config.json"
    if not epochs and not config.exists():
        raise InputError(f"{path}: nothing to report yet: no epoch is finished and there is no model")
    package = validate(PackageConfig, load_json(config), where=str(config)) if config.exists() else None
    part = part_to_judge(recipe)
    return RunFolder(
        path,
        recipe,
        epochs,
        {stage: _table(path / stage / "result.json") or {} for stage in recipe.stages if _done(path, stage)},
        package,
        _scores(path / f"{part}.json") if part is not None and package is not None else None,
    )


def _done(path: Path, stage: str) -> bool:
    return (path / stage / "result.json").exists()


def _scores(file: Path) -> dict[str, Any] | None:
    """What `Evaluation.as_dict` gives; None where the file is not there."""
    scores = _table(file)
    if scores is None:
        return None
    for name in ("event_based", "segment_based", "tagging"):
        metric = scores.get(name)
        if not isinstance(metric, dict) or not {"macro", "micro", "per_class", "counts"} <= set(metric):
            raise InputError(f"{file}: `{name}` must hold macro, micro, per_class and counts")
    for name in ("psds1", "psds2"):
        if not isinstance(scores.get(name), int | float | None):
            raise InputError(f"{file}: `{name}` must be a number or null")
    return scores


def _table(file: Path) -> dict[str, Any] | None:
    """A JSON object; None where the file is not there."""
    if not file.exists():
        return None
    content = load_json(file)
    if not isinstance(content, dict):
        raise InputError(f"{file}: must hold a JSON object")
    return content
