"""What is to be done with every recording, where its results lie, what came of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sedt.bulk.sources import Source
from sedt.detector import Detector, find_model, fingerprint, lacking, load
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import FORMATS
from sedt.runtimes.onnx_runtime import OnnxRuntime, is_onnx

LONGEST_PICTURE_S = 3600.0
"""A recording longer than this gets no picture: nobody could see its events, and it would fill the memory."""


PARTIAL = ".partial.jsonl"
LONGEST_NAME = 255  # bytes, of a file in most file systems


@dataclass(frozen=True)
class Job:
    """What is done with every recording. It travels to worker processes."""

    load: Callable[[], Detector]
    """Makes the detector; for worker processes a function that can be found by its name."""
    model: str = ""
    """What people call the model."""
    fingerprint: str = ""
    """Tells models apart."""
    classes: tuple[str, ...] = ()
    """That get a row in the totals, found or not."""
    threshold: float | None = None
    """As for `Detector.detect`."""
    undecided: bool = False
    """As for `Detector.detect`."""
    output: Path | None = None
    """Folder of the results. A recording `a/b.wav` gets `a/b.wav.tsv` there: the whole name is kept, so no
    two of them collide. Without it, events are handed on and nothing is kept."""
    formats: tuple[str, ...] = ("tsv",)
    """Names of `FORMATS`."""
    plot: bool = False
    """A picture `a/b.wav.png` beside the tables, or in the working folder."""
    save_every_s: float = 60.0
    """Seconds between two notes of how far a long recording is, if there is an `output`."""

    @staticmethod
    def of_model(model: str, *, batch_size: int = 8, device: str = "cpu", **options: Any) -> Job:
        """With that model, as `sedt.load` takes it. Raises InputError: there is none, or not whole."""
        path = find_model(model)
        # By its place, not its name: a worker must neither ask the Hub again nor get what is newer there.
        made = partial(load, path, batch_size=batch_size, device=device)
        return Job(made, model, fingerprint(path), _classes(path), **options)

    def tables(self, source: Source) -> dict[str, Path]:
        """Format -> the file of a recording's events."""
        if self.output is None:
            return {}
        return {name: self.output / f"{source.name}.{FORMATS[name].ending}" for name in self.formats}

    def picture(self, source: Source) -> Path | None:
        """The file of its picture, if pictures are wanted."""
        return (self.output or Path()) / f"{source.name}.png" if self.plot else None

    def partial(self, source: Source) -> Path | None:
        """The file of what is found of a recording that is not done."""
        if self.output is None:
            return None
        place = self.output / f"{source.name}{PARTIAL}"
        if len(os.fsencode(place.name)) <= LONGEST_NAME:
            return place
        return place.with_name(hashlib.sha256(os.fsencode(place.name)).hexdigest()[:32] + PARTIAL)

    @property
    def best_format(self) -> str:
        """Of the formats the one that keeps most; a table of scores, steps by classes, holds no events."""
        return max(self.formats, key=lambda name: (name != "scores", FORMATS[name].holds_scores))


@dataclass(frozen=True)
class Stamp:
    """What changes when somebody writes to a file."""

    size: int
    mtime_ns: int

    @staticmethod
    def of(path: Path) -> Stamp:
        """Of a file as it is now. Raises InputError: it is gone."""
        try:
            found = path.stat()
        except OSError as error:
            reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror or error
            raise InputError(f"{path}: {reason}") from error
        return Stamp(found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class Result:
    """What came of a recording."""

    stamp: Stamp
    """Of the file, before it was read."""
    seconds: float
    num_events: int
    events: list[Event] | None = None
    """Ordered by onset; None if they are in its tables."""


@dataclass(frozen=True)
class Failure:
    """Why nothing came of a recording."""

    reason: str


class Watcher:
    """Is told how the work goes; does nothing with it. Of several recordings at a time, with workers."""

    def planned(self, sources: list[Source]) -> None:
        """These are to be done."""

    def started(self, source: Source, from_s: float) -> None:
        """One is begun, or gone on with from a second on."""

    def heard(self, source: Source, seconds: float) -> None:
        """So much more of one is done."""

    def finished(self, source: Source, result: Result) -> None:
        """One is done, and its tables are written."""

    def failed(self, source: Source, reason: str) -> None:
        """Nothing comes of one."""


def _classes(model: Path) -> tuple[str, ...]:
    if is_onnx(model):
        return tuple(OnnxRuntime(model).facts.classes)
    try:
        from sedt.package import read_config
    except ModuleNotFoundError as error:
        raise lacking(model, error) from error
    return tuple(read_config(model).classes)
