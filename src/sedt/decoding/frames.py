"""Probabilities of steps -> events: median filter, threshold, runs, each class with its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sedt.events import Event

Floats = NDArray[np.float64]


def smoothed(frames: NDArray[np.float32], step_s: float, median_s: Floats) -> Floats:
    """Median over about `median_s` (classes,) seconds, an odd number of steps: (windows, steps, classes).

    The first and the last step stand for what lies outside the window.
    """
    result = frames.astype(np.float64)
    for label, seconds in enumerate(median_s.tolist()):
        steps = 2 * round((seconds / step_s - 1) / 2) + 1
        if steps > 1:
            half = steps // 2
            padded = np.pad(result[..., label], ((0, 0), (half, half)), mode="edge")
            around = sliding_window_view(padded, steps, axis=1)
            result[..., label] = np.partition(around, half, axis=-1)[..., half]
    return result


def runs(scores: Floats, thresholds: Floats, step_s: float, limit_s: float) -> list[tuple[int, Event]]:
    """Longest stretches of (steps, classes) from the threshold of the class up: (class, event without label).

    The score is the mean over the stretch; times are clipped to `limit_s`.
    """
    found: list[tuple[int, Event]] = []
    for label, threshold in enumerate(thresholds.tolist()):
        above = (scores[:, label] >= threshold) & (scores[:, label] > 0)
        changes = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]]).astype(np.int8)))
        for first, last in changes.reshape(-1, 2).tolist():
            onset, offset = min(first * step_s, limit_s), min(last * step_s, limit_s)
            if onset < offset:
                found.append((label, Event(onset, offset, "", float(scores[first:last, label].mean()))))
    return found


def steps_as_events(
    scores: Floats, classes: Sequence[str], least: float, step_s: float, limit_s: float
) -> list[Event]:
    """Every step as an event of every class, from `least` up; what PSDS paints and cuts at all thresholds."""
    return [
        Event(step * step_s, min((step + 1) * step_s, limit_s), classes[label], float(scores[step, label]))
        for step, label in np.argwhere(scores >= least).tolist()
        if step * step_s < limit_s
    ]
