"""A recording as a picture file: waveform, spectrogram, a lane per class. Needs the `plot` extra."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedt.errors import InputError
from sedt.events import Event
from sedt.files import atomic_path
from sedt.pictures.colours import PALETTE
from sedt.pictures.player import clock
from sedt.pictures.spectrogram import MAX_COLUMNS, RANGE_DB, spectrogram_db

ONE_ROW_S = 90.0
"""A longer recording is drawn in several rows, of a minute or more each."""

MOST_ROWS = 12

_WIDTH, _RIGHT, _TOP = 11.0, 0.15, 0.34  # inches
_WAVE, _GAP, _AXIS, _LABEL = 0.34, 0.05, 0.3, 0.2
_SCORE_NEEDS = 0.026  # of a row's width: a score is written where it fits
_LIGHT = ("#E69F00", "#56B4E9", "#CC79A7", "#7FA63A")
_DOTS_PER_INCH = 120


@dataclass(frozen=True)
class _Recording:
    """What is drawn."""

    samples: NDArray[np.float32]
    sample_rate: int
    duration_s: float
    image: NDArray[np.float64]
    """(bands, columns): the spectrogram of the whole."""
    found: Sequence[Event]
    true: Sequence[Event] | None
    labels: Sequence[str]


@dataclass(frozen=True)
class _Row:
    """A stretch of it. Heights in inches."""

    start_s: float
    end_s: float
    labels: Sequence[str]
    spectrogram: float
    lane: float

    @property
    def lanes(self) -> float:
        return self.lane * max(1, len(self.labels)) + 0.06

    @property
    def height(self) -> float:
        return _WAVE + self.spectrogram + self.lanes + 2 * _GAP + _AXIS


def draw_events(
    path: str | os.PathLike[str],
    samples: NDArray[np.float32],
    sample_rate: int,
    events: Sequence[Event],
    *,
    reference: Sequence[Event] | None = None,
    title: str = "",
) -> None:
    """Write a picture (its ending names the format: png, svg, pdf).

    Up to `ONE_ROW_S` seconds are one row; a longer recording has rows of a minute, or `MOST_ROWS` of more.

    Args:
        path: the file.
        samples: (samples,) mono.
        sample_rate: samples per second.
        events: what was found: filled boxes, their score written in where it fits.
        reference: what is true, drawn as outlines around the boxes.
        title: a line above.

    Raises:
        InputError: matplotlib is not installed, another ending, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("pictures need matplotlib: pip install 'sedt[plot]'") from error
    recording, rows = _plan(samples, sample_rate, events, reference)
    height = _TOP + sum(row.height for row in rows) + _LABEL
    figure = Figure(figsize=(_WIDTH, height))
    known = FigureCanvasAgg(figure).get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in known:
        raise InputError(f"{path}: a picture's name must end in one of {', '.join(sorted(known))}")
    left = min(2.4, 0.62 + 0.075 * max((len(label) for label in recording.labels), default=0))
    top = height - _TOP
    for row in rows:
        _draw_row(figure, recording, row, left, top, height)
        top -= row.height
    _draw_title(figure, title, recording, left, height)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=_DOTS_PER_INCH)


def _plan(
    samples: NDArray[np.float32],
    sample_rate: int,
    events: Sequence[Event],
    reference: Sequence[Event] | None,
) -> tuple[_Recording, list[_Row]]:
    duration_s = max(len(samples) / sample_rate, 1e-3)
    number = 1 if duration_s <= ONE_ROW_S else min(MOST_ROWS, math.ceil(duration_s / 60))
    # Whole minutes, so that times are easily read; the last row may be partly empty.
    row_s = duration_s if number == 1 else 60 * math.ceil(duration_s / 60 / number)
    number = math.ceil(duration_s / row_s)
    both = [*events, *(reference or ())]
    labels = sorted({event.label for event in both})
    image = spectrogram_db(samples, MAX_COLUMNS * number)
    recording = _Recording(samples, sample_rate, duration_s, image, events, reference, labels)
    rows = []
    for start_s in (index * row_s for index in range(number)):
        inside = {e.label for e in both if e.onset < start_s + row_s and e.offset >= start_s}
        shown = labels if number == 1 else [label for label in labels if label in inside]
        sizes = (1.9, 0.34) if number == 1 else (1.0, 0.24)
        rows.append(_Row(start_s, start_s + row_s, shown, *sizes))
    return recording, rows


