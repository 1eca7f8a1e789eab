"""Pictures of what was found: the spectrogram, and under it a lane per class. Needs the `plot` extra."""

from __future__ import annotations

import os
from collections.abc import Sequence
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

_FFT = 1024
_RANGE_DB = 80.0


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
        events: what was found: filled boxes, their score written in.
        reference: what is true, drawn as outlines under the boxes.
        title: a line above.

    Raises:
        InputError: matplotlib is not installed, or the file cannot be written.
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
    FigureCanvasAgg(figure)
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
    top.set_title(title, loc="left", fontsize=10)
    _draw_lanes(bottom, labels, events, reference)
    bottom.set_xlim(0, duration_s)
    bottom.set_xlabel("seconds")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def spectrogram_db(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """(bands, columns) in dB under the loudest, at most `MAX_COLUMNS` wide whatever the length."""
    padded = np.pad(samples, (0, max(0, _FFT - len(samples))))
    num_frames = 1 + (len(padded) - _FFT) // (_FFT // 4)
    chosen = np.unique(np.linspace(0, num_frames - 1, min(num_frames, MAX_COLUMNS)).astype(int)) * (_FFT // 4)
    frames = np.stack([padded[start : start + _FFT] for start in chosen]) * np.hanning(_FFT)
    magnitude = np.abs(np.fft.rfft(frames, axis=1)).T
    decibels = 20 * np.log10(np.maximum(magnitude, 1e-7))
    result: NDArray[np.float64] = np.maximum(decibels - decibels.max(), -_RANGE_DB)
    return result


def _draw_lanes(
    axes: Any, labels: Sequence[str], events: Sequence[Event], reference: Sequence[Event] | None
) -> None:
    from matplotlib.patches import Patch

    for lane, label in enumerate(labels):
        colour = PALETTE[lane % len(PALETTE)]
        true = [(e.onset, max(e.duration, 1e-3)) for e in reference or () if e.label == label]
        found = [e for e in events if e.label == label]
        axes.broken_barh(true, (lane - 0.42, 0.84), facecolor="none", edgecolor="#222222", linewidth=1.4)
        axes.broken_barh(
            [(e.onset, max(e.duration, 1e-3)) for e in found],
            (lane - 0.28, 0.56),
            facecolor=colour,
            alpha=0.8,
        )
        if len(events) <= 60:
            for event in found:
                if event.score is not None:
                    axes.text(
                        (event.onset + event.offset) / 2,
                        lane,
                        f"{event.score:.2f}",
                        ha="center",
                        va="center",
                        fontsize=7,
                        color="white",
                        clip_on=True,
                    )
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    if reference is not None:
        handles = [
            Patch(facecolor="#777777", label="found"),
            Patch(facecolor="none", edgecolor="#222222", label="true"),
        ]
        axes.legend(handles=handles, loc="upper right", fontsize=8, ncols=2, framealpha=0.9)
