"""Window, queries and features follow from how long and how dense events are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sedt.errors import InputError
from sedt.events import Event
from sedt.planning.fit import WINDOWS_S, fit, most_in_window

RATES = Counter({16_000: 3})


def events(length_s: float, period_s: float, total_s: float, label: str = "x") -> list[Event]:
    return [Event(t, t + length_s, label) for t in np.arange(0, total_s - length_s, period_s)]


def test_syllables_and_scenes_get_other_windows() -> None:
    song = fit({"a": events(0.08, 0.1, 20)}, {"a": 20.0}, RATES)
    assert song.window_s == 1.0
    assert song.num_queries >= 1.3 * 11
    assert song.min_length_s < 0.08
    assert song.collar_s == 0.05
    assert song.frame_samples < song.fft_samples
    scenes = fit({"a": events(1.5, 3.0, 100)}, {"a": 100.0}, RATES)
    assert scenes.window_s == 10.0
    assert scenes.num_queries == 10
    assert scenes.min_length_s == 0.2
    assert scenes.collar_s == 0.2


def test_a_crowded_window_is_made_shorter() -> None:
    assert fit({"a": events(0.5, 0.05, 20)}, {"a": 20.0}, RATES).window_s < 10.0


def test_long_events_fit_into_the_window() -> None:
    assert fit({"a": events(15.0, 60.0, 600)}, {"a": 600.0}, RATES).window_s == 30.0


def test_all_of_the_audio_is_heard() -> None:
    """Frames overlap, however long the window and however short the events are."""
    clicks = {"a": sorted([*events(0.05, 1.0, 600), *events(15.0, 60.0, 600)])}
    for fitted in (fit(clicks, {"a": 600.0}, RATES, window_s=60.0), fit(clicks, {"a": 600.0}, RATES)):
        assert fitted.hop_samples <= 0.8 * fitted.frame_samples
        assert fitted.frame_samples <= fitted.fft_samples


def test_the_window_may_be_given() -> None:
    assert fit({"a": events(0.08, 0.1, 20)}, {"a": 20.0}, RATES, window_s=3.0).window_s == 3.0


def brute_force(tables: list[list[Event]], window_s: float) -> int:
    """Behind each onset a window ends: how many events touch it?"""
    numbers = [
        sum(e.onset <= one.onset and e.offset >= one.onset - window_s for e in table)
        for table in tables
        for one in table
    ]
    return int(np.quantile(numbers, 0.995, method="higher"))


@pytest.mark.parametrize("seed", range(5))
def test_most_in_window(seed: int) -> None:
    generator = np.random.default_rng(seed)
    onsets = generator.uniform(0, 60, 200)
    table = [
        Event(t, t + length, "x") for t, length in zip(onsets, generator.uniform(0.1, 4, 200), strict=True)
    ]
    for window_s in WINDOWS_S:
        assert most_in_window([table], window_s) == brute_force([table], window_s)
    assert most_in_window([[]], 1.0) == 0


def test_rare_labels_are_named() -> None:
    training = {"a": [*events(1.0, 2.0, 30, "dog"), Event(3.0, 4.0, "owl")]}
    found = fit(training, {"a": 30.0}, RATES)
    assert (found.classes, found.rare) == (["dog"], {"owl": 1})
    assert fit(training, {"a": 30.0}, RATES, wanted=["owl"]).classes == ["owl"]
    with pytest.raises(InputError, match="no training recording has 'cat'"):
        fit(training, {"a": 30.0}, RATES, wanted=["cat"])
    with pytest.raises(InputError, match=r"too few labels.*owl 1"):
        fit({"a": training["a"][-1:]}, {"a": 30.0}, RATES)


def test_the_rate_is_that_of_most_recordings_but_not_above_32_khz() -> None:
    training, seconds = {"a": events(1.0, 2.0, 30)}, {"a": 30.0}
    assert fit(training, seconds, Counter({48_000: 5, 8_000: 1})).sample_rate == 32_000
    assert fit(training, seconds, Counter({11_025: 5})).sample_rate == 8_000
    assert fit(training, seconds, Counter({4_000: 5})).sample_rate == 8_000
