"""A run that is killed at any moment goes on with --resume as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from killing import (
    assert_same,
    checkpoint,
    kill_when,
    rows,
    start,
    stop_when,
    train,
    train_here,
)
from tiny import write_recipe

from processes import children, wait_until_gone
from sedt.training.checkpoint import LAST, PREVIOUS


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody disturbed."""
    runs = tmp_path_factory.mktemp("whole")
    train_here(recipe, runs)
    return runs


LEFT: list[int] = []
"""Workers of runs that were killed; they look for the process that started them every few seconds."""


@pytest.fixture(autouse=True)
def no_worker_outlives_its_run() -> Iterator[None]:
    LEFT.clear()
    yield
    wait_until_gone(LEFT)


def cut_off(recipe: Path, runs: Path, stage: str, epoch: int, *, at_boundary: bool = False) -> Path:
    """A run killed in (or before) this epoch of this stage; its workers end with it."""
    process = start(recipe, runs)

    def moment() -> bool:
        found = checkpoint(runs, stage)
        return found is not None and found.position[0] == epoch and (found.position[1] == 0) == at_boundary

    stop_when(process, moment)
    workers = children(process.pid)
    process.kill()
    process.communicate()
    assert workers
    LEFT.extend(workers)
    return runs / "tiny"


@pytest.mark.parametrize(
    "stage",
    # A signal ends `finetune` in mid-epoch below.
    ["tag_backbone", "pretrain", pytest.param("finetune", marks=pytest.mark.slow), "finetune_semi"],
)
def test_killed_in_mid_epoch(stage: str, recipe: Path, whole: Path, tmp_path: Path) -> None:
    folder = cut_off(recipe, tmp_path, stage, epoch=1)
    (folder / stage / f".best.{'0' * 16}.safetensors").touch()  # as a killed writer leaves it
    train_here(recipe, tmp_path, resume=True)
    assert_same(whole, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["tag_backbone", "pretrain", "finetune", "finetune_semi"])
def test_killed_between_two_epochs(stage: str, recipe: Path, whole: Path, tmp_path: Path) -> None:
    folder = cut_off(recipe, tmp_path, stage, epoch=2, at_boundary=True)
    refused = start(recipe, tmp_path)
    _, said = refused.communicate()
    assert refused.returncode == 2
    assert "--resume goes on with it" in said
    train(recipe, tmp_path, "--resume")
    assert_same(whole, tmp_path)
    assert not (folder / stage / LAST).exists()


@pytest.mark.slow
def test_killed_before_the_first_checkpoint(recipe: Path, whole: Path, tmp_path: Path) -> None:
    for options in ((), ("--resume",)):
        runs = tmp_path / str(len(options))
        process = start(recipe, runs)
        kill_when(process, (runs / "tiny" / "normaliser.safetensors").exists)
        train(recipe, runs, *options)
        assert_same(whole, runs)


@pytest.mark.slow
def test_killed_between_two_stages_and_at_the_end(recipe: Path, whole: Path, tmp_path: Path) -> None:
    for name in ("tag_backbone/backbone.safetensors", "pretrain/trunk.safetensors", "finetune/result.json"):
        runs = tmp_path / name.replace("/", "-")
        kill_when(start(recipe, runs), (runs / "tiny" / name).exists)
        train(recipe, runs, "--resume")
        assert_same(whole, runs)


@pytest.mark.slow
def test_a_damaged_checkpoint(recipe: Path, whole: Path, tmp_path: Path) -> None:
    folder = cut_off(recipe, tmp_path, "finetune", epoch=1) / "finetune"
    (folder / LAST).write_bytes((folder / LAST).read_bytes()[:-1000])
    said = train(recipe, tmp_path, "--resume")
    assert said.replace("\n", "").count(f"{LAST}: damaged; going on from {PREVIOUS}") == 1
    assert_same(whole, tmp_path)


