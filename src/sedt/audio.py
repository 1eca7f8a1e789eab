"""Audio files of any kind -> mono float32 at the rate asked for, whole or block by block.

libsndfile reads wav, flac, ogg, opus, mp3 and more; any other container goes through PyAV (extra `av`).
Resampling is soxr's "HQ". Whatever is wrong with a file is an `InputError` that names it.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from sedt.audio_files import open_recording
from sedt.errors import InputError
from sedt.files import atomic_path, files_below
from sedt.resampling import PathLike, as_frames, mono, resample
from sedt.resampling import Waveform as Waveform

_SUFFIXES = """
    .wav .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .caf .w64 .rf64 .wv
    .m4a .mp4 .aac .mka .mkv .mov .webm .wma .3gp
"""
SUFFIXES = frozenset(_SUFFIXES.split())
"""Endings that a folder is searched for."""

WRITABLE = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
"""Ending -> container and sample format that `write_audio` makes."""

SILENCE = 1e-5
"""Where the loudest sample is under this, nothing sounds: -100 dB of full scale."""
_MARGIN = 256  # samples of the lower rate, more than half the length of soxr's filter
_WRITE_BLOCK = 1 << 16  # libsndfile's Vorbis encoder overflows its stack on long arrays


class PastEndError(InputError):
    """A part of a recording was asked for that begins behind its end."""


def read_audio(
    path: PathLike, sample_rate: int, *, start_s: float = 0.0, duration_s: float | None = None
) -> Waveform:
    """Read a recording, or the part of it from `start_s` on that lasts `duration_s` seconds.

    Channels are averaged. A part equals the same slice of the whole to float precision; it is shorter than
    `duration_s` where the recording ends before. Never empty.

    Raises:
        InputError: the file cannot be decoded to its (or the part's) end, has no samples or samples that
            are not numbers; PastEndError: `start_s` is past its end.
    """
    _check_rate(sample_rate)
    if not (math.isfinite(start_s) and start_s >= 0) or (duration_s is not None and not duration_s > 0):
        raise InputError(f"{path}: start_s {start_s}, duration_s {duration_s}: must be >= 0 and > 0")
    start = round(start_s * sample_rate)
    wanted = None if duration_s is None else max(1, round(duration_s * sample_rate))
    parts, count = [], 0
    with closing(_decoded(path, sample_rate, start)) as blocks:
        for block in blocks:
            parts.append(block)
            count += len(block)
            if wanted is not None and count >= wanted:
                break
    return np.concatenate(parts)[:wanted]


def stream_audio(path: PathLike, sample_rate: int, block_samples: int, start: int = 0) -> Iterator[Waveform]:
    """The recording from sample `start` on, in blocks of exactly `block_samples`, but for the last.

    Joined they equal `read_audio`. Memory does not grow with the recording. Raises InputError as `read_audio`
    does, when iteration gets to what is wrong.
    """
    _check_rate(sample_rate)
    if block_samples < 1 or start < 0:
        raise InputError(f"block_samples {block_samples}, start {start}: must be at least 1 and 0")
    waiting: list[Waveform] = []
    count = 0
    for block in _decoded(path, sample_rate, start):
        waiting.append(block)
        count += len(block)
        if count < block_samples:
            continue
        *whole, rest = np.split(np.concatenate(waiting), range(block_samples, count + 1, block_samples))
        yield from whole
        waiting, count = [rest], len(rest)
    if count:
        yield np.concatenate(waiting)


def audio_duration(path: PathLike) -> float:
    """Length of a recording in seconds, never an estimate: mp3 and PyAV's containers are decoded for it.

    Raises InputError as `read_audio` does.
    """
    with closing(open_recording(path)) as recording:
        frames = recording.num_frames()
        if frames is None:
            frames = sum(len(block) for block in recording.blocks(0))
        if not frames:
            raise InputError(f"{path}: has no samples")
        return frames / recording.sample_rate


def stated_duration(path: PathLike) -> float | None:
    """Seconds as the header says, at once; it may be wrong. None where it says nothing or is no audio."""
    try:
        with closing(open_recording(path)) as recording:
            return recording.stated_s
    except InputError:
        return None


def to_mono(samples: Any, sample_rate_in: int, sample_rate_out: int) -> Waveform:
    """An array in memory -> mono float32 at `sample_rate_out`.

    `samples` is (samples,) or (samples, channels), as soundfile gives it. Floats have full scale 1; integers
    of 8, 16 or 32 bits are scaled by their type (unsigned ones are centred first).

    Raises:
        InputError: another shape or type, no samples, NaN or infinite samples, a rate below 1.
    """
    parts = list(to_mono_blocks([samples], sample_rate_in, sample_rate_out))
    if not parts:
        raise InputError(f"audio of shape {np.shape(samples)}: has no samples")
    return np.concatenate(parts)


def to_mono_blocks(blocks: Iterable[Any], sample_rate_in: int, sample_rate_out: int) -> Iterator[Waveform]:
    """Arrays as they come, each as `to_mono` takes them -> blocks of any length at `sample_rate_out`.

    How the samples are cut into blocks changes nothing, and a block may be empty. What comes out is at most
    0.12 s behind what went in. Raises InputError as `to_mono` does, but for no samples.
    """
    _check_rate(sample_rate_in)
    _check_rate(sample_rate_out)
    frames = (as_frames(block) for block in blocks)
    yield from resample(mono(frames, "audio", sample_rate_in), sample_rate_in, sample_rate_out)


def write_audio(path: PathLike, waveform: Waveform, sample_rate: int) -> None:
    """Write (samples,) as the ending says: 16-bit `.wav` or `.flac`, or `.ogg` (Vorbis). Atomic.

    Samples beyond full scale are clipped, never wrapped. What a 16-bit file held comes back bit by bit.

    Raises:
        InputError: another ending, no samples, samples that are not numbers, or a place not writable.
    """
    target = Path(path)
    if target.suffix.lower() not in WRITABLE:
        raise InputError(f"{target}: audio is written as {', '.join(WRITABLE)}, not {target.suffix!r}")
    if waveform.ndim != 1 or not waveform.size or not np.isfinite(waveform).all():
        raise InputError(f"{target}: only finite samples of one channel, at least one, can be written")
    container, encoding = WRITABLE[target.suffix.lower()]
    samples: NDArray[Any] = np.clip(waveform, -1.0, 1.0)
    if encoding == "PCM_16":
        samples = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    with atomic_path(target) as temporary:
        try:
            with soundfile.SoundFile(temporary, "w", sample_rate, 1, encoding, format=container) as file:
                for start in range(0, len(samples), _WRITE_BLOCK):
                    file.write(samples[start : start + _WRITE_BLOCK])
        except (soundfile.LibsndfileError, AssertionError) as error:  # what the two make of a full disk
            raise OSError(errno.EIO, str(error).strip() or "not all samples could be written") from error


def find_audio(folder: PathLike, on_error: Callable[[OSError], None] | None = None) -> list[Path]:
    """All audio files below `folder` (by `SUFFIXES`) in order; follows links, leaves hidden names out.

    `on_error` is told of folders that cannot be read.

    Raises:
        InputError: `folder` is not a folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    return [path for path in files_below(root, on_error) if path.suffix.lower() in SUFFIXES]


def _check_rate(sample_rate: int) -> None:
    if sample_rate < 1:
        raise InputError(f"sample rate {sample_rate}: must be at least 1 sample per second")


def _decoded(path: PathLike, sample_rate: int, start: int) -> Generator[Waveform]:
    """Blocks of any length, at least one sample in all, from sample `start` of the recording on."""
    with closing(open_recording(path)) as recording:
        first, skipped = _aligned(start, recording.sample_rate, sample_rate)
        blocks = mono(recording.blocks(first), path, recording.sample_rate, first)
        count = 0
        for block in resample(blocks, recording.sample_rate, sample_rate):
            kept = block[max(0, skipped - count) :]
            count += len(block)
            if len(kept):
                yield kept
    if count <= skipped:
        if start:
            raise PastEndError(f"{path}: ends before {start / sample_rate:g} s")
        raise InputError(f"{path}: has no samples")


def _aligned(start: int, rate_in: int, rate_out: int) -> tuple[int, int]:
    """Where to begin to decode so that output sample `start` falls where it falls in the whole recording.

    Returns the first input frame, which coincides with an output sample, and how many output samples lie
    between it and `start`: a margin in which the resampler's filter settles.
    """
    step = math.gcd(rate_in, rate_out)
    unit_in, unit_out = rate_in // step, rate_out // step
    margin = 0 if rate_in == rate_out else -(-_MARGIN * rate_out // min(rate_in, rate_out))
    units = max(0, (start - margin) // unit_out)
    return units * unit_in, start - units * unit_out
