"""The way of a user with few minutes of labels: `sedt new`, `train`, `detect`, `evaluate` on `finch_song`.

python experiments/finch.py --arm pretrained --seed 0
python experiments/finch.py --arm scratch --seed 0      # without pre-training
python experiments/finch.py --arm crnn --seed 0         # the paper's baseline, `sedt new --network crnn`
python experiments/finch.py --arm pointed --seed 0      # scratch, with pointed edges and denoising
python experiments/finch.py --arm new --seed 0          # as `sedt new` writes it, epochs as well
python experiments/finch.py --arm scratch --minutes 2   # a fifth of the labels, as many steps

Labelled recordings, split and training follow the seed; the test recordings are the same for all, and nothing
is chosen on them. Epochs are set here (but for `new`), so that a run does not depend on how fast this machine
was when `sedt new` looked: with fewer minutes more of them, so that steps on labels are as many. Folders lie
in $SEDT_RUNS (else runs/); a run that was cut off goes on. The result is a JSON file in
experiments/results/finch/. An arm that tags its backbone as another has done takes that one.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from finch_folder import make_folder
from record import RESULTS, commit

from sedt.formats import read_events

SEDT = [sys.executable, "-c", "import sys; sys.argv[0] = 'sedt'; from sedt.cli.main import run; run()"]
MINUTES = 10.0
"""Of labels, to which the epochs below belong."""
ARMS = {
    "pretrained": [],
    "scratch": ["--no-pretraining"],
    "pointed": ["--no-pretraining"],
    "new": [],
    "crnn": ["--network", "crnn"],
    "conv_transformer": ["--network", "conv_transformer"],
}
AS_IN_THE_PAPER = ['model.edges="regressed"', "loss.denoising_weight=0"]
SETTINGS = {
    "pretrained": AS_IN_THE_PAPER,
    "scratch": AS_IN_THE_PAPER,
    "pointed": ['model.edges="pointed"', "loss.denoising_weight=1"],
}
EPOCHS = {"tag_backbone": 30, "pretrain": 15, "finetune": 40, "train_frames": 60}
WITHOUT_LABELS = ("pretrain",)
COLLARS_S = (0.05, 0.02)
LEAST_TEST_EVENTS = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arm", choices=list(ARMS), required=True)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how much is labelled")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    runs = Path(os.environ.get("SEDT_RUNS", "runs")).absolute()
    minutes = "" if options.minutes == MINUTES else f"-{options.minutes:g}min"
    home = runs / f"finch-folder{minutes}-s{options.seed}"
    if not (home / "test.tsv").exists():
        make_folder(
            Path(os.environ["SEDT_DATA"]) / "finch_song", home, options.minutes, "audacity", seed=options.seed
        )
    recipe = home / f"finch-{options.arm}{minutes}-s{options.seed}.toml"
    run = runs / recipe.stem
    if not recipe.exists():
        words = ["--no-test", "--seed", str(options.seed), "-o", str(recipe)]
        sedt("new", str(home / "recordings"), *words, *ARMS[options.arm])
    _share_backbone(run)
    settings = list(SETTINGS.get(options.arm, []))
    for stage in _stages(recipe) if options.arm != "new" else ():
        epochs = EPOCHS[stage]
        if stage not in WITHOUT_LABELS:
            epochs = round(epochs * MINUTES / options.minutes)
        settings += [f"{stage}.epochs={epochs}", f"{stage}.validate_every={epochs // 8}"]
    sedt("train", str(recipe), "--resume", "--runs", str(runs), *(w for s in settings for w in ("--set", s)))
    target = RESULTS / "finch" / f"{options.arm}{minutes.replace('-', '_')}_seed{options.seed}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    result = {"arm": options.arm, "seed": options.seed, "commit": commit()}
    result |= {
        "labelled_minutes": options.minutes,
        "stages": _hours(run),
        "validation": _validation(run),
        "test": scores(run, home),
    }
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def sedt(*words: str) -> None:
    subprocess.run([*SEDT, *words], check=True)


def _stages(recipe: Path) -> list[str]:
    from sedt.recipe import load_recipe

    return [stage for stage in load_recipe(recipe).stages if stage in EPOCHS]


def _same_backbone(run: Path) -> list[Path]:
    """Runs of the arms with queries, which tag the same backbone bit by bit."""
    arm = run.name.split("-")[1]
    names = ("pretrained", "scratch", "pointed")
    return [run.with_name(run.name.replace(arm, name)) for name in names] if arm in names else []


def _share_backbone(run: Path) -> None:
    """Tagging once is enough."""
    for other in _same_backbone(run):
        done, mine = other / "tag_backbone", run / "tag_backbone"
        if (done / "result.json").exists() and not mine.exists():
            shutil.copytree(done, mine)


def scores(run: Path, home: Path) -> dict[str, Any]:
    """Syllables found on the test recordings: any, and each; with two collars, nothing else forgiven."""
    found = run / "found"
    sedt("detect", str(home / "test"), "--model", str(run / "model"), "--output", str(found), "--overwrite")
    counts = Counter(e.label for events in read_events(home / "test.tsv").values() for e in events)
    frequent = [label for label, number in counts.items() if number >= LEAST_TEST_EVENTS]
    figures: dict[str, Any] = {}
    for collar in COLLARS_S:
        for agnostic in (True, False):
            file = run / "scores.json"
            words = ["--onset-collar", f"{collar}", "--offset-collar", f"{collar}", "--offset-ratio", "0"]
            words += ["--durations", str(home / "test_durations.tsv"), "--json", str(file)]
            words += ["--class-agnostic"] if agnostic else []
            sedt("evaluate", str(home / "test.tsv"), str(found / "events.tsv"), *words)
            report = json.loads(file.read_text(encoding="utf-8"))["event_based"]
            name = f"{'any' if agnostic else 'each'}_{round(collar * 1000)}ms"
            figures[name] = {"micro": report["micro"]}
            if not agnostic:
                kept = {label: report["per_class"][label]["f1"] or 0.0 for label in frequent}
                figures[name] |= {"macro_f1": sum(kept.values()) / len(kept), "classes": len(kept)}
                figures[name]["per_class_f1"] = kept
    return figures


def _validation(run: Path) -> dict[str, float]:
    """Epoch (from 1) of the last stage that learns -> event-based macro F1, 50 ms, thresholds of 0.5."""
    rows = [row for row in _metrics(run) if row["stage"] in ("finetune", "train_frames")]
    return {str(int(row["epoch"]) + 1): float(row["event_based"]) for row in rows if row["event_based"]}


def _hours(run: Path) -> dict[str, float]:
    """Of each stage; those of a backbone that another arm has tagged are of that arm."""
    rows = [row for one in dict.fromkeys([run, *_same_backbone(run)]) for row in _metrics(one)]
    hours: dict[str, float] = {}
    for stage in [stage for stage in EPOCHS if (run / stage).is_dir()]:
        first = next(row["run"] for row in rows if row["stage"] == stage)
        seconds = [float(r["seconds"]) for r in rows if (r["run"], r["stage"]) == (first, stage)]
        hours[stage] = round(sum(seconds) / 3600, 3)
    return hours


def _metrics(run: Path) -> list[dict[str, str]]:
    """Rows of a run's `metrics.csv`, each with the run's name."""
    if not (run / "metrics.csv").exists():
        return []
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as lines:
        return [{**row, "run": run.name} for row in csv.DictReader(lines)]


if __name__ == "__main__":
    main()
