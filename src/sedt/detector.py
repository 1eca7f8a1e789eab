"""Audio of any length -> events.

Longer than other files on purpose: one class, from a file, an array or a stream to events, and its loading.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sedt.audio import SILENCE, Waveform, audio_duration, stream_audio, to_mono, to_mono_blocks
from sedt.batch import Probabilities
from sedt.decoding import Decision, RecordingPredictions, SeamJoiner, candidates, decode
from sedt.decoding.overlaps import by_time
from sedt.errors import InputError
from sedt.events import Event
from sedt.hub import download, hub_name
from sedt.pictures import Events
from sedt.runtimes import Runtime, runtime_of
from sedt.runtimes.onnx_runtime import OnnxRuntime, is_onnx
from sedt.windows import window_batches

if TYPE_CHECKING:
    import torch

    from sedt.package import Package

BUNDLED = ("demo",)
"""Names of the models that come with the package."""

Progress = Callable[[float], None]
"""Is called with the seconds of audio that are done."""

WindowRun = Callable[[list[Waveform]], tuple[Probabilities, NDArray[np.float64]]]
"""Windows of any recordings, at the detector's rate -> what the model says of each, its seconds of audio."""


class Detector:
    """Finds events with one model. Windows of a longer recording overlap; their events are joined.

    Memory does not grow with the recording, and what is found does not depend on the batch size.
    """

    def __init__(
        self, model: Package | Runtime, *, batch_size: int = 8, device: str | torch.device = "cpu"
    ) -> None:
        self._model = model
        self._runtime = runtime_of(model, device)
        self.facts = facts = self._runtime.facts
        """What is known of the model: classes, decision, window, details and info for people."""
        self.classes = facts.classes
        self.sample_rate = facts.sample_rate
        """Samples per second inside; any other rate is converted."""
        self.window_s = facts.window_s
        self.hop_s = facts.hop_s
        """Seconds from one window to the next: whole samples, or times would drift in long recordings."""
        self._window_samples, self._hop_samples = facts.window_samples, facts.hop_samples
        self.decision = facts.decision
        """The model's own thresholds and rules."""
        self._batch_size = batch_size
        self._run: WindowRun = self.run_windows

    @property
    def package(self) -> Package:
        """The model package. Raises InputError: the model is an ONNX file, which holds none."""
        if isinstance(self._model, Runtime):
            raise InputError("an exported model has no package: all that is known of it is in `facts`")
        return self._model

    def detect(
        self,
        audio: str | os.PathLike[str] | NDArray[Any],
        sample_rate: int | None = None,
        *,
        threshold: float | None = None,
        undecided: bool = False,
        progress: Progress | None = None,
    ) -> Events:
        """Events of a file or an array, ordered by onset; times in seconds, score in 0..1.

        A list, which a notebook shows with player and timeline.

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
        found = self.iter_detect(
            audio, sample_rate, threshold=threshold, undecided=undecided, progress=progress
        )
        return Events(by_time(found), audio, sample_rate)

    def iter_detect(
        self,
        audio: str | os.PathLike[str] | NDArray[Any],
        sample_rate: int | None = None,
        *,
        threshold: float | None = None,
        undecided: bool = False,
        progress: Progress | None = None,
        joiner: SeamJoiner | None = None,
    ) -> Iterator[Event]:
        """As `detect`, but events come as soon as they are final, at most a batch of windows after they end.

        With `joiner` it goes on where the run stopped that the joiner is of (see `joiner`). When `progress`
        is called, all events that `joiner` no longer holds have come.
        """
        joiner = joiner or self.joiner(undecided=undecided)
        blocks = self._blocks(audio, sample_rate, joiner.index * self._hop_samples)
        yield from self._events(blocks, self._batch_size, joiner, threshold, undecided, progress)

    def detect_at(
        self,
        audio: str | os.PathLike[str] | NDArray[Any],
        sample_rate: int | None = None,
        *,
        thresholds: Sequence[float | None],
        progress: Progress | None = None,
    ) -> list[Events]:
        """What `detect` finds at each of these thresholds, while the model listens once.

        It is more than events of a low threshold without those whose score is lower: where steps are joined
        to events, and at the seams of windows, a threshold decides about edges, too.

        Args:
            audio: as for `detect`.
            sample_rate: as for `detect`.
            thresholds: None is the model's own.
            progress: told how far it is.

        Raises:
            InputError: as `detect` does.
        """
        decisions = [self._with_threshold(threshold) for threshold in thresholds]
        joiners = [self.joiner() for _ in decisions]
        found: list[list[Event]] = [[] for _ in decisions]
        blocks = self._blocks(audio, sample_rate, 0)
        for said, lengths_s, is_end in self._said(blocks, self._batch_size, progress):
            for events, decision, joiner in zip(found, decisions, joiners, strict=True):
                windows = decode(said, self.classes, decision, self.window_s, lengths_s)
                events += _joined(joiner, windows, is_end)
        return [Events(by_time(events), audio, sample_rate) for events in found]

    def stream(
        self,
        blocks: Iterable[NDArray[Any]],
        sample_rate: int,
        *,
        threshold: float | None = None,
        undecided: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[Event]:
        """Events of audio that comes block by block and may never end: a microphone, a pipe.

        The same events as `detect` has of the whole; an event comes as soon as it is final, when at most
        `window_s` + `hop_s` seconds of audio behind its offset were taken from `blocks` (and the rest of the
        block in which that is). They come ordered by the window in which they end, not by onset. Memory does
        not grow with the audio. Where the samples are cut into blocks does not matter.

        Args:
            blocks: arrays of samples (samples,) or (samples, channels), as `detect` takes them.
            sample_rate: of the blocks.
            threshold: as for `detect`.
            undecided: as for `detect`.
            progress: told how far it is.

        Raises:
            InputError: a block is no audio, or `blocks` raised it: after the events of what came before.
        """
        joiner = self.joiner(undecided=undecided)
        failures: list[InputError] = []
        waveforms = _until_it_fails(to_mono_blocks(blocks, sample_rate, self.sample_rate), failures)
        yield from self._events(waveforms, 1, joiner, threshold, undecided, progress)
        if failures:
            raise failures[0]

    def joiner(self, *, undecided: bool = False, index: int = 0, held: Sequence[Event] = ()) -> SeamJoiner:
        """What joins the events of a recording's windows, for `iter_detect`.

        `index` and `held` are those of the joiner of an earlier run, which is gone on from.
        """
        deoverlap = self.decision.deoverlap and not undecided
        return SeamJoiner(self.window_s, self.hop_s, deoverlap, index, list(held))

    def predict(
        self, audio: str | os.PathLike[str] | NDArray[Any], sample_rate: int | None = None
    ) -> RecordingPredictions:
        """What the model says before any decision, of all windows. Arguments and errors as for `detect`."""
        batches = list(self._said(self._blocks(audio, sample_rate, 0), self._batch_size, None))
        return RecordingPredictions(
            probabilities=Probabilities.joined([said for said, _, _ in batches]),
            lengths_s=np.concatenate([lengths_s for _, lengths_s, _ in batches]),
            window_s=self.window_s,
            hop_s=self.hop_s,
        )

    def run_windows(self, windows: list[Waveform]) -> tuple[Probabilities, NDArray[np.float64]]:
        """What the model says of each window (at most `window_s` long), and the seconds of audio in it.

        They may be of different recordings: what is said of one does not depend on the others.
        """
        padded = np.zeros((len(windows), self._window_samples), dtype=np.float32)
        for row, window in zip(padded, windows, strict=True):
            row[: len(window)] = window
        num_samples = np.array([len(window) for window in windows])
        said = self._runtime.probabilities(padded, num_samples)
        # A model has learned from sounds: in digital silence it would make something up.
        silent = np.abs(padded).max(axis=1) < SILENCE
        return said.without(silent) if silent.any() else said, num_samples / self.sample_rate

    def through(self, run: WindowRun) -> Detector:
        """The same detector, whose windows go through `run`: so recordings of several threads share a batch.

        `run` answers as `run_windows` does, and is called by the thread that detects.
        """
        other = copy(self)
        other._run = run
        return other

    def duration_s(self, path: str | os.PathLike[str]) -> float:
        """Length of a file in seconds. Raises InputError."""
        return audio_duration(path)

    def _events(
        self,
        blocks: Iterable[Waveform],
        least: int,
        joiner: SeamJoiner,
        threshold: float | None,
        undecided: bool,
        progress: Progress | None,
    ) -> Iterator[Event]:
        """The one way from audio to events; `blocks` begin where `joiner` is."""
        decision = self._with_threshold(threshold)
        for said, lengths_s, is_end in self._said(blocks, least, progress):
            if undecided:
                windows = candidates(said, self.classes, self.window_s, lengths_s, decision.median_s)
            else:
                windows = decode(said, self.classes, decision, self.window_s, lengths_s)
            yield from _joined(joiner, windows, is_end)

    def _said(
        self, blocks: Iterable[Waveform], least: int, progress: Progress | None
    ) -> Iterator[tuple[Probabilities, NDArray[np.float64], bool]]:
        """Batch by batch: what the model says, seconds of audio in each window, whether the last one ends it.

        `progress` is told of a batch once the next one is asked for.
        """
        windows = window_batches(blocks, self._window_samples, self._hop_samples, least, self._batch_size)
        for batch, is_end in windows:
            said, lengths_s = self._run(batch)
            yield said, lengths_s, is_end
            if progress is not None:
                # Of the last window all counts, of those before what is theirs alone.
                progress((len(batch) - is_end) * self.hop_s + is_end * float(lengths_s[-1]))

    def _blocks(
        self, audio: str | os.PathLike[str] | NDArray[Any], sample_rate: int | None, start: int
    ) -> Iterable[Waveform]:
        """A file's or an array's samples at the detector's rate, from one of them on."""
        if isinstance(audio, str | os.PathLike):
            return stream_audio(audio, self.sample_rate, self._hop_samples, start)
        return [self._mono(audio, sample_rate)[start:]]

    def _mono(self, samples: NDArray[Any], sample_rate: int | None) -> Waveform:
        if sample_rate is None:
            raise InputError("an array needs its sample_rate")
        return to_mono(samples, sample_rate, self.sample_rate)

    def _with_threshold(self, threshold: float | None) -> Decision:
        if threshold is None:
            return self.decision
        if not 0 <= threshold <= 1:
            raise InputError(f"threshold {threshold} must lie in 0..1")
        return replace(self.decision, threshold=threshold)


