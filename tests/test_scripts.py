"""The scripts beside the package: benchmarks and experiments run from the command line."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "training"))

from tiny import write_recipe  # noqa: E402

from sedt.audio import audio_duration  # noqa: E402
from sedt.errors import InputError  # noqa: E402
from sedt.events import Event  # noqa: E402
from sedt.formats import read_events, write_events  # noqa: E402
from sedt.planning.survey import survey  # noqa: E402
from sedt.recipe import load_recipe  # noqa: E402

GRID = """
results = "{results}"
recipes = "."
backbone = "tiny.toml"
seeds = [0, 1]
[rows]
plain = {{}}
pretrained = {{}}
again = {{ recipe = "plain", pretrained = "pretrained" }}
"""

PLAIN = """
extends = "tiny.toml"
stages = ["finetune"]
finetune.epochs = 1
finetune.validate_every = 1
"""

PRETRAINED = """
extends = "plain.toml"
stages = ["pretrain", "finetune"]
[pretrain]
epochs = 1
batch_size = 4
patches.number = 3
patches.crop_frames = 32
[[data.unlabelled]]
audio = "sounds"
"""


def script(name: str, *arguments: str, runs: Path | None = None) -> str:
    environment = {
        "DCASE2019": ".",
        **os.environ,
        "OMP_NUM_THREADS": "1",
        **({"SEDT_RUNS": str(runs)} if runs else {}),
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / name), *arguments],
        capture_output=True, text=True, check=False, env=environment, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_benchmark_prints_what_each_step_costs() -> None:
    small = ("--backbone", "resnet10t", "--batch", "2", "--repeats", "1", "--encoder-layers", "1")
    printed = script("benchmarks/speed.py", *small)
    for what in ("SEDT training step", "patches, crop", "patches, pooled  ", "pooled, kept maps"):
        assert what in printed


def test_parts_serve_in_a_loop_of_ones_own(tmp_path: Path) -> None:
    printed = script("examples/own_loop.py", "--steps", "3", "--folder", str(tmp_path / "model"))
    assert "loss_count" in printed
    assert "PSDS1" in printed
    assert "saved; it finds" in printed


def test_the_tables_are_those_of_the_results() -> None:
    assert script("experiments/tables.py", "--check") == "nothing changed\n"


@pytest.mark.slow
def test_a_grid_runs_once(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    results, runs = tmp_path / "results", tmp_path / "runs"
    (tmp_path / "plain.toml").write_text(PLAIN)
    (tmp_path / "pretrained.toml").write_text(PRETRAINED)
    (tmp_path / "grid.toml").write_text(GRID.format(results=results))
    grid = str(tmp_path / "grid.toml")
    assert "tiny" not in script("experiments/grid.py", grid, "--list", "--row", "plain", runs=runs)
    script("experiments/grid.py", grid, "--seed", "0", "--lanes", "2", runs=runs)
    names = sorted(path.name for path in results.glob("*.json"))
    assert names == ["again_seed0.json", "plain_seed0.json", "pretrained_seed0.json"]
    found = json.loads((results / "again_seed0.json").read_text(encoding="utf-8"))
    assert found["seed"] == 0
    assert found["commit"]
    # It starts from the same pre-training and learns the same, so that its fine-tuning is not run once more.
    assert "finetune: done before, skipped" in (runs / "results-again-s0" / "log.txt").read_text(
        encoding="utf-8"
    )
    assert found["stages"]["finetune"]["epochs"] == 1
    assert "event_based" in found["test"]
    assert sorted(path.name for path in (results / "events").iterdir()) == [
        "again_seed0.tsv", "plain_seed0.tsv", "pretrained_seed0.tsv",
    ]  # fmt: skip
    assert script("experiments/grid.py", grid, "--seed", "0", "--list", runs=runs) == "all is done\n"
    left = script("experiments/grid.py", grid, "--list", runs=runs).split()
    assert len(left) == 4  # the backbone of seed 1, and its three rows
    (tmp_path / "plain.toml").write_text(PLAIN.replace("epochs = 1", "epochs = 2"))
    left = script("experiments/grid.py", grid, "--seed", "0", "--list", runs=runs).split()
    assert len(left) == 3  # results of other settings are none


def test_the_grid_of_the_paper_does_nothing_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each row of Tables 1 and 2 takes over what another row, or the tagging of its seed, has learned."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    monkeypatch.setenv("DCASE2019", str(tmp_path / "dcase2019"))
    monkeypatch.setenv("DCASE2018_TASK5", str(tmp_path / "task5"))
    jobs_of = importlib.import_module("grid_jobs").jobs_of
    jobs = {job.name: job for job in jobs_of(ROOT / "experiments/grids/dcase2019.toml", tmp_path, [], [0])}
    stages = {name: load_recipe(job.recipe, job.settings).stages for name, job in jobs.items()}
    assert [name for name in stages if "tag_backbone" in stages[name]] == ["dcase2019-tag-s0"]
    learns = {name.split("-")[1] for name in stages if "pretrain" in stages[name]}
    assert learns == {
        "sp_sedt_e3_task5", "sp_sedt_e6_task5",
        "sp_sedt_e3_without_reconstruction", "sp_sedt_e3_without_class_loss", "sp_sedt_e3_fixed_size",
    }  # fmt: skip
    assert stages["dcase2019-sp_sedt_semi-s0"] == ["finetune", "finetune_semi", "tune"]
    assert stages["dcase2019-crnn-s0"] == ["train_frames", "tune"]
    waits = {name: [other.name for other in job.after] for name, job in jobs.items()}
    assert waits["dcase2019-sp_sedt_semi-s0"] == ["dcase2019-tag-s0", "dcase2019-sp_sedt_e6_task5-s0"]
    assert waits["dcase2019-crnn-s0"] == []
    # A backbone that was tagged by other settings is not taken for one of these.
    is_done, tag = importlib.import_module("grid_jobs").is_done, jobs["dcase2019-tag-s0"]
    tag.result.parent.mkdir(parents=True)
    tag.result.touch()
    for setting, same in (("finetune.epochs=1", True), ("tag_backbone.epochs=1", False)):
        before = load_recipe(tag.recipe, [*tag.settings, setting])
        (tmp_path / tag.name / "recipe.json").write_text(before.model_dump_json(), encoding="utf-8")
        assert is_done(tag, tmp_path) == same


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file"),
        ("rows = ", "not TOML"),
        ("rows = {}", "no `results`"),
        (GRID.format(results="results"), "no row other; there are plain, pretrained, again"),
    ],
)
def test_a_wrong_grid_is_told_in_a_line(tmp_path: Path, text: str | None, message: str) -> None:
    grid = tmp_path / "grid.toml"
    if text is not None:
        grid.write_text(text, encoding="utf-8")
    command = [sys.executable, str(ROOT / "experiments/grid.py"), str(grid), "--row", "other"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{grid}: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_each_lane_has_its_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    places_of = importlib.import_module("grid").places_of
    assert places_of(3, 0) == ["", "", ""]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3,6,7")
    assert places_of(2, 2) == ["2,3", "6,7"]
    with pytest.raises(InputError, match="--lanes 3 --devices 2 needs 6 GPUs, there are 4"):
        places_of(3, 2)


def test_costs_are_counted() -> None:
    found = script("experiments/costs.py", "crnn")
    assert re.search(r"crnn\s*│ train_frames\s*│ 11500\s*│ [1-9]", found), found


def test_the_dry_run_lays_out_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sys.path.insert(0, str(ROOT / "experiments"))
    import dry_run

    metadata = tmp_path / "labels"
    for file, rows in {
        "synthetic": "filename\tonset\toffset\tevent_label\na.wav\t0\t1\tDog\na.wav\t2\t3\tDog\n",
        "weak": "filename\tevent_labels\nb.wav\tDog\nc.wav\tDog\nd.wav\tCat\n",
        "unlabel_in_domain": "filename\ne.wav\n",
    }.items():
        metadata.mkdir(exist_ok=True)
        (metadata / f"{file}.tsv").write_text(rows)
    folder = tmp_path / "made"
    recordings = dry_run.generate(folder / "generated", 2)
    with pytest.raises(InputError, match=r"no validation\.tsv"):
        dry_run.link(metadata, folder, recordings)
    (metadata / "validation.tsv").write_text("filename\tonset\toffset\tevent_label\nf.wav\t0\t1\tDog\n")
    counts = dry_run.link(metadata, folder, recordings)
    assert list(counts.values()) == [1, 3, 1, 1]
    assert sorted(f.name for f in (folder / "audio" / "train" / "weak").iterdir()) == [
        "b.wav",
        "c.wav",
        "d.wav",
    ]
    assert audio_duration(folder / "audio" / "validation" / "f.wav") == pytest.approx(10.0)
    monkeypatch.setenv("DCASE2019", str(folder))
    for recipe in ("sp_sedt_semi", "crnn"):
        load_recipe(ROOT / "recipes" / "dcase2019" / f"{recipe}.toml", dry_run.SMALL)


def test_who_wins_where_is_counted_by_length_and_class(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "experiments"))
    from where import class_table, length_table

    truth = {"a.wav": [Event(0, 0.3, "dog"), Event(1, 1.4, "dog"), Event(2, 5, "rain")], "b.wav": []}
    found = {"a.wav": [Event(0.1, 0.4, "dog"), Event(2, 2.4, "rain")], "b.wav": [Event(0, 9, "rain")]}
    for seed, table in enumerate((truth, found)):
        write_events(tmp_path / f"x_seed{seed}.tsv", table)
    systems = {"X": [tmp_path / "x_seed0.tsv", tmp_path / "x_seed1.tsv"], "Y": [tmp_path / "x_seed1.tsv"]}
    lengths = length_table(truth, systems).splitlines()
    assert lengths[0].startswith(
        "| in % | found, < 0.5 s (2) | found, 0.5 to 1 s (0) | found, 1 to 2 s (0) |"
    )
    shares = [cell.strip() for cell in lengths[3].split("|")[2:-1]]
    assert shares == ["50.0", "-", "-", "0.0", "50.0", "-", "-", "0.0"]
    assert class_table(truth, systems).splitlines()[2:] == [
        "| dog | 83.3 ± 23.6 | 66.7 |",
        "| rain | 50.0 ± 70.7 | 0.0 |",
    ]


@pytest.mark.data
def test_the_finch_folder_has_the_minutes_asked_for(tmp_path: Path, data_folder: Path) -> None:
    """Every bird gets its share of the labels, and no test recording is among those to learn from."""
    text = script("experiments/finch_folder.py", str(tmp_path), "--minutes", "3", "--labels", "raven")
    assert "of 133 for training" in text
    found = survey(tmp_path / "recordings")
    assert found.labelled_s / 60 == pytest.approx(3.0, abs=0.6)
    assert {PurePosixPath(name).parts[1] for name in found.events} == {"bl26lb16", "gy6or6", "koumura_bird0"}
    assert len(found.durations) == 133 + 21
    test = read_events(tmp_path / "test.tsv")
    assert len(test) == 49
    assert not {f"audio/{name}" for name in test} & set(found.durations)
