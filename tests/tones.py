"""A detector that is right by construction: it finds bursts of two tones by their energy.

Its model keeps the contract of every model (waveforms in, `Predictions` out), so that the tests of what is
built around a model know what must come out.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sedt.batch import Predictions
from sedt.config import DecodingConfig, FeaturesConfig, ModelConfig
from sedt.detector import Detector
from sedt.events import Event
from sedt.package import Package

RATE = 8000
TONES_HZ = {"high": 2000.0, "low": 500.0}
FRAME = 80
"""Samples of a frame: 10 ms, whole periods of both tones."""


class ToneModel(nn.Module):
    """Runs of frames in which a tone sounds -> queries."""

    def __init__(self, num_queries: int = 40) -> None:
        super().__init__()
        self.num_queries = num_queries
        time = torch.arange(FRAME) / RATE
        waves = [torch.exp(2j * torch.pi * hz * time) for hz in TONES_HZ.values()]
        self.register_buffer("waves", torch.stack(waves, dim=1) / FRAME)
        self.waves: Tensor

    def forward(self, waveforms: Tensor, num_samples: Tensor) -> Predictions:
        """(batch, samples), (batch,) -> predictions of one layer."""
        frames = waveforms.unfold(1, FRAME, FRAME)
        power = (frames.to(self.waves.dtype) @ self.waves).abs()  # (batch, frames, classes)
        logits = torch.full((len(waveforms), self.num_queries, len(TONES_HZ) + 1), -20.0)
        logits[..., -1] = 20.0
        spans = torch.full((len(waveforms), self.num_queries, 2), 0.5)
        for clip, sounds in enumerate(power > 0.02):
            query = 0
            for label in range(len(TONES_HZ)):
                for first, end in _runs(sounds[:, label].numpy()):
                    spans[clip, query, 0] = (first + end) / 2 / len(sounds)
                    spans[clip, query, 1] = (end - first) / len(sounds)
                    logits[clip, query, label] = 22.0  # a probability of 0.88
                    query += 1
        tags = torch.where((power > 0.02).any(1), 5.0, -5.0)
        return Predictions(logits[None], spans[None], tags)


def _runs(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame and frame behind the last of each run."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(int), [0]])))
    return [(int(a), int(b)) for a, b in zip(changes[::2], changes[1::2], strict=True)]


def tone_package(window_s: float = 2.0, overlap_s: float | None = None) -> Package:
    """A package around the tone model."""
    return Package(
        model=ToneModel().eval(),  # type: ignore[arg-type]
        classes=list(TONES_HZ),
        features=FeaturesConfig(sample_rate=RATE),
        model_config=ModelConfig(window_s=window_s, overlap_s=overlap_s),
        decoding=DecodingConfig(min_length_s=0.005),
    )


def tone_detector() -> Detector:
    """A detector around it, made in whichever process."""
    return Detector(tone_package())


def sound(events: list[Event], duration_s: float) -> NDArray[np.float32]:
    """The recording in which exactly these events sound, over faint noise."""
    samples = np.random.default_rng(0).normal(0, 1e-4, round(duration_s * RATE))
    for event in events:
        first, end = round(event.onset * RATE), round(event.offset * RATE)
        samples[first:end] += 0.2 * np.sin(2 * np.pi * TONES_HZ[event.label] * np.arange(end - first) / RATE)
    return samples.astype(np.float32)


def scene(duration_s: float, seed: int = 0) -> list[Event]:
    """Events of both tones on the grid of 10 ms, from 30 ms to several windows long."""
    generator = np.random.default_rng(seed)
    events: list[Event] = []
    for label in TONES_HZ:
        place = int(generator.integers(0, 100))
        while True:
            length = round(3 * 300 ** float(generator.random()))  # in frames: 30 ms to 9 s
            if place + length > duration_s * 100:
                break
            events.append(Event(place / 100, (place + length) / 100, label))
            place += length + int(generator.integers(3, 150))
    return sorted(events, key=lambda e: (e.onset, e.offset, e.label))
