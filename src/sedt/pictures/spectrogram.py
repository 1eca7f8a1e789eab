"""Samples -> spectrogram in dB, and the image of it that a page can hold."""

from __future__ import annotations

import base64
import io
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sedt.pictures.colours import magma

MAX_COLUMNS = 1600
"""Spectrogram columns drawn, however long the recording."""

RANGE_DB = 80.0
"""Under the loudest; what is below is drawn as silence."""

ROWS = 112
"""Of an image: bands of equal width in mel."""

_FFT = 1024
_SILENT_DB = -60.0  # digital silence is drawn dark, though it is its own maximum


def spectrogram_db(samples: NDArray[np.float32], max_columns: int = MAX_COLUMNS) -> NDArray[np.float64]:
    """(bands, columns) in dB under the loudest, at most `max_columns` wide whatever the length.

    A column is the maximum of its frames, so that a short sound in a long recording can be seen.
    """
    padded = np.pad(samples, (0, max(0, _FFT - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[:: _FFT // 4]  # a view, no copy
    edges = np.linspace(0, len(frames), min(len(frames), max_columns) + 1).astype(int)
    taper = np.hanning(_FFT).astype(np.float32)
    magnitude = np.stack(
        [np.abs(np.fft.rfft(frames[a:b] * taper, axis=1)).max(0) for a, b in pairwise(edges)], axis=1
    )
    decibels = 20 * np.log10(np.maximum(magnitude, 1e-7))
    loudest = max(float(decibels.max()), _SILENT_DB)
    result: NDArray[np.float64] = np.maximum(decibels - loudest, -RANGE_DB)
    return result


def spectrogram_uri(samples: NDArray[np.float32], sample_rate: int, max_columns: int = MAX_COLUMNS) -> str:
    """An image (WebP) as a data URI: `ROWS` bands of equal width in mel, low ones at the bottom."""
    from PIL import Image

    in_mel = _in_mel(spectrogram_db(samples, max_columns), sample_rate)
    levels = ((in_mel + RANGE_DB) * (255 / RANGE_DB)).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(magma()[levels[::-1]]).save(content, "WEBP", quality=70, method=4)
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode("ascii")


def place_of_hz(hz: float, sample_rate: int) -> float:
    """Where a frequency lies in the image: 0 at the bottom, 1 at the top."""
    return float(_mel(hz) / _mel(sample_rate / 2))


def _mel(hz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log10(1.0 + np.asarray(hz) / 700.0))


def _in_mel(decibels: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """(bands, columns) -> (`ROWS`, columns): the loudest bin of each row, or the one nearest to it."""
    top = float(_mel(sample_rate / 2))
    edges_hz = 700.0 * (10 ** np.linspace(0, top, ROWS + 1) - 1.0)
    bins = edges_hz / (sample_rate / 2) * (len(decibels) - 1)
    rows = [decibels[int(low) : max(int(low) + 1, int(np.ceil(high)))].max(0) for low, high in pairwise(bins)]
    return np.stack(rows)
