"""`sedt detect`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from sedt.cli.detect_formats import check_blanks, check_number, chosen_formats, print_as
from sedt.cli.printed import HEADER, fields, print_row
from sedt.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from sedt.bulk import Job, Outcome, Result, Source
    from sedt.cli.progress import Display

FAILURES_LISTED = 20
"""With an output folder, whose `failed.tsv` has them all."""


def detect(
    sources: Annotated[
        list[str], typer.Argument(help="Recordings: files, folders, globs.", metavar="SOURCE")
    ],
    model: Annotated[
        str, typer.Option(help="Folder of a model package, an .onnx file, `demo`, or user/name on the Hub.")
    ] = "demo",
    threshold: Annotated[
        float | None,
        typer.Option(help="Least score of an event, in the place of the model's own.", min=0, max=1),
    ] = None,
    undecided: Annotated[
        bool,
        typer.Option("--undecided", help="All candidates with their scores, undecided: what PSDS is for."),
    ] = False,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="tsv, json, csv, audacity, raven ... (docs/formats.md); may be given often.",
            metavar="F",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Write a table per recording here, and `events.*` with all.", metavar="DIR"),
    ] = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw NAME.png per recording, in DIR or the working folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do recordings again whose table is there.")
    ] = False,
    workers: Annotated[
        int, typer.Option(help="Processes that share the recordings and the processor's cores.", min=1)
    ] = 1,
    batch_size: Annotated[int, typer.Option(help="Windows of one recording at a time.", min=1)] = 8,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1 ...")] = "cpu",
) -> None:
    """Find the events in recordings of any length; prints `filename onset offset event_label score`.

    With --output, each recording has its table as soon as it is done; `events.*`, `totals.tsv`, `by_hour.tsv`
    and `failed.tsv` come at the end. Run it again, after Ctrl-C too, and it goes on where it was
    (docs/archives.md).

    Exit code 0: all well; 1: some recordings failed, the rest is done; 2: wrong use, or nothing to read.

    Example: sedt detect recordings/ --model runs/urban-sedt/model --output events/ --format tsv --format json
    """
    chosen = chosen_formats(formats, output)
    _check(threshold, undecided, plot, output)
    from rich.console import Console

    from sedt.bulk import Job, Outcome, detect_all, find_sources
    from sedt.cli.progress import Display

    found, failures = find_sources(sources)
    check_number(chosen, len(found), output)
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    outcome, display = (
        Outcome(),
        Display(errors, _Table().add if output is None and chosen == ["tsv"] else None),
    )
    job = None
    if found:
        job = Job.of_model(
            model,
            batch_size=batch_size,
            device=device,
            threshold=threshold,
            undecided=undecided,
            output=output,
            formats=tuple(chosen),
            plot=plot,
        )
    if job is not None:
        # A name with a blank is the failure of one recording where each has its table.
        check_blanks(chosen, [*job.classes, *(source.name for source in found if output is None)])
        try:
            with _signals_raised(), display:
                detect_all(job, found, workers=workers, overwrite=overwrite, watcher=display, outcome=outcome)
        except _Interrupted as stop:
            errors.print(_how_to_go_on(outcome, len(found), output, overwrite))
            raise typer.Exit(128 + stop.number) from None
    outcome.failures = {**failures, **outcome.failures}
    _finish(job, outcome, display, errors)


class _Interrupted(KeyboardInterrupt):
    """Ctrl-C, or SIGTERM."""

    number = signal.SIGINT


@contextmanager
def _signals_raised() -> Iterator[None]:
    """Let both signals raise: a third party's wish to end is no reason to lose what is found."""

    def stop(number: int, frame: FrameType | None) -> None:
        error = _Interrupted()
        error.number = signal.Signals(number)
        raise error

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _how_to_go_on(outcome: Outcome, num_files: int, output: Path | None, overwrite: bool) -> str:
    done = f"sedt: interrupted: {len(outcome.done)} of {num_files} recordings are done"
    if output is None:
        return f"{done}; with --output DIR the same command could go on from here"
    command = "the same command without --overwrite" if overwrite else "the same command"
    return f"{done}, what is found of the next is kept in {output}; {command} goes on from here"


def _finish(job: Job | None, outcome: Outcome, display: Display, errors: Console) -> None:
    """Tables that hold all recordings, failures, exit code."""
    num_failed, num_done = len(outcome.failures), len(outcome.done)
    if job is not None and job.output is not None and (num_done or num_failed > 1):
        _write_tables(job, outcome, errors)
    elif job is not None and list(job.formats) != ["tsv"] and num_done:
        print_as(job.formats[0], outcome)
    if display.heard_s and (display.has_said or (job is not None and job.output is not None)):
        errors.print(display.summary())
    if num_failed == 1 and not num_done:
        raise InputError(next(iter(outcome.failures.values())))
    _list_failures(job, outcome, errors)
    if num_failed:
        errors.print(f"sedt: {num_failed} of {num_failed + num_done} failed")
        raise typer.Exit(1 if num_done else 2)


def _write_tables(job: Job, outcome: Outcome, errors: Console) -> None:
    from sedt.bulk import write_tables

    count = write_tables(job, outcome.done, outcome.failures)
    notes = [f"{outcome.skipped} done before"] if outcome.skipped else []
    notes += [f"{outcome.changed} changed since and done again"] if outcome.changed else []
    before = f" ({', '.join(notes)})" if notes else ""
    errors.print(f"{count} events in {len(outcome.done)} recordings{before}: {job.output}")


def _list_failures(job: Job | None, outcome: Outcome, errors: Console) -> None:
    """All, if there is no table of them."""
    reasons = list(outcome.failures.values())
    most = len(reasons) if job is None or job.output is None else FAILURES_LISTED
    for reason in reasons[:most]:
        errors.print(f"failed: {reason}")
    if len(reasons) > most and job is not None and job.output is not None:
        errors.print(f"failed: {len(reasons) - most} more, see {job.output / 'failed.tsv'}")


class _Table:
    """The TSV on standard output, each recording as soon as it is done."""

    def __init__(self) -> None:
        self._header: tuple[str, ...] = HEADER

    def add(self, source: Source, result: Result) -> None:
        """Rows of a recording."""
        events = result.events or []
        rows = [fields(source.name, event) for event in events] or [(source.name, "", "", "", "")]
        for row in [self._header, *rows] if self._header else rows:
            print_row(row)
        self._header = ()


def _check(threshold: float | None, undecided: bool, plot: bool, output: Path | None) -> None:
    """Raise InputError for options that cannot be together or here."""
    from importlib.util import find_spec

    if undecided and threshold is not None:
        raise InputError("--undecided keeps every candidate: --threshold cannot be applied with it")
    if plot and find_spec("matplotlib") is None:
        raise InputError("--plot needs matplotlib: pip install 'sedt[plot]'")
    if output is not None and output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: a file, not a folder")
