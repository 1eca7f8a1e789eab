"""What is found of a recording that is not done: `NAME.partial.jsonl`.

A line that says of which file, then one at each save: the events that came since, how many there were before
them, and what is needed to go on behind them. Lines are only added, so that a process killed at any moment
leaves the last whole one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sedt.bulk.job import Stamp
from sedt.errors import InputError
from sedt.events import Event
from sedt.files import append_line, read_text, write_text


@dataclass
class Progress:
    """How far a recording is."""

    events: list[Event] = field(default_factory=list)
    """Final ones, in the order in which they came."""
    index: int = 0
    """Windows that are done."""
    held: list[Event] = field(default_factory=list)
    """What the next window may change."""


class Partial:
    """The file. Nothing is written before the first save."""

    def __init__(self, path: Path, run: str, stamp: Stamp) -> None:
        self._path = path
        self._header = json.dumps({"run": run, "size": stamp.size, "mtime_ns": stamp.mtime_ns})
        self._is_there = False
        self._num_saved = 0

    def load(self) -> Progress:
        """How far an earlier process was; the beginning, if none was or the recording was changed since."""
        try:
            header, *lines = read_text(self._path).split("\n")
        except InputError:
            return Progress()
        if header != self._header:
            return Progress()
        progress = Progress()
        for num_before, saved in filter(None, map(_parse, lines)):
            progress.events[num_before:] = saved.events
            progress.index, progress.held = saved.index, saved.held
        self._is_there, self._num_saved = True, len(progress.events)
        return progress

    def save(self, events: Sequence[Event], index: int, held: Sequence[Event]) -> None:
        """All final events so far, the windows that are done, what the next one may change.

        Who is interrupted in it may call it again.

        Raises:
            InputError: it cannot be written.
        """
        if not self._is_there:
            write_text(self._path, self._header + "\n")
            self._is_there = True
        line = {
            "before": self._num_saved,
            "events": list(map(_fields, events[self._num_saved :])),
            "index": index,
            "held": list(map(_fields, held)),
        }
        append_line(self._path, json.dumps(line))
        self._num_saved = len(events)


def _fields(event: Event) -> list[Any]:
    """Python writes numbers such that they come back bit by bit."""
    score = None if event.score is None else float(event.score)
    return [float(event.onset), float(event.offset), event.label, score]


def _parse(line: str) -> tuple[int, Progress] | None:
    """Number of events before, and what was saved.

    None of half a line; whoever went on behind it went on from the line before.
    """
    try:
        content = json.loads(line)
        events, held = ([Event(*fields) for fields in content[key]] for key in ("events", "held"))
        return int(content["before"]), Progress(events, int(content["index"]), held)
    except (ValueError, KeyError, TypeError):
        return None
