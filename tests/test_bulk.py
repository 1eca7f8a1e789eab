"""Many recordings."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sedt.audio import write_audio
from sedt.bulk import Job, Outcome, Result, Source, Watcher, detect_all, find_sources, write_tables
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import FORMATS, read_events
from tones import RATE, scene, sound, tone_package

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


def test_the_cost_of_a_name_does_not_grow_with_their_number(tmp_path: Path) -> None:
    def seconds(number: int) -> float:
        folder = tmp_path / str(number)
        folder.mkdir()
        for i in range(number):
            (folder / f"{i}.wav").touch()
        start = time.process_time()
        assert len(names(folder)) == number
        return time.process_time() - start

    seconds(30)  # to warm up
    assert seconds(3000) < 100 * max(seconds(300), 1e-3)  # ten times as many; quadratic would be a hundred


def job(detector: Detector, output: Path | None = None, **options: object) -> Job:
    return Job(lambda: detector, output=output, **options)  # type: ignore[arg-type]


def found(outcome: Outcome, folder: Path) -> dict[str, list[tuple[float, float, str]]]:
    """What the tables say of the recordings that are done."""
    return {name: edges(read_events(folder / f"{name}.tsv")[name]) for name in outcome.done}


def test_every_recording_has_its_files(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "rec" / "a.wav", tmp_path / "rec" / "a.flac", tmp_path / "rec" / "x" / "a.wav")
    sources, _ = find_sources([str(tmp_path / "rec")])
    out = tmp_path / "out"
    outcome = detect_all(job(detector, out, formats=("tsv", "json"), plot=True), sources)
    assert not outcome.failures
    assert not outcome.events, "they are in the tables, not in memory"
    files = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    recordings = ["a.flac", "a.wav", "x/a.wav"]
    tables = {f"{name}.{ending}" for name in recordings for ending in ("tsv", "json", "png")}
    assert files == {*tables, "sedt-detect.jsonl"}
    assert outcome.done == dict.fromkeys(recordings, 2.0)
    for name in recordings:
        for ending in ("tsv", "json"):
            table = read_events(out / f"{name}.{ending}")
            assert list(table) == [name]
            assert edges(table[name]) == edges(EVENTS)


def test_a_failure_stops_nothing(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "a.wav", tmp_path / "c.wav")
    (tmp_path / "b.wav").write_text("no audio")
    (tmp_path / "d.wav").touch()
    (tmp_path / "e.wav").symlink_to(tmp_path / "nowhere.wav")
    (tmp_path / "f.wav").symlink_to(tmp_path / "f.wav")
    sources, _ = find_sources([str(tmp_path)])
    outcome = detect_all(job(detector), sources)
    assert {name: edges(events) for name, events in outcome.events.items()} == {
        "a.wav": edges(EVENTS),
        "c.wav": edges(EVENTS),
    }
    assert list(outcome.failures) == ["b.wav", "d.wav", "e.wav", "f.wav"]
    for name, told in zip("bdef", ("not audio", "empty file", "no such file", "symbolic links"), strict=True):
        assert outcome.failures[f"{name}.wav"].startswith(f"{tmp_path / name}.wav: ")
        assert told in outcome.failures[f"{name}.wav"]


class Spy(Watcher):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, float]] = []

    def started(self, source: Source, from_s: float) -> None:
        self.begun.append((source.name, from_s))


def test_a_file_that_disappears_meanwhile(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "c.wav")

    class Thief(Watcher):
        def finished(self, source: Source, result: Result) -> None:
            (tmp_path / "b.wav").unlink(missing_ok=True)

    sources, _ = find_sources([str(tmp_path)])
    outcome = detect_all(job(detector), sources, watcher=Thief())
    assert list(outcome.done) == ["a.wav", "c.wav"]
    assert outcome.failures == {"b.wav": f"{tmp_path / 'b.wav'}: no such file"}


def test_finished_recordings_are_skipped(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "rec" / "a.wav", tmp_path / "rec" / "b.wav")
    sources, _ = find_sources([str(tmp_path / "rec")])
    out = tmp_path / "out"

    def again(overwrite: bool = False, **options: object) -> list[str]:
        spy = Spy()
        outcome = detect_all(job(detector, out, **options), sources, overwrite=overwrite, watcher=spy)
        assert list(outcome.done) == ["a.wav", "b.wav"]
        assert found(outcome, out) == dict.fromkeys(outcome.done, edges(EVENTS))
        assert outcome.skipped == 2 - len(spy.begun)
        return [name for name, _ in spy.begun]

    assert again() == ["a.wav", "b.wav"]
    assert again() == []
    (out / "a.wav.tsv").unlink()
    assert again() == ["a.wav"]
    (out / "b.wav.tsv").write_text("not a table")
    assert again() == ["b.wav"]
    assert again(plot=True) == ["a.wav", "b.wav"]
    assert again(plot=True) == []
    assert again(formats=("tsv", "json")) == ["a.wav", "b.wav"]
    assert again(overwrite=True) == ["a.wav", "b.wav"]
    assert again(formats=("raven",)) == ["a.wav", "b.wav"]
    assert again(formats=("raven",)) == []


def test_a_recording_without_events_is_done_whatever_the_format(detector: Detector, tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", sound([], 2), RATE)
    silent = [Source("a.wav", tmp_path / "a.wav")]
    for name in FORMATS:
        wanted = job(detector, tmp_path / name, formats=(name,))
        assert detect_all(wanted, silent).skipped == 0
        assert detect_all(wanted, silent).skipped == 1, name


def test_recordings_that_were_changed_are_done_again(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "a.wav", tmp_path / "b.wav")
    sources, _ = find_sources([str(tmp_path / "*.wav")])
    detect_all(job(detector, tmp_path / "out"), sources)
    write_audio(tmp_path / "b.wav", sound(EVENTS[:1], 3), RATE)
    outcome = detect_all(job(detector, tmp_path / "out"), sources)
    assert (outcome.skipped, outcome.changed) == (1, 1)
    assert outcome.done == {"a.wav": 2.0, "b.wav": 3.0}
    assert found(outcome, tmp_path / "out")["b.wav"] == edges(EVENTS[:1])


def test_results_of_two_kinds_are_not_mixed(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "a.wav")
    sources, out = [Source("a.wav", tmp_path / "a.wav")], tmp_path / "out"
    first = job(detector, out, model="m", fingerprint="1")
    detect_all(first, sources)
    for other, told in (
        ({"model": "n", "fingerprint": "2"}, "the model m, now it is n"),
        ({"model": "m", "fingerprint": "2"}, "the model m, now it is m, which was changed since"),
        ({"threshold": 0.3}, "the model's own thresholds, now it is the threshold 0.3"),
        ({"undecided": True}, "decided events, now it is undecided events"),
    ):
        wanted = replace(first, **other)  # type: ignore[arg-type]
        with pytest.raises(InputError) as caught:
            detect_all(wanted, sources)
        assert str(caught.value) == (
            f"{out}: holds results with {told}: choose another --output, or --overwrite to do all again"
        )
    assert detect_all(replace(first, model="moved/m"), sources).skipped == 1, "the same model by another name"
    assert detect_all(wanted, sources, overwrite=True).skipped == 0
    assert detect_all(wanted, sources).skipped == 1


def test_overwriting_that_was_interrupted_goes_on(detector: Detector, tmp_path: Path) -> None:
    make(*(tmp_path / "rec" / f"{i}.wav" for i in range(3)))
    sources, _ = find_sources([str(tmp_path / "rec")])
    detect_all(job(detector, tmp_path / "out"), sources)

    class Stop(Watcher):
        def finished(self, source: Source, result: Result) -> None:
            raise KeyboardInterrupt

    other, outcome = job(detector, tmp_path / "out", threshold=0.9), Outcome()
    with pytest.raises(KeyboardInterrupt):
        detect_all(other, sources, overwrite=True, watcher=Stop(), outcome=outcome)
    assert list(outcome.done) == ["0.wav"]
    rest = detect_all(other, sources)
    assert rest.skipped == 1, "the tables that are left of the first model do not count"
    assert edges(read_events(tmp_path / "out" / "2.wav.tsv")["2.wav"]) == [], "scores are below 0.9"


def test_files_that_no_journal_knows_are_left_alone(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "a.wav")
    sources = [Source("a.wav", tmp_path / "a.wav")]
    for name in ("a.wav.tsv", "events.tsv", "totals.tsv"):
        (tmp_path / name).write_text("labels of somebody")
        with pytest.raises(InputError, match=f"{name}: is there, and nothing tells what it was made with"):
            detect_all(job(detector, tmp_path), sources)
        assert (tmp_path / name).read_text() == "labels of somebody"
        (tmp_path / name).unlink()
    (tmp_path / "sedt-detect.jsonl").write_text("[]\n")
    with pytest.raises(InputError, match=r"sedt-detect.jsonl: not a journal"):
        detect_all(job(detector, tmp_path), sources)
    assert detect_all(job(detector, tmp_path), sources, overwrite=True).skipped == 0


def test_another_recording_of_the_same_name_overwrites_nothing(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "day 1" / "a.wav")
    write_audio(tmp_path / "day 2" / "a.wav", sound(EVENTS[:1], 3), RATE)
    one, two = ([Source("a.wav", tmp_path / day / "a.wav")] for day in ("day 1", "day 2"))
    detect_all(job(detector, tmp_path / "out"), one)
    with pytest.raises(InputError, match=r"a.wav there is .*day 1/a.wav, not .*day 2/a.wav"):
        detect_all(job(detector, tmp_path / "out"), two)
    (tmp_path / "day 1").rename(tmp_path / "moved")
    moved = [Source("a.wav", tmp_path / "moved" / "a.wav")]
    assert detect_all(job(detector, tmp_path / "out"), moved).skipped == 1


def test_half_a_line_of_a_killed_writer_costs_its_recording_alone(detector: Detector, tmp_path: Path) -> None:
    make(*(tmp_path / "rec" / f"{i}.wav" for i in range(3)))
    sources, _ = find_sources([str(tmp_path / "rec")])
    detect_all(job(detector, tmp_path / "out"), sources)
    journal = tmp_path / "out" / "sedt-detect.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    assert detect_all(job(detector, tmp_path / "out"), sources).skipped == 2
    assert detect_all(job(detector, tmp_path / "out"), sources).skipped == 3


@pytest.mark.parametrize("name", ["a\tb.wav", "a\nb.wav", os.fsdecode(b"a\xff.wav")])
def test_names_that_no_table_can_hold(detector: Detector, tmp_path: Path, name: str) -> None:
    make(tmp_path / "a.wav")
    sources = [Source(name, tmp_path / "a.wav"), Source("a.wav", tmp_path / "a.wav")]
    wanted = job(detector, tmp_path / "out")
    outcome = detect_all(wanted, sources)
    assert list(outcome.done) == ["a.wav"]
    assert "the name" in outcome.failures[name]
    write_tables(wanted, outcome.done, outcome.failures)
    [_, line] = (tmp_path / "out" / "failed.tsv").read_text("utf-8").splitlines()
    assert line.split("\t")[0] in (r"a\tb.wav", r"a\nb.wav", r"a\udcff.wav")


@pytest.mark.parametrize("name", ["x" * 250 + ".wav", "events"])
def test_names_whose_table_cannot_be(detector: Detector, tmp_path: Path, name: str) -> None:
    make(tmp_path / "a.wav")
    sources = [Source(name, tmp_path / "a.wav"), Source("b.wav", tmp_path / "a.wav")]
    outcome = detect_all(job(detector, tmp_path / "out"), sources)
    assert list(outcome.done) == ["b.wav"]
    assert list(outcome.failures) == [name]


@pytest.mark.parametrize("name", ["'a b'.wav", "日本.wav", "-a.wav", "[a]*.wav", "a$b%c;d.wav", "a.wav.wav"])
def test_odd_names(detector: Detector, tmp_path: Path, name: str) -> None:
    make(tmp_path / "rec" / name)
    sources, _ = find_sources([str(tmp_path / "rec")])
    wanted = job(detector, tmp_path / "out")
    outcome = detect_all(wanted, sources)
    write_tables(wanted, outcome.done, outcome.failures)
    assert edges(read_events(tmp_path / "out" / "events.tsv")[name]) == edges(EVENTS)
    assert detect_all(wanted, sources).skipped == 1


def test_an_output_that_cannot_be_written_is_no_recordings_fault(detector: Detector, tmp_path: Path) -> None:
    make(tmp_path / "a.wav")
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="out"):
        detect_all(job(detector, tmp_path / "out"), [Source("a.wav", tmp_path / "a.wav")])


def test_links_that_lead_in_a_circle(tmp_path: Path) -> None:
    make(tmp_path / "rec" / "a.wav")
    (tmp_path / "rec" / "up").symlink_to(tmp_path / "rec")
    (tmp_path / "rec" / "round").symlink_to(tmp_path / "rec" / "round")
    assert names(tmp_path / "rec") == ["a.wav"]
    sources, failures = find_sources([str(tmp_path / "rec" / "round" / "a.wav")])
    assert not sources
    assert len(failures) == 1


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="rights of files are others here")
def test_a_folder_that_may_not_be_read_is_told() -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        make(root / "rec" / "a.wav", root / "rec" / "closed" / "b.wav")
        (root / "rec" / "closed").chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may read anything
        try:
            sources, failures = find_sources([str(root / "rec")])
            inside, reasons = find_sources([str(root / "rec" / "closed" / "b.wav")])
        finally:
            os.seteuid(user)
            (root / "rec" / "closed").chmod(0o755)
        assert [source.name for source in sources] == ["a.wav"]
        [reason] = failures.values()
        assert reason == f"{root / 'rec' / 'closed'}: this folder cannot be read: Permission denied"
        assert not inside
        assert len(reasons) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="files cannot be limited here")
def test_a_full_disk_ends_it_all(detector: Detector, tmp_path: Path) -> None:
    import resource

    make(tmp_path / "a.wav")
    write_audio(tmp_path / "b.wav", sound(scene(60), 60), RATE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    sources, outcome = find_sources([str(tmp_path / "*.wav")])[0], Outcome()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(InputError, match=r"b.wav.tsv: cannot be written: File too large"):
            detect_all(job(detector, tmp_path / "out"), sources, outcome=outcome)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(outcome.done) == ["a.wav"]
    assert detect_all(job(detector, tmp_path / "out"), sources).skipped == 1
