"""WAV files that are longer than their header can say: a true one, and small ones for a smaller limit."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

import sedt.audio_wav as audio_wav
from sedt.audio import audio_duration, read_audio, stated_duration, stream_audio

RATE, CHANNELS = 48_000, 2
FRAME = 2 * CHANNELS
MORE = b"LIST" + struct.pack("<I", 5) + b"more\0\0"


def long_wav(path: Path, seconds: int, stated: int, behind: bytes = b"") -> Path:
    """Silence but for a second of half of full scale at the very end; `stated` is what the header says."""
    head = b"RIFF" + struct.pack("<I", stated) + b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    head += b"fmt " + struct.pack("<IHHIIHH", 16, 1, CHANNELS, RATE, RATE * FRAME, FRAME, 16)
    head += b"data" + struct.pack("<I", stated)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + seconds * RATE * FRAME)
        file.seek(len(head) + (seconds - 1) * RATE * FRAME)
        file.write(np.full(RATE * CHANNELS, 16384, dtype="<i2").tobytes() + behind)
    return path


def assert_whole(path: Path, seconds: int) -> None:
    assert audio_duration(path) == stated_duration(path) == seconds
    heard = read_audio(path, RATE, start_s=seconds - 1.25, duration_s=0.5)
    assert not heard[: RATE // 4].any()
    assert (heard[RATE // 4 :] == 0.5).all()
    rest = np.concatenate(list(stream_audio(path, RATE, RATE, start=seconds * RATE - RATE // 2)))
    assert rest.tolist() == [0.5] * (RATE // 2)


def test_a_wav_of_more_than_4_gib(tmp_path: Path) -> None:
    """Seven hours of 16 bits in stereo, 4.5 GiB, of which nearly all is a hole in the file."""
    seconds = 7 * 3600
    path = long_wav(tmp_path / "day.wav", seconds, seconds * RATE * FRAME % 2**32)
    try:
        if path.stat().st_blocks * 512 > 2**30:
            pytest.skip("this file system knows no holes")
        assert_whole(path, seconds)
    finally:
        path.unlink()


WRAP = 1 << 20
SIZE = 7 * RATE * FRAME


@pytest.mark.parametrize(
    ("stated", "behind"),
    [
        pytest.param(SIZE % WRAP, b"", id="begins anew"),
        pytest.param(SIZE % WRAP, MORE, id="with a chunk behind"),
        pytest.param(SIZE % WRAP, MORE + MORE, id="with two"),
        pytest.param(0, b"", id="never closed"),
        pytest.param(0xFFFFFFFF, b"", id="unknown"),
        pytest.param(0x7FFFF000, b"", id="a pipe"),
        pytest.param(WRAP // 2, b"", id="another number"),
    ],
)
def test_what_headers_say(
    stated: int, behind: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_wav, "WRAPS_AT", WRAP)
    assert_whole(long_wav(tmp_path / "day.wav", 7, stated, behind), 7)


def test_samples_that_need_their_header_are_left_to_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.sin(np.arange(8 * RATE) / 50) * 0.5
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="IMA_ADPCM")
    before = read_audio(tmp_path / "a.wav", RATE)
    monkeypatch.setattr(audio_wav, "WRAPS_AT", 1 << 16)
    assert np.array_equal(read_audio(tmp_path / "a.wav", RATE), before)


def test_a_short_wav_is_as_it_says(tmp_path: Path) -> None:
    path = long_wav(tmp_path / "a.wav", 3, 1 * RATE * FRAME)
    assert audio_duration(path) == 1.0
