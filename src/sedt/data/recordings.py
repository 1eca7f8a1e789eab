"""Recordings with what is known of them: from label files and audio folders, or from the scene mixer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sedt.audio import PastEndError, read_audio
from sedt.batch import Supervision
from sedt.data.mixer import SceneMixer, scene_name
from sedt.events import Event


@dataclass(frozen=True)
class Known:
    """What is known of a recording."""

    supervision: Supervision
    events: list[Event] = field(default_factory=list)
    """All of them, if STRONG."""
    tags: frozenset[str] = frozenset()
    """Labels that occur, if WEAK or STRONG."""


class Recordings(Protocol):
    """A list of recordings. `epoch` matters only where scenes are mixed anew in every epoch."""

    def __len__(self) -> int:
        """How many."""

    def name(self, index: int) -> str:
        """File name, as tables have it."""

    def duration_s(self, index: int) -> float:
        """Length in seconds."""

    def files(self) -> set[Path]:
        """All files that recordings are read from."""

    def known(self, index: int, epoch: int = 0) -> Known:
        """What is known of it, without reading audio."""

    def read(
        self, index: int, sample_rate: int, start_s: float, duration_s: float, epoch: int = 0
    ) -> tuple[NDArray[np.float32], Known]:
        """Mono samples (n,) from `start_s` on, `duration_s` at most, and what is known of the recording.

        There are none where the recording ends before `start_s`.
        """


@dataclass(frozen=True)
class Files:
    """Recordings in files."""

    names: Sequence[str]
    paths: Sequence[Path]
    durations: Sequence[float]
    labels: Sequence[Known]

    def __len__(self) -> int:
        """How many files."""
        return len(self.paths)

    def name(self, index: int) -> str:
        """File name as the label file has it."""
        return self.names[index]

    def duration_s(self, index: int) -> float:
        """Length in seconds."""
        return self.durations[index]

    def files(self) -> set[Path]:
        """One for each."""
        return set(self.paths)

    def known(self, index: int, epoch: int = 0) -> Known:
        """The row of the label file."""
        return self.labels[index]

    def read(
        self, index: int, sample_rate: int, start_s: float, duration_s: float, epoch: int = 0
    ) -> tuple[NDArray[np.float32], Known]:
        """Read from the file; nothing, where it is shorter than a table of durations says.

        Raises:
            InputError: the file cannot be read.
        """
        try:
            samples = read_audio(self.paths[index], sample_rate, start_s=start_s, duration_s=duration_s)
        except PastEndError:
            samples = np.zeros(0, dtype=np.float32)
        return samples, self.labels[index]


@dataclass(frozen=True)
class Scenes:
    """Recordings that the mixer makes when they are read; `supervision` says how much of them is told."""

    mixer: SceneMixer
    supervision: Supervision
    fresh: bool = False

    def __len__(self) -> int:
        """Scenes in the set."""
        return len(self.mixer)

    def name(self, index: int) -> str:
        """Name of the scene, the same in every epoch."""
        return scene_name(index)

    def duration_s(self, index: int) -> float:
        """All scenes have the mixer's length."""
        return self.mixer.config.duration_s

    def files(self) -> set[Path]:
        """Sounds and backgrounds that scenes are made of."""
        return self.mixer.files()

    def known(self, index: int, epoch: int = 0) -> Known:
        """Labels of the scene, which is not mixed for it."""
        return self._reduce(self.mixer.events(index, epoch if self.fresh else 0))

    def read(
        self, index: int, sample_rate: int, start_s: float, duration_s: float, epoch: int = 0
    ) -> tuple[NDArray[np.float32], Known]:
        """Mix the scene."""
        if sample_rate != self.mixer.sample_rate:
            raise ValueError(f"the mixer makes {self.mixer.sample_rate} Hz, not {sample_rate}")
        scene = self.mixer.scene(index, epoch if self.fresh else 0)
        first = round(start_s * sample_rate)
        samples = scene.waveform[first : first + round(duration_s * sample_rate)]
        return samples, self._reduce(scene.events)

    def _reduce(self, events: Sequence[Event]) -> Known:
        strong, none = self.supervision is Supervision.STRONG, self.supervision is Supervision.NONE
        tags = frozenset() if none else frozenset(event.label for event in events)
        return Known(self.supervision, list(events) if strong else [], tags)
