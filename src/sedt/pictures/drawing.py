"""Pictures of what was found: the spectrogram, and under it a lane per class. Needs the `plot` extra."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedt.errors import InputError
from sedt.events import Event
from sedt.files import atomic_path

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8A7500", "#000000")
"""After Okabe and Ito: told apart by colour-blind readers too."""

MAX_COLUMNS = 1600
"""Spectrogram columns drawn, however long the recording."""

_LIGHT = ("#E69F00", "#56B4E9", "#CC79A7")
_SCORE_NEEDS = 0.03  # of the picture's width: a score is written where it fits
_FFT = 1024
_RANGE_DB = 80.0
_SILENT_DB = -60.0  # digital silence is drawn dark, though it is its own maximum


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

    Args:
        path: the file.
        samples: (samples,) mono.
        sample_rate: samples per second.
        events: what was found: filled boxes, their score written in where it fits.
        reference: what is true, drawn as outlines under the boxes.
        title: a line above.

    Raises:
        InputError: matplotlib is not installed, another ending, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("pictures need matplotlib: pip install 'sedt[plot]'") from error
    labels = sorted({event.label for event in [*events, *(reference or ())]})
    duration_s = max(len(samples) / sample_rate, 1e-3)
    lanes_inches = 0.42 * max(1, len(labels)) + 0.3
    figure = Figure(figsize=(11, 2.6 + lanes_inches), layout="constrained")
    known = FigureCanvasAgg(figure).get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in known:
        raise InputError(f"{path}: a picture's name must end in one of {', '.join(sorted(known))}")
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [2.2, lanes_inches]})
    top.imshow(
        spectrogram_db(samples),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-_RANGE_DB,
        vmax=0,
        extent=(0, duration_s, 0, sample_rate / 2000),
    )
    top.set_ylabel("kHz")
    top.set_title(title, loc="left", fontsize=10, parse_math=False)  # a name may hold dollar signs
    if reference is not None:
        _draw_key(top)
    _draw_lanes(bottom, labels, events, reference, duration_s)
    bottom.set_xlim(0, duration_s)
    bottom.set_xlabel("seconds")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def spectrogram_db(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """(bands, columns) in dB under the loudest, at most `MAX_COLUMNS` wide whatever the length.

    A column is the maximum of its frames, so that a short sound in a long recording can be seen.
    """
    padded = np.pad(samples, (0, max(0, _FFT - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[:: _FFT // 4]  # a view, no copy
    edges = np.linspace(0, len(frames), min(len(frames), MAX_COLUMNS) + 1).astype(int)
    taper = np.hanning(_FFT).astype(np.float32)
    magnitude = np.stack(
        [np.abs(np.fft.rfft(frames[a:b] * taper, axis=1)).max(0) for a, b in pairwise(edges)], axis=1
    )
    decibels = 20 * np.log10(np.maximum(magnitude, 1e-7))
    loudest = max(float(decibels.max()), _SILENT_DB)
    result: NDArray[np.float64] = np.maximum(decibels - loudest, -_RANGE_DB)
    return result


def _draw_lanes(
    axes: Any,
    labels: Sequence[str],
    events: Sequence[Event],
    reference: Sequence[Event] | None,
    duration_s: float,
) -> None:
    for lane, label in enumerate(labels):
        colour = PALETTE[lane % len(PALETTE)]
        true = [(e.onset, e.duration) for e in reference or () if e.label == label]
        found = [e for e in events if e.label == label]
        boxes = [(e.onset, e.duration) for e in found]
        axes.broken_barh(true, (lane - 0.42, 0.84), facecolor="none", edgecolor="#222222", linewidth=1.4)
        # The edge keeps an event visible that is narrower than a pixel.
        axes.broken_barh(boxes, (lane - 0.28, 0.56), facecolor=colour, edgecolor=colour, alpha=0.8)
        for event in found:
            if event.score is not None and event.duration >= _SCORE_NEEDS * duration_s:
                place = ((event.onset + event.offset) / 2, lane)
                text = "black" if colour in _LIGHT else "white"
                axes.annotate(f"{event.score:.2f}", place, ha="center", va="center", fontsize=7, color=text)
    axes.set_yticks(range(len(labels)), labels, parse_math=False)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _draw_key(axes: Any) -> None:
    """What is found and what is true, above the right corner."""
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor="#777777", label="found"),
        Patch(facecolor="none", edgecolor="#222222", label="true"),
    ]
    place = {"loc": "lower right", "bbox_to_anchor": (1, 0.98), "borderaxespad": 0}
    axes.legend(handles=handles, fontsize=8, ncols=2, frameon=False, **place)
