"""Recordings -> clips of one window with targets: random crops to train on, windows in order to score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from sedt.batch import Clip, ClipRequest, Supervision, Targets
from sedt.data.recordings import Known, Recordings
from sedt.data.targets import crop_events, no_targets, strong_targets, weak_targets


@dataclass(frozen=True)
class ClipShape:
    """What every clip of a pipeline has in common."""

    classes: Sequence[str]
    sample_rate: int
    window_s: float

    @property
    def window_samples(self) -> int:
        """Samples of a window."""
        return round(self.window_s * self.sample_rate)


class TrainingClips(Dataset[Clip]):
    """Groups of recordings (such as strong and weak), asked for by `ClipRequest`.

    A recording longer than the window counts as many times as windows cover it (`num_crops`); each time
    another random stretch is cut. What a request gives depends on (seed, group, index, epoch) alone.
    """

    def __init__(self, groups: Sequence[Sequence[Recordings]], shape: ClipShape, seed: int) -> None:
        self.shape, self.seed = shape, seed
        self.groups = [_places(sets, shape.window_s) for sets in groups]

    def group_sizes(self) -> list[int]:
        """Clips in each group."""
        return [len(group) for group in self.groups]

    def __getitem__(self, request: ClipRequest) -> Clip:
        """The clip, cut as in this epoch."""
        recordings, index = self.groups[request.group][request.index]
        generator = np.random.default_rng([self.seed, request.group, request.index, request.epoch])
        slack = max(0.0, recordings.duration_s(index) - self.shape.window_s)
        start_s = float(generator.uniform(0, slack)) if slack else 0.0
        return _clip(recordings, index, start_s, self.shape, request.epoch)


@dataclass(frozen=True)
class WindowPlace:
    """Where a window lies: recording `index` of `recordings`, from `start_s` on."""

    recordings: Recordings
    index: int
    start_s: float


class WindowClips(Dataset[Clip]):
    """Every recording in full, as windows in order, for validation."""

    def __init__(self, sets: Sequence[Recordings], shape: ClipShape, hop_s: float) -> None:
        self.shape, self.hop_s = shape, hop_s
        self.places = [
            WindowPlace(recordings, index, window * hop_s)
            for recordings in sets
            for index in range(len(recordings))
            for window in range(num_windows(recordings.duration_s(index), shape.window_s, hop_s))
        ]

    def __len__(self) -> int:
        """Windows in all recordings together."""
        return len(self.places)

    def __getitem__(self, item: int) -> Clip:
        """Window `item`."""
        place = self.places[item]
        return _clip(place.recordings, place.index, place.start_s, self.shape, epoch=0)

    def targets(self, item: int) -> Targets:
        """Of window `item`, without its audio."""
        place = self.places[item]
        heard_s = min(self.shape.window_s, place.recordings.duration_s(place.index) - place.start_s)
        return _targets(place.recordings.known(place.index), place.start_s, heard_s, self.shape)


def num_windows(duration_s: float, window_s: float, hop_s: float) -> int:
    """Windows at 0, hop, 2 hop ... needed to cover a recording; at least one."""
    return max(1, math.ceil((duration_s - window_s) / hop_s - 1e-6) + 1)


TAGS_BEYOND = "what their tags name may not sound in a clip of them"
"""Said of recordings with tags alone that are longer than the window: a clip of them has all their tags."""

REST = 0.1
"""A rest of a recording that is no larger share of a window makes no further clip to train on."""


def num_crops(duration_s: float, window_s: float) -> int:
    """Windows that cover a recording but for a small rest; at least one: how often it is cut in an epoch."""
    return max(1, math.ceil(duration_s / window_s - REST - 1e-6))


def _places(sets: Sequence[Recordings], window_s: float) -> list[tuple[Recordings, int]]:
    return [
        (recordings, index)
        for recordings in sets
        for index in range(len(recordings))
        for _ in range(num_crops(recordings.duration_s(index), window_s))
    ]


def _clip(recordings: Recordings, index: int, start_s: float, shape: ClipShape, epoch: int) -> Clip:
    samples, known = recordings.read(index, shape.sample_rate, start_s, shape.window_s, epoch)
    is_full = len(samples) >= shape.window_samples
    heard_s = shape.window_s if is_full else len(samples) / shape.sample_rate
    return Clip(
        name=recordings.name(index),
        waveform=torch.from_numpy(padded(samples, shape.window_samples)),
        num_samples=min(len(samples), shape.window_samples),
        targets=_targets(known, start_s, heard_s, shape),
    )


def _targets(known: Known, start_s: float, heard_s: float, shape: ClipShape) -> Targets:
    """Nothing sounds in the padding, whatever a label file says: events end where the clip does."""
    if known.supervision is Supervision.STRONG:
        events = crop_events(known.events, start_s, heard_s)
        return strong_targets(events, shape.classes, shape.window_s)
    if known.supervision is Supervision.WEAK and heard_s:
        return weak_targets(known.tags, shape.classes)
    return no_targets(len(shape.classes))


def padded(samples: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """`samples` with zeros behind them, or cut: (size,)."""
    whole = np.zeros(size, dtype=np.float32)
    kept = samples[:size]
    whole[: len(kept)] = kept
    return whole
