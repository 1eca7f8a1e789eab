"""Excerpts of sounds: cut at random, faded at the cuts, and trimmed to what is heard."""

from __future__ import annotations

import numpy as np

from sedt.audio import Waveform
from sedt.data.sounds import ActiveSound, audible_part, block_samples

TRIES = 8
"""Cuts tried until enough of one is heard: sounds have pauses."""


def draw_excerpt(
    generator: np.random.Generator,
    sound: ActiveSound,
    sample_rate: int,
    length: int,
    *,
    shortest: int,
    fade: int,
) -> Waveform | None:
    """A random excerpt of at most `length` samples, from its first to its last audible sample.

    A sound no longer than `length` is used whole. A cut begins where the sound is active; of several the
    longest is taken as soon as `shortest` samples are heard. None for a silent sound.
    """
    total, best = len(sound.audio), np.zeros(0, np.float32)
    enough = min(shortest, total) - block_samples(sample_rate)
    for _ in range(TRIES if total > length else 1):
        start = _draw_start(generator, sound, sample_rate, length)
        excerpt = _cut(sound, start, min(start + length, total), fade)
        first, stop = audible_part(excerpt, sample_rate, sound.threshold)
        best = max(best, excerpt[first:stop], key=len)
        if len(best) >= enough:
            break
    return best if len(best) else None


def _draw_start(generator: np.random.Generator, sound: ActiveSound, sample_rate: int, length: int) -> int:
    """The start of an active block after which `length` samples are left; 0 if they never are."""
    spare = len(sound.audio) - length
    if spare <= 0:
        return 0
    size = block_samples(sample_rate)
    starts = np.flatnonzero(sound.is_active[: spare // size + 1]) * size
    return int(starts[generator.integers(len(starts))])


def _cut(sound: ActiveSound, start: int, stop: int, fade: int) -> Waveform:
    """Samples from `start` to `stop`; both ends fade, but for where the sound itself begins or ends."""
    excerpt = sound.audio.unpack(start, stop)
    fade = min(fade, len(excerpt) // 2)
    ramp = np.sin((np.arange(fade, dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / max(fade, 1))) ** 2
    if fade and (start > 0 or not sound.starts_itself):
        excerpt[:fade] *= ramp
    if fade and (stop < len(sound.audio) or not sound.ends_itself):
        excerpt[-fade:] *= ramp[::-1]
    return excerpt