def _joined(joiner: SeamJoiner, windows: Sequence[Sequence[Event]], is_end: bool) -> Iterator[Event]:
    for number, events in enumerate(windows, 1):
        yield from joiner.add(events, last=is_end and number == len(windows))


def _until_it_fails(blocks: Iterable[Waveform], failures: list[InputError]) -> Iterator[Waveform]:
    """The blocks; where one cannot be had they end, and the error is noted."""
    try:
        yield from blocks
    except InputError as error:
        failures.append(error)


def load(model: str | os.PathLike[str] = "demo", **options: Any) -> Detector:
    """A detector from a model package (a folder, `demo`, or one of the Hugging Face Hub) or an ONNX file.

    A model of the Hub is `user/name` or `user/name@revision` (a branch, tag or commit); a folder of that name
    wins. It is downloaded once and comes from the cache of `huggingface_hub` after that.

    A package needs torch; a file that `sedt export` wrote needs onnxruntime. `options` go to `Detector`
    (batch_size, device).

    Raises:
        InputError: there is no such model, it cannot be had from the Hub, it is damaged, or what runs it is
            not installed.
    """
    path = find_model(model)
    if is_onnx(path):
        return Detector(OnnxRuntime(path), **options)
    try:
        from sedt.package import load_package
    except ModuleNotFoundError as error:
        raise lacking(model, error) from error
    return Detector(load_package(path), **options)


def lacking(model: object, error: ModuleNotFoundError) -> InputError:
    """What is told where a package cannot be run: torch is not there."""
    reason = f"a model package needs {error.name}, which is not installed"
    return InputError(f"{model}: {reason}; without it give an ONNX file of `sedt export`")


def find_model(model: str | os.PathLike[str]) -> Path:
    """The folder of a model, which comes from the Hub if need be, or its ONNX file.

    Raises:
        InputError: there is none.
    """
    if str(model) in BUNDLED:  # before folders: `make demo` leaves a folder `demo` behind
        return Path(str(files("sedt"))) / "bundled" / str(model)
    path = Path(model)
    if path.is_dir() or (path.is_file() and is_onnx(path)):
        return path
    if isinstance(model, str) and hub_name(model) is not None:
        return download(model)
    known = "the folder of a model package, an .onnx file"
    raise InputError(
        f"{model}: no such model: give {known}, {', '.join(BUNDLED)}, or user/name of one on the Hub"
    )


def fingerprint(model: Path) -> str:
    """Tells models apart, by what is in their files. Raises InputError: one cannot be read."""
    digest = hashlib.sha256()
    for path in [model] if is_onnx(model) else [model / "config.json", model / "model.safetensors"]:
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()[:32]
