"""A model tried on recordings whose events are known: what it said, beside the truth, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import sedt.build as build
from sedt.config import Recipe
from sedt.data.recordings import Recordings
from sedt.decoding import RecordingPredictions
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.formats.dcase import read_durations, read_strong, write_durations, write_strong
from sedt.formats.tables import read_table, write_table
from sedt.metrics import Collars, Counts, event_based
from sedt.package import Package
from sedt.tuning import THRESHOLDS

Part = Literal["test", "validation"]
"""The recordings that a model is judged on."""

OPERATING_COLUMNS = ("threshold", "event_label", "reference", "estimated", "hits")


@dataclass(frozen=True)
class Recording:
    """One of several sets."""

    name: str
    """Unique: of names that occur in two sets, the later ones have the number of their set in front."""
    recordings: Recordings
    index: int


class OperatingPoint(NamedTuple):
    """Event-based counts of a class at a threshold, all else decided as the model does."""

    threshold: float
    label: str
    counts: Counts


@dataclass(frozen=True)
class Heard:
    """What a model says of recordings before any decision, by name."""

    predictions: Mapping[str, RecordingPredictions]
    reference: EventTable
    durations: Mapping[str, float]


@dataclass(frozen=True)
class Trial:
    """What a run keeps of the recordings it was measured on."""

    reference: EventTable
    estimated: EventTable
    candidates: EventTable
    """Every query, or step, as an event of every class: what PSDS is counted on."""
    durations: Mapping[str, float]
    operating: Sequence[OperatingPoint]


def part_to_judge(recipe: Recipe) -> Part | None:
    """Test recordings; if the recipe has none, validation recordings; None if it has neither."""
    if recipe.data.test:
        return "test"
    return "validation" if recipe.data.validation else None


def collars_of(recipe: Recipe) -> Collars:
    """Those that scores are counted with."""
    tune = recipe.tune
    return Collars(tune.onset_collar_s, tune.offset_collar_s, tune.offset_ratio)


def named_recordings(sets: Sequence[Recordings]) -> Iterator[Recording]:
    """All recordings of the sets, in order."""
    seen: set[str] = set()
    for number, recordings in enumerate(sets, 1):
        for index in range(len(recordings)):
            name = recordings.name(index)
            name = f"{number}/{name}" if name in seen else name
            seen.add(name)
            yield Recording(name, recordings, index)


def hear(detector: Detector, sets: Sequence[Recordings]) -> Heard:
    """Predict all recordings. Raises InputError: one cannot be read."""
    predictions: dict[str, RecordingPredictions] = {}
    reference: dict[str, list[Event]] = {}
    durations: dict[str, float] = {}
    for one in named_recordings(sets):
        duration_s = one.recordings.duration_s(one.index)
        samples, known = one.recordings.read(one.index, detector.sample_rate, 0.0, duration_s)
        reference[one.name], durations[one.name] = known.events, duration_s
        predictions[one.name] = detector.predict(samples, detector.sample_rate)
    return Heard(predictions, reference, durations)


def trial_of(heard: Heard, package: Package, collars: Collars) -> Trial:
    """Decide as the package does, and count at every threshold what it would find there."""
    decision, classes = build.decision(package.decoding), package.classes
    return Trial(
        heard.reference,
        {name: each.events(classes, decision) for name, each in heard.predictions.items()},
        {name: each.candidates(classes, decision.median_s) for name, each in heard.predictions.items()},
        heard.durations,
        list(_operating_points(heard, package, collars)),
    )


def write_trial(folder: Path, part: str, trial: Trial) -> None:
    """`<part>_events.tsv` (what was found) and a folder `<part>` with the rest. Raises InputError."""
    write_strong(folder / f"{part}_events.tsv", trial.estimated)
    write_strong(folder / part / "reference.tsv", trial.reference)
    write_strong(folder / part / "candidates.tsv", trial.candidates)
    write_durations(folder / part / "durations.tsv", trial.durations)
    rows = [
        (f"{threshold:g}", label, *map(str, (counts.reference, counts.estimated, counts.hits)))
        for threshold, label, counts in trial.operating
    ]
    write_table(folder / part / "operating.tsv", OPERATING_COLUMNS, rows)


def read_trial(folder: Path, part: str) -> Trial | None:
    """What `write_trial` wrote; None if it is not all there. Raises InputError: a table is damaged."""
    names = ("reference", "candidates", "durations", "operating")
    files = {name: folder / part / f"{name}.tsv" for name in names}
    events = folder / f"{part}_events.tsv"
    if not all(file.exists() for file in (events, *files.values())):
        return None
    return Trial(
        read_strong(files["reference"]),
        read_strong(events),
        read_strong(files["candidates"]),
        read_durations(files["durations"]),
        list(_read_operating(files["operating"])),
    )


def _operating_points(heard: Heard, package: Package, collars: Collars) -> Iterator[OperatingPoint]:
    start, classes = build.decision(package.decoding), package.classes
    for threshold in THRESHOLDS:
        decision = replace(start, threshold=threshold)
        found = {name: each.events(classes, decision) for name, each in heard.predictions.items()}
        for label, counts in event_based(heard.reference, found, classes, collars).counts.items():
            yield OperatingPoint(threshold, label, counts)


def _read_operating(file: Path) -> Iterator[OperatingPoint]:
    for row in read_table(file, OPERATING_COLUMNS):
        counts = [row.number(name) for name in OPERATING_COLUMNS[2:]]
        if any(count < 0 or count != int(count) for count in counts):
            raise InputError(f"{row.place}: counts must be whole numbers from 0 on")
        label = row.fields["event_label"]
        yield OperatingPoint(row.number("threshold"), label, Counts(*map(int, counts)))
