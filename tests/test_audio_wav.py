"""WAV files that are longer than their header can say; sparse ones, which take no room."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from sedt.audio import audio_duration, read_audio, stated_duration, stream_audio

RATE, CHANNELS = 48_000, 2
FRAME = 2 * CHANNELS
HOURS = 7.0
"""Of 16 bits in stereo: 4.5 GiB."""
PULSE_S = HOURS * 3600 - 1


def long_wav(path: Path, stated: int, *, chunk_behind: bool = False) -> Path:
    """Silence but for a second of half of full scale at the very end; `stated` is what the header says."""
    size = round(HOURS * 3600 * RATE) * FRAME
    head = b"RIFF" + struct.pack("<I", stated) + b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    head += b"fmt " + struct.pack("<IHHIIHH", 16, 1, CHANNELS, RATE, RATE * FRAME, FRAME, 16)
    head += b"data" + struct.pack("<I", stated)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)
        file.seek(len(head) + round(PULSE_S * RATE) * FRAME)
        file.write(np.full(RATE * CHANNELS, 16384, dtype="<i2").tobytes())
        if chunk_behind:
            file.write(b"LIST" + struct.pack("<I", 4) + b"more")
    return path


@pytest.mark.parametrize(
    ("stated", "behind"),
    [
        (round(HOURS * 3600 * RATE) * FRAME % 2**32, False),
        (round(HOURS * 3600 * RATE) * FRAME % 2**32, True),
        (0xFFFFFFFF, False),
    ],
    ids=["begins anew", "with a chunk behind", "unknown"],
)
def test_a_wav_of_more_than_4_gib_is_read_to_its_end(stated: int, behind: bool, tmp_path: Path) -> None:
    path = long_wav(tmp_path / "day.wav", stated, chunk_behind=behind)
    assert audio_duration(path) == stated_duration(path) == HOURS * 3600
    heard = read_audio(path, RATE, start_s=PULSE_S - 0.25, duration_s=0.5)
    assert not heard[: RATE // 4].any()
    assert (heard[RATE // 4 :] == 0.5).all()
    rest = np.concatenate(list(stream_audio(path, RATE, RATE, start=round((PULSE_S + 0.5) * RATE))))
    assert rest.tolist() == [0.5] * (RATE // 2)


def test_a_short_wav_is_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    size = RATE * FRAME
    head = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, CHANNELS, RATE, RATE * FRAME, FRAME, 16)
    path.write_bytes(head + b"data" + struct.pack("<I", size) + bytes(size + 100))
    assert audio_duration(path) == 1.0
