"""Records for every tensor that crosses a folder: all of them, so that the file is longer than others.

A clip is `window_s` seconds of mono audio. Times inside a model are spans (see `sedt.spans`): shares of the
window. Decoder layers are a leading axis. Supervision travels with each clip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Supervision(IntEnum):
    """What is known of a clip."""

    NONE = 0
    """Nothing."""
    WEAK = 1
    """Which classes sound in it."""
    STRONG = 2
    """Every event with its class, onset and offset."""


@dataclass(frozen=True, order=True)
class ClipRequest:
    """What a sampler asks of a training set: clip `index` of group `group`, as it is drawn in `epoch`."""

    group: int
    index: int
    epoch: int


@dataclass(frozen=True)
class Targets:
    """What is known of one clip, ready for the losses."""

    supervision: Supervision
    tags: Tensor
    """(classes,) float, 1 where the class sounds; zeros without supervision."""
    labels: Tensor
    """(events,) int64; empty unless STRONG."""
    spans: Tensor
    """(events, 2) float: centre and length as shares of the window; empty unless STRONG."""
    weights: Tensor | None = None
    """(events,) float in 0..1: how much each event counts in the losses; None: all fully."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Targets:
        """The same targets on `device`."""
        return replace(
            self,
            tags=self.tags.to(device, non_blocking=non_blocking),
            labels=self.labels.to(device, non_blocking=non_blocking),
            spans=self.spans.to(device, non_blocking=non_blocking),
            weights=None if self.weights is None else self.weights.to(device, non_blocking=non_blocking),
        )


@dataclass(frozen=True)
class Clip:
    """One item of a data set."""

    name: str
    waveform: Tensor
    """(window_samples,) float, zeros after `num_samples`."""
    num_samples: int
    targets: Targets


@dataclass(frozen=True)
class Batch:
    """Clips side by side."""

    names: list[str]
    waveforms: Tensor
    """(batch, window_samples) float."""
    num_samples: Tensor
    """(batch,) int64: samples of each clip before its padding."""
    targets: list[Targets]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same batch on `device`."""
        return Batch(
            names=self.names,
            waveforms=self.waveforms.to(device, non_blocking=non_blocking),
            num_samples=self.num_samples.to(device, non_blocking=non_blocking),
            targets=[target.to(device, non_blocking) for target in self.targets],
        )

    def pin_memory(self) -> Batch:
        """The same batch, its audio in page-locked memory, for a faster copy to a GPU."""
        return replace(self, waveforms=self.waveforms.pin_memory(), num_samples=self.num_samples.pin_memory())


@dataclass(frozen=True)
class Probabilities:
    """What a model says of clips, in numpy: all that decoding sees."""

    classes: NDArray[np.float32]
    """(batch, queries, classes + 1): softmax, the last entry is "no event"; or (batch, queries, classes):
    a probability for each class on its own."""
    spans: NDArray[np.float32]
    """(batch, queries, 2): centre and length as shares of the window."""
    tags: NDArray[np.float32] | None
    """(batch, classes): probability that the class sounds in the clip; None for a model without an
    audio query."""
    frames: NDArray[np.float32] | None = None
    """(batch, steps, classes): probability that the class sounds in the step, of a model without queries."""
    step_s: float = 0.0
    """Seconds of a step."""

    @classmethod
    def joined(cls, parts: Sequence[Probabilities]) -> Probabilities:
        """Batches of one model, one behind the other; at least one."""
        tags = [part.tags for part in parts if part.tags is not None]
        frames = [part.frames for part in parts if part.frames is not None]
        return cls(
            classes=np.concatenate([part.classes for part in parts]),
            spans=np.concatenate([part.spans for part in parts]),
            tags=np.concatenate(tags) if tags else None,
            frames=np.concatenate(frames) if frames else None,
            step_s=parts[0].step_s,
        )

    def without(self, silent: NDArray[np.bool_]) -> Probabilities:
        """The same, but nothing sounds in the clips that `silent` (batch,) names."""

        def kept(values: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.where(silent[:, None, None], np.float32(0), values)

        return replace(
            self,
            classes=kept(self.classes),
            tags=None if self.tags is None else np.where(silent[:, None], np.float32(0), self.tags),
            frames=None if self.frames is None else kept(self.frames),
        )

    def rows(self, rows: slice | Sequence[int]) -> Probabilities:
        """Of these clips of the batch."""
        return Probabilities(
            classes=self.classes[rows],
            spans=self.spans[rows],
            tags=None if self.tags is None else self.tags[rows],
            frames=None if self.frames is None else self.frames[rows],
            step_s=self.step_s,
        )


@dataclass(frozen=True)
class Predictions:
    """What a set-prediction network gives for a batch, for every decoder layer (layers first)."""

    class_logits: Tensor
    """(layers, batch, queries, classes + 1), the last class is "no event"; or, where classes don't exclude
    each other, (layers, batch, queries, classes)."""
    spans: Tensor
    """(layers, batch, queries, 2): centre and length in 0..1."""
    tag_logits: Tensor | None = field(default=None)
    """(batch, classes), from the audio query after the last layer; None without an audio query."""
    exclusive: bool = True
    """Whether classes and "no event" exclude each other (softmax), or each class has its own sigmoid."""
    hinted: Predictions | None = None
    """What queries say that were told an event (see `sedt.models.sedt.Hints`), in training."""

    @property
    def num_classes(self) -> int:
        """Classes without "no event"."""
        return self.class_logits.shape[-1] - int(self.exclusive)

    def probabilities(self) -> Probabilities:
        """The last layer as numpy probabilities."""
        tags = None if self.tag_logits is None else self.tag_logits.float().sigmoid().detach().cpu().numpy()
        logits = self.class_logits[-1].float()
        classes = logits.softmax(-1) if self.exclusive else logits.sigmoid()
        return Probabilities(
            classes=classes.detach().cpu().numpy(),
            spans=self.spans[-1].float().detach().cpu().numpy(),
            tags=tags,
        )


@dataclass(frozen=True)
class FramePredictions:
    """What a network without queries gives for a batch."""

    frame_logits: Tensor
    """(batch, steps, classes)."""
    tag_logits: Tensor
    """(batch, classes)."""
    step_s: float
    """Seconds of a step."""

    def probabilities(self) -> Probabilities:
        """As numpy, with no queries."""
        frames = self.frame_logits.float().sigmoid().detach().cpu().numpy()
        batch, _, num_classes = frames.shape
        return Probabilities(
            classes=np.zeros((batch, 0, num_classes), dtype=np.float32),
            spans=np.zeros((batch, 0, 2), dtype=np.float32),
            tags=self.tag_logits.float().sigmoid().detach().cpu().numpy(),
            frames=frames,
            step_s=self.step_s,
        )


def collate(clips: Sequence[Clip]) -> Batch:
    """Clips of one window -> a batch."""
    import torch

    return Batch(
        names=[clip.name for clip in clips],
        waveforms=torch.stack([clip.waveform for clip in clips]),
        num_samples=torch.tensor([clip.num_samples for clip in clips], dtype=torch.int64),
        targets=[clip.targets for clip in clips],
    )


@dataclass(frozen=True)
class PatchClip:
    """One item of pre-training: a clip without labels, and the patches to find in it."""

    waveform: Tensor | None
    """(window_samples,) float, zeros after `num_samples`; None where the map is there."""
    num_samples: int
    patches: Tensor
    """(patches, 2) float: spans as shares of the window."""
    row: int
    """The clip's row in the store of kept maps; -1 without one."""
    feature_map: Tensor | None = None
    """(channels, time, frequency) bfloat16: the frozen backbone's map, where it is kept."""


