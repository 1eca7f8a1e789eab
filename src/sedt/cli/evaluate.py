"""`sedt evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    reference: Annotated[Path, typer.Argument(help="True events (.tsv, .json).", metavar="REFERENCE")],
    estimated: Annotated[Path, typer.Argument(help="Detected events.", metavar="ESTIMATED")],
    durations: Annotated[
        Path | None,
        typer.Option(help="TSV `filename duration`: files without events count too.", metavar="TSV"),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Leave out events with a lower score.", min=0, max=1)
    ] = None,
    onset_collar: Annotated[float, typer.Option(help="Seconds an onset may be off.", min=0)] = 0.2,
    offset_collar: Annotated[float, typer.Option(help="Seconds an offset may be off.", min=0)] = 0.2,
    offset_ratio: Annotated[
        float, typer.Option(help="Share of the true length that an offset may be off, if more.", min=0)
    ] = 0.2,
    class_agnostic: Annotated[
        bool, typer.Option("--class-agnostic", help="Count times, not labels.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures here.", metavar="FILE")
    ] = None,
) -> None:
    """Score detected events against the truth: event-based, segment-based and tagging F1.

    Example: sedt evaluate truth.tsv detected.tsv --onset-collar 0.05 --json scores.json
    """
    import json

    from rich.console import Console

    from sedt.evaluation import evaluate as run
    from sedt.files import write_text

    evaluation = run(
        reference,
        estimated,
        durations,
        threshold=threshold,
        onset_collar_s=onset_collar,
        offset_collar_s=offset_collar,
        offset_ratio=offset_ratio,
        class_agnostic=class_agnostic,
    )
    for note in evaluation.notes:
        Console(stderr=True).print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    if json_file is not None:
        write_text(json_file, json.dumps(evaluation.as_dict(), indent=1, ensure_ascii=False) + "\n")
    Console().print(evaluation.table())
