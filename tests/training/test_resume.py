"""A run that is killed goes on with --resume as if nothing had happened."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path

from tiny import write_recipe

COMMAND = [sys.executable, "-c", "from sedt.cli.main import run; run()", "train"]
SETTINGS = [
    "finetune.epochs=8",
    "finetune.validate_every=1",
    "finetune.ema_decay=0.9",
    "model.dropout=0.1",
    "data.strong.0.fresh=true",
]
OPTIONS = [word for setting in SETTINGS for word in ("--set", setting)]


def rows(folder: Path) -> list[dict[str, str]]:
    file = folder / "tiny" / "metrics.csv"
    return list(csv.DictReader(file.open(encoding="utf-8"))) if file.exists() else []


def train(recipe: Path, runs: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, str(recipe), "--runs", str(runs), *OPTIONS, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_killed_and_resumed_is_bit_by_bit_the_same(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done = train(recipe, whole)
    assert done.returncode == 0, done.stderr

    process = subprocess.Popen(
        [*COMMAND, str(recipe), "--runs", str(cut), *OPTIONS],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len([r for r in rows(cut) if r["stage"] == "finetune"]) < 3:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()

    refused = train(recipe, cut)
    assert refused.returncode == 2
    assert "--resume goes on with it" in refused.stderr

    resumed = train(recipe, cut, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "tag_backbone: done before, skipped" in resumed.stderr
    assert [(r["stage"], r["epoch"]) for r in rows(cut)] == [(r["stage"], r["epoch"]) for r in rows(whole)]
    assert [r["loss"] for r in rows(cut)] == [r["loss"] for r in rows(whole)]
    weights = [folder / "tiny" / "model" / "model.safetensors" for folder in (whole, cut)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
