"""`sedt synth`."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from processes import children, wait_until_gone
from sedt.cli.synth import synth
from sedt.config import ScenesConfig
from sedt.errors import InputError
from sedt.formats.dcase import read_strong

APP = typer.Typer()
APP.command()(synth)


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    folder = tmp_path / "bank"
    for seed, label in enumerate(["bell", "siren"]):
        (folder / label).mkdir(parents=True)
        noise = np.random.default_rng(seed).normal(0, 0.1, 24_000)
        soundfile.write(folder / label / "a.wav", noise, 8000)
    return folder


def run(*arguments: object) -> str:
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_every_setting_is_an_option() -> None:
    assert set(ScenesConfig.model_fields) <= set(inspect.signature(synth).parameters)


def test_scenes_and_a_summary(bank: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = [
        "--foreground",
        bank,
        "--scenes",
        4,
        "--duration",
        2,
        "--events",
        1,
        3,
        "--sample-rate",
        8000,
    ]
    printed = run(out, *arguments, "--format", "wav")
    events = [event for scene in read_strong(out / "strong.tsv").values() for event in scene]
    assert f"4 scenes (0 without events), {len(events)} events" in printed
    assert "median" in printed
    assert len(list((out / "audio").glob("*.wav"))) == 4
    assert soundfile.info(out / "audio" / "scene_00003.wav").samplerate == 8000
    assert f"4 scenes (0 without events), {len(events)} events" in run(out, *arguments, "--format", "wav")


def test_options_go_before_the_file(bank: Path, tmp_path: Path) -> None:
    (tmp_path / "scenes.toml").write_text(
        'foreground = "bank"\nnum_scenes = 5\nduration_s = 1.5\nsnr_db = [10, 12]\nclasses = ["bell"]\n'
    )
    run(tmp_path / "out", "--config", tmp_path / "scenes.toml", "--scenes", 2, "--events", 0, 0, "--fade", 0)
    settings = json.loads((tmp_path / "out" / "scenes.json").read_text())["scenes"]
    assert settings["foreground"] == str(tmp_path / "bank")
    assert (settings["num_scenes"], settings["events"], settings["fade_s"]) == (2, [0, 0], 0.0)
    assert (settings["duration_s"], settings["snr_db"], settings["classes"]) == (1.5, [10.0, 12.0], ["bell"])


def test_all_options_are_understood(bank: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "rain.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), 8000)
    soundfile.write(tmp_path / "wind.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), 8000)
    (tmp_path / "timing.tsv").write_text("filename\tonset\toffset\tevent_label\na\t0.2\t0.7\tgong\n")
    run(
        *[tmp_path / "out", "--foreground", bank, "--class", "bell", "--class", "siren", "--seed", 3],
        *["--background", tmp_path / "rain.wav", "--background", tmp_path / "wind.wav", "--noise", "brown"],
        *["--exclude-background", "wind.wav", "--noise-db", -40, -35, "--scenes", 1, "--duration", 1.0],
        *["--event-duration", 0.1, 0.5, "--snr", 5, 6, "--max-polyphony", 2, "--same-class-gap", 0.1],
        *[
            "--timing",
            tmp_path / "timing.tsv",
            "--timing-label",
            "gong=bell",
            "--active-range",
            30,
            "--workers",
            1,
            "--overwrite",
        ],
    )
    settings = json.loads((tmp_path / "out" / "scenes.json").read_text())["scenes"]
    defaults = ScenesConfig(foreground=Path("none")).model_dump(mode="json")
    changed = {key for key, value in settings.items() if value != defaults[key]}
    assert changed == set(ScenesConfig.model_fields) - {
        "foreground_audio",
        "split",
        "folds",
        "events",
        "fade_s",
    }
    (event,) = read_strong(tmp_path / "out" / "strong.tsv")["scene_00000.flac"]
    assert event.onset == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "foreground"),
        (["--foreground", "BANK", "--events", "3", "1"], "events"),
        (["--foreground", "BANK", "--noise", "blue"], "noise.*'blue'"),
        (["--foreground", "BANK", "--scenes", "0"], "num_scenes"),
        (["--foreground", "BANK", "--class", "dog"], "no class 'dog'; there are bell, siren"),
        (["--foreground", "BANK", "--timing-label", "gong"], "--timing-label gong: must be OLD=NEW"),
        (["--foreground", "BANK", "--format", "mp3"], r"not '\.mp3'"),
        (["--foreground", "BANK", "--background", "/absent"], "/absent: no such folder"),
        (["--config", "/absent.toml"], "/absent.toml: cannot be read"),
    ],
)
def test_what_is_wrong_is_named(bank: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(tmp_path / "out", *[str(bank) if argument == "BANK" else argument for argument in arguments])
    assert not (tmp_path / "out").exists()


def test_help_has_an_example() -> None:
    assert "Example: sedt synth" in run("--help")


@pytest.mark.skipif(not Path("/proc").exists(), reason="only Linux tells which processes one has started")
def test_workers_end_with_the_command(bank: Path, tmp_path: Path) -> None:
    """A scheduler may end the first process alone."""
    command = [sys.executable, "-c", "from sedt.cli.main import run; run()", "synth", str(tmp_path / "out")]
    command += ["--foreground", str(bank), "--scenes", "100000", "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").rglob("*.flac")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    workers = children(process.pid)
    assert len(workers) >= 2
    process.terminate()
    process.wait(timeout=60)
    wait_until_gone(workers)
