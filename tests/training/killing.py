"""Runs that are started as users start them, and killed at a moment that is chosen, not hit by luck."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console

from sedt.recipe import load_recipe
from sedt.training.checkpoint import Found, find_checkpoint
from sedt.training.run import train as run_recipe
from sedt.training.trainer import Devices

SCRIPT = "from sedt.cli.main import run\n\nrun()\n"
"""A script, not `-c`: where several processes train, the others are started as the first was."""

SETTINGS = [
    "data.strong.0.fresh=true",
    "data.strong.0.scenes.num_scenes=7",  # with `accumulate` 2, an epoch's last step has one batch
    "model.dropout=0.1",
    "finetune.one_to_many_from=1",
    "finetune.augmentation.mixup=0.5",
    "finetune.augmentation.time_mask=0.5",
    "machine.workers=1",
    "machine.checkpoint_steps=1",
    *(
        f"{stage}.{setting}"
        for stage in ("tag_backbone", "pretrain", "finetune")
        for setting in ("accumulate=2", "ema_decay=0.9", "patience=2", "validate_every=1")
    ),
    "tag_backbone.batch_size=1",
    "tag_backbone.epochs=4",
    'stages=["tag_backbone", "pretrain", "finetune", "finetune_semi"]',
    'data.unlabelled=[{scenes={foreground="sounds", num_scenes=9, duration_s=2.0, seed=5}, fresh=true}]',
    "pretrain.batch_size=1",
    "pretrain.epochs=3",
    "pretrain.held_out=0.2",
    "pretrain.patches.number=3",
    "pretrain.patches.crop_frames=32",
    "finetune.strong_per_batch=1",
    "finetune.epochs=4",
    "finetune_semi.accumulate=2",
    "finetune_semi.augmentation.mixup=0.5",
    "finetune_semi.strong_per_batch=1",
    "finetune_semi.unlabelled_per_batch=2",
    "finetune_semi.epochs=3",
]


def start(recipe: Path, runs: Path, *options: str) -> subprocess.Popen[str]:
    """`sedt train` in a process group of its own."""
    script = recipe.parent / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    command = [sys.executable, str(script), "train", str(recipe), "--runs", str(runs), "--accelerator", "cpu"]
    return subprocess.Popen(
        [*command, *settings, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def train(recipe: Path, runs: Path, *options: str) -> str:
    """A run to its end; what it said."""
    process = start(recipe, runs, *options)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def train_here(recipe: Path, runs: Path, *, resume: bool = False) -> None:
    """The same in this process, which spares the seconds of an import; on one thread, as `start` sets it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run_recipe(load_recipe(recipe, SETTINGS), runs, devices=Devices("cpu", 1), resume=resume)
    finally:
        torch.set_num_threads(threads)


def stop_when(process: subprocess.Popen[str], moment: Callable[[], bool]) -> None:
    """Halt the process where `moment` holds: it is looked at only while the process cannot move."""
    while True:
        assert process.poll() is None, "it ended before the moment came"
        process.send_signal(signal.SIGSTOP)
        if moment():
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.01)


def kill_when(process: subprocess.Popen[str], moment: Callable[[], bool]) -> None:
    """SIGKILL at that moment."""
    stop_when(process, moment)
    process.kill()
    process.wait()


def checkpoint(runs: Path, stage: str) -> Found | None:
    return find_checkpoint(runs / "tiny" / stage, Console(quiet=True), remove=False)


def rows(runs: Path) -> list[dict[str, str]]:
    """Rows of `metrics.csv`, without the seconds."""
    file = runs / "tiny" / "metrics.csv"
    if not file.exists():
        return []
    found = list(csv.DictReader(file.open(encoding="utf-8")))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


def results(runs: Path) -> dict[str, bytes]:
    """All that a run leaves but what tells seconds (`metrics.csv`, the report): name -> content."""
    folder, timed = runs / "tiny", {"metrics.csv", "report.html"}
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in timed)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def assert_same(one: Path, other: Path) -> None:
    """Bit by bit the same files, and the same rows in the same columns."""
    left_rows, right_rows = ([list(row.items()) for row in rows(runs)] for runs in (one, other))
    unlike = [pair for pair in zip(left_rows, right_rows, strict=False) if pair[0] != pair[1]]
    assert left_rows == right_rows, f"{len(left_rows)} and {len(right_rows)} rows, unlike: {unlike[:1]}"
    left, right = results(one), results(other)
    assert list(left) == list(right), f"{list(left)} and {list(right)}"
    changed = [name for name in left if left[name] != right[name]]
    assert not changed, f"{changed} differ"
