"""`sedt listen`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from threading import Event as Flag
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from sedt.cli.printed import HEADER, fields, print_row
from sedt.errors import InputError

if TYPE_CHECKING:
    from sedt.events import Event

DEFAULT_FORMAT = "s16le"


def listen(
    source: Annotated[
        str | None, typer.Argument(help="`-`: raw samples on standard input.", metavar="-")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Folder of a model package, an .onnx file, `demo`, or user/name on the Hub.")
    ] = "demo",
    threshold: Annotated[
        float | None,
        typer.Option(help="Least score of an event, in the place of the model's own.", min=0, max=1),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(
            help="Samples per second. Default: of a pipe the model's, of a microphone its own.",
            min=1,
            metavar="HZ",
        ),
    ] = None,
    channels: Annotated[int, typer.Option(help="Channels; they are averaged.", min=1, max=256)] = 1,
    sample_format: Annotated[
        str | None, typer.Option("--format", help="Of samples in a pipe: s16le (default) or f32le.")
    ] = None,
    microphone: Annotated[
        str | None, typer.Option(help="Its number, or a part of its name.", metavar="M")
    ] = None,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1 ...")] = "cpu",
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print a JSON object per event.")] = False,
) -> None:
    """Find the events in audio as it comes, from a microphone (extra `mic`) or a pipe.

    Prints a line per event as soon as it is decided, at most a window and a hop of audio after it has ended;
    times are seconds since the start. Ends with the pipe (exit code 0) or with Ctrl-C (130), after the last
    events are printed.

    Example: sedt listen, or: arecord -q -t raw -f S16_LE -r 16000 | sedt listen -
    """
    _check(source, sample_format, microphone)
    from sedt.live import Microphone, ahead, read_raw

    heard = None if source else Microphone(microphone, rate, channels)
    from sedt.detector import load

    detector = load(model, device=device)
    stop = Flag()
    received = _stopping(stop)
    if heard:
        name, rate, blocks = heard.name, heard.rate, heard.blocks(stop, _note)
    else:
        name, rate = "standard input", rate or detector.sample_rate
        blocks = read_raw(sys.stdin.fileno(), rate, channels, sample_format or DEFAULT_FORMAT, _note)
    if sys.stderr.isatty():
        _note(f"listening to {name} at {rate} Hz; Ctrl-C ends")
    show = _printer("microphone" if heard else "stdin", jsonl)
    for event in detector.stream(ahead(blocks, stop), rate, threshold=threshold):
        show(event)
    if received and received[0] != signal.SIGINT:
        raise typer.Exit(128 + received[0])
    if received:
        raise KeyboardInterrupt


def _check(source: str | None, sample_format: str | None, microphone: str | None) -> None:
    """Raise InputError for wrong use."""
    from sedt.live import SAMPLE_FORMATS

    if source not in (None, "-"):
        raise InputError(f"{source}: `sedt listen -` reads standard input; files are for `sedt detect`")
    if source and microphone is not None:
        raise InputError(f"--microphone {microphone}: a pipe has none")
    if sample_format is not None and not source:
        raise InputError("--format: is for samples in a pipe, which `-` asks for")
    if sample_format is not None and sample_format not in SAMPLE_FORMATS:
        raise InputError(f"--format {sample_format}: must be one of {', '.join(SAMPLE_FORMATS)}")
    if source and (sys.stdin is None or sys.stdin.closed or sys.stdin.isatty()):
        raise InputError("-: standard input is no pipe: send raw samples, as `sedt listen --help` shows")


def _stopping(stop: Flag) -> list[int]:
    """Let Ctrl-C and SIGTERM set `stop`, a second one end at once. Gives back the list of those received."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    return received


def _printer(name: str, jsonl: bool) -> Callable[[Event], None]:
    """What prints a line per event; a header first, which also tells that it is ready."""
    if not jsonl:
        print_row(HEADER)
        return lambda event: print_row(fields(name, event))

    def show(event: Event) -> None:
        times = {"onset": round(event.onset, 3), "offset": round(event.offset, 3)}
        entry = {"filename": name, **times, "event_label": event.label, "score": round(event.score or 0, 4)}
        print_row([json.dumps(entry, ensure_ascii=False)])

    return show


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)
