"""Augmentation: what is heard after it is where the labels say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sedt.batch import Batch, Supervision, Targets
from sedt.data.augmentation import CHANGES, Augmentation, AugmentationPlan, Augmented
from sedt.data.moving_events import MovingEvent, mixed, moved, silenced
from sedt.data.targets import no_targets, strong_targets, weak_targets
from sedt.events import Event
from sedt.features import Frontend, LogMel
from sedt.spans import spans_to_edges

RATE, WINDOW_S = 16_000, 10.0
SAMPLES = int(RATE * WINDOW_S)
CLASSES = ["low", "middle", "high"]
HZ = {"low": 300.0, "middle": 1500.0, "high": 5000.0}
FLOOR_DB = -80.0
BLUR_S = 0.07  # an analysis frame is 64 ms long


def tone(label: str, onset: float, offset: float, samples: int = SAMPLES) -> Tensor:
    """Silence, but for a tone from onset to offset."""
    time = torch.arange(samples) / RATE
    return torch.sin(2 * torch.pi * HZ[label] * time) * ((time >= onset) & (time < offset)) * 0.5


def strong(label: str, onset: float, offset: float) -> tuple[Tensor, Targets]:
    return tone(label, onset, offset), strong_targets([Event(onset, offset, label)], CLASSES, WINDOW_S)


def batch_of(*clips: tuple[Tensor, Targets], num_samples: int = SAMPLES) -> Batch:
    waveforms = torch.stack([waveform for waveform, _ in clips])
    lengths = torch.full((len(clips),), num_samples)
    return Batch([str(i) for i in range(len(clips))], waveforms, lengths, [t for _, t in clips])


def augment(batch: Batch, seed: int = 0, **plan: Any) -> Augmented:
    torch.manual_seed(seed)
    return Augmentation(AugmentationPlan(**plan), Frontend(LogMel()), WINDOW_S)(batch)


def heard(features: Tensor) -> tuple[float, float]:
    """First and last second at which a spectrogram is louder than 40 dB under its maximum."""
    loud = (features > features.max() - 40).any(1).nonzero()[:, 0]
    return float(loud[0]) * 323 / RATE, float(loud[-1] + 1) * 323 / RATE


def edges_s(targets: Targets) -> list[list[float]]:
    edges: list[list[float]] = (spans_to_edges(targets.spans) * WINDOW_S).tolist()
    return edges


def test_without_plans_a_batch_stays_as_it_is() -> None:
    batch = batch_of(strong("low", 2, 4))
    out = augment(batch)
    torch.testing.assert_close(out.features, Frontend(LogMel())(batch.waveforms), rtol=0, atol=0)
    assert out.targets is batch.targets
    assert {name for name in CHANGES if AugmentationPlan(**{name: 0.1}).changes_anything} == set(CHANGES)
    assert not AugmentationPlan(time_shift_s=3.0).changes_anything


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("change", ["time_shift", "time_mask", "frequency_shift", "gain"])
def test_events_are_where_the_sound_is(change: str, seed: int) -> None:
    plan = {change: 1.0, "time_shift_s": 3.0, "time_mask_share": (0.1, 0.3)}
    out = augment(batch_of(strong("middle", 2.0, 5.0)), seed, **plan)
    [[onset, offset]] = edges_s(out.targets[0])
    start, stop = heard(out.features[0])
    assert start == pytest.approx(onset, abs=BLUR_S)
    assert stop == pytest.approx(offset, abs=BLUR_S)
    assert out.targets[0].tags.tolist() == [0, 1, 0]


def test_a_time_shift_moves_far_and_drops_what_leaves() -> None:
    shifts = [
        edges_s(augment(batch_of(strong("low", 4, 5)), seed, time_shift=1.0, time_shift_s=3.0).targets[0])
        for seed in range(40)
    ]
    onsets = [edges[0][0] for edges in shifts if edges]
    assert np.ptp(onsets) > 4
    gone = [augment(batch_of(strong("low", 9.5, 10)), s, time_shift=1.0, time_shift_s=3.0) for s in range(20)]
    left = [len(out.targets[0].labels) for out in gone]
    assert 0 in left
    assert 1 in left
    for out, number in zip(gone, left, strict=True):
        assert out.targets[0].tags.sum() == number  # a strong clip's tags follow its events
        if not number:  # what is left, if anything, is less than 0.2 s
            loud = (out.features[0] > FLOOR_DB / 2 + out.features.max()).any(1).sum()
            assert out.features[0].std() < 1e-4 or loud * 323 / RATE < 0.2 + 2 * BLUR_S


def test_what_moves_in_is_the_floor() -> None:
    noise = torch.randn(SAMPLES, generator=torch.Generator().manual_seed(0)) * 0.1
    clip = (noise, strong_targets([], CLASSES, WINDOW_S))
    plain = Frontend(LogMel())(noise[None])[0]
    for change in ("time_shift", "frequency_shift", "time_mask", "frequency_mask"):
        plan = {change: 1.0, "time_mask_share": (0.1, 0.1), "frequency_shift_bands": 9.0}
        out = augment(batch_of(clip), 7, **plan).features[0]
        filled = out == out.min()
        assert filled.float().mean() > 0.003, change
        assert out.min() == pytest.approx(float(out.max()) - 80.0, abs=3.0)  # the maximum may have left
        assert out.min() < plain.min() - 20, change  # noise alone never goes so low


def test_the_frequency_shift_moves_the_tone_by_bands() -> None:
    before = Frontend(LogMel())(tone("middle", 2, 4)[None])[0]
    loudest = {
        int(augment(batch_of(strong("middle", 2, 4)), seed, frequency_shift=1.0).features[0].amax(0).argmax())
        for seed in range(30)
    }
    middle = int(before.amax(0).argmax())
    assert middle in loudest
    assert min(loudest) < middle < max(loudest)
    assert max(loudest) - min(loudest) < 16  # a deviation of 2 bands


def test_a_weak_clip_keeps_its_sound_and_its_tags() -> None:
    clip = (tone("high", 9.0, 9.8), weak_targets(["high"], CLASSES))
    for seed in range(10):
        out = augment(batch_of(clip), seed, time_shift=1.0, time_shift_s=5.0, time_mask=1.0)
        assert out.targets[0].tags.tolist() == [0, 0, 1]
        rolled = augment(batch_of(clip), seed, time_shift=1.0, time_shift_s=5.0).features[0]
        loud = (rolled > rolled.max() - 20).any(1).sum() * 323 / RATE
        assert loud == pytest.approx(0.8, abs=2 * BLUR_S)


def test_tags_that_a_teacher_knows_without_a_time_stay() -> None:
    waveform, known = strong("low", 4.0, 6.0)
    known.tags[CLASSES.index("high")] = 1  # as `PseudoLabels` leaves a weak clip
    for change in (
        {"time_mask": 1.0, "time_mask_share": (0.01, 0.02)},
        {"time_shift": 1.0, "time_shift_s": 0.5},
    ):
        out = augment(batch_of((waveform, known)), **change)
        assert out.targets[0].tags.tolist() == [1, 0, 1]
    gone = augment(batch_of((waveform, known)), time_shift=1.0, time_shift_s=1e6)
    assert gone.targets[0].tags.tolist() == [0, 0, 1]


def test_gain_and_noise_have_their_levels() -> None:
    batch = batch_of(strong("middle", 0, 10))
    plain = Frontend(LogMel())(batch.waveforms)
    louder = augment(batch, gain=1.0, gain_db=(4.0, 4.0)).features
    torch.testing.assert_close(louder, plain + 4)
    torch.manual_seed(0)
    augmentation = Augmentation(
        AugmentationPlan(noise=1.0, noise_snr_db=(20.0, 20.0)), Frontend(LogMel()), WINDOW_S
    )
    added = augmentation._with_noise(batch.waveforms, batch.num_samples) - batch.waveforms
    ratio = 20 * torch.log10(batch.waveforms.square().mean().sqrt() / added.square().mean().sqrt())
    assert ratio.item() == pytest.approx(20, abs=0.1)


def test_noise_ends_with_the_clip() -> None:
    half = SAMPLES // 2
    clip = (tone("low", 0, 5), strong_targets([Event(0, 5, "low")], CLASSES, WINDOW_S))
    out = augment(batch_of(clip, num_samples=half), noise=1.0, noise_snr_db=(0.0, 0.0)).features[0]
    behind = out[half // 323 + 4 :]
    assert (behind == behind.min()).all()
    assert (out[: half // 323 - 4].amin() > behind.min()).all()


def test_mixup_weighs_each_event_by_its_clip() -> None:
    batch = batch_of(strong("low", 1, 3), strong("high", 5, 8))
    out = augment(batch, 3, mixup=1.0)
    for i, targets in enumerate(out.targets):
        assert targets.labels.tolist() == [0, 2]
        assert edges_s(targets) == [pytest.approx([1, 3]), pytest.approx([5, 8])]
        assert targets.weights is not None
        own, other = targets.weights[i], targets.weights[1 - i]
        assert own + other == pytest.approx(1.0)
        plain = Frontend(LogMel())(batch.waveforms)
        torch.testing.assert_close(out.features[i], own * plain[i] + other * plain[1 - i])
        wanted = torch.zeros(3)
        wanted[[0, 2]] = targets.weights
        torch.testing.assert_close(targets.tags, wanted)


def test_mixup_stays_within_a_supervision() -> None:
    silence = torch.zeros(SAMPLES)
    batch = batch_of(
        strong("low", 1, 3), (silence, weak_targets(["high"], CLASSES)), (silence, no_targets(3))
    )
    out = augment(batch, mixup=1.0)  # nobody has a partner
    torch.testing.assert_close(out.features, Frontend(LogMel())(batch.waveforms))
    assert [t.supervision for t in out.targets] == [Supervision.STRONG, Supervision.WEAK, Supervision.NONE]


def test_a_mixed_clip_is_as_long_as_the_longer() -> None:
    batch = batch_of(strong("low", 1, 3), strong("high", 5, 8))
    shorter = Batch(batch.names, batch.waveforms, torch.tensor([RATE * 4, SAMPLES]), batch.targets)
    assert augment(shorter, mixup=1.0).num_samples.tolist() == [SAMPLES, SAMPLES]
    assert augment(shorter, gain=1.0).num_samples.tolist() == [RATE * 4, SAMPLES]


def test_the_step_seed_decides_all() -> None:
    plan = dict.fromkeys(CHANGES, 0.7)
    batch = batch_of(strong("low", 1, 3), strong("high", 5, 8), strong("middle", 0, 9))
    first, again, other = (augment(batch, seed, **plan) for seed in (5, 5, 6))
    torch.testing.assert_close(first.features, again.features, rtol=0, atol=0)
    assert not torch.equal(first.features, other.features)


def test_masks_cut_events_and_drop_the_hidden() -> None:
    event = MovingEvent(0, 0.2, 0.4)
    assert silenced([event], 0.1, 0.3, WINDOW_S) == [MovingEvent(0, 0.3, 0.4)]
    assert silenced([event], 0.35, 0.9, WINDOW_S) == [MovingEvent(0, 0.2, 0.35)]
    assert silenced([event], 0.25, 0.3, WINDOW_S) == [event]
    assert silenced([event], 0.2, 0.4, WINDOW_S) == []
    assert silenced([event], 0.1, 0.39, WINDOW_S) == []  # 0.1 s are left of 2 s
    assert silenced([event], 0.1, 0.375, WINDOW_S) == [MovingEvent(0, 0.375, 0.4)]  # 0.25 s are enough
    short = MovingEvent(0, 0.2, 0.21)
    assert silenced([short], 0.1, 0.204, WINDOW_S) == [MovingEvent(0, 0.204, 0.21)]  # more than half of it


def test_moves_keep_within_the_clip() -> None:
    event = MovingEvent(0, 0.2, 0.4)
    assert moved([event], -0.3, 1.0, WINDOW_S) == [MovingEvent(0, 0.0, pytest.approx(0.1))]
    assert moved([event], 0.3, 0.6, WINDOW_S) == [MovingEvent(0, 0.5, 0.6)]
    assert moved([event], 0.9, 1.0, WINDOW_S) == []


def test_mixed_events_of_one_class_that_overlap_are_one() -> None:
    first, second = [MovingEvent(0, 0.1, 0.3)], [MovingEvent(0, 0.2, 0.5), MovingEvent(1, 0.2, 0.5)]
    assert mixed(first, second, 0.75) == [MovingEvent(0, 0.1, 0.5, 1.0), MovingEvent(1, 0.2, 0.5, 0.25)]
    apart = mixed(first, [MovingEvent(0, 0.4, 0.5)], 0.75)
    assert [event.weight for event in apart] == [0.75, 0.25]
