"""Tables of all recordings, hours, what is left to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from sedt.audio import write_audio
from sedt.bulk import Job, Result, Source, Stamp, Workload, detect_all, write_tables
from sedt.bulk.hours import split_hours, start_of
from sedt.events import Event
from sedt.formats import FORMATS, read_events, write_events
from sedt.formats.tables import read_table
from tones import RATE, tone_detector

NEW_YEAR = "SITE_20231231_233000.wav"
EVENTS = {
    NEW_YEAR: [
        Event(0.0, 10.0, "dog", 0.5),
        Event(1790.0, 1810.0, "dog", 0.9),
        Event(1800.0, 1800.0, "cat", 0.7),
    ],
    "sub/day.wav": [],
    "old.wav": [Event(3599.0, 3601.5, "cat", 0.123456789)],
}
DURATIONS_S = {NEW_YEAR: 3600.0, "sub/day.wav": 1800.0, "old.wav": 5400.0}


def written(folder: Path, *formats: str) -> Job:
    """A job whose recordings are all done."""
    job = Job(tone_detector, classes=("cat", "dog", "owl"), output=folder, formats=formats)
    for name, events in EVENTS.items():
        for format_name, table in job.tables(Source(name, Path())).items():
            write_events(table, {name: events}, format_name)
    return job


def rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("20240131_063000.WAV", datetime(2024, 1, 31, 6, 30)),
        ("20240131_063015T.WAV", datetime(2024, 1, 31, 6, 30, 15)),
        ("a/20240131/SITE7_0+1_20240131$063000.wav", datetime(2024, 1, 31, 6, 30)),
        ("SMM01_20240131_063000.wav", datetime(2024, 1, 31, 6, 30)),
        ("2024-01-31T06-30-00Z.flac", datetime(2024, 1, 31, 6, 30)),
        ("2024-01-31 06_30.wav", datetime(2024, 1, 31, 6, 30)),
        ("20240131T235959+0100.ogg", datetime(2024, 1, 31, 23, 59, 59)),
        ("20240131063000.wav", datetime(2024, 1, 31, 6, 30)),
        ("20240131.wav", None),
        ("20240131/063000.wav", None),
        ("20241331_063000.wav", None),
        ("20240230_063000.wav", None),
        ("20240131_243000.wav", None),
        ("120240131_063000.wav", None),
        ("20240131_0630001.wav", None),
        ("5A3B2C1D.WAV", None),
    ],
)
def test_the_time_in_a_name(name: str, start: datetime | None) -> None:
    assert start_of(name) == start


def test_hours_share_out_every_second() -> None:
    generator = np.random.default_rng(0)
    for begin in (None, datetime(2024, 2, 28, 22, 59, 59)):
        for _ in range(200):
            onset, offset = sorted(generator.uniform(0, 20_000, 2).tolist())
            parts = list(split_hours(begin, onset, offset))
            assert sum(seconds for _, seconds in parts) == pytest.approx(offset - onset)
            assert all(0 <= seconds <= 3600 for _, seconds in parts)
            assert len({hour for hour, _ in parts}) == len(parts)
    assert list(split_hours(None, 3600, 3600)) == [("+1 h", 0.0)]
    assert list(split_hours(datetime(2024, 2, 28, 23, 30), 0, 3600)) == [
        ("2024-02-28T23:00", 1800.0),
        ("2024-02-29T00:00", 1800.0),
    ]


def test_totals_count_every_class_in_all_audio(tmp_path: Path) -> None:
    assert write_tables(written(tmp_path, "json"), DURATIONS_S, {}) == 4
    assert rows(tmp_path / "totals.tsv") == [
        ["event_label", "events", "seconds", "events_per_hour", "seconds_per_hour", "audio_hours"],
        ["cat", "2", "2.500", "0.667", "0.833", "3.0000"],
        ["dog", "2", "30.000", "0.667", "10.000", "3.0000"],
        ["owl", "0", "0.000", "0.000", "0.000", "3.0000"],
    ]
    assert not (tmp_path / "failed.tsv").exists()


def test_hours_of_the_clock_where_names_tell_them(tmp_path: Path) -> None:
    write_tables(written(tmp_path, "json"), DURATIONS_S, {})
    header, *found = rows(tmp_path / "by_hour.tsv")
    assert header == ["hour", "event_label", "events", "seconds", "audio_seconds"]
    assert [row[0] for row in found[::3]] == ["2023-12-31T23:00", "2024-01-01T00:00", "+0 h", "+1 h"]
    assert found[:6] == [
        ["2023-12-31T23:00", "cat", "0", "0.000", "1800.000"],
        ["2023-12-31T23:00", "dog", "2", "20.000", "1800.000"],
        ["2023-12-31T23:00", "owl", "0", "0.000", "1800.000"],
        ["2024-01-01T00:00", "cat", "1", "0.000", "1800.000"],
        ["2024-01-01T00:00", "dog", "0", "10.000", "1800.000"],
        ["2024-01-01T00:00", "owl", "0", "0.000", "1800.000"],
    ]
    cats = [row[2:] for row in found if row[0].startswith("+") and row[1] == "cat"]
    assert cats == [["1", "1.000", "5400.000"], ["0", "1.500", "1800.000"]]


@pytest.mark.parametrize("name", [name for name in FORMATS if not FORMATS[name].holds_one])
def test_the_table_of_all_holds_what_those_of_each_hold(tmp_path: Path, name: str) -> None:
    write_tables(written(tmp_path, name), DURATIONS_S, {})
    ending = FORMATS[name].ending
    write_events(tmp_path / f"expected.{ending}", EVENTS, name)
    together = tmp_path / f"events.{ending}"
    assert read_events(together, name) == read_events(tmp_path / f"expected.{ending}", name)
    if name in ("tsv", "json", "jsonl", "csv"):
        assert together.read_bytes() == (tmp_path / f"expected.{ending}").read_bytes()


def test_a_format_of_one_recording_has_totals_but_no_table_of_all(tmp_path: Path) -> None:
    assert write_tables(written(tmp_path, "audacity"), DURATIONS_S, {}) == 4
    assert not list(tmp_path.glob("events*"))
    assert (tmp_path / "totals.tsv").exists()


def test_failures_have_a_table_for_as_long_as_there_are_some(tmp_path: Path) -> None:
    job = written(tmp_path, "tsv")
    write_tables(job, DURATIONS_S, {"bad.wav": "bad.wav: no audio"})
    found = read_table(tmp_path / "failed.tsv", ("filename", "reason"))
    assert [row.fields for row in found] == [{"filename": "bad.wav", "reason": "bad.wav: no audio"}]
    write_tables(job, DURATIONS_S, {})
    assert not (tmp_path / "failed.tsv").exists()


def test_undecided_events_are_not_counted(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", np.zeros(RATE, np.float32) + 0.001, RATE)
    job = Job(tone_detector, output=tmp_path / "out", undecided=True)
    outcome = detect_all(job, [Source("a.wav", tmp_path / "a.wav")])
    write_tables(job, outcome.done, {})
    assert (tmp_path / "out" / "events.tsv").exists()
    assert not (tmp_path / "out" / "totals.tsv").exists()


class Clock:
    """Shows what it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def planned(folder: Path, lengths_s: Sequence[float], clock: Clock) -> tuple[Workload, list[Source]]:
    """A workload that has looked at what its files state; a length of 0 is no audio."""
    sources = [Source(f"{i}.wav", folder / f"{i}.wav") for i in range(len(lengths_s))]
    for source, seconds in zip(sources, lengths_s, strict=True):
        if seconds:
            write_audio(source.path, np.zeros(round(seconds * RATE), np.float32), RATE)
        else:
            source.path.write_text("no audio")
    work = Workload(clock)
    work.planned(sources)
    work.wait()
    return work, sources


