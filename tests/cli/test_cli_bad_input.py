"""What a user may have on disk, or lack there, and what `sedt` says of it: one line, the right exit code."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from sedt.audio import Waveform, read_audio, write_audio
from sedt.cli.main import app
from sedt.formats import read_events

SEDT = [sys.executable, "-c", "from sedt.cli.main import run; run()"]
HEAD = "filename\tonset\toffset\tevent_label\n"
RATE = 16_000


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def in_process(*arguments: object, max_file_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """A process of its own, whose files cannot grow beyond a limit: this stands in for a full disk."""

    def limit() -> None:
        if max_file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))

    command = [*SEDT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)


@pytest.fixture
def noise() -> Waveform:
    return np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)


@pytest.fixture
def bundled(tmp_path: Path) -> Path:
    """A copy of the bundled model, to be spoiled."""
    with as_file(files("sedt") / "bundled" / "demo") as folder:
        return Path(shutil.copytree(folder, tmp_path / "model"))


# -- recordings ------------------------------------------------------------------------------------


def test_what_cannot_be_heard_is_listed_and_the_rest_is_done(tmp_path: Path, noise: Waveform) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, value in (("inf", np.inf), ("nan", np.nan)):
        spoiled = noise.copy()
        spoiled[RATE // 2] = value
        soundfile.write(folder / f"{name}.wav", spoiled, RATE, subtype="FLOAT")
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("no audio")
    write_audio(folder / "cut.flac", np.tile(noise, 9), RATE)
    (folder / "cut.flac").write_bytes((folder / "cut.flac").read_bytes()[:30_000])
    write_audio(folder / "one_sample.wav", noise[:1], RATE)
    soundfile.write(folder / "beyond_full_scale.wav", noise * 1e30, RATE, subtype="FLOAT")
    result = run("detect", folder, "--output", tmp_path / "out")
    assert result.exit_code == 1
    *lines, last = result.stderr.splitlines()[1:]
    failures = [line for line in lines if line.startswith("failed: ")]
    assert last == "sedt: 5 of 7 failed"
    reasons = dict(line.removeprefix(f"failed: {folder}{os.sep}").split(": ", 1) for line in failures)
    assert list(reasons) == ["cut.flac", "empty.wav", "inf.wav", "nan.wav", "text.wav"]
    assert "truncated or damaged" in reasons["cut.flac"]
    assert reasons["empty.wav"] == "an empty file (0 bytes)"
    assert reasons["inf.wav"] == "a sample at 0.500 s is not a finite number (NaN or infinity)"
    done = ["beyond_full_scale.wav", "one_sample.wav"]
    assert list(read_events(tmp_path / "out" / "events.tsv")) == done
    tables = ["by_hour.tsv", "events.tsv", "failed.tsv", "sedt-detect.jsonl", "totals.tsv"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        ["beyond_full_scale.wav.tsv", "one_sample.wav.tsv", *tables]
    )


def test_eight_channels_at_192_khz_sound_like_one_at_16(tmp_path: Path) -> None:
    with as_file(files("sedt") / "bundled" / "recording" / "recording.ogg") as recording:
        write_audio(tmp_path / "plain.wav", read_audio(recording, RATE, duration_s=6), RATE)
        many = np.repeat(read_audio(recording, 192_000, duration_s=6)[:, None], 8, axis=1)
    soundfile.write(tmp_path / "many.wav", many, 192_000)
    assert run("detect", tmp_path / "*.wav", "--output", tmp_path / "out").exit_code == 0
    table = read_events(tmp_path / "out" / "events.tsv")
    plain, found = table["plain.wav"], table["many.wav"]
    assert plain
    assert [event.label for event in found] == [event.label for event in plain]
    times, expected = (np.array([(e.onset, e.offset) for e in events]) for events in (found, plain))
    np.testing.assert_allclose(times, expected, atol=0.05)  # resampled twice


# -- tables ----------------------------------------------------------------------------------------


def test_tables_from_windows_with_repeated_rows(tmp_path: Path) -> None:
    rows = "a.wav\t0.5\t2\tdog\na.wav\t0.5\t2\tdog\nb.wav\t\t\t\n"
    (tmp_path / "windows.tsv").write_bytes(b"\xef\xbb\xbf" + (HEAD + rows).replace("\n", "\r\n").encode())
    (tmp_path / "plain.tsv").write_text(HEAD + "a.wav\t0.5\t2\tdog\nb.wav\n")
    result = run(
        "evaluate", tmp_path / "windows.tsv", tmp_path / "plain.tsv", "--json", tmp_path / "scores.json"
    )
    assert result.exit_code == 0
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert scores["files"] == 2
    assert scores["event_based"]["macro"]["f1"] == 1


# -- packages --------------------------------------------------------------------------------------


def spoil_shape(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["network.class_head.weight"] = torch.zeros(3, 3)
    save_file(tensors, folder / "model.safetensors")


def spoil_config(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    content["model"]["num_queries"] = "twelve"
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "file", "words"),
    [
        (spoil_shape, "model.safetensors", "tensor `network.class_head.weight` has shape [3, 3]"),
        (spoil_config, "config.json", "`model.num_queries`: "),
        (lambda f: (f / "config.json").write_text("{"), "config.json", "not JSON"),
    ],
)
def test_spoiled_packages(bundled: Path, noise: Waveform, spoil: Any, file: str, words: str) -> None:
    spoil(bundled)
    write_audio(bundled / "a.wav", noise, RATE)
    for command in (["detect", bundled / "a.wav", "--model", bundled], ["info", bundled]):
        result = run(*command)
        assert (result.exit_code, result.stdout) == (2, "")
        [line] = result.stderr.splitlines()
        assert line.startswith(f"sedt: {bundled / file}: {words}")


# -- disks -----------------------------------------------------------------------------------------


def test_a_disk_that_is_full_while_results_are_written(tmp_path: Path, noise: Waveform) -> None:
    write_audio(tmp_path / "a.wav", noise, RATE)
    out = tmp_path / "out"
    said = in_process("detect", tmp_path / "a.wav", "--output", out, max_file_bytes=20)
    assert said.returncode == 2
    assert said.stderr == f"sedt: {out / 'sedt-detect.jsonl'}: cannot be written: File too large\n"
    assert list(out.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "t.tsv", "t.tsv"]])
def test_a_disk_that_is_full_while_a_table_is_printed(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "t.tsv").write_text(HEAD + "a.wav\t0\t1\tdog\n")
    with Path("/dev/full").open("w") as full:
        said = subprocess.run(
            [*SEDT, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path
        )
    assert said.returncode == 2
    assert said.stderr.splitlines()[-1] == "sedt: the output cannot be written: No space left on device"
    assert "Traceback" not in said.stderr


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc on this system")
def test_places_that_nobody_may_write_to(tmp_path: Path, noise: Waveform) -> None:
    write_audio(tmp_path / "bank" / "dog" / "a.wav", noise, RATE)
    (tmp_path / "t.tsv").write_text(HEAD + "a.wav\t0\t1\tdog\n")
    (tmp_path / "r.toml").write_text(
        'stages = ["tag_backbone"]\n[tag_backbone]\nuse = ["strong"]\n'
        '[[data.strong]]\nlabels = "t.tsv"\naudio = "bank/dog"\n'
    )
    for command in (
        ["detect", tmp_path / "bank", "--output", "/proc/out"],
        ["evaluate", tmp_path / "t.tsv", tmp_path / "t.tsv", "--json", "/proc/scores.json"],
        ["synth", "/proc/out", "--foreground", tmp_path / "bank"],
        ["train", tmp_path / "r.toml", "--runs", "/proc/runs"],
        ["data", "check", tmp_path / "r.toml", "--json", "/proc/found.json"],
    ):
        result = run(*command)
        assert result.exit_code == 2, command
        assert "cannot be written" in result.stderr.splitlines()[-1]
