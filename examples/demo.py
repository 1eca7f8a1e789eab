"""`make demo`: find the events of the bundled recording, print them beside the truth, draw the picture."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

import sedt
from sedt.audio import read_audio
from sedt.events import Event
from sedt.pictures import draw_events

PICTURE = Path("demo/events.png")
RECORDING = Path(str(files("sedt"))) / "bundled" / "recording"


def overlap_s(a: Event, b: Event) -> float:
    """Seconds that two events of one label share; 0 for two labels."""
    return max(0.0, min(a.offset, b.offset) - max(a.onset, b.onset)) if a.label == b.label else 0.0


def beside(detected: list[Event], truth: list[Event]) -> list[tuple[Event | None, Event | None]]:
    """Pairs of (detected, true) that overlap most; what has no partner stands alone; by time."""
    pairs: list[tuple[Event | None, Event | None]] = []
    left = list(truth)
    for event in detected:
        partner = max(left, key=lambda t: overlap_s(event, t), default=None)
        if partner is not None and overlap_s(event, partner) > 0:
            left.remove(partner)
        else:
            partner = None
        pairs.append((event, partner))
    pairs += [(None, event) for event in left]
    return sorted(pairs, key=lambda pair: (pair[1] or pair[0]).onset)  # type: ignore[union-attr]


def show(event: Event | None) -> tuple[str, str, str]:
    """Cells of a table."""
    return ("", "", "") if event is None else (f"{event.onset:.2f}", f"{event.offset:.2f}", event.label)


def main() -> None:
    """Detect, print, draw."""
    recording = RECORDING / "recording.ogg"
    truth = sedt.read_events(RECORDING / "truth.tsv")["recording.ogg"]
    detector = sedt.load("demo")
    detected = detector.detect(recording)

    title = "Found (left) and true (right), seconds; a recording of sounds the model never heard"
    table = Table(title=title, box=box.SIMPLE)
    for name in ("onset", "offset", "event", "score", "onset", "offset", "event"):
        table.add_column(name, justify="left" if name == "event" else "right", no_wrap=True)
    for found, true in beside(detected, truth):
        score = "" if found is None or found.score is None else f"{found.score:.2f}"
        table.add_row(*show(found), score, *show(true))

    rate = detector.sample_rate
    samples = read_audio(recording, rate)
    PICTURE.parent.mkdir(exist_ok=True)
    draw_events(PICTURE, samples, rate, detected, reference=truth, title="demo recording")

    console = Console()
    console.print(f"picture: {PICTURE}")
    console.print(table)
    scores = sedt.evaluate({"recording": truth}, {"recording": detected})
    console.print(
        f"event-based F1 {scores.as_dict()['event_based']['micro']['f1']:.2f}, "
        f"segment-based F1 {scores.as_dict()['segment_based']['micro']['f1']:.2f} on this one recording; "
        "`sedt info demo` tells what the model is."
    )


if __name__ == "__main__":
    main()
