"""Random patches: their lengths, their places."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sedt.data.patches import PatchSize, draw_patches


def many(size: PatchSize, heard: float = 1.0, number: int = 20_000) -> np.ndarray:
    return draw_patches(np.random.default_rng(0), number, size, heard)


def test_lengths_are_of_the_cut_normal_distribution() -> None:
    lengths = many(PatchSize())[:, 1]
    assert lengths.min() >= 0.05
    assert lengths.max() < 0.8
    assert lengths.mean() == pytest.approx(0.31, abs=0.01)  # spec section 2
    low, high = (np.array([0.05, 0.8]) - 0.2) / 0.26
    assert stats.kstest(lengths, stats.truncnorm(low, high, 0.2, 0.26).cdf).pvalue > 0.01


def test_places_are_uniform_and_inside() -> None:
    centre, length = many(PatchSize()).T
    onset, offset = centre - length / 2, centre + length / 2
    assert onset.min() >= -1e-6
    assert offset.max() <= 1 + 1e-6
    assert stats.kstest(onset / (1 - length), "uniform").pvalue > 0.01


def test_one_length_for_all() -> None:
    spans = many(PatchSize(fixed=0.25), number=100)
    assert np.unique(spans[:, 1]).tolist() == [0.25]
    assert np.ptp(spans[:, 0]) > 0.5


@pytest.mark.parametrize("heard", [1.0, 0.5, 0.06, 0.05, 0.01, 0.0])
@pytest.mark.parametrize("fixed", [None, 0.25])
def test_patches_lie_in_what_is_heard(heard: float, fixed: float | None) -> None:
    centre, length = many(PatchSize(fixed=fixed), heard, 300).T
    assert (centre + length / 2).max() <= heard + 1e-6
    assert (centre - length / 2).min() >= -1e-6
    if heard <= 0.05:  # shorter than the shortest patch: one patch
        assert length == pytest.approx(heard)


def test_a_range_that_draws_hardly_hit_ends_all_the_same() -> None:
    lengths = many(PatchSize(0.2, 0.0, (0.7, 0.8)), number=3)[:, 1]
    assert ((lengths >= 0.7) & (lengths < 0.8)).all()
