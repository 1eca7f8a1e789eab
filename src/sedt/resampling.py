"""Blocks of samples as they come -> mono float32 at one rate. What is wrong with them is an `InputError`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from sedt.audio_files import BLOCK_VALUES, Frames
from sedt.errors import InputError

Waveform = NDArray[np.float32]
"""(samples,) mono, full scale is 1."""

PathLike = str | os.PathLike[str]

QUALITY = "HQ"

_MOST_CHANNELS = 256  # a second axis longer than this is time, so the array lies on its side


def as_frames(samples: Any) -> Frames:
    """(samples,) or (samples, channels), of floats or integers -> (samples, channels) float32, full scale 1.

    Integers of 8, 16 or 32 bits are scaled by their type (unsigned ones are centred first).

    Raises:
        InputError: another shape or type.
    """
    array = np.asarray(samples)
    if array.ndim not in (1, 2):
        raise InputError(f"audio of shape {array.shape}: must be (samples,) or (samples, channels)")
    frames = array[:, None] if array.ndim == 1 else array
    if frames.shape[1] > _MOST_CHANNELS:
        raise InputError(f"audio of shape {array.shape}: samples come first, then channels: transpose it")
    return _full_scale(frames)


def mono(blocks: Iterable[Frames], name: PathLike, sample_rate: int, first: int = 0) -> Iterator[Waveform]:
    """Average the channels; leave out blocks without samples.

    `first` is the place of the first sample.

    Raises:
        InputError: NaN or infinity, in what is called `name` and at which second.
    """
    done = first
    for block in blocks:
        if not block.size:
            continue
        waveform = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
        finite = np.isfinite(waveform)
        if not finite.all():
            good = int(np.argmin(finite))
            if good:
                yield waveform[:good]
            second = (done + good) / sample_rate
            raise InputError(f"{name}: a sample at {second:.3f} s is not a finite number (NaN or infinity)")
        done += len(waveform)
        yield waveform


def resample(blocks: Iterable[Waveform], rate_in: int, rate_out: int) -> Iterator[Waveform]:
    """Blocks at `rate_in` -> blocks of any length at `rate_out`, at least one sample for at least one.

    Where the blocks are cut changes nothing; what comes out is at most 0.12 s behind what went in.
    """
    if rate_in == rate_out:
        yield from blocks
        return
    resampler = soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32", quality=QUALITY)
    # At a rate of 1 Hz, which a header may claim, a short block would become hours.
    most = max(1, BLOCK_VALUES * rate_in // rate_out)
    last: Waveform | None = None
    count = 0
    for block in blocks:
        last = block
        for start in range(0, len(block), most):
            out = resampler.resample_chunk(block[start : start + most])
            count += len(out)
            yield out
    if last is None:
        return
    out = resampler.resample_chunk(last[:0], last=True)
    # So few samples that not one is left at the lower rate: their mean stands for them.
    yield out if count + len(out) else last.mean(keepdims=True)


def _full_scale(frames: NDArray[Any]) -> Frames:
    """Floats as float32; integers divided by their full scale."""
    if frames.dtype.kind == "f":
        with np.errstate(over="ignore"):  # an overflow becomes infinite, which is refused later
            return frames.astype(np.float32)
    if frames.dtype.kind not in "iu" or frames.dtype.itemsize > 4:
        raise InputError(f"audio of type {frames.dtype}: must be float, or integer of 8, 16 or 32 bits")
    half = 2.0 ** (8 * frames.dtype.itemsize - 1)
    centre = half if frames.dtype.kind == "u" else 0.0
    return ((frames - centre) / half).astype(np.float32)