@dataclass(frozen=True)
class PatchBatch:
    """Clips of pre-training side by side; those without a kept map come with their audio."""

    waveforms: Tensor
    """(clips without a map, window_samples) float."""
    num_samples: Tensor
    """(batch,) int64; 0 for a clip in which nothing sounds."""
    patches: Tensor
    """(batch, patches, 2)."""
    rows: Tensor
    """(batch,) int64."""
    has_map: Tensor
    """(batch,) bool."""
    feature_maps: Tensor | None
    """(clips with a map, channels, time, frequency) bfloat16."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> PatchBatch:
        """The same batch on `device`."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> PatchBatch:
        """The same batch in page-locked memory."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Callable[[Tensor], Tensor]) -> PatchBatch:
        maps = self.feature_maps
        return PatchBatch(
            change(self.waveforms),
            change(self.num_samples),
            change(self.patches),
            change(self.rows),
            change(self.has_map),
            None if maps is None else change(maps),
        )


@dataclass(frozen=True)
class PatchPredictions:
    """What SP-SEDT says of a batch, for every decoder layer (layers first)."""

    class_logits: Tensor
    """(layers, batch, queries, 2): patch, background."""
    spans: Tensor
    """(layers, batch, queries, 2): centre and length in 0..1."""
    reconstructions: Tensor
    """(layers, batch, queries, channels): the feature of the patch, given back."""
    patch_features: Tensor
    """(batch, patches, channels): what the queries were told."""
    block: Tensor
    """(queries,) int64: which patch each query was told."""

    @property
    def as_events(self) -> Predictions:
        """Patches as events of one class."""
        return Predictions(self.class_logits, self.spans)


def collate_patches(clips: Sequence[PatchClip]) -> PatchBatch:
    """Clips of one window -> a batch."""
    import torch

    waveforms = [clip.waveform for clip in clips if clip.waveform is not None]
    maps = [clip.feature_map for clip in clips if clip.feature_map is not None]
    return PatchBatch(
        waveforms=torch.stack(waveforms) if waveforms else torch.zeros(0, 0),
        num_samples=torch.tensor([clip.num_samples for clip in clips], dtype=torch.int64),
        patches=torch.stack([clip.patches for clip in clips]),
        rows=torch.tensor([clip.row for clip in clips], dtype=torch.int64),
        has_map=torch.tensor([clip.feature_map is not None for clip in clips]),
        feature_maps=torch.stack(maps) if maps else None,
    )
