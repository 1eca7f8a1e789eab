"""`sedt export`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sedt.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from sedt.audio import Waveform
    from sedt.export import Exported
    from sedt.package import Package

CALIBRATION_S = 60.0
"""Seconds of each recording that `--calibrate` listens to."""


def export(
    model: Annotated[
        str,
        typer.Argument(help="Folder of a model package, `demo`, or user/name on the Hub.", metavar="MODEL"),
    ],
    onnx: Annotated[
        Path | None, typer.Option("--onnx", help="Write an ONNX file here.", metavar="FILE.onnx")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="The ONNX file in 8 bits: a third of the size, not quite the same.")
    ] = False,
    torch: Annotated[
        Path | None, typer.Option("--torch", help="Write a program of torch.export.", metavar="FILE.pt2")
    ] = None,
    calibrate: Annotated[
        list[str] | None,
        typer.Option(help="Recordings like yours, for --int8: files, folders, globs.", metavar="SOURCE"),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="True events: prints F1 of the model and of the ONNX file.", metavar="LABELS"),
    ] = None,
    audio: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of the recordings of LABELS; default: that of LABELS.", metavar="DIR"),
    ] = None,
) -> None:
    """Write a model as one file: waveforms in, probabilities out. An ONNX file detects without torch.

    What the file says of real audio is compared with what the model says, and printed; a file that differs by
    more than 0.001 is not written (exit code 2).

    Example: sedt export runs/kitchen/model --onnx kitchen.onnx, then: sedt detect a.wav --model kitchen.onnx
    """
    _check(onnx, int8, torch, calibrate, reference, audio)
    from rich.console import Console

    from sedt.detector import find_model
    from sedt.export import export_onnx, export_torch
    from sedt.package import load_package

    console = Console(highlight=False, markup=False, soft_wrap=True)
    package = load_package(find_model(model))
    if onnx is not None:
        with Console(stderr=True).status("exporting to ONNX"):
            recordings = _recordings(calibrate, package.features.sample_rate) if calibrate else None
            _print(console, export_onnx(package, onnx, int8=int8, calibration=recordings))
    if torch is not None:
        with Console(stderr=True).status("exporting to torch"):
            _print(console, export_torch(package, torch))
    if reference is not None and onnx is not None:
        _print_scores(console, package, onnx, reference, audio or [reference.parent])


def _check(
    onnx: Path | None,
    int8: bool,
    torch: Path | None,
    calibrate: list[str] | None,
    reference: Path | None,
    audio: list[Path] | None,
) -> None:
    """Raise InputError for options that do not go together."""
    if onnx is None and torch is None:
        raise InputError("nothing to write: give --onnx FILE.onnx or --torch FILE.pt2")
    for name, given in (("--int8", int8), ("--reference", reference is not None)):
        if given and onnx is None:
            raise InputError(f"{name}: is of --onnx, which is not given")
    if calibrate and not int8:
        raise InputError("--calibrate: is of --int8, which is not given")
    if audio and reference is None:
        raise InputError("--audio: is of --reference, which is not given")


def _recordings(sources: list[str], sample_rate: int) -> Iterator[Waveform]:
    """The start of each recording. Raises InputError: one cannot be read."""
    from sedt.audio import read_audio
    from sedt.bulk import find_sources

    found, failures = find_sources(sources)
    if failures:
        raise InputError(next(iter(failures.values())))
    return (read_audio(source.path, sample_rate, duration_s=CALIBRATION_S) for source in found)


def _print(console: Console, done: Exported) -> None:
    weights = "float32" if done.loss is None else "8 bits"
    console.print(f"{done.path}: {done.size_bytes / 1e6:.2f} MB, {weights}")
    parity, same = done.parity, "no" if done.parity.num_changed else "yes"
    console.print(
        f"  parity with torch, float32: probabilities differ by at most {parity.probability:.1e}, "
        f"spans by {parity.span:.1e} of the window; same events: {same} ({parity.num_events})"
    )
    if done.loss is not None and done.float_bytes is not None:
        loss, share = done.loss, done.size_bytes / done.float_bytes
        console.print(
            f"  loss of 8 bits: probabilities differ by at most {loss.probability:.3f}, "
            f"spans by {loss.span:.3f} of the window; events that differ: {loss.num_changed} "
            f"(torch has {loss.num_events}); {100 * share:.0f} % of the size"
        )


def _print_scores(console: Console, package: Package, onnx: Path, labels: Path, audio: list[Path]) -> None:
    """F1 before and after."""
    from rich.console import Console

    from sedt.data.sources import strong_files
    from sedt.detector import Detector, load
    from sedt.errors import noting
    from sedt.evaluation import evaluate

    with noting(Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print):
        files = strong_files(labels, audio)
    truth = {files.name(i): files.known(i).events for i in range(len(files))}
    console.print(f"F1 in %, macro, of {len(files)} recordings of {labels}")
    for name, detector in (("torch", Detector(package)), (onnx.name, load(onnx))):
        found = {files.name(i): detector.detect(files.paths[i]) for i in range(len(files))}
        scores = evaluate(truth, found)
        console.print(
            f"  {name}: event-based {100 * scores.event_based.macro.f1:.1f}, "
            f"segment-based {100 * scores.segment_based.macro.f1:.1f}"
        )
