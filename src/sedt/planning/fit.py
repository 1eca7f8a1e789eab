"""Window, features, queries and sizes that fit the events of a data set; every choice with its reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sedt.errors import InputError
from sedt.events import Event

WINDOWS_S = (10.0, 5.0, 4.0, 3.0, 2.0, 1.5, 1.0, 0.5)
LONGER_WINDOWS_S = (20.0, 30.0)
"""For events that the usual windows would cut."""
MOST_IN_WINDOW = 24
"""Events in a window that queries can be learned for; the paper has 20 queries."""
MEDIANS_IN_WINDOW = 15
"""A window is at most so many times the usual event: edges are learned as shares of the window."""
LEAST_EVENTS = 5
"""A class with fewer in the training recordings cannot be learned."""
MOST_HOP_IN_FRAME = 0.8
"""Share of a frame from one to the next, at most: what lies between frames is not heard."""

FRAMES_IN_WINDOW = 400
COLLARS_S = (0.02, 0.05, 0.1, 0.2)
RATES = (8_000, 16_000, 22_050, 32_000)


@dataclass(frozen=True)
class Fit:
    """What a recipe says of time and classes."""

    classes: list[str]
    rare: dict[str, int]
    """Labels with too few events to learn -> how many there are for training."""
    window_s: float
    sample_rate: int
    hop_samples: int
    frame_samples: int
    fft_samples: int
    """Frames that are shorter are padded, or low mel bands would hold no bin of the FFT."""
    num_queries: int
    most_in_window: int
    min_length_s: float
    collar_s: float
    median_s: float
    shortest_s: float
    longest_s: float
    per_second: float
    """Events per second of labelled audio."""


def fit(
    training: Mapping[str, Sequence[Event]],
    durations: Mapping[str, float],
    rates: Counter[int],
    *,
    wanted: Sequence[str] | None = None,
    window_s: float | None = None,
) -> Fit:
    """Choose for the events of the training recordings.

    Args:
        training: events of the training recordings.
        durations: seconds of these recordings.
        rates: sample rate -> recordings.
        wanted: the classes; none: all with `LEAST_EVENTS`.
        window_s: in the place of the one that is found.

    Raises:
        InputError: no class has enough events; a wanted class has none.
    """
    counts = Counter(one.label for events in training.values() for one in events)
    classes, rare = _classes(counts, wanted)
    used = {name: [e for e in events if e.label in set(classes)] for name, events in training.items()}
    lengths = np.array([one.duration for events in used.values() for one in events])
    shortest, median, long, longest = np.quantile(lengths, [0.01, 0.5, 0.9, 1.0])
    window = window_s or _window(used, float(median), float(long))
    most = most_in_window(used.values(), window)
    rate = _rate(rates)
    hop = max(16, round(window * rate / FRAMES_IN_WINDOW))
    frame = max(_frame(rate, float(median)), _power_of_two(hop / MOST_HOP_IN_FRAME))
    collar = next((c for c in reversed(COLLARS_S) if c <= median), COLLARS_S[0])
    return Fit(
        classes=classes,
        rare=rare,
        window_s=window,
        sample_rate=rate,
        hop_samples=hop,
        frame_samples=frame,
        fft_samples=max(frame, _frame(rate, 1.0)),
        num_queries=max(10, 2 * math.ceil(1.3 * most / 2)),
        most_in_window=most,
        min_length_s=round(min(0.2, float(shortest) / 2), 3),
        collar_s=collar,
        median_s=float(median),
        shortest_s=float(shortest),
        longest_s=float(longest),
        per_second=len(lengths) / max(1e-9, sum(durations[name] for name in used)),
    )


def most_in_window(tables: Iterable[Sequence[Event]], window_s: float) -> int:
    """The largest number of events that any window of that length touches, but for one window in 200."""
    numbers = []
    for events in tables:
        onsets = np.sort([one.onset for one in events])
        offsets = np.sort([one.offset for one in events])
        # A window that ends just behind an onset has the most: count what has begun and not ended before it.
        begun = np.searchsorted(onsets, onsets, side="right")
        ended = np.searchsorted(offsets, onsets - window_s, side="left")
        numbers.append(begun - ended)
    joined = np.concatenate(numbers)
    return int(np.quantile(joined, 0.995, method="higher")) if len(joined) else 0


def _classes(counts: Counter[str], wanted: Sequence[str] | None) -> tuple[list[str], dict[str, int]]:
    if wanted is not None:
        missing = next((label for label in wanted if not counts[label]), None)
        if missing is not None:
            there = ", ".join(sorted(counts)) or "none"
            raise InputError(f"--class: no training recording has {missing!r} (labels: {there})")
        return sorted(set(wanted)), {}
    classes = sorted(label for label, number in counts.items() if number >= LEAST_EVENTS)
    if not classes:
        told = ", ".join(f"{label} {number}" for label, number in counts.most_common()) or "none"
        raise InputError(
            f"too few labels to learn from: a class needs {LEAST_EVENTS} events for training (there: {told})"
        )
    return classes, {label: number for label, number in sorted(counts.items()) if number < LEAST_EVENTS}


def _window(used: Mapping[str, Sequence[Event]], median_s: float, long_s: float) -> float:
    """The longest window that is neither too crowded nor too coarse, but long enough for long events."""
    for window in WINDOWS_S:
        fits = window <= MEDIANS_IN_WINDOW * median_s or window <= WINDOWS_S[-1]
        if fits and most_in_window(used.values(), window) <= MOST_IN_WINDOW:
            chosen = window
            break
    else:
        chosen = WINDOWS_S[-1]
    enough = (w for w in (*reversed(WINDOWS_S), *LONGER_WINDOWS_S) if w >= 1.5 * long_s)
    return max(chosen, next(enough, LONGER_WINDOWS_S[-1]))


def _rate(rates: Counter[int]) -> int:
    """The largest usual rate that is not above that of most recordings."""
    common = rates.most_common(1)[0][0]
    return max((rate for rate in RATES if rate <= common), default=RATES[0])


def _frame(rate: int, median_s: float) -> int:
    """A frame of 64 ms as in the paper, shorter where events are: a quarter of the usual one."""
    frame_s = min(0.064, max(0.008, median_s / 4))
    return int(2 ** round(math.log2(frame_s * rate)))


def _power_of_two(least: float) -> int:
    return int(2 ** math.ceil(math.log2(least)))
