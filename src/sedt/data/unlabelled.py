"""Recordings without labels -> clips of one window with random patches in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from sedt.audio import SILENCE
from sedt.batch import ClipRequest, PatchClip
from sedt.data.clips import num_crops, padded
from sedt.data.kept_maps import KeptMaps
from sedt.data.patches import PatchSize, draw_patches
from sedt.data.recordings import Recordings
from sedt.data.sources import place_of

STRETCH_S = 60.0
"""Recordings are parted into stretches of about this length; each serves to train or to measure, not both."""

TRIES = 8
"""Places tried until something sounds there."""


@dataclass(frozen=True)
class Stretch:
    """A part of a recording, from which clips are cut."""

    recordings: Recordings
    index: int
    start_s: float
    length_s: float


def stretches(
    sets: Sequence[Recordings], window_s: float, held_out: float
) -> tuple[list[Stretch], list[Stretch]]:
    """All audio, parted into what trains and what is held out.

    A stretch's place in 0..1 follows from its recording's name and its number; what lies under `held_out` is
    held out, at least one stretch if there are two.
    """
    found: list[tuple[float, Stretch]] = []
    for recordings in sets:
        for index in range(len(recordings)):
            length_s = recordings.duration_s(index)
            parts = max(1, int(length_s // max(STRETCH_S, window_s)))
            for part in range(parts):
                stretch = Stretch(recordings, index, part * length_s / parts, length_s / parts)
                found.append((place_of(f"{recordings.name(index)}/{part}"), stretch))
    if len(found) < 2:
        return [stretch for _, stretch in found], []
    first = min(place for place, _ in found)
    bound = max(held_out, math.nextafter(first, 1.0))
    train = [stretch for place, stretch in found if place >= bound]
    held = [stretch for place, stretch in found if place < bound]
    return (train, held) if train else (held[1:], held[:1])


@dataclass(frozen=True)
class PatchPlan:
    """What is cut, and how many patches of it are drawn."""

    sample_rate: int
    window_s: float
    num_patches: int
    size: PatchSize
    same_place: bool = False
    """Cut at the same places in every epoch, as kept maps need; patches are drawn anew all the same."""


class PatchClips(Dataset[PatchClip]):
    """Clips of stretches, asked for by `ClipRequest`.

    A stretch longer than the window counts as many times as windows cover it (`num_crops`); each time another
    random clip is cut. What a request gives depends on (seed, index, epoch) alone. A clip in which nothing
    sounds is cut anew; if nothing sounds anywhere near, it is given with no samples: nobody learns from it.
    """

    def __init__(
        self,
        parts: Sequence[Stretch],
        plan: PatchPlan,
        seed: int,
        maps: KeptMaps | None = None,
        first_row: int = 0,
    ) -> None:
        self.plan, self.seed, self.maps, self.first_row = plan, seed, maps, first_row
        self.places = [part for part in parts for _ in range(num_crops(part.length_s, plan.window_s))]

    def __len__(self) -> int:
        """Clips of all stretches together."""
        return len(self.places)

    def __getitem__(self, request: ClipRequest | int) -> PatchClip:
        """The clip, cut as in this epoch, with the patches of this epoch; a number is the one of epoch 0."""
        index, epoch = (request, 0) if isinstance(request, int) else (request.index, request.epoch)
        draws = np.random.default_rng([self.seed, 1, index, epoch])
        row = self.first_row + index if self.maps is not None else -1
        kept = self.maps.read(row) if self.maps is not None else None
        if kept is not None:
            heard = kept.num_samples / self.window_samples
            return PatchClip(None, kept.num_samples, self._patches(draws, heard), row, kept.feature_map)
        samples = self._cut(index, 0 if self.plan.same_place else epoch)
        waveform = torch.from_numpy(padded(samples, self.window_samples))
        heard = len(samples) / self.window_samples
        return PatchClip(waveform, len(samples), self._patches(draws, heard), row)

    @property
    def window_samples(self) -> int:
        """Samples of a clip."""
        return round(self.plan.window_s * self.plan.sample_rate)

    def _patches(self, draws: np.random.Generator, heard: float) -> torch.Tensor:
        return torch.from_numpy(draw_patches(draws, self.plan.num_patches, self.plan.size, min(1.0, heard)))

    def _cut(self, index: int, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        """At most a window of samples; none where the stretch is silent."""
        part, plan = self.places[index], self.plan
        generator = np.random.default_rng([self.seed, 0, index, epoch])
        slack = max(0.0, part.length_s - plan.window_s)
        for _ in range(TRIES if slack else 1):
            start_s = part.start_s + float(generator.uniform(0, slack))
            length_s = min(plan.window_s, part.length_s)
            samples, _ = part.recordings.read(part.index, plan.sample_rate, start_s, length_s, epoch)
            if len(samples) and float(np.abs(samples).max()) > SILENCE:
                return samples[: self.window_samples]
        return np.zeros(0, dtype=np.float32)