@pytest.mark.slow
def test_no_checkpoint_is_whole(recipe: Path, tmp_path: Path) -> None:
    folder = cut_off(recipe, tmp_path, "tag_backbone", epoch=1) / "tag_backbone"
    for name in (LAST, PREVIOUS):
        (folder / name).write_bytes(b"")
    process = start(recipe, tmp_path, "--resume")
    _, said = process.communicate()
    assert process.returncode == 2
    assert "Traceback" not in said
    line = said.splitlines()[-1]
    assert line.startswith("sedt: ")
    assert LAST in line
    assert PREVIOUS in line
    assert f"remove {folder}" in line


def interrupted(recipe: Path, runs: Path, number: signal.Signals, *options: str) -> subprocess.Popen[str]:
    """A run whose whole process group gets a signal in mid-epoch, as from a terminal or a cluster.

    A cluster's SIGTERM reaches the workers of the loaders, too, which have left the group.
    """
    process = start(recipe, runs, *options)

    def moment() -> bool:
        found = checkpoint(runs, "finetune")
        return found is not None and found.position[0] == 1 and found.position[1] > 0

    stop_when(process, moment)
    workers = children(process.pid) if number == signal.SIGTERM else []
    assert workers or number != signal.SIGTERM
    for worker in workers:
        os.kill(worker, number)
    os.killpg(process.pid, number)
    os.killpg(process.pid, signal.SIGCONT)
    return process


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_signal_ends_in_order(
    number: signal.Signals, code: int, recipe: Path, whole: Path, tmp_path: Path
) -> None:
    before = interrupted(recipe, tmp_path, number)
    _, said = before.communicate()
    assert before.returncode == code
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith(f"sedt: {number.name}: stopped ")
    assert said.count("--resume goes on") == 1
    train_here(recipe, tmp_path, resume=True)
    assert_same(whole, tmp_path)


@pytest.mark.slow
def test_killed_again_and_again(recipe: Path, whole: Path, tmp_path: Path) -> None:
    """Some checkpoints later each time, at no particular moment of a step, until the run is through."""
    draw = random.Random(1)
    for _ in range(40):
        process = start(recipe, tmp_path, "--resume")
        start_files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.ckpt")}

        def moved(before: dict[Path, int] = start_files) -> bool:
            return any(path.stat().st_mtime_ns != before.get(path) for path in tmp_path.rglob("*.ckpt"))

        while process.poll() is None and not moved():
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 1.5))
        if process.poll() is None:
            process.kill()
        process.communicate()
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert_same(whole, tmp_path)
    assert rows(tmp_path)


@pytest.mark.slow
def test_two_processes(recipe: Path, tmp_path: Path) -> None:
    two = ["--devices", "2", "--set", "tag_backbone.batch_size=2", "--set", "finetune.strong_per_batch=2"]
    two += ["--set", "pretrain.batch_size=2", "--set", "data.unlabelled.0.scenes.num_scenes=11"]
    two += ["--set", "data.strong.0.scenes.num_scenes=9"]
    train(recipe, tmp_path / "whole", *two)

    def moment() -> bool:
        found = checkpoint(tmp_path / "cut", "finetune")
        return found is not None and found.position[0] == 1 and found.position[1] > 0

    process = start(recipe, tmp_path / "cut", *two)
    stop_when(process, moment)
    others = children(process.pid)
    process.kill()
    process.communicate()
    wait_until_gone(others)
    train(recipe, tmp_path / "cut", *two, "--resume")
    assert_same(tmp_path / "whole", tmp_path / "cut")

    process = interrupted(recipe, tmp_path / "signal", signal.SIGTERM, *two)
    _, said = process.communicate()
    assert process.returncode == 143
    assert said.count("SIGTERM: stopped") == 1
    train(recipe, tmp_path / "signal", *two, "--resume")
    assert_same(tmp_path / "whole", tmp_path / "signal")
