"""`--devices 2`: two processes share each batch and leave one run behind."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_semi import SETTINGS as SEMI
from tiny import write_recipe

from sedt.package import load_package
from sedt.training.trainer import is_one_of_many

# Lightning starts the second process as this one was started, so it must be a script.
SCRIPT = "from sedt.cli.main import run\n\nrun()\n"


def train(folder: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    """In two processes, the run `runs/tiny` in a folder."""
    recipe = write_recipe(folder)
    (folder / "script.py").write_text(SCRIPT)
    options = ["--accelerator", "cpu", "--devices", "2", "--runs", "runs"]
    return subprocess.run(
        [
            *(sys.executable, "script.py", "train", recipe.name),
            *options,
            *(word for one in settings for word in ("--set", one)),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("name", ["WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE"])
def test_processes_that_were_started_together_are_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value, many in (("1", False), ("", False), ("4", True)):
        monkeypatch.setenv(name, value)
        assert is_one_of_many() is many
    monkeypatch.delenv(name)
    assert not is_one_of_many()


@pytest.mark.slow
def test_two_processes(tmp_path: Path) -> None:
    done = train(tmp_path, "finetune.epochs=3", "finetune.validate_every=1")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("tag_backbone epoch 1/3") == 1
    with (tmp_path / "runs" / "tiny" / "metrics.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "0", "1", "2"]
    assert load_package(tmp_path / "runs" / "tiny" / "model").classes == ["chirp", "hiss", "tone"]


@pytest.mark.slow
def test_a_teacher_in_two_processes(tmp_path: Path) -> None:
    """It labels on both, of which one may have clips with events alone; thresholds follow all clips."""
    done = train(tmp_path, *SEMI)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "runs" / "tiny" / "finetune_semi" / "result.json").read_text())
    assert set(result["thresholds"]) == {"chirp", "hiss", "tone"}


@pytest.mark.slow
def test_a_batch_must_reach_for_all_processes(tmp_path: Path) -> None:
    done = train(tmp_path, "tag_backbone.batch_size=1")
    assert done.returncode == 2
    assert "a batch of 1 clips cannot be shared by 2 processes" in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
