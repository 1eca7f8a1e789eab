"""`sedt tune`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sedt.tuning import Tuned


def tune(
    model: Annotated[
        str,
        typer.Argument(help="Folder of a model package, `demo`, or user/name on the Hub.", metavar="MODEL"),
    ],
    labels: Annotated[
        Path, typer.Argument(help="True events of validation recordings (.tsv, .json).", metavar="LABELS")
    ],
    audio: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of the recordings; default: that of LABELS.", metavar="DIR"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the tuned model; default MODEL-tuned.", metavar="DIR")
    ] = None,
    onset_collar: Annotated[float, typer.Option(help="Seconds an onset may be off.", min=0)] = 0.2,
    offset_collar: Annotated[float, typer.Option(help="Seconds an offset may be off.", min=0)] = 0.2,
    offset_ratio: Annotated[
        float, typer.Option(help="Share of the true length that an offset may be off, if more.", min=0)
    ] = 0.2,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1 ...")] = "cpu",
) -> None:
    """Choose thresholds and shortest events for each class of a model, on recordings with known events.

    Use recordings that the model was not trained on and that no figure will be reported on. The model itself
    stays as it is; a copy with the new settings is written.

    Example: sedt tune runs/kitchen/model validation.tsv --audio recordings/
    """
    from rich.console import Console
    from rich.progress import Progress, track

    import sedt.build as build
    from sedt.data.sources import strong_files
    from sedt.detector import Detector, find_model
    from sedt.errors import noting
    from sedt.metrics import Collars
    from sedt.package import load_package, retuned, save_package
    from sedt.tuning import num_tries
    from sedt.tuning import tune as run

    package = load_package(find_model(model))
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with noting(errors.print):
        files = strong_files(labels, audio or [labels.parent])
    detector = Detector(package, device=device)
    predictions = {
        files.name(i): detector.predict(files.paths[i])
        for i in track(range(len(files)), "listening", console=errors, disable=not errors.is_terminal)
    }
    with Progress(console=errors, disable=not errors.is_terminal, transient=True) as bars:
        bar = bars.add_task("tuning", total=num_tries(predictions.values()))
        tuned = run(
            predictions,
            {files.name(i): files.known(i).events for i in range(len(files))},
            package.classes,
            build.decision(package.decoding),
            Collars(onset_collar, offset_collar, offset_ratio),
            progress=lambda: bars.advance(bar),
        )
    path = Path(model)
    target = output or Path(f"{path if path.is_dir() else path.name}-tuned")
    save_package(target, retuned(package, tuned.decision, f"event-based macro F1 on {labels.name}"))
    _print(tuned, package.classes)
    errors.print(f"model: {target}")


def _print(tuned: Tuned, classes: list[str]) -> None:
    """Settings and F1 of each class, before and after."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from sedt.decoding import per_class

    table = Table(
        title="thresholds, and event-based F1 in % before and after", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for column in ("", "threshold", "tag", "shortest, s", "before", "after"):
        table.add_column(column, justify="right" if column else "left")
    decision = tuned.decision
    names = ("threshold", "tag_threshold", "min_length_s")
    columns = [per_class(getattr(decision, name), classes, name) for name in names]
    for i, label in enumerate(classes):
        settings = (f"{values[i]:.2f}" for values in columns)
        f1 = (_percent(scores.per_class[label].f1) for scores in (tuned.before, tuned.after))
        table.add_row(Text(label), *settings, *f1)
    table.add_section()
    before, after = tuned.before.macro.f1, tuned.after.macro.f1
    table.add_row("macro", "", "", "", _percent(before), _percent(after))
    Console().print(table)


def _percent(value: float) -> str:
    """A dash for a class that is not in the labels."""
    return "-" if math.isnan(value) else f"{100 * value:.1f}"
