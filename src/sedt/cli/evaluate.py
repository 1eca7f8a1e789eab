"""`sedt evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sedt.evaluation import Settings

RESAMPLES = 1000
"""For `--compare` without `--bootstrap`."""


Reference = Annotated[Path, typer.Argument(help="True events (.tsv, .json).", metavar="REFERENCE")]
Estimated = Annotated[Path, typer.Argument(help="Detected events.", metavar="ESTIMATED")]
Durations = Annotated[
    Path | None,
    typer.Option(help="TSV `filename duration`: files without events count too.", metavar="TSV"),
]
Tags = Annotated[
    Path | None,
    typer.Option(help="TSV `filename event_labels`: score these tags as well.", metavar="TSV"),
]
Undecided = Annotated[
    Path | None,
    typer.Option(help="All candidates (`sedt detect --undecided`), for PSDS.", metavar="FILE"),
]
Threshold = Annotated[
    float | None, typer.Option(help="Leave out events with a lower score (not for PSDS).", min=0, max=1)
]
OnsetCollar = Annotated[float, typer.Option(help="Seconds an onset may be off.", min=0)]
OffsetCollar = Annotated[float, typer.Option(help="Seconds an offset may be off.", min=0)]
OffsetRatio = Annotated[
    float, typer.Option(help="Share of the true length that an offset may be off, if more.", min=0)
]
ClassAgnostic = Annotated[bool, typer.Option("--class-agnostic", help="Count times, not labels.")]
LabelledOnly = Annotated[
    bool, typer.Option("--labelled-only", help="Leave out files that REFERENCE does not name.")
]
Bootstrap = Annotated[
    int | None, typer.Option(help="Intervals of 95 %: draw the files N times.", min=1, metavar="N")
]
Compare = Annotated[
    Path | None,
    typer.Option(help="Another system's events: differences, intervals, p.", metavar="FILE"),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write all figures here.", metavar="FILE")]


def evaluate(
    reference: Reference,
    estimated: Estimated,
    durations: Durations = None,
    tags: Tags = None,
    undecided: Undecided = None,
    threshold: Threshold = None,
    onset_collar: OnsetCollar = 0.2,
    offset_collar: OffsetCollar = 0.2,
    offset_ratio: OffsetRatio = 0.2,
    class_agnostic: ClassAgnostic = False,
    labelled_only: LabelledOnly = False,
    bootstrap: Bootstrap = None,
    compare: Compare = None,
    json_file: JsonFile = None,
) -> None:
    """Score detected events against the truth: event-based, segment-based, intersection-based and tagging
    F1; PSDS 1 and 2 where there are scores and durations.

    Example: sedt evaluate truth.tsv detected.tsv --onset-collar 0.05 --json scores.json
    """
    import json
    from dataclasses import asdict

    from rich.console import Console

    from sedt.evaluation import Settings
    from sedt.evaluation import evaluate as run
    from sedt.files import write_text

    settings = Settings(
        threshold, onset_collar, offset_collar, offset_ratio, class_agnostic, labelled_only=labelled_only
    )
    evaluation = run(reference, estimated, durations, tags=tags, undecided=undecided, **asdict(settings))
    for note in evaluation.notes:
        Console(stderr=True).print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    report = evaluation.as_dict()
    Console().print(evaluation.table())
    if bootstrap is not None:
        report["confidence"] = _confidence(
            reference, estimated, durations, tags, undecided, settings, bootstrap
        )
    if compare is not None:
        resamples = bootstrap or RESAMPLES
        has_psds = undecided is None  # there are no candidates of the other system
        if not has_psds:
            note = "PSDS is not compared: --undecided gives candidates of one system alone"
            Console(stderr=True).print(f"note: {note}", highlight=False, soft_wrap=True)
        report["comparison"] = _comparison(
            reference, estimated, compare, durations, settings, resamples, has_psds
        )
    if json_file is not None:
        write_text(json_file, json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def _confidence(
    reference: Path,
    estimated: Path,
    durations: Path | None,
    tags: Path | None,
    undecided: Path | None,
    settings: Settings,
    number: int,
) -> dict[str, Any]:
    """Print the intervals; for JSON, by figure."""
    from dataclasses import asdict

    from rich.console import Console

    from sedt.evaluation import confidence_intervals
    from sedt.evaluation.printed import intervals_table

    intervals = confidence_intervals(
        reference,
        estimated,
        durations,
        tags=tags,
        undecided=undecided,
        settings=settings,
        resamples=number,
    )
    Console().print(intervals_table(intervals))
    return {"resamples": number, "figures": {name: asdict(one) for name, one in intervals.items()}}


def _comparison(
    reference: Path,
    a: Path,
    b: Path,
    durations: Path | None,
    settings: Settings,
    number: int,
    has_psds: bool,
) -> dict[str, Any]:
    """Print the differences; for JSON, by figure."""
    from dataclasses import asdict

    from rich.console import Console

    from sedt.evaluation import compare
    from sedt.evaluation.printed import differences_table
    from sedt.evaluation.tables import tables_of

    notes = tables_of(reference, b, durations, None, settings).notes  # of the other they are told already
    for note in notes:
        Console(stderr=True).print(f"note: {b}: {note}", highlight=False, markup=False, soft_wrap=True)
    differences = {
        name: one
        for name, one in compare(reference, a, b, durations, settings=settings, resamples=number).items()
        if has_psds or not name.startswith("psds")
    }
    Console().print(f"A is {a}, B is {b}; {number} draws of the files", markup=False, soft_wrap=True)
    Console().print(differences_table(differences))
    report = {name: asdict(one) for name, one in differences.items()}
    return {"a": str(a), "b": str(b), "resamples": number, "notes_b": list(notes), "figures": report}
