"""Coloured noise."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len

from sedt.audio import Waveform

Colour = Literal["white", "pink", "brown"]

SLOPES: dict[Colour, float] = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Power falls as 1 / frequency to this: by 0, 3 and 6 dB per octave."""

_LOWEST_HZ = 20.0  # below, where nobody hears, power stays level: else brown noise is nearly all rumble


def coloured_noise(
    generator: np.random.Generator, num_samples: int, sample_rate: int, colour: Colour
) -> Waveform:
    """Gaussian noise of RMS 1 (no constant part, so a single sample is 0). Returns (num_samples,).

    A random spectrum of the wanted slope, transformed back.
    """
    size = next_fast_len(max(num_samples, 2), real=True)
    parts = generator.standard_normal((size // 2 + 1, 2), dtype=np.float32)
    spectrum = parts.view(np.complex64)[:, 0] * _shape(size, sample_rate, colour)
    noise = irfft(spectrum, size)[:num_samples].astype(np.float32, copy=False)
    noise -= noise.mean()
    noise /= np.float32(max(rms(noise), 1e-12))
    return noise


@lru_cache(maxsize=len(SLOPES))
def _shape(size: int, sample_rate: int, colour: Colour) -> NDArray[np.float32]:
    """Amplitude of every frequency of a spectrum."""
    frequency = np.fft.rfftfreq(size, 1 / sample_rate)
    shape = np.maximum(frequency, _LOWEST_HZ) ** (-SLOPES[colour] / 2)
    shape[0] = 0.0
    narrow: NDArray[np.float32] = shape.astype(np.float32)
    return narrow


def rms(waveform: Waveform) -> float:
    """Root of the mean square; 0 for no samples."""
    return float(np.sqrt(np.mean(np.square(waveform), dtype=np.float64))) if waveform.size else 0.0


def db_to_gain(level_db: float) -> float:
    """dB -> factor of amplitude."""
    return float(10.0 ** (level_db / 20.0))
