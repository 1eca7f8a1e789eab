"""A recipe from start to end: normaliser, stages, model package, test scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from rich.console import Console
from safetensors.torch import load_file
from torch import Tensor

import sedt.build as build
from sedt.checking.stages import setting_notes
from sedt.config import Recipe, Stage
from sedt.errors import InputError, noting
from sedt.features import Frontend
from sedt.files import remove_leftovers, write_text
from sedt.package import save_package, save_tensors
from sedt.training.beginning import check_beginning
from sedt.training.checkpoint import has_checkpoint, remove_checkpoints
from sedt.training.datasets import Datasets, load_datasets
from sedt.training.finetune_semi import finetune_semi
from sedt.training.origin import commit_of_source
from sedt.training.pretrain import pretrain
from sedt.training.signals import Stopped, StopSignals
from sedt.training.stages import finetune, tag_backbone
from sedt.training.testing import score_part
from sedt.training.train_frames import train_frames
from sedt.training.trainer import Devices, StageRun, is_first_process, is_one_of_many
from sedt.training.transfer import NORMALISER_FILE, given_normaliser
from sedt.training.tune import detector_stage, trained, tune, with_tuned
from sedt.trials import part_to_judge

NORMALISER_CLIPS = 400
"""Training clips, evenly spread, that the normaliser is fitted on."""

SETTINGS_FILE = "recipe.json"
"""Of a run: all settings that what it learns depends on."""

LONGEST_WRITE_S = 3600.0
"""Temporary files that are older are no process's any more."""

StageFunction = Callable[[Recipe, Datasets, Frontend, StageRun, bool], dict[str, Any]]

STAGES: dict[Stage, StageFunction] = {
    "tag_backbone": tag_backbone,
    "pretrain": pretrain,
    "finetune": finetune,
    "finetune_semi": finetune_semi,
    "train_frames": train_frames,
    "tune": tune,
}


