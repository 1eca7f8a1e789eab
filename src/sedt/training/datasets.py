"""A recipe's data, read once for all stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sedt.build as build
from sedt.batch import Clip, ClipRequest, Supervision
from sedt.config import Recipe
from sedt.data.clips import TAGS_BEYOND, ClipShape, TrainingClips, WindowClips, num_crops
from sedt.data.recordings import Recordings
from sedt.errors import InputError


@dataclass(frozen=True)
class Datasets:
    """Recordings by what they serve."""

    classes: list[str]
    shape: ClipShape
    seed: int
    strong: Sequence[Recordings]
    weak: Sequence[Recordings]
    unlabelled: Sequence[Recordings]
    validation: Sequence[Recordings]
    hop_s: float

    def training(self, *groups: Sequence[Recordings]) -> TrainingClips:
        """Groups of recordings as clips to train on."""
        return TrainingClips(groups, self.shape, self.seed)

    def windows(self) -> WindowClips | None:
        """The validation recordings in full; None if there are none."""
        return WindowClips(self.validation, self.shape, self.hop_s) if self.validation else None

    def sample(self, at_most: int) -> Iterator[Clip]:
        """Training clips, evenly spread over all groups; those without labels only if there are no others."""
        clips = self.training([*self.strong, *self.weak] or self.unlabelled)
        size = clips.group_sizes()[0]
        for i in range(min(size, at_most)):
            yield clips[ClipRequest(0, i * size // min(size, at_most), 0)]

    def summary(self) -> str:
        """A line for each part."""
        lines = [f"classes: {', '.join(self.classes)}"] if self.classes else []
        for name in ("strong", "weak", "unlabelled", "validation"):
            sets: Sequence[Recordings] = getattr(self, name)
            if not sets and name == "unlabelled":
                continue
            count = sum(len(recordings) for recordings in sets)
            hours = sum(r.duration_s(i) for r in sets for i in range(len(r))) / 3600
            lines.append(f"{name}: {count} recordings, {hours:.2f} h")
        if beyond := self._weak_beyond():
            lines.append(f"note: weak recordings longer than the window: {beyond}, {TAGS_BEYOND}")
        return "\n".join(lines)

    def _weak_beyond(self) -> int:
        """Weak recordings of which a clip is only a part."""
        lengths = (recordings.duration_s(i) for recordings in self.weak for i in range(len(recordings)))
        return sum(num_crops(seconds, self.shape.window_s) > 1 for seconds in lengths)


def load_datasets(recipe: Recipe) -> Datasets:
    """Read the label files of a recipe.

    Raises:
        InputError: something cannot be read; there are no training clips, or no labels.
    """
    rate = recipe.features.sample_rate
    strong = build.all_recordings(recipe.data.strong, Supervision.STRONG, rate)
    weak = build.all_recordings(recipe.data.weak, Supervision.WEAK, rate)
    if not strong and not weak and recipe.stages != ["pretrain"]:
        raise InputError(f"{recipe.name}: the recipe has no training data (data.strong, data.weak)")
    unlabelled = []
    if {"pretrain", "finetune_semi"} & set(recipe.stages):
        unlabelled = build.all_recordings(recipe.data.unlabelled, Supervision.NONE, rate)
    classes = build.classes(recipe.data, [*strong, *weak]) if strong or weak else []
    return Datasets(
        classes=classes,
        shape=build.clip_shape(recipe, classes),
        seed=recipe.seed,
        strong=strong,
        weak=weak,
        unlabelled=unlabelled,
        validation=build.all_recordings(recipe.data.validation, Supervision.STRONG, rate),
        hop_s=build.window_hop_s(recipe.model),
    )
