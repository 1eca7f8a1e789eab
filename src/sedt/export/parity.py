"""How far an exported model is from its package: probabilities, spans and events of real audio."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedt.audio import Waveform, read_audio
from sedt.detector import Detector
from sedt.events import Event

SAME_EDGE_S = 0.001
"""Events of two runtimes are the same if no edge differs by more: what tables round to."""
NEAR_EDGE_S = 0.2
"""The same of a model in 8 bits: the collar that scores are counted with."""


@dataclass(frozen=True)
class Difference:
    """How far two runtimes of one model are apart."""

    probability: float
    """Largest difference of a probability: of a class, a tag, a step."""
    span: float
    """Largest difference of a centre or length, as a share of the window."""
    num_events: int
    """Events of the first."""
    num_changed: int
    """Events that only one of the two has."""


def compare(
    one: Detector, other: Detector, recordings: Iterable[Waveform], tolerance_s: float = SAME_EDGE_S
) -> Difference:
    """From `one` to `other`, over recordings at the detectors' rate."""
    probability = span = 0.0
    num_events = num_changed = 0
    for samples in recordings:
        predictions = [detector.predict(samples, detector.sample_rate) for detector in (one, other)]
        a, b = (each.probabilities for each in predictions)
        span = max(span, _largest(a.spans, b.spans))
        for pair in ((a.classes, b.classes), (a.tags, b.tags), (a.frames, b.frames)):
            probability = max(probability, _largest(*pair))
        first, second = (each.events(one.classes, one.decision) for each in predictions)
        num_events += len(first)
        num_changed += num_different(first, second, tolerance_s)
    return Difference(probability, span, num_events, num_changed)


def num_different(first: Sequence[Event], second: Sequence[Event], tolerance_s: float) -> int:
    """Events of either without one of the same label and the same edges, to `tolerance_s`, in the other."""
    left = list(second)
    lost = 0
    for event in first:
        same = [one for one in left if _is_same(event, one, tolerance_s)]
        if same:
            left.remove(min(same, key=lambda one: abs(one.onset - event.onset)))
        else:
            lost += 1
    return lost + len(left)


def trial_recordings(sample_rate: int, window_samples: int) -> list[Waveform]:
    """Audio to compare on: the bundled recording, the same in noise, a part shorter than a window, noise."""
    path = Path(str(files("sedt"))) / "bundled" / "recording" / "recording.ogg"
    recording = read_audio(path, sample_rate)
    recording = np.resize(recording, max(len(recording), 2 * window_samples))  # repeated for long windows
    noise = np.random.default_rng(0).standard_normal(len(recording)).astype(np.float32)
    return [
        recording,
        recording + 0.02 * noise,
        recording[: max(1, window_samples // 3)],
        0.1 * noise[:window_samples],
    ]


def _is_same(a: Event, b: Event, tolerance_s: float) -> bool:
    near = abs(a.onset - b.onset) <= tolerance_s and abs(a.offset - b.offset) <= tolerance_s
    return a.label == b.label and near


def _largest(a: NDArray[np.float32] | None, b: NDArray[np.float32] | None) -> float:
    """Largest difference; infinite where only one is there, or the shapes differ."""
    if a is None or b is None:
        return 0.0 if a is b else float("inf")
    if a.shape != b.shape:
        return float("inf")
    return float(np.abs(a - b).max(initial=0.0))
