"""`sedt detect`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sedt.cli.printed import HEADER, fields, print_row
from sedt.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from sedt.bulk import Outcome, Source
    from sedt.events import Event


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
) -> None:
    """Find the events in recordings of any length; prints `filename onset offset event_label score`.

    Exit code 0: all well; 1: some recordings failed, the rest is done; 2: wrong use, or nothing to read.

    Example: sedt detect recordings/ --model runs/urban-sedt/model --output events/ --format tsv --format json
    """
    chosen = _formats(formats, output)
    if undecided and threshold is not None:
        raise InputError("--undecided keeps every candidate: --threshold cannot be applied with it")
    if plot:
        _require_matplotlib()
    if output is not None and output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: a file, not a folder")
    from rich.console import Console

    from sedt.bulk import Outcome, detect_all, find_sources
    from sedt.detector import load

    found, failures = find_sources(sources)
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    outcome = Outcome()
    if found:
        detector = load(model)
        with _Progress(errors, len(found)) as progress:
            outcome = detect_all(
                detector,
                found,
                threshold=threshold,
                undecided=undecided,
                output=output,
                formats=chosen,
                plot=plot,
                overwrite=overwrite,
                on_start=progress.start,
                on_progress=progress.advance,
                on_done=_Table().add if output is None and chosen == ["tsv"] else _nothing,
            )
    outcome.failures = {**failures, **outcome.failures}
    _finish(outcome, output, chosen, errors)


def _nothing(source: Source, events: list[Event]) -> None:
    """What happens after a recording whose events are written elsewhere."""


def _finish(outcome: Outcome, output: Path | None, formats: list[str], errors: Console) -> None:
    """Tables that hold all recordings, failures, exit code."""
    num_failed, num_done = len(outcome.failures), len(outcome.events)
    if num_failed == 1 and not num_done:
        raise InputError(next(iter(outcome.failures.values())))
    if output is not None and num_done:
        from sedt.formats import FORMATS, write_events

        for name in formats:
            if not FORMATS[name].holds_one:
                write_events(output / f"events.{FORMATS[name].ending}", outcome.events, name)
        count = sum(map(len, outcome.events.values()))
        before = f" ({outcome.skipped} done before)" if outcome.skipped else ""
        errors.print(f"{count} events in {num_done} recordings{before}: {output}")
    elif output is None and formats != ["tsv"] and num_done:
        _print_as(formats[0], outcome)
    for reason in outcome.failures.values():
        errors.print(f"failed: {reason}")
    if num_failed:
        errors.print(f"sedt: {num_failed} of {num_failed + num_done} failed")
        raise typer.Exit(1 if num_done else 2)


class _Table:
    """The TSV on standard output, each recording as soon as it is done."""

    def __init__(self) -> None:
        self._header: tuple[str, ...] = HEADER

    def add(self, source: Source, events: list[Event]) -> None:
        """Rows of a recording."""
        rows = [fields(source.name, event) for event in events] or [(source.name, "", "", "", "")]
        for row in [self._header, *rows] if self._header else rows:
            print_row(row)
        self._header = ()


def _print_as(format_name: str, outcome: Outcome) -> None:
    import tempfile

    from sedt.formats import write_events

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "the output"
        write_events(file, outcome.events, format_name)
        sys.stdout.write(file.read_text(encoding="utf-8"))


def _formats(given: list[str] | None, output: Path | None) -> list[str]:
    from sedt.formats import FORMATS

    chosen = list(dict.fromkeys(given or ["tsv"]))
    for name in chosen:
        if name not in FORMATS:
            raise InputError(f"--format {name}: known formats are {', '.join(FORMATS)}")
    if output is None and len(chosen) > 1:
        raise InputError(f"--format {', '.join(chosen)}: without --output only one format is printed")
    return chosen


def _require_matplotlib() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise InputError("--plot needs matplotlib: pip install 'sedt[plot]'")


class _Progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, console: Console, num_files: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[heard]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            # A table that goes to a file must get there; one on the terminal goes above the bar.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._bar.add_task("", total=num_files, heard="")
        self._started, self._seconds = 0, 0.0

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def start(self, source: Source) -> None:
        """A new file."""
        self._bar.update(self._task, description=source.name[-40:], completed=self._started)
        self._started += 1

    def advance(self, seconds: float) -> None:
        """So much more audio."""
        self._seconds += seconds
        self._bar.update(self._task, heard=f"{self._seconds / 60:.1f} min of audio")
