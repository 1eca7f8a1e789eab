"""Recordings without labels: what is held out, what is cut, what silence gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sedt.audio import write_audio
from sedt.batch import ClipRequest, collate_patches
from sedt.data.kept_maps import KeptMaps
from sedt.data.patches import PatchSize
from sedt.data.sources import unlabelled_files
from sedt.data.unlabelled import PatchClips, PatchPlan, stretches
from sedt.errors import InputError

RATE = 1000
PLAN = PatchPlan(RATE, 10.0, 4, PatchSize())


def folder_of(path: Path, *seconds: float) -> Path:
    """Ramps: the value of a sample tells its place."""
    for number, length_s in enumerate(seconds):
        samples = np.linspace(0.1, 0.9, round(length_s * RATE), dtype=np.float32)
        write_audio(path / f"{number}.wav", samples, RATE)
    return path


def test_every_second_serves_once(tmp_path: Path) -> None:
    files = unlabelled_files(None, [folder_of(tmp_path, 600.0, 61.0, 5.0, 130.0)])
    train, held = stretches([files], 10.0, 0.2)
    assert held
    parts = sorted((part.index, part.start_s, part.length_s) for part in [*train, *held])
    for index, length_s in enumerate((600.0, 61.0, 5.0, 130.0)):
        mine = [(start, length) for i, start, length in parts if i == index]
        ends = [0.0, *(start + length for start, length in mine)]
        assert [start for start, _ in mine] == pytest.approx(ends[:-1])
        assert ends[-1] == pytest.approx(length_s)
        assert all(length >= min(60.0, length_s) for _, length in mine)
    assert not {(p.index, p.start_s) for p in train} & {(p.index, p.start_s) for p in held}
    assert stretches([files], 10.0, 0.2) == (train, held)


def test_two_files_of_one_name_are_no_secret(tmp_path: Path) -> None:
    for card in ("a", "b"):
        folder_of(tmp_path / card, 1.0)
    with pytest.raises(InputError, match=r"0\.wav have one name, 0\.wav: give each folder"):
        unlabelled_files(None, [tmp_path / "a", tmp_path / "b"])


def test_a_long_recording_alone_has_something_held_out(tmp_path: Path) -> None:
    train, held = stretches([unlabelled_files(None, [folder_of(tmp_path, 120.0)])], 10.0, 1e-9)
    assert (len(train), len(held)) == (1, 1)


def test_one_clip_is_for_training(tmp_path: Path) -> None:
    train, held = stretches([unlabelled_files(None, [folder_of(tmp_path, 8.0)])], 10.0, 0.9)
    assert (len(train), len(held)) == (1, 0)
    (clip,) = [PatchClips(train, PLAN, 0)[0]]
    assert clip.num_samples == 8 * RATE
    assert clip.waveform is not None
    assert not clip.waveform[8 * RATE :].any()
    assert (clip.patches[:, 0] + clip.patches[:, 1] / 2).max() <= 0.8 + 1e-6


def test_clips_and_patches_are_drawn_anew_in_each_epoch(tmp_path: Path) -> None:
    train, _ = stretches([unlabelled_files(None, [folder_of(tmp_path, 50.0)])], 10.0, 0.5)
    clips = PatchClips(train, PLAN, seed=3)
    assert len(clips) == 5
    one, again, other, later = (
        clips[ClipRequest(0, index, epoch)] for index, epoch in ((0, 0), (0, 0), (1, 0), (0, 1))
    )
    assert one.waveform is not None
    assert later.waveform is not None
    assert again.waveform is not None
    assert torch.equal(one.waveform, again.waveform)
    assert torch.equal(one.patches, again.patches)
    assert not torch.equal(one.patches, other.patches)
    assert not torch.equal(one.patches, later.patches)
    assert not torch.equal(one.waveform, later.waveform)
    same = PatchClips(train, PatchPlan(RATE, 10.0, 4, PatchSize(), same_place=True), seed=3)
    fixed = [same[ClipRequest(0, 0, epoch)] for epoch in (0, 1)]
    assert fixed[0].waveform is not None
    assert fixed[1].waveform is not None
    assert torch.equal(fixed[0].waveform, fixed[1].waveform)
    assert not torch.equal(fixed[0].patches, fixed[1].patches)


def test_silence_is_cut_anew_or_given_as_nothing(tmp_path: Path) -> None:
    samples = np.zeros(50 * RATE, dtype=np.float32)
    write_audio(tmp_path / "silent" / "a.wav", samples, RATE)
    samples[::7] = 0.1
    samples[: 25 * RATE] = 0.0
    write_audio(tmp_path / "half" / "a.wav", samples, RATE)
    silent, half = (
        PatchClips(stretches([unlabelled_files(None, [tmp_path / name])], 10.0, 0.5)[0], PLAN, 0)
        for name in ("silent", "half")
    )
    nothing = silent[0]
    assert nothing.num_samples == 0
    assert not nothing.patches.any()
    heard = [half[ClipRequest(0, index, epoch)] for index in range(5) for epoch in range(4)]
    assert all(clip.num_samples == 10 * RATE for clip in heard)
    assert all(clip.waveform is not None and clip.waveform.any() for clip in heard)


def test_kept_maps_spare_the_reading(tmp_path: Path) -> None:
    files = unlabelled_files(None, [folder_of(tmp_path / "audio", 30.0, 4.0)])
    train, _ = stretches([files], 10.0, 1e-9)
    maps = KeptMaps(tmp_path / "maps", 10, (3, 2, 1), "a", 1e6)
    maps.open()
    plan = PatchPlan(RATE, 10.0, 4, PatchSize(), same_place=True)
    clips = PatchClips(train, plan, 0, maps, first_row=2)
    before = clips[ClipRequest(0, 0, 5)]
    assert before.row == 2
    maps.write(2, torch.ones(3, 2, 1), before.num_samples)
    for path in files.paths:
        path.unlink()
    after = clips[ClipRequest(0, 0, 5)]
    assert after.waveform is None
    assert after.num_samples == before.num_samples
    assert after.feature_map is not None
    assert torch.equal(after.patches, before.patches)
    batch = collate_patches([after])
    assert batch.waveforms.shape == (0, 0)
    assert batch.has_map.tolist() == [True]
