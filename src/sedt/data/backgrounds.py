"""Background recordings: a random stretch of a random file, of any length."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from sedt.audio import Waveform, audio_duration, find_audio, read_audio
from sedt.data.memory import Memory, PackedAudio
from sedt.errors import InputError
from sedt.files import path_ends_with

CHUNK_S = 60
"""Recordings are decoded and kept in chunks of so many seconds."""

CROSSFADE_S = 0.5
"""A recording shorter than wanted is looped; its end and its start overlap by so much."""


class Backgrounds:
    """Audio files, and stretches of them.

    Args:
        places: files, or folders searched through.
        exclude: files left out: by path relative to their folder, or the ending of it.
        sample_rate: samples per second of what is drawn.
        memory: keeps decoded chunks.

    Raises:
        InputError: no such place, nothing left, or an exclusion that fits no file (it may be a typing error
            that would let test material in).
    """

    def __init__(
        self, places: Sequence[Path], exclude: Sequence[str], sample_rate: int, memory: Memory
    ) -> None:
        files = [item for place in places for item in _files(place)]
        for ending in exclude:
            if not any(path_ends_with(name, ending) for _, name in files):
                raise InputError(
                    f"exclude_backgrounds: {ending!r} is none of the {len(files)} background files"
                )
        kept = (path for path, name in files if not any(path_ends_with(name, ending) for ending in exclude))
        self.paths = list(dict.fromkeys(kept))
        if not self.paths:
            raise InputError(f"backgrounds: no audio files in {', '.join(map(str, places))}")
        self._sample_rate = sample_rate
        self._memory = memory
        self._lengths: dict[Path, int] = {}

    def draw(self, generator: np.random.Generator, num_samples: int) -> Waveform:
        """A random stretch of a random file. Raises InputError for a file that cannot be read."""
        path = self.paths[int(generator.integers(len(self.paths)))]
        length = self._length(path)
        if length >= num_samples:
            return self._stretch(path, int(generator.integers(length - num_samples + 1)), num_samples)
        loop = crossfaded_loop(self._stretch(path, 0, length), round(CROSSFADE_S * self._sample_rate))
        start = int(generator.integers(len(loop)))
        return loop[(start + np.arange(num_samples)) % len(loop)]

    def _length(self, path: Path) -> int:
        if path not in self._lengths:
            self._lengths[path] = max(1, int(audio_duration(path) * self._sample_rate))
        return self._lengths[path]

    def _stretch(self, path: Path, start: int, num_samples: int) -> Waveform:
        size = CHUNK_S * self._sample_rate
        parts = []
        for number in range(start // size, (start + num_samples - 1) // size + 1):
            chunk = self._memory.get((path, number), partial(self._decode, path, number))
            parts.append(chunk.unpack(max(0, start - number * size), start + num_samples - number * size))
        joined = np.concatenate(parts)
        # A length is rounded, so that the very last sample may not be there.
        return (
            joined if len(joined) == num_samples else np.pad(joined, (0, num_samples - len(joined)), "edge")
        )

    def _decode(self, path: Path, number: int) -> PackedAudio:
        start = number * CHUNK_S
        return PackedAudio.pack(read_audio(path, self._sample_rate, start_s=start, duration_s=CHUNK_S))


def crossfaded_loop(waveform: Waveform, overlap: int) -> Waveform:
    """One round of a seamless loop: the end fades into the start at equal power over `overlap` samples.

    The overlap is at most half of the waveform; the loop is shorter by it.
    """
    overlap = min(overlap, len(waveform) // 2)
    if not overlap:
        return waveform
    angle = (np.arange(overlap, dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / overlap)
    loop = waveform[: len(waveform) - overlap].copy()
    loop[:overlap] = loop[:overlap] * np.sin(angle) + waveform[-overlap:] * np.cos(angle)
    return loop


def _files(place: Path) -> list[tuple[Path, str]]:
    """Files of a place with their names relative to it."""
    if place.is_file():
        return [(place, place.name)]
    return [(path, path.relative_to(place).as_posix()) for path in find_audio(place)]
