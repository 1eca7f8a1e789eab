"""Run every stage of the paper's recipes at full size without the paper's audio.

python experiments/dry_run.py METADATA --folder build/dry_run

METADATA holds the official label files of DCASE 2019 task 4: weak.tsv, synthetic.tsv,
unlabel_in_domain.tsv, validation.tsv (or .csv, as some editions call them), in whatever folders. 200
generated recordings are linked under the real names of all clips; then `sedt train` runs sp_sedt_semi.toml
(all stages of SEDT and its teacher) and crnn.toml for an epoch each (pre-training for 400 clips), with a
small backbone, and scores the 1,168 clips of validation. What is learned means nothing: the audio is not
theirs.

Goals: that label files, file counts, batches, stages, memory and reports of a real run work before hours of a
GPU go into it. Non-goals: accuracy, speed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from record import told_in_a_line
from rich.console import Console
from rich.table import Table

from sedt.audio import write_audio
from sedt.errors import InputError
from sedt.formats.tables import read_table

ROOT = Path(__file__).parents[1]
SEDT = [sys.executable, "-c", "import sys; sys.argv[0] = 'sedt'; from sedt.cli.main import run; run()"]
PLACES = {
    "train/synthetic.tsv": "train/synthetic",
    "train/weak.tsv": "train/weak",
    "train/unlabel_in_domain.tsv": "train/unlabel_in_domain",
    "validation/validation.tsv": "validation",
}
"""Label file under metadata/ -> where its audio lies under audio/."""

RATE, SECONDS = 44_100, 10.0
SMALL = [
    "model.backbone=resnet10t",
    "model.backbone_start=random",
    "tag_backbone.epochs=1",
    "pretrain.epochs=1",
    "pretrain.clips_per_epoch=400",
    "pretrain.held_out_clips=50",
    "finetune.epochs=1",
    "finetune_semi.epochs=1",
    "train_frames.epochs=1",
    "machine.workers=2",
]
"""What makes it fit: the recipes' batches, losses and data stay as they are."""


def generate(folder: Path, number: int) -> list[Path]:
    """Recordings of noise with a few tones in it."""
    generator = np.random.default_rng(0)
    times = np.arange(round(RATE * SECONDS)) / RATE
    files = []
    for index in range(number):
        samples = generator.standard_normal(len(times)) * 0.02
        for _ in range(generator.integers(1, 6)):
            start, length = generator.uniform(0, SECONDS), generator.uniform(0.2, 5.0)
            tone = np.sin(2 * np.pi * generator.uniform(200, 6000) * times)
            samples += 0.1 * tone * ((times >= start) & (times < start + length))
        file = folder / f"{index:03d}.wav"
        if not file.exists():
            write_audio(file, samples.astype(np.float32), RATE)
        files.append(file)
    return files


def link(metadata: Path, folder: Path, recordings: list[Path]) -> dict[str, int]:
    """The official layout under `folder`; gives back the number of clips of each label file."""
    counts = {}
    for file, place in PLACES.items():
        labels = folder / "metadata" / file
        found = [*sorted(metadata.rglob(labels.name)), *sorted(metadata.rglob(f"{labels.stem}.csv"))]
        if not found:
            raise InputError(f"{metadata}: no {labels.name} in it, nor {labels.stem}.csv")
        labels.parent.mkdir(parents=True, exist_ok=True)
        labels.write_bytes(found[0].read_bytes())
        clips = sorted({row.file_name for row in read_table(labels, ("filename",))})
        audio = folder / "audio" / place
        audio.mkdir(parents=True, exist_ok=True)
        for index, clip in enumerate(clips):
            target = audio / clip
            if not target.exists():
                os.link(recordings[index % len(recordings)], target)
        counts[labels.name] = len(clips)
    return counts


def train(recipe: str, folder: Path) -> Path:
    """`sedt train`, as a user would; what was cut off goes on."""
    file = ROOT / "recipes" / "dcase2019" / f"{recipe}.toml"
    settings = [f"name={recipe}", *SMALL]
    command = [*SEDT, "train", str(file), "--resume", "--runs", str(folder / "runs")]
    for setting in settings:
        command += ["--set", setting]
    environment = {**os.environ, "DCASE2019": str(folder)}
    subprocess.run(command, check=True, env=environment)
    return folder / "runs" / recipe


def steps(run: Path) -> Iterator[tuple[str, int, float]]:
    """(stage, optimiser steps, seconds) of what metrics.csv tells."""
    rows = (run / "metrics.csv").read_text(encoding="utf-8").splitlines()
    for row in rows[1:]:
        stage, _, step, seconds = row.split(",")[:4]
        yield stage, int(step), float(seconds)


def main() -> None:
    """Make, link, train, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("metadata", type=Path)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "dry_run")
    parser.add_argument("--recordings", type=int, default=200)
    parser.add_argument("--recipe", action="append", help="another recipe of recipes/dcase2019")
    options = parser.parse_args()
    folder, began = options.folder.resolve(), time.monotonic()
    counts = link(options.metadata, folder, generate(folder / "generated", options.recordings))
    console = Console()
    console.print(", ".join(f"{name}: {number} clips" for name, number in counts.items()))
    table = Table("recipe", "stage", "steps", "seconds")
    for recipe in options.recipe or ("sp_sedt_semi", "crnn"):
        run = train(recipe, folder)
        for stage, number, seconds in steps(run):
            table.add_row(recipe, stage, str(number), f"{seconds:.0f}")
        test = json.loads((run / "test.json").read_text(encoding="utf-8"))
        table.add_row(recipe, f"test: {test['files']} clips scored", "", "")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    console.print(table)
    console.print(f"{(time.monotonic() - began) / 60:.0f} minutes; the largest process took {peak:.1f} GiB")


if __name__ == "__main__":
    with told_in_a_line():
        main()
