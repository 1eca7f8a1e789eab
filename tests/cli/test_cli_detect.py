"""`sedt detect` and `sedt info`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sedt.audio import write_audio
from sedt.cli.main import app
from sedt.detector import load
from sedt.events import Event
from sedt.formats import read_events
from sedt.package import save_package
from small_models import package
from tones import sound

HEADER = "filename\tonset\toffset\tevent_label\tscore"
RATE = 16_000
SEDT = [sys.executable, "-c", "from sedt.cli.main import run; run()"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SEDT with random weights: what it finds means nothing, but it finds something."""
    info = {"name": "small", "description": "Hears [nothing].", "scores": {"test": {"f1": 0.5}}}
    folder = tmp_path_factory.mktemp("package") / "model"
    save_package(folder, replace(package(threshold=0.0), info=info))
    return folder


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "rec"
    (folder / "sub").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in ("a.wav", "sub/a.wav"):
        write_audio(folder / name, generator.normal(0, 0.1, 6 * RATE // 5).astype(np.float32), RATE)
    return folder


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def rows(table: str) -> list[list[str]]:
    lines = table.splitlines()
    assert lines[0] == HEADER
    return [line.split("\t") for line in lines[1:]]


def test_prints_what_the_detector_finds(model: Path, recordings: Path) -> None:
    result = run("detect", recordings / "a.wav", "--model", model)
    assert result.exit_code == 0
    assert result.stderr == ""
    events = load(model).detect(recordings / "a.wav")
    assert events
    assert rows(result.stdout) == [
        ["a.wav", f"{e.onset:.3f}", f"{e.offset:.3f}", e.label, f"{e.score:.4f}"] for e in events
    ]


def test_a_folder_and_what_is_printed_can_be_read_back(model: Path, recordings: Path, tmp_path: Path) -> None:
    result = run("detect", recordings, "--model", model)
    (tmp_path / "table.tsv").write_text(result.stdout)
    table = read_events(tmp_path / "table.tsv")
    assert list(table) == ["a.wav", "sub/a.wav"]


def test_no_events_is_a_row_with_empty_fields(model: Path, recordings: Path) -> None:
    result = run("detect", recordings / "a.wav", "--model", model, "--threshold", "1")
    assert result.exit_code == 0
    assert rows(result.stdout) == [["a.wav", "", "", "", ""]]


def test_candidates_are_what_psds_is_counted_on(model: Path, recordings: Path, tmp_path: Path) -> None:
    options = {"events": [], "candidates": ["--undecided", "--batch-size", "3"]}
    for name, more in options.items():
        result = run("detect", recordings, "--model", model, "--output", tmp_path / name, *more)
        assert result.exit_code == 0
    detector, found = load(model), read_events(tmp_path / "candidates" / "events.tsv")
    for name in ("a.wav", "sub/a.wav"):
        written, wanted = (
            {f"{e.label} {e.onset:.3f} {e.offset:.3f} {e.score:.4f}" for e in events}
            for events in (found[name], detector.detect(recordings / name, undecided=True))
        )
        assert written == wanted
        assert len(wanted) > 20
    (tmp_path / "true.tsv").write_text("filename\tonset\toffset\tevent_label\na.wav\t0.1\t0.6\tcat\n")
    (tmp_path / "durations.tsv").write_text("filename\tduration\na.wav\t1.2\nsub/a.wav\t1.2\n")
    scores = {}
    for more in ([], ["--undecided", tmp_path / "candidates" / "events.tsv", "--bootstrap", 5]):
        decided = tmp_path / "events" / "events.tsv"
        files = [tmp_path / "true.tsv", decided, "--durations", tmp_path / "durations.tsv"]
        assert run("evaluate", *files, *more, "--json", tmp_path / "scores.json").exit_code == 0
        scores[bool(more)] = json.loads((tmp_path / "scores.json").read_text())
    assert scores[True]["event_based"]["macro"] == scores[False]["event_based"]["macro"]
    assert scores[True]["psds1"] is not None
    # A file that only the durations name is no error in a comparison either, in which there is no PSDS then.
    more = ["--undecided", tmp_path / "candidates" / "events.tsv", "--compare", decided, "--bootstrap", 5]
    result = run("evaluate", *files, *more, "--json", tmp_path / "scores.json")
    assert (result.exit_code, "PSDS is not compared" in result.stderr) == (0, True)
    compared = json.loads((tmp_path / "scores.json").read_text())["comparison"]["figures"]
    assert "event_based_macro_f1" in compared
    assert not [name for name in compared if name.startswith("psds")]
    psds1 = scores[True]["confidence"]["figures"]["psds1"]
    assert psds1["value"] == pytest.approx(scores[True]["psds1"])


def test_json(model: Path, recordings: Path) -> None:
    result = run("detect", recordings, "--model", model, "--format", "json")
    content = json.loads(result.stdout)
    assert [file["filename"] for file in content["files"]] == ["a.wav", "sub/a.wav"]


def test_output_in_files(model: Path, recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["detect", recordings, "--model", model, "--output", out]
    result = run(*command, "--format", "tsv", "--format", "json")
    assert (result.exit_code, result.stdout) == (0, "")
    files = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    names = ("a.wav", "sub/a.wav", "events")
    tables = {f"{name}.{ending}" for name in names for ending in ("tsv", "json")}
    assert files == {*tables, "totals.tsv", "by_hour.tsv", "sedt-detect.jsonl"}
    told, speed = result.stderr.splitlines()
    assert re.fullmatch(r"[1-9]\d* events in 2 recordings: .*out", told)
    assert re.fullmatch(
        r"0.0 min of audio in 0:00:\d\d: [\d.]+ x real time \(real-time factor [\d.]+\)", speed
    )
    together = read_events(out / "events.tsv")
    assert together == {name: read_events(out / f"{name}.tsv")[name] for name in ("a.wav", "sub/a.wav")}

    before = (out / "events.tsv").read_bytes()
    (out / "sub" / "a.wav.tsv").write_text("filename\tonset\toffset\tevent_label\nsub/a.wav\t\t\t\n")
    again = run(*command)
    assert "2 done before" in again.stderr
    assert "real time" not in again.stderr, "nothing was heard"
    assert read_events(out / "events.tsv")["sub/a.wav"] == [], "what was there is taken as it is"
    assert "done before" not in run(*command, "--overwrite").stderr
    assert (out / "events.tsv").read_bytes() == before


def test_a_picture_without_output_goes_to_the_working_folder(
    model: Path, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    result = run("detect", recordings, "--model", model, "--plot")
    assert result.exit_code == 0
    assert sorted(p.as_posix() for p in Path().rglob("*.png")) == ["a.wav.png", "sub/a.wav.png"]


def test_one_bad_source_is_exit_code_2(model: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    for name, reason in (("none.wav", "no such file or folder"), ("text.wav", "not audio")):
        result = run("detect", tmp_path / name, "--model", model)
        assert result.exit_code == 2
        assert result.stdout == ""
        [line] = result.stderr.splitlines()
        assert line.startswith(f"sedt: {tmp_path / name}: {reason}")


def test_some_bad_of_several_is_exit_code_1_and_the_rest_is_done(model: Path, recordings: Path) -> None:
    (recordings / "text.wav").write_text("no audio")
    result = run("detect", recordings, "none.wav", "--model", model)
    assert result.exit_code == 1
    assert {row[0] for row in rows(result.stdout)} == {"a.wav", "sub/a.wav"}
    lines = result.stderr.splitlines()
    assert lines[0] == "failed: none.wav: no such file or folder"
    assert lines[1].startswith(f"failed: {recordings / 'text.wav'}: not audio")
    assert lines[2] == "sedt: 2 of 4 failed"


def test_all_bad_of_several_is_exit_code_2(model: Path) -> None:
    result = run("detect", "none.wav", "neither.wav", "--model", model)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == "sedt: 2 of 2 failed"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "nothing"], "sedt: nothing: no such model"),
        (["--format", "mp3"], "sedt: --format mp3: known formats are tsv, csv, json"),
        (["--format", "tsv", "--format", "json"], "sedt: --format tsv, json: without --output"),
    ],
)
def test_wrong_use(recordings: Path, arguments: list[str], told: str) -> None:
    result = run("detect", recordings, *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(told)
    assert len(result.stderr.splitlines()) == 1


def test_an_output_that_is_a_file(model: Path, recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    result = run("detect", recordings, "--model", model, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "a file, not a folder" in result.stderr


@pytest.mark.slow  # a process of its own imports torch
def test_a_reader_that_stops_reading_is_no_error(model: Path, recordings: Path) -> None:
    code = "from sedt.cli.main import run; run()"
    arguments = [sys.executable, "-c", code, "detect", str(recordings), "--model", str(model)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait() == 141


def test_info(model: Path) -> None:
    result = run("info", model)
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    for part in ("small", "Hears [nothing].", "cat, dog, [siren]", "1 s at 16000 Hz", "32 mel bands", "0.5"):
        assert part in text


def test_info_of_nothing() -> None:
    result = run("info", "nothing")
    assert result.exit_code == 2
    assert result.stderr.startswith("sedt: nothing: no such model")


def test_one_bad_file_among_100(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for i in range(100):
        write_audio(folder / f"{i:03}.wav", sound([Event(0.5, 1.0, "low")], 2), RATE)
    (folder / "042.wav").write_bytes((folder / "042.wav").read_bytes()[:30])
    result = run("detect", folder, "--model", model, "--output", tmp_path / "out")
    assert result.exit_code == 1
    *_, reason, last = result.stderr.splitlines()
    assert (tmp_path / "out" / "failed.tsv").read_text().splitlines()[1].startswith("042.wav\t")
    assert reason.startswith(f"failed: {folder / '042.wav'}: ")
    assert last == "sedt: 1 of 100 failed"
    done = {path.name for path in (tmp_path / "out").glob("*.wav.tsv")}
    assert done == {f"{i:03}.wav.tsv" for i in range(100) if i != 42}
    assert len(read_events(tmp_path / "out" / "events.tsv")) == 99


def test_many_failures_are_listed_in_part_and_written_all(
    model: Path, recordings: Path, tmp_path: Path
) -> None:
    for number in range(30):
        (recordings / f"bad{number:02}.wav").write_text("no audio")
    command = ["detect", recordings, tmp_path / "none.wav", "--model", model]
    result = run(*command, "--output", tmp_path / "out")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert sum(line.startswith("failed: ") for line in lines) == 21
    assert lines[-2] == f"failed: 11 more, see {tmp_path / 'out' / 'failed.tsv'}"
    assert lines[-1] == "sedt: 31 of 33 failed"
    assert len((tmp_path / "out" / "failed.tsv").read_text().splitlines()) == 32
    assert sum(line.startswith("failed: ") for line in run(*command).stderr.splitlines()) == 31


@pytest.mark.parametrize("format_name", ["audacity", "jams", "scores"])
def test_several_recordings_in_a_format_of_one(format_name: str, recordings: Path, tmp_path: Path) -> None:
    """Before any is listened to."""
    result = run("detect", recordings, "--model", tmp_path / "none", "--format", format_name)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"sedt: --format {format_name} holds one recording in a file, not 2: ")


def test_blanks_that_a_format_cannot_hold(model: Path, recordings: Path, tmp_path: Path) -> None:
    (recordings / "a.wav").rename(recordings / "a b.wav")
    command = ["detect", recordings, "--model", model, "--format", "rttm"]
    result = run(*command)
    assert result.exit_code == 2
    assert result.stderr == "sedt: --format rttm: 'a b.wav' holds a blank, which RTTM cannot\n"
    result = run(*command, "--output", tmp_path / "out")  # where it is one failure of several
    assert result.exit_code == 1
    assert (tmp_path / "out" / "sub" / "a.wav.rttm").exists()
    spaced = replace(package(threshold=0.0), classes=["song thrush", "wren", "robin"])
    save_package(tmp_path / "spaced", spaced)
    result = run(*command[:3], tmp_path / "spaced", *command[4:], "--output", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == "sedt: --format rttm: 'song thrush' holds a blank, which RTTM cannot\n"


@pytest.mark.parametrize("formats", [["scores"], ["scores", "json"]])
def test_totals_are_of_events_where_scores_are_written(
    formats: list[str], model: Path, recordings: Path, tmp_path: Path
) -> None:
    command = ["detect", recordings, "--model", model, "--threshold", "0.01"]
    for folder, names in (("plain", formats[1:]), ("scores", formats)):
        chosen = [word for name in names for word in ("--format", name)]
        run(*command, "--output", tmp_path / folder, *chosen)
    for table in ("totals.tsv", "by_hour.tsv"):
        assert (tmp_path / "scores" / table).read_text() == (tmp_path / "plain" / table).read_text()
    assert (tmp_path / "scores" / "a.wav.scores.tsv").exists()


def test_letters_that_the_output_does_not_have(model: Path, tmp_path: Path) -> None:
    write_audio(tmp_path / "鳥.wav", sound([Event(0.5, 1.0, "low")], 2), RATE)
    command = [*SEDT, "detect", "鳥.wav", "--model", str(model), "--threshold", "0"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert done.stdout.decode("cp1252").splitlines()[1].startswith("\\u9ce5.wav\t")


def test_names_as_long_as_may_be(model: Path, tmp_path: Path) -> None:
    """With the endings of tables they fit; what is kept of one that is not done would not."""
    fitting, longer = [f"{'я' * 122}.wav", "a.wav"], f"{'я' * 125}.wav"
    for name in (*fitting, longer):
        write_audio(tmp_path / "long" / name, sound([Event(0.5, 1.0, "low")], 2), RATE)
    result = run("detect", tmp_path / "long", "--model", model, "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert "File name too long" in result.stderr
    assert sorted(read_events(tmp_path / "out" / "events.tsv")) == sorted(fitting)
    assert not list((tmp_path / "out").glob("*.partial.jsonl"))


def test_another_threshold_in_the_same_folder(model: Path, recordings: Path, tmp_path: Path) -> None:
    command = ["detect", recordings, "--model", model, "--output", tmp_path / "out"]
    run(*command)
    before = (tmp_path / "out" / "events.tsv").read_bytes()
    result = run(*command, "--threshold", "0.5")
    assert result.exit_code == 2
    assert result.stderr == (
        f"sedt: {tmp_path / 'out'}: holds results with the model's own thresholds, now it is the threshold "
        "0.5: choose another --output, or --overwrite to do all again\n"
    )
    assert (tmp_path / "out" / "events.tsv").read_bytes() == before
    assert run(*command, "--threshold", "0.5", "--overwrite").exit_code == 0


def test_no_workers(recordings: Path) -> None:
    assert run("detect", recordings, "--workers", "0").exit_code == 2


def test_lines_of_progress_where_there_is_no_terminal(
    model: Path, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sedt.cli.progress.LINE_EVERY_S", 0.0)
    result = run("detect", recordings, "--model", model)
    *lines, last = result.stderr.splitlines()
    assert len(lines) == 4, "after each batch of windows, and after each recording"
    for line in lines:
        assert re.fullmatch(
            r"0.0 min of 0.0 min of audio \(\d+ %\), [012] of 2 recordings, "
            r"[\d.]+ x real time, \d:\d\d:\d\d left",
            line,
        )
    assert "(100 %), 2 of 2 recordings" in lines[-1]
    assert last.endswith(")"), "how fast it was"
    assert "real-time factor" in last


@pytest.mark.slow  # processes of their own import torch
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_and_gone_on_with(tmp_path: Path, number: signal.Signals, code: int) -> None:
    folder, out = tmp_path / "rec", tmp_path / "out"
    generator = np.random.default_rng(0)
    for name, minutes in (("a.wav", 0.1), ("b.wav", 60)):
        samples = generator.normal(0, 0.1, round(minutes * 60 * RATE)).astype(np.float32)
        write_audio(folder / name, samples, RATE)
    process = subprocess.Popen(
        [*SEDT, "detect", folder, "--output", out],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120
    while not (out / "a.wav.tsv").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (
        code,
        f"sedt: interrupted: 1 of 2 recordings are done, what is found of the next is kept in {out}; "
        "the same command goes on from here\n",
    )
    assert not list(out.glob("events.*"))
    (folder / "b.wav").unlink()
    again = subprocess.run(
        [*SEDT, "detect", folder, "--output", out, "--workers", "2"],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )
    assert again.stderr.endswith(f"events in 1 recordings (1 done before): {out}\n")
