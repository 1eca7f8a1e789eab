"""Run a grid of recipes and seeds; what is done is skipped, what was cut off goes on.

python experiments/grid.py experiments/grids/urban.toml --lanes 2
python experiments/grid.py experiments/grids/urban.toml --row sedt_e3 --row sp_sedt_e3 --seed 0 --commit

Runs lie in $SEDT_RUNS (else runs/), results in experiments/results/<results>/: a JSON file per run
with recipe, commits, seed, hours and all scores; and the events that were scored, for paired comparisons.
With --commit each is committed. A row that starts from another one's pre-training and would repeat its
fine-tuning takes that over.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from record import RESULTS, ROOT, commit, fingerprint, write_record

from sedt.config import Recipe
from sedt.recipe import load_recipe

SEDT = [sys.executable, "-c", "import sys; sys.argv[0] = 'sedt'; from sedt.cli.main import run; run()"]

_running: list[subprocess.Popen[bytes]] = []
_stopped = threading.Event()


@dataclass
class Job:
    """One call of `sedt train`."""

    name: str
    """Of the run's folder."""
    recipe: Path
    settings: list[str]
    result: Path
    """What is there when it is done."""
    record_in: Path | None = None
    """Folder for the JSON file; None for what only serves others."""
    title: str = ""
    """Row of the table."""
    starts_from: Path | None = None
    """Weights that the last of `after` makes."""
    after: list[Job] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


def jobs_of(grid_file: Path, runs: Path, rows: list[str], seeds: list[int]) -> list[Job]:
    """Jobs in the order in which they should run; each stands behind those that it needs."""
    grid: dict[str, Any] = tomllib.loads(grid_file.read_text(encoding="utf-8"))
    base, results = grid_file.parent, RESULTS / grid["results"]
    unknown = [row for row in rows if row not in grid["rows"]]
    if unknown:
        raise SystemExit(f"{grid_file}: no row {unknown[0]}; there are {', '.join(grid['rows'])}")
    chosen, numbers = rows or list(grid["rows"]), seeds or grid["seeds"]
    tagged = {seed: _tagging(base / grid["backbone"], runs, seed) for seed in numbers}
    made: dict[tuple[str, int], Job] = {}

    def job(row: str, seed: int) -> Job:
        if (row, seed) not in made:
            options = grid["rows"][row]
            recipe = (base / grid["recipes"] / f"{options.get('recipe', row)}.toml").resolve()
            name, result = f"{results.name}-{row}-s{seed}", results / f"{row}_seed{seed}.json"
            new = Job(name, recipe, [f"name={name}", f"seed={seed}"], result, results, row)
            # The paper's baselines learn from random weights, so they wait for no backbone.
            if "train_frames" not in load_recipe(recipe).stages:
                new.after.append(tagged[seed])
                new.settings.append(f"model.backbone_start={tagged[seed].result}")
            if "pretrained" in options:
                before = job(options["pretrained"], seed)
                new.starts_from = runs / before.name / "pretrain" / "trunk.safetensors"
                new.settings.append(f"finetune.pretrained={new.starts_from}")
                new.after.append(before)
            made[row, seed] = new
        return made[row, seed]

    for row in chosen:
        for seed in numbers:
            job(row, seed)
    needed = [each for each in tagged.values() if any(each in job.after for job in made.values())]
    return [*needed, *made.values()]


def _tagging(recipe: Path, runs: Path, seed: int) -> Job:
    """The tagged backbone that all rows of a seed start from."""
    name = f"{recipe.parent.name}-tag-s{seed}"
    result = runs / name / "tag_backbone" / "backbone.safetensors"
    return Job(name, recipe.resolve(), [f"name={name}", f"seed={seed}", 'stages=["tag_backbone"]'], result)


def is_done(job: Job, runs: Path) -> bool:
    """Whether its result is there, and is of the settings that its recipe has now.

    So must be what it started from: another pre-training makes the rows old that build upon it.
    """
    if job.record_in is None or not job.result.exists():
        return job.result.exists()
    recorded, origin = json.loads(job.result.read_text(encoding="utf-8")), _origin(job, runs)
    is_of_now: bool = recorded.get("recipe") == fingerprint(load_recipe(job.recipe, job.settings), runs)
    return is_of_now and recorded.get("starts_from", origin) == origin


def _origin(job: Job, runs: Path) -> str | None:
    """Fingerprint of the recipe of the run whose weights it starts from, if that is one of the grid."""
    if job.starts_from is None:
        return None
    before = job.after[-1]
    return fingerprint(load_recipe(before.recipe, before.settings), runs)


def run(job: Job, runs: Path, threads: int, push: bool, lock: threading.Lock) -> None:
    """Train, record, commit; waits for what it needs."""
    for other in job.after:
        other.done.wait()
        if not is_done(other, runs):
            print(f"{job.name}: left out, {other.name} has failed", flush=True)
            job.done.set()
            return
    if job.starts_from is not None and not job.starts_from.exists():
        print(
            f"{job.name}: left out, there is no {job.starts_from}: it is of a run done elsewhere", flush=True
        )
        job.done.set()
        return
    try:
        if not _stopped.is_set() and not is_done(job, runs):
            _train(job, runs, threads)
            if job.record_in is not None:
                with lock:
                    _record(job, runs, push)
    except subprocess.CalledProcessError as error:
        print(f"{job.name}: ended with exit code {error.returncode}, see its log", flush=True)
    finally:
        job.done.set()


