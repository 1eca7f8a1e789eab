"""Augmentation: training clips are changed at random, and their labels move with the sound.

It stands between the parts of the frontend: noise on the waveform, all else on the spectrogram in dB, before
it is normalised. In this order: noise, gain, time shift, frequency shift, time mask, frequency mask, mixup.
All draws come from torch's generator on the CPU, which training seeds before each step.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from sedt.batch import Batch, Supervision, Targets
from sedt.data.moving_events import events_of, mixed, moved, silenced, targets_of
from sedt.data.spectrogram_changes import (
    roll_frames,
    shift_bands,
    shift_frames,
    silence_bands,
    silence_frames,
)
from sedt.features import Frontend


@dataclass(frozen=True)
class AugmentationPlan:
    """How likely and how large changes are; see `sedt.config.AugmentationConfig` for units and sources."""

    mixup: float = 0.0
    mixup_beta: float = 1.0
    time_mask: float = 0.0
    time_mask_share: tuple[float, float] = (0.0, 0.1)
    frequency_mask: float = 0.0
    frequency_mask_share: tuple[float, float] = (0.03, 0.4)
    frequency_shift: float = 0.0
    frequency_shift_bands: float = 2.0
    time_shift: float = 0.0
    time_shift_s: float = 1.0
    gain: float = 0.0
    gain_db: tuple[float, float] = (-6.0, 6.0)
    noise: float = 0.0
    noise_snr_db: tuple[float, float] = (30.0, 30.0)

    @property
    def changes_anything(self) -> bool:
        """Whether any change has a probability above 0."""
        return any(getattr(self, field.name) for field in fields(self) if field.name in CHANGES)


CHANGES = ("mixup", "time_mask", "frequency_mask", "frequency_shift", "time_shift", "gain", "noise")


@dataclass(frozen=True)
class Augmented:
    """A batch as the network sees it."""

    features: Tensor
    """(batch, frames, bands), normalised."""
    num_samples: Tensor
    """(batch,) int64: samples before the padding; a mixed clip is as long as the longer of the two."""
    targets: list[Targets]


@dataclass(frozen=True)
class _Clip:
    """One clip under change."""

    decibels: Tensor
    """(frames, bands)."""
    num_frames: int
    """Frames before the padding."""
    targets: Targets


class Augmentation:
    """A batch of clips -> features and targets, changed together."""

    def __init__(self, plan: AugmentationPlan, frontend: Frontend, window_s: float) -> None:
        self.plan, self.frontend, self.window_s = plan, frontend, window_s
        log_mel = frontend.log_mel
        self._frame_share = log_mel.hop_samples / log_mel.sample_rate / window_s
        """What a frame is of the window."""

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Augmented:
        """Change every clip on its own, then mix some: waveforms in, normalised features out."""
        if not self.plan.changes_anything:
            return Augmented(self.frontend(batch.waveforms), batch.num_samples, batch.targets)
        with torch.autocast(batch.waveforms.device.type, enabled=False):
            decibels = self.frontend.log_mel(self._with_noise(batch.waveforms, batch.num_samples))
            lengths = self.frontend.num_frames(batch.num_samples).tolist()
            clips = [
                self._changed(_Clip(*parts))
                for parts in zip(decibels.unbind(), lengths, batch.targets, strict=True)
            ]
            partners = self._partners(batch.targets)
            mixes = [self._mixed(clips, i, partner) for i, partner in enumerate(partners)]
            features = self.frontend.normaliser(torch.stack([clip.decibels for clip in mixes]))
        others = torch.tensor([i if j is None else j for i, j in enumerate(partners)])
        longer = torch.maximum(batch.num_samples, batch.num_samples[others.to(batch.num_samples.device)])
        return Augmented(features, longer, [clip.targets for clip in mixes])

    def _with_noise(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """White noise under some clips, as long as they are."""
        chosen = torch.rand(len(waveforms)) < self.plan.noise
        if not chosen.any():
            return waveforms
        low, high = self.plan.noise_snr_db
        gain = 10 ** (-torch.empty(len(waveforms)).uniform_(low, high) / 20) * chosen
        inside = torch.arange(waveforms.shape[1], device=waveforms.device) < num_samples[:, None]
        level = (waveforms.square().sum(1) / num_samples.clamp(min=1)).sqrt() * gain.to(waveforms)
        noise = torch.randn(waveforms.shape).to(waveforms)
        return waveforms + noise * inside * level[:, None]

    def _changed(self, clip: _Clip) -> _Clip:
        """All changes of one clip on its own."""
        plan = self.plan
        if _happens(plan.gain):
            clip = replace(clip, decibels=clip.decibels + _uniform(*plan.gain_db))
        if _happens(plan.time_shift):
            clip = self._shifted(
                clip, round(_normal() * plan.time_shift_s / self.window_s / self._frame_share)
            )
        if _happens(plan.frequency_shift):
            bands = round(_normal() * plan.frequency_shift_bands)
            clip = replace(clip, decibels=shift_bands(clip.decibels, bands, self._floor(clip.decibels)))
        if _happens(plan.time_mask):
            clip = self._time_masked(
                clip, *_stretch(clip.num_frames, len(clip.decibels), plan.time_mask_share)
            )
        if _happens(plan.frequency_mask):
            num_bands = clip.decibels.shape[1]
            start, stop = _stretch(num_bands, num_bands, plan.frequency_mask_share)
            clip = replace(
                clip, decibels=silence_bands(clip.decibels, start, stop, self._floor(clip.decibels))
            )
        return clip

    def _floor(self, decibels: Tensor) -> float:
        """What silence is in this spectrogram."""
        return self.frontend.log_mel.floor_db(float(decibels.max()))

    def _shifted(self, clip: _Clip, by: int) -> _Clip:
        """Later by some frames. Of a clip without events nothing may leave: nobody knows what it was."""
        heard, behind = clip.decibels[: clip.num_frames], clip.decibels[clip.num_frames :]
        by = max(-clip.num_frames, min(clip.num_frames, by))
        if clip.targets.supervision is not Supervision.STRONG:
            return replace(clip, decibels=torch.cat([roll_frames(heard, by), behind]))
        end = min(1.0, clip.num_frames * self._frame_share)
        events = moved(events_of(clip.targets), by * self._frame_share, end, self.window_s)
        heard = shift_frames(heard, by, self._floor(clip.decibels))
        return replace(clip, decibels=torch.cat([heard, behind]), targets=targets_of(events, clip.targets))

    def _time_masked(self, clip: _Clip, start: int, stop: int) -> _Clip:
        decibels = silence_frames(clip.decibels, start, stop, self._floor(clip.decibels))
        if clip.targets.supervision is not Supervision.STRONG:
            return replace(clip, decibels=decibels)
        share = self._frame_share
        events = silenced(events_of(clip.targets), start * share, stop * share, self.window_s)
        return replace(clip, decibels=decibels, targets=targets_of(events, clip.targets))

    def _partners(self, targets: list[Targets]) -> list[int | None]:
        """For each clip another one of the same supervision to be mixed with, or None."""
        partners: list[int | None] = []
        for i, target in enumerate(targets):
            others = [j for j, t in enumerate(targets) if j != i and t.supervision is target.supervision]
            chosen = others and _happens(self.plan.mixup)
            partners.append(others[int(torch.randint(len(others), ()))] if chosen else None)
        return partners

    def _mixed(self, clips: list[_Clip], index: int, partner: int | None) -> _Clip:
        clip = clips[index]
        if partner is None:
            return clip
        other = clips[partner]
        weight = float(torch.distributions.Beta(self.plan.mixup_beta, self.plan.mixup_beta).sample())
        decibels = weight * clip.decibels + (1 - weight) * other.decibels
        tags = weight * clip.targets.tags + (1 - weight) * other.targets.tags
        targets = replace(clip.targets, tags=tags)
        if clip.targets.supervision is Supervision.STRONG:
            events = mixed(events_of(clip.targets), events_of(other.targets), weight)
            targets = replace(targets_of(events, clip.targets), tags=tags)
        return _Clip(decibels, max(clip.num_frames, other.num_frames), targets)


def _happens(probability: float) -> bool:
    return probability > 0 and float(torch.rand(())) < probability


def _uniform(low: float, high: float) -> float:
    return low + float(torch.rand(())) * (high - low)


def _normal() -> float:
    return float(torch.randn(()))


def _stretch(size: int, whole: int, share: tuple[float, float]) -> tuple[int, int]:
    """A random stretch within 0..size, its length a random share of `whole`."""
    length = min(size, round(_uniform(*share) * whole))
    start = int(torch.randint(size - length + 1, ()))
    return start, start + length
