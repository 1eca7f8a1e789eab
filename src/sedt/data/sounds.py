"""The bank of isolated sounds that scenes are mixed from, and where in a sound something is heard."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedt.audio import Waveform, find_audio, read_audio
from sedt.data.memory import Memory, PackedAudio
from sedt.errors import InputError
from sedt.formats.dcase import read_strong
from sedt.formats.urbansound8k import read_urbansound8k

BLOCK_S = 0.005
"""Short-time energy is measured over so many seconds: the resolution of onsets and offsets."""


@dataclass(frozen=True)
class Sound:
    """One sound of the bank: a file, or the labelled part of one."""

    path: Path
    label: str
    onset: float = 0.0
    offset: float | None = None
    """Seconds; None: to the end of the file."""


@dataclass(frozen=True)
class ActiveSound:
    """The audible part of a sound, from its first to its last active block; empty for a silent file."""

    audio: PackedAudio
    is_active: NDArray[np.bool_]
    """(blocks,): which blocks of `BLOCK_S` are active; the first and the last are."""
    threshold: float
    """Mean square from which a block is active."""
    starts_itself: bool
    """There is quiet before it; else whoever made the recording cut into the sound."""
    ends_itself: bool
    """There is quiet after it."""

    @property
    def num_bytes(self) -> int:
        """Bytes of the arrays."""
        return self.audio.num_bytes + self.is_active.nbytes


class SoundBank:
    """Isolated sounds by label.

    Args:
        foreground: a TSV `filename onset offset event_label`, a folder with one folder per class, or
            UrbanSound8K.csv.
        audio: folder of the files that the table names; None: `audio` beside the TSV, else the TSV's folder;
            of UrbanSound8K.csv `../audio`.
        split: only rows whose `split` column has this value.
        folds: only these folds of UrbanSound8K.csv.
        classes: only these labels.
        sample_rate: samples per second of what is read.
        active_range_db: a sound is active within this range under its peak.
        memory: keeps decoded sounds.

    Raises:
        InputError: nothing there, files that the TSV names are missing, an unknown class.
    """

    def __init__(
        self,
        foreground: Path,
        audio: Path | None,
        split: str | None,
        folds: list[int] | None,
        classes: list[str] | None,
        sample_rate: int,
        active_range_db: float,
        memory: Memory,
    ) -> None:
        is_csv = foreground.suffix.lower() == ".csv"
        if folds is not None and not is_csv:
            raise InputError(f"{foreground}: `folds` are those of UrbanSound8K.csv")
        if split is not None and is_csv:
            raise InputError(f"{foreground}: has no column `split`; `folds` choose among its rows")
        if is_csv:
            sounds = _from_urbansound8k(foreground, audio, folds)
        elif foreground.is_dir():
            sounds = _from_folder(foreground)
        else:
            sounds = _from_table(foreground, audio, split)
        known = sorted({sound.label for sound in sounds})
        if not known:
            raise InputError(f"{foreground}: no sounds" + (f" of split {split!r}" if split else ""))
        for label in classes or ():
            if label not in known:
                raise InputError(f"{foreground}: no class {label!r}; there are {', '.join(known)}")
        self.labels = sorted(set(classes)) if classes is not None else known
        self.sounds = {label: [s for s in sounds if s.label == label] for label in self.labels}
        self._sample_rate = sample_rate
        self._range_db = active_range_db
        self._memory = memory

    def fingerprint(self) -> list[str]:
        """A line for each sound: what it is, not where it lies."""
        return [
            f"{label}/{sound.path.name} {sound.path.stat().st_size} {sound.onset} {sound.offset}"
            for label, sounds in self.sounds.items()
            for sound in sounds
        ]

    def active(self, sound: Sound) -> ActiveSound:
        """The audible part of a sound; a silent one is warned of. Raises InputError: it cannot be read."""
        return self._memory.get(sound, partial(self._load, sound))

    def _load(self, sound: Sound) -> ActiveSound:
        duration_s = None if sound.offset is None else sound.offset - sound.onset
        waveform = read_audio(sound.path, self._sample_rate, start_s=sound.onset, duration_s=duration_s)
        power = block_power(waveform, self._sample_rate)
        threshold = float(power.max()) * 10 ** (-self._range_db / 10)
        blocks = np.flatnonzero(power >= threshold)
        if not power.any():
            warnings.warn(f"{sound.path}: silent, left out of the scenes", stacklevel=2)
            return ActiveSound(PackedAudio.pack(waveform[:0]), power[:0] > 0, 0.0, True, True)
        first, last, size = int(blocks[0]), int(blocks[-1]), block_samples(self._sample_rate)
        return ActiveSound(
            PackedAudio.pack(waveform[first * size : (last + 1) * size]),
            power[first : last + 1] >= threshold,
            threshold,
            starts_itself=first > 0,
            ends_itself=last < len(power) - 1,
        )


def block_samples(sample_rate: int) -> int:
    """Samples of a block of `BLOCK_S`."""
    return max(1, round(BLOCK_S * sample_rate))


def block_power(waveform: Waveform, sample_rate: int) -> NDArray[np.float64]:
    """Mean square of every block; the last may be shorter. (samples,) -> (blocks,)."""
    size = block_samples(sample_rate)
    starts = np.arange(0, len(waveform), size)
    sums = np.add.reduceat(np.square(waveform, dtype=np.float64), starts)
    power: NDArray[np.float64] = sums / np.minimum(size, len(waveform) - starts)
    return power


def audible_part(waveform: Waveform, sample_rate: int, threshold: float) -> tuple[int, int]:
    """First and last sample (exclusive) of blocks whose mean square reaches `threshold`; (0, 0) for none."""
    blocks = np.flatnonzero(block_power(waveform, sample_rate) >= threshold)
    if not len(blocks):
        return 0, 0
    size = block_samples(sample_rate)
    return int(blocks[0]) * size, min((int(blocks[-1]) + 1) * size, len(waveform))


def _from_table(table: Path, audio: Path | None, split: str | None) -> list[Sound]:
    rows = read_strong(table, split=split)
    folder = audio if audio is not None else table.parent / "audio"
    if audio is None and not folder.is_dir():
        folder = table.parent
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of foreground audio")
    _require(table, folder, [name for name, events in rows.items() if events])
    return [
        Sound(folder / name, event.label, event.onset, event.offset)
        for name, events in rows.items()
        for event in events
        if event.duration > 0
    ]


def _from_urbansound8k(table: Path, audio: Path | None, folds: list[int] | None) -> list[Sound]:
    """The official layout: metadata/UrbanSound8K.csv, audio/fold1 ... audio/fold10."""
    slices = read_urbansound8k(table, folds)
    folder = audio if audio is not None else table.parent.parent / "audio"
    _require(table, folder, list(slices))
    return [Sound(folder / name, label) for name, label in slices.items()]


def _require(table: Path, folder: Path, names: list[str]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{table}: {len(missing)} of {len(names)} files are not in {folder}; the first is {missing[0]}"
        )


def _from_folder(folder: Path) -> list[Sound]:
    paths = [(path.relative_to(folder).parts, path) for path in find_audio(folder)]
    for parts, path in paths:
        if len(parts) == 1:
            raise InputError(f"{path}: lies in no class folder; {folder} must hold one folder per class")
    tables = sorted(folder.glob("*.tsv"))
    if tables and {parts[0] for parts, _ in paths} == {"audio"}:
        raise InputError(f"{folder}: holds `audio`, not class folders; give its table instead: {tables[0]}")
    return [Sound(path, parts[0]) for parts, path in paths]
