"""The scene mixer: isolated sounds over noise or backgrounds -> soundscapes whose events are known exactly.

A scene follows from (seed, epoch, index) alone: the same samples and events, bit by bit, in any order and in
any process. Onsets and offsets are measured on what is mixed in, after cutting and fading.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedt.audio import Waveform
from sedt.config import ScenesConfig
from sedt.data.backgrounds import Backgrounds
from sedt.data.cutting import draw_excerpt
from sedt.data.memory import Memory
from sedt.data.noise import SLOPES, coloured_noise, db_to_gain, rms
from sedt.data.sounds import SoundBank
from sedt.data.timing import Template, Timeline, read_templates
from sedt.errors import InputError
from sedt.events import Event

MEMORY_BYTES = 600_000_000
"""Bound of decoded audio that a mixer keeps."""

QUIETEST_DB = -30.0
"""Where a background is quieter than this against its own level, this counts as its level: an event over a
moment of digital silence would be lost otherwise."""

PEAK = 0.999
"""A louder scene is scaled down to this."""


@dataclass(frozen=True)
class PlacedSound:
    """A sound as it is mixed in."""

    event: Event
    start: int
    """Its onset as a sample of the scene."""
    samples: Waveform
    """From onset to offset, with its gain."""
    snr_db: float
    """Level over the background from onset to offset."""


@dataclass(frozen=True)
class Stems:
    """The parts of a scene."""

    background: Waveform
    """(samples,)"""
    sounds: list[PlacedSound]

    def mix(self) -> Waveform:
        """All together, scaled down where the peak would be too loud. (samples,)."""
        waveform = self.background.copy()
        for sound in self.sounds:
            waveform[sound.start : sound.start + len(sound.samples)] += sound.samples
        peak = float(np.abs(waveform).max())
        return waveform * np.float32(PEAK / peak) if peak > PEAK else waveform


@dataclass(frozen=True)
class Scene:
    """A soundscape and what happens in it."""

    name: str
    waveform: Waveform
    """(samples,)"""
    events: list[Event]
    """Ordered by onset."""


@dataclass(frozen=True)
class _Placed:
    """A sound before its gain is known."""

    samples: Waveform
    label: str
    onset: int

    def event(self, sample_rate: int) -> Event:
        """In seconds."""
        return Event(self.onset / sample_rate, (self.onset + len(self.samples)) / sample_rate, self.label)


class SceneMixer:
    """Scenes by number, for data sets mixed on the fly and for `sedt synth`.

    Raises:
        InputError: the bank, the backgrounds or the timing cannot be read or have nothing usable (see
            `SoundBank`, `Backgrounds`, `read_templates`); the shortest event is longer than a scene.
    """

    def __init__(self, config: ScenesConfig, sample_rate: int) -> None:
        self.config = config
        self.sample_rate = sample_rate
        self.num_samples = max(1, round(config.duration_s * sample_rate))
        """Samples of a scene."""
        self._memory = Memory(MEMORY_BYTES)
        self._bank = SoundBank(
            foreground=config.foreground,
            audio=config.foreground_audio,
            split=config.split,
            folds=config.folds,
            classes=config.classes,
            sample_rate=sample_rate,
            active_range_db=config.active_range_db,
            memory=self._memory,
        )
        self._templates = (
            read_templates(config.timing, self.labels, config.timing_labels)
            if config.timing is not None
            else None
        )
        self._backgrounds = (
            Backgrounds(config.backgrounds, config.exclude_backgrounds, sample_rate, self._memory)
            if config.backgrounds
            else None
        )
        if self._templates is None and config.event_duration_s[0] > config.duration_s:
            raise InputError(
                f"event_duration_s: the shortest event, {config.event_duration_s[0]:g} s, does not fit into "
                f"duration_s, {config.duration_s:g} s"
            )

    def __len__(self) -> int:
        """Scenes in the set."""
        return self.config.num_scenes

    @property
    def labels(self) -> list[str]:
        """Labels of the bank, sorted."""
        return self._bank.labels

    def files(self) -> set[Path]:
        """All sounds and backgrounds that scenes are made of."""
        sounds = {sound.path for group in self._bank.sounds.values() for sound in group}
        return sounds | set(self._backgrounds.paths if self._backgrounds is not None else ())

    def fingerprint(self) -> str:
        """Other sounds, backgrounds or timing have another one; where they lie makes no difference."""
        backgrounds = self._backgrounds.paths if self._backgrounds is not None else ()
        lines = [*self._bank.fingerprint(), *(f"{path.name} {path.stat().st_size}" for path in backgrounds)]
        lines += [repr(template) for template in self._templates or ()]
        return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()

    def scene(self, index: int, epoch: int = 0) -> Scene:
        """Mix scene `index` of `epoch`. Raises InputError: a sound or background cannot be decoded."""
        stems = self.stems(index, epoch)
        return Scene(scene_name(index), stems.mix(), [sound.event for sound in stems.sounds])

    def events(self, index: int, epoch: int = 0) -> list[Event]:
        """The events of a scene, without mixing it."""
        return [placed.event(self.sample_rate) for placed in self._place(index, epoch)]

    def stems(self, index: int, epoch: int = 0) -> Stems:
        """The parts of a scene; `scene` is their sum."""
        # The streams of random numbers are apart, so that events stay when backgrounds are changed.
        generator = self._generator(index, epoch, 1)
        background = self._background(generator)
        wanted = db_to_gain(generator.uniform(*self.config.noise_db))
        background *= np.float32(wanted / max(rms(background), 1e-5))
        level = rms(background) or wanted  # of digital silence: what it should have been
        sounds = [self._louden(p, background, level, generator) for p in self._place(index, epoch)]
        return Stems(background, sounds)

    def _generator(self, index: int, epoch: int, stream: int) -> np.random.Generator:
        return np.random.default_rng(
            np.random.SeedSequence(self.config.seed, spawn_key=(epoch, index, stream))
        )

    def _background(self, generator: np.random.Generator) -> Waveform:
        if self._backgrounds is not None:
            return self._backgrounds.draw(generator, self.num_samples)
        colour = self.config.noise
        if colour == "random":
            colour = list(SLOPES)[int(generator.integers(len(SLOPES)))]
        return coloured_noise(generator, self.num_samples, self.sample_rate, colour)

    def _place(self, index: int, epoch: int) -> list[_Placed]:
        generator = self._generator(index, epoch, 0)
        if self._templates is None:
            placed = self._place_at_random(generator)
        else:
            placed = self._place_after(self._templates[index % len(self._templates)], generator)
        return sorted(placed, key=lambda p: (p.onset, len(p.samples), p.label))

    def _place_at_random(self, generator: np.random.Generator) -> list[_Placed]:
        config = self.config
        timeline = Timeline(
            self.num_samples, config.max_polyphony, round(config.same_class_gap_s * self.sample_rate)
        )
        low, high = np.log(config.event_duration_s)
        placed = []
        for _ in range(int(generator.integers(config.events[0], config.events[1], endpoint=True))):
            label = self.labels[int(generator.integers(len(self.labels)))]
            length = round(float(np.exp(generator.uniform(low, high))) * self.sample_rate)
            excerpt = self._excerpt(generator, label, min(length, self.num_samples))
            if excerpt is None:
                continue
            onset = timeline.place(generator, len(excerpt), label)
            if onset is not None:
                placed.append(_Placed(excerpt, label, onset))
        return placed

    def _place_after(self, template: Template, generator: np.random.Generator) -> list[_Placed]:
        placed = []
        shortest_s = self.config.event_duration_s[0]
        for event in template.window(generator, self.num_samples / self.sample_rate, shortest_s):
            onset = min(round(event.onset * self.sample_rate), self.num_samples - 1)
            length = min(max(1, round(event.duration * self.sample_rate)), self.num_samples - onset)
            excerpt = self._excerpt(generator, event.label, length)
            if excerpt is not None:
                placed.append(_Placed(excerpt, event.label, onset))
        return placed

    def _excerpt(self, generator: np.random.Generator, label: str, length: int) -> Waveform | None:
        """At most `length` samples of a random sound of the class; None if it is silent."""
        sounds = self._bank.sounds[label]
        sound = self._bank.active(sounds[int(generator.integers(len(sounds)))])
        shortest, fade = self.config.event_duration_s[0], self.config.fade_s
        return draw_excerpt(
            generator,
            sound,
            self.sample_rate,
            length,
            shortest=min(length, round(shortest * self.sample_rate)),
            fade=round(fade * self.sample_rate),
        )

    def _louden(
        self, placed: _Placed, background: Waveform, level: float, generator: np.random.Generator
    ) -> PlacedSound:
        """Bring a sound to its level over the background, which as a whole has `level`."""
        onset, length = placed.onset, len(placed.samples)
        there = max(rms(background[onset : onset + length]), level * db_to_gain(QUIETEST_DB))
        snr_db = float(generator.uniform(*self.config.snr_db))
        gain = there * db_to_gain(snr_db) / rms(placed.samples)
        samples: Waveform = placed.samples * np.float32(gain)
        return PlacedSound(placed.event(self.sample_rate), onset, samples, snr_db)


def scene_name(index: int) -> str:
    """Name of a scene, the same in every epoch: `scene_00012`."""
    return f"scene_{index:05d}"
