"""What a run keeps of the recordings it was measured on: written, read back, damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sedt
from sedt.batch import Supervision
from sedt.data.recordings import Files, Known
from sedt.errors import InputError
from sedt.events import Event
from sedt.metrics import Collars, event_based
from sedt.trials import hear, named_recordings, read_trial, trial_of, write_trial

TRUTH = [Event(2.1, 4.7, "baby_cry"), Event(8.0, 10.4, "fire_crackling")]


@pytest.fixture
def files() -> Files:
    """The bundled recording, and a second of its beginning."""
    path = Path(sedt.__file__).parent / "bundled" / "recording" / "recording.ogg"
    known = Known(Supervision.STRONG, TRUTH)
    return Files(["a.ogg", "b.ogg"], [path, path], [20.0, 1.0], [known, Known(Supervision.STRONG, [])])


def test_names_are_unique(files: Files) -> None:
    names = [one.name for one in named_recordings([files, files])]
    assert names == ["a.ogg", "b.ogg", "2/a.ogg", "2/b.ogg"]


def test_a_trial_is_what_the_detector_finds_and_is_read_back(files: Files, tmp_path: Path) -> None:
    detector = sedt.load()
    heard = hear(detector, [files])
    collars = Collars(0.5, 0.5)
    trial = trial_of(heard, detector.package, collars)
    samples, _ = files.read(0, detector.sample_rate, 0.0, 20.0)
    assert trial.estimated["a.ogg"] == detector.detect(samples, detector.sample_rate)
    assert trial.durations == {"a.ogg": 20.0, "b.ogg": 1.0}
    assert trial.reference["a.ogg"] == TRUTH

    # At each threshold, what the detector would find with it.
    found = {"a.ogg": detector.detect(samples, detector.sample_rate, threshold=0.75)}
    counts = event_based(trial.reference, found, detector.classes, collars).counts
    kept = {point.label: point.counts for point in trial.operating if point.threshold == 0.75}
    assert kept == counts
    assert len({point.threshold for point in trial.operating}) == 19

    write_trial(tmp_path, "test", trial)
    read = read_trial(tmp_path, "test")
    assert read is not None
    assert read.operating == trial.operating
    assert read.durations == trial.durations
    for name in ("reference", "estimated", "candidates"):
        for file, events in getattr(trial, name).items():
            again = getattr(read, name)[file]
            times = [np.array([[e.onset, e.offset] for e in each]).reshape(-1, 2) for each in (events, again)]
            if name != "candidates":  # of those, some are alike to a millisecond
                assert np.allclose(*times, atol=6e-4)
                assert [e.label for e in events] == [e.label for e in again]


def test_what_is_not_all_there_is_not_there(files: Files, tmp_path: Path) -> None:
    assert read_trial(tmp_path, "test") is None
    detector = sedt.load()
    heard = hear(detector, [replace(files, names=["a"], paths=files.paths[1:], durations=[1.0])])
    write_trial(tmp_path, "test", trial_of(heard, detector.package, Collars()))
    assert read_trial(tmp_path, "test") is not None
    operating = tmp_path / "test" / "operating.tsv"
    operating.write_text(operating.read_text().replace("\t0\t0\t0", "\t0\t-1\t0", 1))
    with pytest.raises(InputError, match=r"operating\.tsv:\d+: counts must be whole"):
        read_trial(tmp_path, "test")
    operating.unlink()
    assert read_trial(tmp_path, "test") is None
