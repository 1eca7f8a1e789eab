"""Many recordings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sedt.audio import write_audio
from sedt.bulk import Source, detect_all, find_sources
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import read_events
from tones import RATE, sound, tone_package

EVENTS = [Event(0.5, 1, "low"), Event(1.2, 1.3, "high")]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(tone_package())


def make(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_audio(file, sound(EVENTS, 2), RATE)


def names(*given: object) -> list[str]:
    sources, failures = find_sources([str(text) for text in given])
    assert not failures
    return [source.name for source in sources]


def edges(events: list[Event]) -> list[tuple[float, float, str]]:
    return [(round(e.onset, 3), round(e.offset, 3), e.label) for e in events]


def test_names_are_relative_to_the_source(tmp_path: Path) -> None:
    make(tmp_path / "rec" / "a.wav", tmp_path / "rec" / "day 1" / "b.wav")
    assert names(tmp_path / "rec") == ["a.wav", "day 1/b.wav"]
    assert names(tmp_path / "rec" / "day 1" / "b.wav") == ["b.wav"]
    assert names(tmp_path / "*" / "day*" / "*.wav") == ["rec/day 1/b.wav"]
    assert names(tmp_path / "rec" / "**" / "*.wav") == ["a.wav", "day 1/b.wav"]


def test_relative_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "a.wav", tmp_path / "sub" / "a.wav")
    monkeypatch.chdir(tmp_path / "sub")
    assert names("a.wav") == names("*.wav") == names(".") == ["a.wav"]
    assert names("..") == ["a.wav", "sub/a.wav"]
    assert names("../a.wav", "a.wav") == [f"{tmp_path.name}/a.wav", "sub/a.wav"]


def test_two_files_of_one_name_get_their_folders(tmp_path: Path) -> None:
    make(tmp_path / "x" / "1" / "a.wav", tmp_path / "y" / "1" / "a.wav", tmp_path / "y" / "1" / "b.wav")
    assert names(tmp_path / "x", tmp_path / "y") == ["x/1/a.wav", "y/1/a.wav", "1/b.wav"]
    assert names(tmp_path / "x" / "1", tmp_path / "y" / "1") == ["x/1/a.wav", "y/1/a.wav", "b.wav"]
    assert names(tmp_path / "x" / "1" / "a.wav", tmp_path / "y" / "1" / "a.wav") == ["x/1/a.wav", "y/1/a.wav"]


def test_a_lengthened_name_may_not_meet_another(tmp_path: Path) -> None:
    # Both `a.wav` need their folders; `x/a.wav` is then the name of a third file.
    make(tmp_path / "p" / "x" / "a.wav", tmp_path / "q" / "a.wav", tmp_path / "r" / "x" / "a.wav")
    found = names(tmp_path / "p" / "x" / "a.wav", tmp_path / "q" / "a.wav", tmp_path / "r")
    assert len(set(found)) == 3


def test_a_file_counts_once(tmp_path: Path) -> None:
    make(tmp_path / "rec" / "a.wav")
    file = tmp_path / "rec" / "a.wav"
    assert names(
        tmp_path / "rec", file, tmp_path / "rec" / ".." / "rec" / "a.wav", tmp_path / "*" / "*.wav"
    ) == ["a.wav"]


def test_brackets_in_a_name_are_no_pattern(tmp_path: Path) -> None:
    make(tmp_path / "take[1].wav", tmp_path / "take1.wav")
    assert names(tmp_path / "take[1].wav") == ["take[1].wav"]


def test_patterns_without_an_ending_mean_audio(tmp_path: Path) -> None:
    make(tmp_path / "a.wav", tmp_path / ".hidden.wav")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder.wav").mkdir()
    assert names(tmp_path / "*") == names(tmp_path / "*.*") == names(tmp_path / "*.wav") == ["a.wav"]
    assert names(tmp_path / "*.txt") == ["notes.txt"]


def test_sources_that_mean_nothing_are_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    make(tmp_path / "a.wav")
    (tmp_path / "empty").mkdir()
    bad = [str(tmp_path / name) for name in ("none.wav", "empty", "*.ogg")]
    sources, failures = find_sources([bad[0], str(tmp_path / "a.wav"), *bad[1:]])
    assert [source.name for source in sources] == ["a.wav"]
    assert list(failures) == bad
    reasons = [reason.removeprefix(f"{text}: ") for text, reason in failures.items()]
    assert reasons == ["no such file or folder", "no audio files in this folder", "matches no audio file"]


def test_many_names_are_fast(tmp_path: Path) -> None:
    for i in range(3000):
        (tmp_path / f"{i}.wav").touch()
    assert len(names(tmp_path)) == 3000


def test_every_recording_has_its_files(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "rec" / "a.wav", tmp_path / "rec" / "a.flac", tmp_path / "rec" / "x" / "a.wav")
    sources, _ = find_sources([str(tmp_path / "rec")])
    out = tmp_path / "out"
    outcome = detect_all(detector, sources, output=out, formats=["tsv", "json"], plot=True)
    assert not outcome.failures
    files = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    recordings = ["a.wav", "a.flac", "x/a.wav"]
    assert files == {f"{name}.{ending}" for name in recordings for ending in ("tsv", "json", "png")}
    for name in recordings:
        assert edges(outcome.events[name]) == edges(EVENTS)
        for ending in ("tsv", "json"):
            table = read_events(out / f"{name}.{ending}")
            assert list(table) == [name]
            assert edges(table[name]) == edges(EVENTS)


def test_a_failure_stops_nothing(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "a.wav", tmp_path / "c.wav")
    (tmp_path / "b.wav").write_text("no audio")
    sources, _ = find_sources([str(tmp_path)])
    outcome = detect_all(detector, sources)
    assert list(outcome.events) == ["a.wav", "c.wav"]
    assert list(outcome.failures) == ["b.wav"]
    assert "b.wav" in outcome.failures["b.wav"]


def test_finished_recordings_are_skipped(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "rec" / "a.wav", tmp_path / "rec" / "b.wav")
    sources, _ = find_sources([str(tmp_path / "rec")])
    out = tmp_path / "out"
    started: list[str] = []

    def again(**options: object) -> list[str]:
        started.clear()
        outcome = detect_all(
            detector,
            sources,
            output=out,
            on_start=lambda source: started.append(source.name),
            **options,  # type: ignore[arg-type]
        )
        assert [edges(events) for events in outcome.events.values()] == [edges(EVENTS)] * 2
        assert outcome.skipped == 2 - len(started)
        return list(started)

    assert again() == ["a.wav", "b.wav"]
    assert again() == []
    (out / "a.wav.tsv").unlink()
    assert again() == ["a.wav"]
    (out / "b.wav.tsv").write_text("not a table")
    assert again() == ["b.wav"]
    assert again(plot=True) == ["a.wav", "b.wav"]
    assert again(plot=True) == []
    assert again(formats=["tsv", "json"]) == ["a.wav", "b.wav"]
    assert again(overwrite=True) == ["a.wav", "b.wav"]


@pytest.mark.parametrize("name", ["a\tb.wav", "a\nb.wav", os.fsdecode(b"a\xff.wav")])
def test_names_that_no_table_can_hold(detector: Detector, tmp_path: Path, name: str) -> None:
    make(tmp_path / "a.wav")
    outcome = detect_all(detector, [Source(name, tmp_path / "a.wav")])
    assert not outcome.events
    assert "the name" in outcome.failures[name]


def test_an_output_that_cannot_be_written_is_no_recordings_fault(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "a.wav")
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="out"):
        detect_all(detector, [Source("a.wav", tmp_path / "a.wav")], output=tmp_path / "out")