def _draw_row(figure: Any, recording: _Recording, row: _Row, left: float, top: float, height: float) -> None:
    def axes(size: float, **options: Any) -> Any:
        nonlocal top
        top -= size
        place = (left / _WIDTH, top / height, (_WIDTH - left - _RIGHT) / _WIDTH, size / height)
        made = figure.add_axes(place, **options)
        made.set_xlim(row.start_s, row.end_s)
        made.tick_params(labelsize=8, length=2)
        top -= _GAP
        return made

    wave, picture, lanes = axes(_WAVE), axes(row.spectrogram), axes(row.lanes)
    _draw_wave(wave, recording, row)
    _draw_spectrogram(picture, recording, row)
    _draw_lanes(lanes, recording, row)
    for one in (wave, picture):
        one.set_xticklabels([])


def _draw_wave(axes: Any, recording: _Recording, row: _Row) -> None:
    first, last = (round(second * recording.sample_rate) for second in (row.start_s, row.end_s))
    part = recording.samples[first:last]
    axes.axis("off")
    if not len(part):
        return
    edges = np.linspace(0, len(part), min(len(part), MAX_COLUMNS), endpoint=False).astype(int)
    high, low = np.maximum.reduceat(part, edges), np.minimum.reduceat(part, edges)
    seconds = row.start_s + edges / recording.sample_rate
    axes.fill_between(seconds, low, high, color="#5a6672", linewidth=0.4)
    # Each row as loud as the whole, so that quiet and loud ones can be told apart.
    loudest = max(float(np.abs(recording.samples).max()), 1e-4)
    axes.set_ylim(-loudest, loudest)


def _draw_spectrogram(axes: Any, recording: _Recording, row: _Row) -> None:
    columns = recording.image.shape[1]
    ends = [min(1.0, second / recording.duration_s) for second in (row.start_s, row.end_s)]
    first, last = (round(share * columns) for share in ends)
    axes.imshow(
        recording.image[:, first : max(last, first + 1)],
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-RANGE_DB,
        vmax=0,
        extent=(row.start_s, ends[1] * recording.duration_s, 0, recording.sample_rate / 2000),
    )
    axes.set_xlim(row.start_s, row.end_s)
    axes.set_ylabel("kHz", fontsize=8)


def _draw_lanes(axes: Any, recording: _Recording, row: _Row) -> None:
    for lane, label in enumerate(row.labels):
        colour = PALETTE[recording.labels.index(label) % len(PALETTE)]
        true = [(e.onset, e.duration) for e in recording.true or () if e.label == label]
        found = [e for e in recording.found if e.label == label]
        boxes = [(e.onset, e.duration) for e in found]
        axes.broken_barh(true, (lane - 0.42, 0.84), facecolor="none", edgecolor="#222222", linewidth=1.2)
        # The edge keeps an event visible that is narrower than a pixel.
        axes.broken_barh(boxes, (lane - 0.3, 0.6), facecolor=colour, edgecolor=colour)
        for event in found:
            if event.score is not None and event.duration >= _SCORE_NEEDS * (row.end_s - row.start_s):
                place = ((event.onset + event.offset) / 2, lane)
                text = "black" if colour in _LIGHT else "white"
                axes.annotate(f"{event.score:.2f}", place, ha="center", va="center", fontsize=7, color=text)
    axes.set_yticks(range(len(row.labels)), row.labels, parse_math=False)
    axes.set_ylim(max(1, len(row.labels)) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.35, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_formatter(lambda seconds, _: clock(seconds) if seconds >= 0 else "")


def _draw_title(figure: Any, title: str, recording: _Recording, left: float, height: float) -> None:
    """The title on the left; on the right what boxes and outlines are."""
    number = len(recording.found)
    words = f"{clock(recording.duration_s)}, {number} event{'' if number == 1 else 's'}"
    if recording.true is not None:
        words += f"; filled: found, outlined: true ({len(recording.true)})"
    place = (height - 0.2) / height
    options = {"fontsize": 9.5, "va": "center", "parse_math": False}  # a name may hold dollar signs
    figure.text(left / _WIDTH, place, title, **options)
    figure.text(1 - _RIGHT / _WIDTH, place, words, ha="right", color="#56616c", **options)
