"""`sedt detect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from sedt.bulk import Outcome, Source
    from sedt.detector import Detector
    from sedt.events import Event


def detect(
    sources: Annotated[
        list[str], typer.Argument(help="Recordings: files, folders, globs.", metavar="SOURCE...")
    ],
    model: Annotated[str, typer.Option(help="Folder of a model package, or `demo`.")] = "demo",
    threshold: Annotated[
        float | None,
        typer.Option(help="Least score of an event, in the place of the model's own.", min=0, max=1),
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="tsv or json; may be given often.", metavar="F")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Write a table per recording here, and `events.*` with all.", metavar="DIR"),
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw a picture per recording.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do recordings again whose table is there.")
    ] = False,
) -> None:
    """Find the events in recordings of any length; prints `filename onset offset event_label score`.

    Exit code 0: all well; 1: some recordings failed, the rest is done; 2: wrong use, or nothing could be read.

    Example: sedt detect recordings/ --model runs/urban-sedt/model --output events/ --format tsv --format json
    """
    from rich.console import Console

    from sedt.bulk import detect_all, find_sources
    from sedt.detector import load

    chosen = _formats(formats)
    if plot:
        _require_matplotlib()
    found = find_sources(sources)
    detector = load(model)
    errors = Console(stderr=True)
    with _Progress(errors, len(found)) as progress:

        def on_done(source: Source, events: list[Event]) -> None:
            if plot:
                _plot(detector, source, events, output)

        outcome = detect_all(
            detector,
            found,
            threshold=threshold,
            output=output,
            formats=chosen,
            overwrite=overwrite,
            on_start=progress.start,
            on_progress=progress.advance,
            on_done=on_done,
        )
    _finish(outcome, output, chosen, errors)


def _finish(outcome: Outcome, output: Path | None, formats: list[str], errors: Console) -> None:
    """Tables out, failures listed, exit code."""
    from sedt.errors import InputError
    from sedt.formats import write_events

    for name, reason in outcome.failures.items():
        errors.print(f"failed: {name}: {reason}", highlight=False, markup=False, soft_wrap=True)
    if outcome.failures and not outcome.events:
        first = next(iter(outcome.failures.values()))
        raise InputError(
            first
            if len(outcome.failures) == 1
            else f"none of {len(outcome.failures)} recordings could be read"
        )
    if output is None:
        _print(outcome, formats)
    else:
        for name in formats:
            write_events(output / f"events.{name}", outcome.events)
        count = sum(map(len, outcome.events.values()))
        errors.print(
            f"{count} events in {len(outcome.events)} recordings ({outcome.skipped} were done before): {output}",
            highlight=False,
            soft_wrap=True,
        )
    if outcome.failures:
        errors.print(
            f"{len(outcome.failures)} of {len(outcome.failures) + len(outcome.events)} recordings failed"
        )
        raise typer.Exit(1)


def _print(outcome: Outcome, formats: list[str]) -> None:
    """The tables on standard output."""
    import sys
    import tempfile

    from sedt.formats import write_events

    with tempfile.TemporaryDirectory() as folder:
        for name in formats:
            file = Path(folder) / f"events.{name}"
            write_events(file, outcome.events)
            sys.stdout.write(file.read_text(encoding="utf-8"))


def _formats(given: list[str] | None) -> list[str]:
    from sedt.errors import InputError
    from sedt.formats import FORMATS

    for name in given or []:
        if name not in FORMATS:
            raise InputError(f"--format {name}: known formats are {', '.join(FORMATS)}")
    return list(dict.fromkeys(given or ["tsv"]))


def _require_matplotlib() -> None:
    from importlib.util import find_spec

    from sedt.errors import InputError

    if find_spec("matplotlib") is None:
        raise InputError("--plot needs matplotlib: pip install 'sedt[plot]'")


def _plot(detector: Detector, source: Source, events: list[Event], output: Path | None) -> None:
    from sedt.audio import read_audio
    from sedt.pictures import draw_events

    file = (output or Path()) / f"{source.name if output else Path(source.name).name}.png"
    samples = read_audio(source.path, detector.sample_rate)
    draw_events(file, samples, detector.sample_rate, events, title=source.name)


class _Progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, console: Console, num_files: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[heard]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
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
