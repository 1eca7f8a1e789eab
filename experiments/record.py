"""Put down what a finished run came to, as one small JSON file to commit.

python experiments/record.py runs/urban-sedt experiments/results/urban
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sedt.config import Recipe
from sedt.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "experiments" / "results"
DATA_FOLDERS = {"SEDT_DATA": "DATA", "DCASE2019": "DCASE2019", "DCASE2018_TASK5": "DCASE2018_TASK5"}
"""Variables that name folders in recipes."""
METRICS = ("event_based", "segment_based", "intersection_based", "tagging", "tagging_from_tags")


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Wrong input ends a script with a line and exit code 2, as it does `sedt`."""
    try:
        yield
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error


def read_grid(file: Path) -> dict[str, Any]:
    """`results`, `recipes`, `backbone`, `seeds` and `rows` of a grid. Raises InputError: it lacks one."""
    try:
        grid = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{file}: not TOML: {error}") from error
    for key in ("results", "recipes", "backbone", "seeds", "rows"):
        if key not in grid:
            raise InputError(f"{file}: no `{key}`")
    return grid


def figures(test: dict[str, Any]) -> dict[str, Any]:
    """Macro and micro figures of each metric, error rates and PSDS."""
    scores: dict[str, Any] = {"psds1": test["psds1"], "psds2": test["psds2"]}
    for metric in METRICS:
        if test[metric] is not None:
            scores[metric] = {
                k: test[metric][k] for k in ("macro", "micro", "error_rate") if k in test[metric]
            }
    return scores


def fingerprint(recipe: Recipe, runs: Path) -> str:
    """Of a recipe's settings, wherever its data and runs lie, on whatever machine it is run.

    Defaults are left out, so that a new setting, which changes nothing, makes no result old.
    """
    left_out = {"machine", "name", "description"}
    settings = json.loads(recipe.model_dump_json(exclude=left_out, exclude_defaults=True))
    text = json.dumps(settings, sort_keys=True)
    folders = {os.environ.get(variable, ""): name for variable, name in DATA_FOLDERS.items()}
    folders[str(runs.absolute())] = "RUNS"
    for folder, name in folders.items():
        if folder:
            text = text.replace(os.path.normpath(folder), name)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def summary(run: Path, runs: Path) -> dict[str, Any]:
    """Recipe, seed, hours and all macro and micro scores of a run."""
    text = (run / "recipe.json").read_text(encoding="utf-8")
    recipe, recipe_hash = json.loads(text), fingerprint(Recipe.model_validate_json(text), runs)
    test = json.loads((run / "test.json").read_text(encoding="utf-8"))
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    stages = {}
    for stage in recipe["stages"]:
        epochs = [row for row in rows if row["stage"] == stage]
        stages[stage] = {
            "epochs": len(epochs),
            "hours": round(sum(float(row["seconds"]) for row in epochs) / 3600, 3),
            "result": json.loads((run / stage / "result.json").read_text(encoding="utf-8")),
        }
    return {
        "name": recipe["name"],
        "seed": recipe["seed"],
        "recipe": recipe_hash,
        "stages": stages,
        "test": figures(test),
        "test_untuned": figures(test["untuned"]) if "untuned" in test else None,
        "test_per_class_event_f1": {
            label: figures["f1"] for label, figures in test["event_based"]["per_class"].items()
        },
        "test_files": test["files"],
    }


def commit() -> str:
    """The commit that is checked out, with a mark if files were changed."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, cwd=ROOT)
        return done.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


def write_record(
    run: Path,
    folder: Path,
    *,
    name: str | None,
    made_by: str,
    note: str | None = None,
    runs: Path | None = None,
    starts_from: str | None = None,
) -> Path:
    """Write `<folder>/<name>_seed<seed>.json`, and give back the path.

    `runs`: where all runs lie; `starts_from`: fingerprint of the run whose weights this one started from.
    """
    result = {**summary(run, runs or run.parent), "commit": made_by}
    more = {"name": name, "note": note, "starts_from": starts_from}
    result |= {key: value for key, value in more.items() if value is not None}
    target = folder / f"{result['name']}_seed{result['seed']}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return target


def main() -> None:
    """Write one record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commit", help="the commit of the run; default: what is checked out")
    parser.add_argument("--name", help="in the place of the recipe's")
    parser.add_argument("--note", help="what else a reader should know")
    options = parser.parse_args()
    made_by = options.commit or commit()
    print(write_record(options.run, options.folder, name=options.name, made_by=made_by, note=options.note))


if __name__ == "__main__":
    main()
