"""A folder of recordings and labels -> a recipe that fits them (`sedt new`)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sedt.config import Recipe
from sedt.errors import InputError
from sedt.events import Event
from sedt.files import write_text
from sedt.formats import write_events
from sedt.planning.cost import Cost, measure_step, plan_steps
from sedt.planning.fit import Fit, fit
from sedt.planning.recipe_text import Choices, recipe_text
from sedt.planning.sizes import Sizes, sizes_of
from sedt.planning.split import Split, split
from sedt.planning.survey import Survey, survey
from sedt.recipe import expanded, validate

NETWORKS = ("sedt", "crnn", "conv_transformer")


@dataclass(frozen=True)
class Wishes:
    """What a user may say; none: the folder decides."""

    labels: Path | None = None
    """A label file or folder; none: searched for in the folder."""
    classes: Sequence[str] | None = None
    network: str = "sedt"
    window_s: float | None = None
    hours: float | None = None
    """How long this machine trains; none: as long as the project's benchmarks needed, at most an hour."""
    with_test: bool = True
    """Set labelled recordings aside for a test."""
    with_pretraining: bool = True
    size: str | None = None
    """A key of `sedt.planning.sizes.SIZES`; none: what the machine can train."""
    step_s: float | None = None
    """Seconds of a step of training; none: measured."""
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """What was found, what was decided, and the files that say so."""

    recipe_file: Path
    recipe: Recipe
    survey: Survey
    split: Split
    fit: Fit
    sizes: Sizes
    cost: Cost | None
    """None while it is not measured."""
    unlabelled_s: float
    """Seconds of audio that pre-training hears; 0: there is no pre-training."""


def make_plan(
    folder: Path,
    recipe_file: Path,
    wishes: Wishes | None = None,
    on_decided: Callable[[Plan], None] = lambda plan: None,
) -> Plan:
    """Look at `folder`, decide, and write `recipe_file` and beside it the tables `NAME-labels/*.tsv`.

    `on_decided` gets the plan before its cost is measured, which takes a while.

    Raises:
        InputError: no audio or labels that can be read, too few labels, or a file cannot be written.
    """
    wishes = wishes or Wishes()
    found = survey(folder, wishes.labels)
    parts = split(found.events, found.parts, with_test=wishes.with_test, seed=wishes.seed)
    training = {name: found.events[name] for name in parts.train}
    fitted = _fitted(found, training, wishes)
    sizes = sizes_of(wishes.size)
    tables = recipe_file.parent / f"{recipe_file.stem}-labels"
    # Test recordings are not pre-trained on, so that a test is one of recordings nobody has heard.
    heard = {name: s for name, s in found.durations.items() if name not in set(parts.test)}
    pretrains = wishes.with_pretraining and wishes.network == "sedt"
    unlabelled_s = sum(heard.values()) if pretrains else 0.0
    choices = Choices(
        name=recipe_file.stem,
        folder=folder,
        recipe_folder=recipe_file.parent,
        tables=tables.name,
        network=wishes.network,
        pretrains=pretrains,
        split=parts,
        fit=fitted,
        sizes=sizes,
        labelled_s=[found.durations[name] for name in parts.train],
        unlabelled_s=list(heard.values()) if pretrains else [],
        seed=wishes.seed,
    )
    recipe = _recipe(choices, None, recipe_file)
    plan = Plan(recipe_file, recipe, found, parts, fitted, sizes, None, unlabelled_s)
    on_decided(plan)
    step_s = wishes.step_s or measure_step(recipe, len(fitted.classes))
    cost = plan_steps(step_s, wishes.hours, recipe.stages)
    _write_tables(tables, found.events, parts, set(fitted.classes))
    write_text(recipe_file, recipe_text(choices, cost))
    return replace(plan, recipe=_recipe(choices, cost, recipe_file), cost=cost)


def _fitted(found: Survey, training: dict[str, list[Event]], wishes: Wishes) -> Fit:
    try:
        return fit(training, found.durations, found.rates, wanted=wishes.classes, window_s=wishes.window_s)
    except InputError as error:
        if not found.broken_labels:
            raise
        first = next(iter(found.broken_labels.values()))
        number = len(found.broken_labels)
        raise InputError(f"{error}; {number} label files cannot be read (the first: {first})") from error


def _recipe(choices: Choices, cost: Cost | None, file: Path) -> Recipe:
    """What the text says, which is checked as any recipe is."""
    content = expanded(tomllib.loads(recipe_text(choices, cost)), file)
    return validate(Recipe, content, where=str(file), base=file.parent)


def _write_tables(folder: Path, events: dict[str, list[Event]], parts: Split, classes: set[str]) -> None:
    """A table for each part; events of rare classes are left out of all."""
    tables = {
        part: {name: [one for one in events[name] if one.label in classes] for name in names}
        for part, names in (("train", parts.train), ("validation", parts.validation), ("test", parts.test))
    }
    for part, table in tables.items():
        if table and not any(table.values()):
            raise InputError(
                f"none of the {len(table)} {part} recordings has an event of the classes: label more "
                "recordings, or choose other classes by --class"
            )
    for part, table in tables.items():
        if table:
            write_events(folder / f"{part}.tsv", table)
        else:
            (folder / f"{part}.tsv").unlink(missing_ok=True)


__all__ = ["NETWORKS", "Plan", "Wishes", "make_plan"]
