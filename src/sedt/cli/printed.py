"""Tables of events on standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sedt.events import Event

HEADER = ("filename", "onset", "offset", "event_label", "score")


def print_row(row: Sequence[str]) -> None:
    """One line, which is out at once."""
    sys.stdout.write("\t".join(row) + "\n")
    sys.stdout.flush()


def fields(name: str, event: Event) -> tuple[str, ...]:
    """A row as `sedt.formats.dcase` writes it, always with a score."""
    times = f"{event.onset:.3f}", f"{event.offset:.3f}"
    return name, *times, event.label, f"{event.score or 0:.4f}"
