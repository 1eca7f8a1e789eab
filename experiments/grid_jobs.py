"""What a grid of recipes and seeds consists of: which runs, what they wait for, what is done."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from record import RESULTS, fingerprint, read_grid

from sedt.config import Recipe
from sedt.errors import InputError
from sedt.recipe import load_recipe


@dataclass
class Job:
    """One call of `sedt train`."""

    name: str
    """Of the run's folder."""
    recipe: Path
    settings: list[str]
    result: Path
    """What is there when it is done."""
    record_in: Path | None = None
    """Folder for the JSON file; None for what only serves others."""
    title: str = ""
    """Row of the table."""
    starts_from: Path | None = None
    """Weights that the last of `after` makes."""
    after: list[Job] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


def jobs_of(grid_file: Path, runs: Path, rows: list[str], seeds: list[int]) -> list[Job]:
    """Jobs in the order in which they should run; each stands behind those that it needs."""
    grid = read_grid(grid_file)
    base, results = grid_file.parent, RESULTS / grid["results"]
    unknown = [row for row in rows if row not in grid["rows"]]
    if unknown:
        raise InputError(f"{grid_file}: no row {unknown[0]}; there are {', '.join(grid['rows'])}")
    chosen, numbers = rows or list(grid["rows"]), seeds or grid["seeds"]
    tagged = {seed: _tagging(base / grid["backbone"], runs, seed) for seed in numbers}
    made: dict[tuple[str, int], Job] = {}

    def job(row: str, seed: int) -> Job:
        if (row, seed) not in made:
            options = grid["rows"][row]
            recipe = (base / grid["recipes"] / f"{options.get('recipe', row)}.toml").resolve()
            name, result = f"{results.name}-{row}-s{seed}", results / f"{row}_seed{seed}.json"
            new = Job(name, recipe, [f"name={name}", f"seed={seed}"], result, results, row)
            stages, done = load_recipe(recipe).stages, set()
            # The paper's baselines learn from random weights, so they wait for no backbone.
            if "train_frames" not in stages:
                new.after.append(tagged[seed])
                new.settings.append(f"model.backbone_start={tagged[seed].result}")
                done.add("tag_backbone")
            if "pretrained" in options:
                before = job(options["pretrained"], seed)
                new.starts_from = runs / before.name / "pretrain" / "trunk.safetensors"
                new.settings.append(f"finetune.pretrained={new.starts_from}")
                new.after.append(before)
                done.add("pretrain")
            if done & set(stages):  # which another run does for this one
                new.settings.append(f"stages={json.dumps([stage for stage in stages if stage not in done])}")
            made[row, seed] = new
        return made[row, seed]

    for row in chosen:
        for seed in numbers:
            job(row, seed)
    needed = [each for each in tagged.values() if any(each in job.after for job in made.values())]
    return [*needed, *made.values()]


def _tagging(recipe: Path, runs: Path, seed: int) -> Job:
    """The tagged backbone that all rows of a seed start from."""
    name = f"{recipe.parent.name}-tag-s{seed}"
    result = runs / name / "tag_backbone" / "backbone.safetensors"
    return Job(name, recipe.resolve(), [f"name={name}", f"seed={seed}", 'stages=["tag_backbone"]'], result)


def is_done(job: Job, runs: Path) -> bool:
    """Whether its result is there, and is of the settings that its recipe has now.

    So must be what it started from: another pre-training makes the rows old that build upon it.
    """
    if not job.result.exists():
        return False
    if job.record_in is None:
        then = Recipe.model_validate_json((runs / job.name / "recipe.json").read_text(encoding="utf-8"))
        return tagging(then) == tagging(load_recipe(job.recipe, job.settings))
    recorded, now = json.loads(job.result.read_text(encoding="utf-8")), origin(job, runs)
    is_of_now: bool = recorded.get("recipe") == fingerprint(load_recipe(job.recipe, job.settings), runs)
    return is_of_now and recorded.get("starts_from", now) == now


def origin(job: Job, runs: Path) -> str | None:
    """Fingerprint of the recipe of the run whose weights it starts from, if that is one of the grid."""
    if job.starts_from is None:
        return None
    before = job.after[-1]
    return fingerprint(load_recipe(before.recipe, before.settings), runs)


def waiting(jobs: list[Job], runs: Path) -> Iterator[Job]:
    """Jobs that are not done; the others are marked as done."""
    for job in jobs:
        if is_done(job, runs):
            job.done.set()
        else:
            yield job


def tagging(recipe: Recipe) -> dict[str, Any]:
    """What its tagged backbone follows from."""
    return recipe.model_dump(
        mode="json",
        include={
            "seed": True,
            "features": True,
            "model": {"backbone", "backbone_start", "map_stage"},
            "tag_backbone": True,
            "data": {"strong", "weak", "validation"},
        },
    )


def fine_tuning(recipe: Recipe) -> dict[str, Any]:
    """What its fine-tuning follows from, besides the weights that it starts from."""
    settings = recipe.model_dump(
        mode="json",
        include={"seed", "features", "model", "loss", "decoding", "tune", "finetune", "data"},
    )
    del settings["finetune"]["pretrained"], settings["data"]["unlabelled"], settings["data"]["test"]
    return settings