def test_what_is_left_is_told_by_what_files_state(tmp_path: Path) -> None:
    clock = Clock()
    work, (first, second, bad) = planned(tmp_path, [10, 20, 0], clock)
    assert work.left_s == pytest.approx(45), "what states nothing counts as the mean"
    clock.now = 100.0  # the time that a model takes to load does not count
    work.started(first, 0)
    clock.now = 102.0
    work.heard(first, 8)
    assert (work.elapsed_s, work.speed, work.done_s) == (2, 4, 8)
    assert work.left_s == pytest.approx(37)
    work.heard(first, 2)
    work.finished(first, Result(Stamp(0, 0), 10, 0))
    work.started(second, 5)
    work.failed(bad, "no audio")
    assert work.left_s == pytest.approx(15)
    assert (work.heard_s, work.done_s) == (10, 15), "an earlier process has heard five seconds"
    work.heard(second, 15)
    work.finished(second, Result(Stamp(0, 0), 20, 0))
    assert work.left_s == 0
    assert (work.num_done, work.num_files) == (3, 3)


def test_a_file_that_is_longer_than_it_states_leaves_less_than_nothing_to_no_one(tmp_path: Path) -> None:
    work, (first, second) = planned(tmp_path, [10, 20], Clock())
    work.started(first, 0)
    work.heard(first, 30)
    assert work.left_s == pytest.approx(20)
    work.started(second, 0)
    work.heard(second, 30)
    assert work.left_s == 0
