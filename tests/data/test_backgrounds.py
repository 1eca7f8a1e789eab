"""Stretches of background recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sedt.data.backgrounds import CHUNK_S, Backgrounds, crossfaded_loop
from sedt.data.memory import Memory, PackedAudio
from sedt.errors import InputError

RATE = 1000


def recording(path: Path, seconds: float) -> np.ndarray:
    """Every stretch of it is unique."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)
    soundfile.write(path, noise, RATE, subtype="FLOAT")
    return noise


def test_a_stretch_is_the_recording_across_chunks(tmp_path: Path) -> None:
    noise = recording(tmp_path / "long.wav", 2.5 * CHUNK_S)
    backgrounds = Backgrounds([tmp_path], [], RATE, Memory(10**9))
    starts = set()
    for seed in range(30):
        stretch = backgrounds.draw(np.random.default_rng(seed), 70 * RATE)
        start = int(np.argmax(np.correlate(noise, stretch[:200], "valid")))
        np.testing.assert_allclose(stretch, noise[start : start + 70 * RATE], atol=3e-5)
        starts.add(start)
    assert min(starts) < 20 * RATE
    assert max(starts) > 60 * RATE


def test_memory_does_not_change_what_is_drawn(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav", 2 * CHUNK_S)
    kept, never = (Backgrounds([tmp_path], [], RATE, Memory(size)) for size in (10**9, 0))
    for seed in (*range(5), *range(5)):
        first, second = (b.draw(np.random.default_rng(seed), 5000) for b in (kept, never))
        np.testing.assert_array_equal(first, second)


def test_a_short_recording_is_looped(tmp_path: Path) -> None:
    recording(tmp_path / "short.wav", 2.0)
    stretch = Backgrounds([tmp_path / "short.wav"], [], RATE, Memory(0)).draw(
        np.random.default_rng(0), 10_000
    )
    assert stretch.shape == (10_000,)
    np.testing.assert_array_equal(stretch[:1500], stretch[1500:3000])  # 2 s less the crossfade of 0.5 s


@given(length=st.integers(1, 200), overlap=st.integers(0, 150))
def test_a_loop_has_no_seam(length: int, overlap: int) -> None:
    ramp = np.arange(length, dtype=np.float32)
    loop = crossfaded_loop(ramp, overlap)
    assert len(loop) == length - min(overlap, length // 2)
    assert len(loop) >= 1
    if overlap >= 20 and length >= 40:  # a jump of the whole length is spread over the overlap
        assert abs(loop[0] - loop[-1]) < length / 4


def test_a_loop_keeps_its_level() -> None:
    noise = np.random.default_rng(0).normal(size=(500, 100)).astype(np.float32)
    loops = np.array([crossfaded_loop(row, 40) for row in noise])
    np.testing.assert_allclose(loops.std(axis=0), 1.0, atol=0.15)


@pytest.mark.parametrize("excluded", ["b/rain.wav", "rain.wav", "x/b/rain.wav"])
def test_files_are_left_out_by_the_ending_of_their_path(tmp_path: Path, excluded: str) -> None:
    for name in ("x/b/rain.wav", "train.wav", "sun.wav"):
        recording(tmp_path / name, 1.0)
    backgrounds = Backgrounds([tmp_path], [excluded], RATE, Memory(0))
    assert [path.name for path in backgrounds.paths] == ["sun.wav", "train.wav"]


def test_places_may_be_files_and_folders_and_overlap(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav", 1.0)
    recording(tmp_path / "b" / "b.wav", 1.0)
    backgrounds = Backgrounds([tmp_path / "a.wav", tmp_path, tmp_path / "b"], [], RATE, Memory(0))
    assert len(backgrounds.paths) == 2


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    recording(tmp_path / "audio" / "a.wav", 1.0)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no audio files in"):
        Backgrounds([tmp_path / "none"], [], RATE, Memory(0))
    with pytest.raises(InputError, match=r"absent: no such folder"):
        Backgrounds([tmp_path / "absent"], [], RATE, Memory(0))
    with pytest.raises(InputError, match=r"'b\.wav' is none of the 1 background files"):
        Backgrounds([tmp_path / "audio"], ["b.wav"], RATE, Memory(0))
    with pytest.raises(InputError, match="no audio files"):
        Backgrounds([tmp_path / "audio"], ["a.wav"], RATE, Memory(0))


def test_memory_keeps_within_its_bound() -> None:
    memory = Memory(1000)
    made: list[int] = []

    def make(number: int) -> PackedAudio:
        made.append(number)
        return PackedAudio.pack(np.full(200, number, np.float32))  # 400 bytes

    for number in (1, 2, 3, 1, 2, 3):
        assert memory.get(number, lambda number=number: make(number)).unpack()[0] == pytest.approx(number)
    assert made == [1, 2, 3, 3]


@given(st.lists(st.floats(-10, 10, width=32), max_size=50))
def test_packing_rounds_to_sixteen_bits_of_the_peak(values: list[float]) -> None:
    waveform = np.array(values, np.float32)
    unpacked = PackedAudio.pack(waveform).unpack()
    assert unpacked.dtype == np.float32
    assert (
        np.abs(unpacked - waveform).max(initial=0) <= np.abs(waveform).max(initial=0) / 32767 * 0.51 + 1e-12
    )