def _train(job: Job, runs: Path, threads: int) -> None:
    folder = runs / job.name
    folder.mkdir(parents=True, exist_ok=True)
    commits = folder / "commits.txt"
    known = commits.read_text(encoding="utf-8").split() if commits.exists() else []
    if commit() not in known:
        commits.write_text("\n".join([*known, commit()]) + "\n", encoding="utf-8")
    _take_fine_tuning(job, runs)
    words = [word for setting in job.settings for word in ("--set", setting)]
    limits = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    print(f"{job.name}: running", flush=True)
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        command = [*SEDT, "train", str(job.recipe), "--runs", str(runs), "--resume", *words]
        environment = {**os.environ, **limits}
        with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment) as process:
            _running.append(process)
            code = process.wait()
            _running.remove(process)
    if code:
        raise subprocess.CalledProcessError(code, command)


def _take_fine_tuning(job: Job, runs: Path) -> None:
    """Copy the fine-tuning of the run that it starts from, if its own would be the same."""
    folder = runs / job.name
    if job.starts_from is None or (folder / "finetune").exists():
        return
    before, source = job.after[-1], runs / job.after[-1].name
    recipes = [load_recipe(each.recipe, each.settings) for each in (job, before)]
    if not (source / "finetune" / "result.json").exists() or not all("finetune" in r.stages for r in recipes):
        return
    if _fine_tuning(recipes[0]) != _fine_tuning(recipes[1]):
        return
    for name in ("normaliser.safetensors", "metrics.csv"):
        shutil.copy(source / name, folder / name)
    known = [*(source / "commits.txt").read_text(encoding="utf-8").split(), commit()]
    (folder / "commits.txt").write_text("\n".join(dict.fromkeys(known)) + "\n", encoding="utf-8")
    copy = folder / "finetune.partial"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source / "finetune", copy)
    copy.rename(folder / "finetune")


def _fine_tuning(recipe: Recipe) -> dict[str, Any]:
    """What its fine-tuning follows from, besides the weights that it starts from."""
    settings = recipe.model_dump(
        mode="json",
        include={"seed", "features", "model", "loss", "decoding", "tune", "finetune", "data"},
    )
    del settings["finetune"]["pretrained"], settings["data"]["unlabelled"], settings["data"]["test"]
    return settings


def _stop(number: int, frame: object) -> None:
    """Runs that are going on write a checkpoint and end; no others begin."""
    _stopped.set()
    for process in list(_running):
        process.send_signal(signal.SIGTERM)


def _record(job: Job, runs: Path, push: bool) -> None:
    assert job.record_in is not None
    folder = runs / job.name
    commits = ", ".join((folder / "commits.txt").read_text(encoding="utf-8").split())
    file = write_record(
        folder, job.record_in, name=job.title, made_by=commits, runs=runs, starts_from=_origin(job, runs)
    )
    events = job.record_in / "events" / f"{file.stem}.tsv"
    events.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / "test_events.tsv", events)
    print(f"{job.name}: {file}", flush=True)
    if push:
        subprocess.run(["git", "add", str(file), str(events)], cwd=ROOT, check=True)
        message = f"Result: {job.title}, seed {file.stem[-1]}"
        subprocess.run(["git", "commit", "-qm", message, "--", str(file), str(events)], cwd=ROOT, check=True)


def waiting(jobs: list[Job], runs: Path) -> Iterator[Job]:
    """Jobs that are not done; the others are marked as done."""
    for job in jobs:
        if is_done(job, runs):
            job.done.set()
        else:
            yield job


def main() -> None:
    """Run what is not done."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("grid", type=Path)
    parser.add_argument("--row", action="append", default=[], help="only this row; may be repeated")
    parser.add_argument(
        "--seed", action="append", default=[], type=int, help="only this seed; may be repeated"
    )
    parser.add_argument("--lanes", type=int, default=1, help="runs at once")
    parser.add_argument("--commit", action="store_true", help="commit each result")
    parser.add_argument("--list", action="store_true", help="say what would run")
    options = parser.parse_args()
    runs = Path(os.environ.get("SEDT_RUNS", "runs")).absolute()
    left = list(waiting(jobs_of(options.grid, runs, options.row, options.seed), runs))
    if options.list:
        print("\n".join(job.name for job in left) or "all is done")
        return
    signal.signal(signal.SIGTERM, _stop)
    threads, lock = max(1, (os.cpu_count() or 1) // options.lanes), threading.Lock()
    with ThreadPoolExecutor(options.lanes) as lanes:
        list(lanes.map(lambda job: run(job, runs, threads, options.commit, lock), left))
    if not all(is_done(job, runs) for job in left):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
