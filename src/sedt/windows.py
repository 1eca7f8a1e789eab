"""Audio block by block -> overlapping windows, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from sedt.resampling import Waveform


def window_batches(
    blocks: Iterable[Waveform], window_samples: int, hop_samples: int, least: int, most: int
) -> Iterator[tuple[list[Waveform], bool]]:
    """Windows every hop until one reaches the end; that one may be shorter.

    A batch comes as soon as the audio is there for `least` windows, and has at most `most` of them. With each
    comes whether it is the last. Of no samples there are no batches.
    """
    ready: list[Waveform] = []
    parts: list[Waveform] = []  # of the audio from the start of the next window on
    num_samples = 0
    for block in blocks:
        parts.append(block)
        num_samples += len(block)
        if num_samples <= window_samples:
            continue
        audio = np.concatenate(parts)
        while len(audio) > window_samples:  # one sample more tells that another window follows
            ready.append(audio[:window_samples])
            audio = audio[hop_samples:]
        parts, num_samples = [audio], len(audio)
        while len(ready) >= least:
            yield ready[:most], False
            ready = ready[most:]
    ready += [np.concatenate(parts)] if num_samples else []
    while ready:
        yield ready[:most], len(ready) <= most
        ready = ready[most:]
