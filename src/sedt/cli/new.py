"""`sedt new`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer


def new(
    folder: Annotated[
        Path, typer.Argument(help="Folder of recordings, with label files in it.", metavar="FOLDER")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Recipe to write; default FOLDER.toml here.", metavar="RECIPE.toml"
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Label file or folder, where it is not in FOLDER.", metavar="PATH"),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="Learn only this label; may be given often.", metavar="LABEL"),
    ] = None,
    network: Annotated[str, typer.Option(help="sedt, crnn or conv_transformer.", metavar="NAME")] = "sedt",
    window: Annotated[
        float | None,
        typer.Option(help="Seconds that the model hears at once, in the place of what fits.", metavar="S"),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(
            help="Train about so long on this machine; default: as long as the project's benchmarks "
            "needed, at most 1.",
            min=0.01,
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="small or large; default: what this machine can train.")
    ] = None,
    pretraining: Annotated[bool, typer.Option(help="Learn from all recordings without labels first.")] = True,
    test: Annotated[bool, typer.Option(help="Set some labelled recordings aside for a test.")] = True,
    seed: Annotated[int, typer.Option(help="Of the split and of training.", min=0)] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a recipe that is there.")] = False,
) -> None:
    """Look at a folder of recordings and labels, and write a recipe that fits them; says what and why.

    Labels may be of any format that docs/formats.md lists. Recordings without labels serve pre-training.

    Example: sedt new recordings/ && sedt train recordings.toml
    """
    from rich.console import Console

    from sedt.errors import InputError
    from sedt.planning import NETWORKS, Plan, Wishes, make_plan
    from sedt.planning.told import cost_line, decisions

    if network not in NETWORKS:
        raise InputError(f"--network {network}: known networks are {', '.join(NETWORKS)}")
    for name, value in (("--window", window), ("--hours", hours)):
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"{name} {value:g}: must be more than 0 and finite")
    target = output or Path(f"{_name_of(folder)}.toml")
    if target.suffix != ".toml":
        raise InputError(f"--output {target}: a recipe is a .toml file")
    if target.exists() and not overwrite:
        raise InputError(f"{target}: is there already; --overwrite replaces it")
    wishes = Wishes(
        labels=labels,
        classes=classes,
        network=network,
        window_s=window,
        hours=hours,
        with_test=test,
        with_pretraining=pretraining,
        size=size,
        seed=seed,
    )
    console = Console(highlight=False, markup=False, soft_wrap=True)

    def show(plan: Plan) -> None:
        for title, text in decisions(plan):
            console.print(f"{title:14}{text}")

    plan = make_plan(folder, target, wishes, show)
    title, text = cost_line(plan)
    console.print(f"{title:14}{text}\n\nwritten: {target}\nnext:    sedt train {target}")


def _name_of(folder: Path) -> str:
    """A name for the recipe, which is the run's as well: letters, digits, dots, dashes, underscores."""
    import re

    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-._")
    return name or "recipe"
