"""Noise has the spectrum that its colour says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from sedt.data.noise import Colour, coloured_noise, rms


@pytest.mark.parametrize(("colour", "db_per_octave"), [("white", 0.0), ("pink", -3.01), ("brown", -6.02)])
def test_the_spectrum_falls_as_it_should(colour: Colour, db_per_octave: float) -> None:
    noise = coloured_noise(np.random.default_rng(0), 160_000, 16_000, colour)
    frequency, power = welch(noise, 16_000, nperseg=4096)
    band = (frequency > 50) & (frequency < 7000)
    slope, _ = np.polyfit(np.log2(frequency[band]), 10 * np.log10(power[band]), 1)
    assert slope == pytest.approx(db_per_octave, abs=0.15)


@pytest.mark.parametrize("num_samples", [1, 2, 7, 1000, 159_999])
def test_length_level_and_type(num_samples: int) -> None:
    noise = coloured_noise(np.random.default_rng(1), num_samples, 16_000, "brown")
    assert noise.shape == (num_samples,)
    assert noise.dtype == np.float32
    assert rms(noise) == pytest.approx(0.0 if num_samples == 1 else 1.0, abs=1e-5)
    assert abs(float(noise.mean(dtype=np.float64))) < 1e-5


def test_noise_is_gaussian_and_does_not_repeat() -> None:
    noise = coloured_noise(np.random.default_rng(2), 160_000, 16_000, "white")
    assert np.mean(np.abs(noise) < 1) == pytest.approx(0.6827, abs=0.005)
    assert np.mean(noise**4) == pytest.approx(3.0, abs=0.1)
    half = len(noise) // 2
    assert abs(np.mean(noise[:half] * noise[half:])) < 0.02


def test_the_generator_alone_decides() -> None:
    first, again, other = (coloured_noise(np.random.default_rng(s), 999, 8000, "pink") for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
