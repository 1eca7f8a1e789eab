"""Run a grid of recipes and seeds; what is done is skipped, what was cut off goes on.

python experiments/grid.py experiments/grids/urban.toml --lanes 2
python experiments/grid.py experiments/grids/urban.toml --row sedt_e3 --row sp_sedt_e3 --seed 0 --commit
python experiments/grid.py experiments/grids/dcase2019.toml --lanes 8 --devices 1

Runs lie in $SEDT_RUNS (else runs/), results in experiments/results/<results>/: a JSON file per run
with recipe, commits, seed, hours and all scores; and the events that were scored, for paired comparisons.
With --commit each is committed. A row that starts from another one's pre-training and would repeat its
fine-tuning takes that over. On a machine with GPUs `--devices` gives each lane its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import torch
from grid_jobs import Job, fine_tuning, is_done, jobs_of, origin, waiting
from record import ROOT, commit, told_in_a_line, write_record

from sedt.errors import InputError
from sedt.recipe import load_recipe

SEDT = [sys.executable, "-c", "import sys; sys.argv[0] = 'sedt'; from sedt.cli.main import run; run()"]

_running: list[subprocess.Popen[bytes]] = []
_stopped = threading.Event()


@dataclass(frozen=True)
class Lanes:
    """Where runs go."""

    runs: Path
    threads: int
    """Of each lane."""
    places: SimpleQueue[str]
    """Free ones: numbers of the GPUs of a lane, parted by comma; "" leaves it to `sedt train`."""
    push: bool
    """Whether results are committed."""
    recording: threading.Lock


def run(job: Job, lanes: Lanes) -> None:
    """Train, record, commit; waits for what it needs."""
    runs = lanes.runs
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
            place = lanes.places.get()
            try:
                _train(job, runs, lanes.threads, place)
            finally:
                lanes.places.put(place)
            if job.record_in is not None:
                with lanes.recording:
                    _record(job, runs, lanes.push)
    except subprocess.CalledProcessError as error:
        print(f"{job.name}: ended with exit code {error.returncode}, see its log", flush=True)
    finally:
        job.done.set()


def _train(job: Job, runs: Path, threads: int, gpus: str) -> None:
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
        if gpus:
            command += ["--devices", str(len(gpus.split(",")))]
            limits["CUDA_VISIBLE_DEVICES"] = gpus
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
    if fine_tuning(recipes[0]) != fine_tuning(recipes[1]):
        return
    for name in ("normaliser.safetensors", "metrics.csv"):
        shutil.copy(source / name, folder / name)
    known = [*(source / "commits.txt").read_text(encoding="utf-8").split(), commit()]
    (folder / "commits.txt").write_text("\n".join(dict.fromkeys(known)) + "\n", encoding="utf-8")
    copy = folder / "finetune.partial"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source / "finetune", copy)
    copy.rename(folder / "finetune")


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
        folder, job.record_in, name=job.title, made_by=commits, runs=runs, starts_from=origin(job, runs)
    )
    events = job.record_in / "events" / f"{file.stem}.tsv"
    events.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / "test_events.tsv", events)
    print(f"{job.name}: {file}", flush=True)
    if push:
        subprocess.run(["git", "add", str(file), str(events)], cwd=ROOT, check=True)
        message = f"Result: {job.title}, seed {file.stem[-1]}"
        subprocess.run(["git", "commit", "-qm", message, "--", str(file), str(events)], cwd=ROOT, check=True)


def places_of(lanes: int, devices: int) -> list[str]:
    """The GPUs of each lane. Raises InputError: there are too few."""
    if not devices:
        return [""] * lanes
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    there = named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]
    if len(there) < lanes * devices:
        raise InputError(
            f"--lanes {lanes} --devices {devices} needs {lanes * devices} GPUs, there are {len(there)}"
        )
    return [",".join(there[lane * devices : (lane + 1) * devices]) for lane in range(lanes)]


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
    parser.add_argument("--devices", type=int, default=0, help="GPUs of each lane, no two the same")
    parser.add_argument("--commit", action="store_true", help="commit each result")
    parser.add_argument("--list", action="store_true", help="say what would run")
    options = parser.parse_args()
    runs = Path(os.environ.get("SEDT_RUNS", "runs")).absolute()
    left = list(waiting(jobs_of(options.grid, runs, options.row, options.seed), runs))
    if options.list:
        print("\n".join(job.name for job in left) or "all is done")
        return
    signal.signal(signal.SIGTERM, _stop)
    places: SimpleQueue[str] = SimpleQueue()
    for place in places_of(options.lanes, options.devices):
        places.put(place)
    threads = max(1, (os.cpu_count() or 1) // options.lanes)
    lanes = Lanes(runs, threads, places, options.commit, threading.Lock())
    with ThreadPoolExecutor(options.lanes) as pool:
        list(pool.map(lambda job: run(job, lanes), left))
    if not all(is_done(job, runs) for job in left):
        raise SystemExit(1)


if __name__ == "__main__":
    with told_in_a_line():
        main()
