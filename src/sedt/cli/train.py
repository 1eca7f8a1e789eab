"""`sedt train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[Path, typer.Argument(help="Recipe (TOML).", metavar="RECIPE.toml")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change one setting: table.key=value; `none` unsets an optional one. A relative path is "
            "relative to the recipe. May be given often.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(help="Folder of runs; default $SEDT_RUNS, else ./runs.", metavar="DIR")
    ] = None,
    devices: Annotated[
        str, typer.Option(help="GPUs (or CPU processes) per node, or 'auto'.", metavar="N")
    ] = "auto",
    nodes: Annotated[int, typer.Option(help="Machines.", min=1, metavar="N")] = 1,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu, mps ...")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stage that was cut off.")] = False,
) -> None:
    """Run the stages of a recipe; stages whose result is there are skipped.

    Leaves RUNS/NAME/ with all settings, metrics.csv, the model package `model/`, the test scores and
    a page with what came of it (`sedt report`).

    Example: sedt train recipes/urban/sedt.toml --set finetune.epochs=3
    """
    from sedt.errors import InputError
    from sedt.recipe import load_recipe
    from sedt.training.run import train as run_recipe
    from sedt.training.signals import exit_on_sigterm
    from sedt.training.trainer import Devices, is_first_process

    folder = runs or Path(os.environ.get("SEDT_RUNS") or "runs")
    if devices != "auto" and not (devices.isdecimal() and int(devices) > 0):
        raise InputError(f"--devices {devices}: must be a number from 1 on, or auto")
    number = int(devices) if devices.isdecimal() else devices
    with exit_on_sigterm():
        made = run_recipe(
            load_recipe(recipe, settings or ()),
            folder,
            devices=Devices(accelerator, number, nodes),
            resume=resume,
        )
        if is_first_process():
            _report(made)


def _report(run: Path) -> None:
    """Write the page; what goes wrong with it is said and changes nothing of the run."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        from sedt.report import write_report

        console.print(f"report: {write_report(run)}")
    except Exception as error:  # a training of hours is worth more than its picture
        console.print(f"warning: no report: {type(error).__name__}: {' '.join(str(error).split())}")
