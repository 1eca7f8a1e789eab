"""Audio of any length -> events."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import sedt.build as build
from sedt.audio import Waveform, audio_duration, stream_audio, to_mono
from sedt.batch import Probabilities
from sedt.decoding import Decision, RecordingPredictions, SeamJoiner, candidates, decode
from sedt.errors import InputError
from sedt.events import Event
from sedt.package import Package, load_package

BUNDLED = ("demo",)
"""Names of the models that come with the package."""

Progress = Callable[[float], None]
"""Is called with the seconds of audio that are done."""


class Detector:
    """Finds events with one model. Windows of a longer recording overlap; their events are joined.

    Memory does not grow with the recording, and what is found does not depend on the batch size.
    """

    def __init__(self, package: Package, *, batch_size: int = 8, device: str | torch.device = "cpu") -> None:
        self.package = package
        self.classes = package.classes
        self.sample_rate = package.features.sample_rate
        """Samples per second inside; any other rate is converted."""
        self.window_s = package.model_config.window_s
        self.hop_s = build.window_hop_s(package.model_config)
        """Seconds from one window to the next."""
        self._decision = build.decision(package.decoding)
        self._batch_size = batch_size
        self._device = torch.device(device)
        self._model = package.model.to(self._device).eval()

    def detect(
        self,
        audio: str | os.PathLike[str] | NDArray[Any],
        sample_rate: int | None = None,
        *,
        threshold: float | None = None,
        undecided: bool = False,
        progress: Progress | None = None,
    ) -> list[Event]:
        """Events of a file or an array, ordered by onset; times in seconds, score in 0..1.

        Args:
            audio: a file, or samples (samples,) or (samples, channels).
            sample_rate: of the array; a file says its own.
            threshold: in the place of the model's own, for all classes.
            undecided: every query as an event of every class, with the score that PSDS is counted on, in the
                place of decided events; no threshold applies.
            progress: told how far it is.

        Raises:
            InputError: the file cannot be read; an array without sample rate, or that is no audio.
        """
        return sorted(
            self.iter_detect(audio, sample_rate, threshold=threshold, undecided=undecided, progress=progress),
            key=lambda e: (e.onset, e.offset, e.label),
        )

    def iter_detect(
        self,
        audio: str | os.PathLike[str] | NDArray[Any],
        sample_rate: int | None = None,
        *,
        threshold: float | None = None,
        undecided: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[Event]:
        """As `detect`, but events come as soon as they are final, a window after they end."""
        decision = self._with_threshold(threshold)
        joiner = SeamJoiner(self.window_s, self.hop_s, decision.deoverlap and not undecided)
        for probabilities, lengths_s, is_end in self._windows(audio, sample_rate):
            if undecided:
                windows = candidates(probabilities, self.classes, self.window_s, lengths_s, decision.median_s)
            else:
                windows = decode(probabilities, self.classes, decision, self.window_s, lengths_s)
            for number, events in enumerate(windows, 1):
                yield from joiner.add(events, last=is_end and number == len(windows))
            if progress is not None:
                progress(len(windows) * self.hop_s)

    def predict(
        self, audio: str | os.PathLike[str] | NDArray[Any], sample_rate: int | None = None
    ) -> RecordingPredictions:
        """What the model says before any decision, of all windows. Arguments and errors as for `detect`."""
        batches = list(self._windows(audio, sample_rate))
        return RecordingPredictions(
            probabilities=Probabilities.joined([probabilities for probabilities, _, _ in batches]),
            lengths_s=np.concatenate([lengths_s for _, lengths_s, _ in batches]),
            window_s=self.window_s,
            hop_s=self.hop_s,
        )

    def duration_s(self, path: str | os.PathLike[str]) -> float:
        """Length of a file in seconds. Raises InputError."""
        return audio_duration(path)

    @property
    def _window_samples(self) -> int:
        return round(self.window_s * self.sample_rate)

    def _windows(
        self, audio: str | os.PathLike[str] | NDArray[Any], sample_rate: int | None
    ) -> Iterator[tuple[Probabilities, NDArray[np.float64], bool]]:
        """Batches of windows: probabilities, seconds of audio in each, whether the recording ends there."""
        hop_samples = round(self.hop_s * self.sample_rate)
        if isinstance(audio, str | os.PathLike):
            blocks: Iterable[Waveform] = stream_audio(audio, self.sample_rate, hop_samples)
        else:
            blocks = self._array_blocks(audio, sample_rate, hop_samples)
        for batch, is_end in self._batches(_windows(blocks, hop_samples, self._window_samples)):
            yield *self._probabilities(batch), is_end

    def _array_blocks(
        self, samples: NDArray[Any], sample_rate: int | None, hop_samples: int
    ) -> Iterator[Waveform]:
        if sample_rate is None:
            raise InputError("an array needs its sample_rate")
        mono = to_mono(samples, sample_rate, self.sample_rate)
        for first in range(0, len(mono), hop_samples):
            yield mono[first : first + hop_samples]

    def _with_threshold(self, threshold: float | None) -> Decision:
        if threshold is None:
            return self._decision
        if not 0 <= threshold <= 1:
            raise InputError(f"threshold {threshold} must lie in 0..1")
        return build.decision(self.package.decoding.model_copy(update={"threshold": threshold}))

    def _batches(self, windows: Iterable[tuple[Waveform, bool]]) -> Iterator[tuple[list[Waveform], bool]]:
        batch: list[Waveform] = []
        for window, is_end in windows:
            batch.append(window)
            if len(batch) == self._batch_size or is_end:
                yield batch, is_end
                batch = []

    def _probabilities(self, windows: list[Waveform]) -> tuple[Probabilities, NDArray[np.float64]]:
        """What the model says of each window, and the seconds of audio in it."""
        padded = np.zeros((len(windows), self._window_samples), dtype=np.float32)
        for row, window in zip(padded, windows, strict=True):
            row[: len(window)] = window
        num_samples = np.array([len(window) for window in windows])
        with torch.inference_mode():
            predictions = self._model(
                torch.from_numpy(padded).to(self._device), torch.from_numpy(num_samples).to(self._device)
            )
        return predictions.probabilities(), num_samples / self.sample_rate


def load(model: str | os.PathLike[str] = "demo", **options: Any) -> Detector:
    """A detector from a model package: a folder, or the name of a bundled model (`demo`).

    `options` go to `Detector` (batch_size, device).

    Raises:
        InputError: there is no such model, or its package is damaged.
    """
    return Detector(load_package(find_model(model)), **options)


def find_model(model: str | os.PathLike[str]) -> Path:
    """The folder of a model. Raises InputError: there is none."""
    if str(model) in BUNDLED:  # before folders: `make demo` leaves a folder `demo` behind
        return Path(str(files("sedt"))) / "bundled" / str(model)
    path = Path(model)
    if path.is_dir():
        return path
    raise InputError(f"{model}: no such model: give the folder of a model package, or {', '.join(BUNDLED)}")


def _windows(
    blocks: Iterable[Waveform], hop_samples: int, window_samples: int
) -> Iterator[tuple[Waveform, bool]]:
    """Windows every hop, until one reaches the end; the last may be shorter. With whether it is the last."""
    held = np.zeros(0, dtype=np.float32)
    source = iter(blocks)
    ended = False
    while True:
        # One sample more than a window tells whether another window follows.
        while not ended and len(held) <= window_samples:
            block = next(source, None)
            ended = block is None
            held = held if block is None else np.concatenate([held, block])
        last = len(held) <= window_samples
        if len(held):
            yield held[:window_samples], last
        if last:
            return
        held = held[hop_samples:]
