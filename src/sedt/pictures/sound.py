"""Samples -> a sound that a page can hold and play."""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from sedt.audio import to_mono

OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Samples per second that Opus knows."""

_BLOCK = 1 << 16  # libsndfile overflows its stack when it encodes much at once


def sound_uri(samples: NDArray[np.float32], sample_rate: int) -> str:
    """Opus in Ogg as a data URI, about 5 KiB for a second; 16-bit WAV where there is no such encoder."""
    rate = next((one for one in OPUS_RATES if one >= sample_rate), OPUS_RATES[-1])
    loud = np.clip(to_mono(samples, sample_rate, rate), -1.0, 1.0)
    try:
        kind, content = "audio/ogg", _encoded(loud, rate, "OGG", "OPUS")
    except (soundfile.LibsndfileError, ValueError):  # ValueError: a library too old to know the name
        kind, content = "audio/wav", _encoded(loud, rate, "WAV", "PCM_16")
    return f"data:{kind};base64," + base64.b64encode(content).decode("ascii")


def _encoded(samples: NDArray[np.float32], rate: int, container: str, encoding: str) -> bytes:
    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", rate, 1, encoding, format=container) as file:
        for start in range(0, len(samples), _BLOCK):
            file.write(samples[start : start + _BLOCK])
    return content.getvalue()