def train(
    recipe: Recipe,
    runs_folder: Path,
    *,
    devices: Devices | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> Path:
    """Run the stages of a recipe that are not done yet, and give back the run's folder.

    `<runs_folder>/<name>/` then holds `recipe.json` (all settings), `metrics.csv`, a folder per stage,
    `model/` (the package); and if the recipe has a test set, `test.json` (scores), `test_events.tsv` and a
    folder `test` of tables for `sedt report`. Without one these are of the validation recordings, and are
    called so.

    Raises:
        InputError: the recipe's data cannot be read, or a stage could not begin; the folder holds a run of
            another recipe, or a stage that was cut off, and `resume` is not set.
    """
    console = console or Console(stderr=True, quiet=not is_first_process())
    folder = runs_folder / recipe.name
    _refuse_another(folder, recipe)
    if is_first_process():
        remove_leftovers(folder, LONGEST_WRITE_S if is_one_of_many() else 0.0)
    with noting(partial(console.print, highlight=False, markup=False)):
        datasets = load_datasets(recipe)
    check_beginning(recipe, datasets, folder)
    write_text(folder / SETTINGS_FILE, _settings_of(recipe))
    for note in setting_notes(recipe):
        console.print(f"note: {note}", highlight=False, markup=False)
    console.print(datasets.summary(), highlight=False, markup=False)
    torch.manual_seed(recipe.seed)
    frontend = _frontend(folder, recipe, datasets, console)
    devices = devices or Devices()
    for stage in recipe.stages:
        if stage == "tune" and not is_first_process():
            continue  # each process would do all of it
        _run_stage(stage, recipe, datasets, frontend, folder, devices, resume, console)
    # With several processes each of them gets here; what is left is the work of one.
    if detector_stage(recipe) in recipe.stages and is_first_process():
        _finish(folder, recipe, datasets, devices, console)
    return folder


def _run_stage(
    stage: Stage,
    recipe: Recipe,
    datasets: Datasets,
    frontend: Frontend,
    folder: Path,
    devices: Devices,
    resume: bool,
    console: Console,
) -> None:
    """Run one stage, unless its result is there."""
    result = folder / stage / "result.json"
    if result.exists():
        remove_checkpoints(folder / stage)  # a kill may have left them
        console.print(f"{stage}: done before, skipped")
        return
    if has_checkpoint(folder / stage) and not resume:
        raise InputError(
            f"{folder / stage}: this stage was cut off; --resume goes on with it "
            "(or remove the folder, or set another name)"
        )
    torch.manual_seed(recipe.seed)
    signals = StopSignals()
    try:
        with nullcontext() if stage == "tune" else signals:  # `tune` has no steps after which to stop
            run = StageRun(stage, folder, recipe.seed, recipe.machine, devices, console, signals)
            # A copy: averaging weights averages buffers too, and so rounds those of the frontend anew.
            best = STAGES[stage](recipe, datasets, deepcopy(frontend), run, resume)
            if is_first_process():  # another one would take the checkpoints away before the result is there
                write_text(result, json.dumps(best, indent=1) + "\n")
                remove_checkpoints(folder / stage)
        if signals.asked is not None:
            raise Stopped(signals.asked, f"after {stage}", is_first=is_first_process())
    except Stopped as stopped:
        console.print(f"sedt: {stopped.line}", highlight=False, markup=False, soft_wrap=True)
        raise


def _refuse_another(folder: Path, recipe: Recipe) -> None:
    """See that the settings are those of the run that is there, if there is one."""
    file = folder / SETTINGS_FILE
    if not file.exists():
        return
    try:
        old = _flat(_as_of_now(file.read_text(encoding="utf-8")))
    except ValueError:
        raise InputError(
            f"{file}: not the settings of a run; set another name, or remove the folder"
        ) from None
    new = _flat(json.loads(_settings_of(recipe)))
    is_tested = (folder / "test.json").exists()
    for key in {**old, **new}:
        if key == "description" or (key.startswith("data.test") and not is_tested):
            continue  # nothing depends on it, or nothing yet
        if old.get(key) != new.get(key):
            raise InputError(
                f"{folder}: holds a run with other settings (`{key}`: {old.get(key)!r}, "
                f"now {new.get(key)!r}); set another name, or remove the folder"
            )


def _settings_of(recipe: Recipe) -> str:
    # Nothing that is learned depends on these: they may change, and the model card with them.
    return recipe.model_dump_json(indent=1, exclude={"machine", "licence", "data_set"}) + "\n"


def _as_of_now(text: str) -> Any:
    """Settings that are newer than the run had their default, which is to do as before."""
    try:
        return json.loads(_settings_of(Recipe.model_validate_json(text)))
    except ValidationError:  # of a setting that is no more, among others
        return json.loads(text)


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    if not isinstance(value, dict | list) or not value:
        return {key: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {k: v for name, item in items for k, v in _flat(item, f"{key}.{name}".strip(".")).items()}


def _frontend(folder: Path, recipe: Recipe, datasets: Datasets, console: Console) -> Frontend:
    """One normaliser per run, fitted once and kept; that of the weights it starts from, if they bring one."""
    frontend = build.frontend(recipe.features)
    file = folder / NORMALISER_FILE
    if not file.exists():
        given = given_normaliser(recipe)
        if given is None:
            console.print(f"normaliser: fitting on {NORMALISER_CLIPS} training clips at most")
            frontend.normaliser.fit(_spectrograms(frontend, datasets))
        save_tensors(file, given or frontend.normaliser.state_dict())
    frontend.normaliser.load_state_dict(load_file(file))
    return frontend


def _spectrograms(frontend: Frontend, datasets: Datasets) -> Iterator[Tensor]:
    for clip in datasets.sample(NORMALISER_CLIPS):
        yield frontend.log_mel(clip.waveform[None, : max(1, clip.num_samples)])


def _finish(folder: Path, recipe: Recipe, datasets: Datasets, devices: Devices, console: Console) -> None:
    """Best weights and tuned thresholds -> package; package -> test scores."""
    package = replace(trained(folder, recipe, datasets.classes), info=_info(folder, recipe, datasets))
    if "tune" in recipe.stages:
        package = with_tuned(package, folder)
    save_package(folder / "model", package)  # whatever comes of the test
    part = part_to_judge(recipe)
    if part is not None and not (folder / f"{part}.json").exists():
        scores = score_part(package, recipe, part, folder, devices, console)
        write_text(folder / f"{part}.json", json.dumps(scores, indent=1) + "\n")
    if (folder / "test.json").exists():
        scores = json.loads((folder / "test.json").read_text(encoding="utf-8"))
        package.info["scores"]["test"] = {
            **{name: scores[name]["macro"]["f1"] for name in ("event_based", "segment_based", "tagging")},
            **{name: scores[name] for name in ("psds1", "psds2")},
        }
        save_package(folder / "model", package)
    console.print(f"model: {folder / 'model'}", highlight=False)


def _info(folder: Path, recipe: Recipe, datasets: Datasets) -> dict[str, Any]:
    import sedt

    return {
        "name": recipe.name,
        "description": recipe.description,
        **({"license": recipe.licence} if recipe.licence else {}),
        **({"data_set": recipe.data_set} if recipe.data_set else {}),
        "sedt_version": sedt.__version__,
        **({"commit": commit} if (commit := commit_of_source()) is not None else {}),
        "seed": recipe.seed,
        "stages": list(recipe.stages),
        "training_data": datasets.summary().splitlines(),
        "scores": {
            "validation": json.loads(
                (folder / detector_stage(recipe) / "result.json").read_text(encoding="utf-8")
            )
        },
    }
