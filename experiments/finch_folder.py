"""A folder as a user would have it, out of `finch_song`: some labelled recordings, the rest without labels.

python experiments/finch_folder.py FOLDER --minutes 10 --labels audacity

FOLDER/recordings holds the audio of the splits train and val, and labels of some recordings of train (about
so many minutes, each bird by its share of the audio) in the named format; FOLDER/test and FOLDER/test.tsv
are the split test.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np

from sedt.audio import audio_duration
from sedt.events import Event
from sedt.formats import FORMATS, write_events, write_folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--labels", default="tsv", choices=list(FORMATS))
    parser.add_argument("--seed", type=int, default=0, help="which recordings are labelled")
    options = parser.parse_args()
    make_folder(
        Path(os.environ["SEDT_DATA"]) / "finch_song",
        options.folder,
        options.minutes,
        options.labels,
        options.seed,
    )


def make_folder(source: Path, folder: Path, minutes: float, labels: str, seed: int) -> None:
    """Copy audio and write labels; the same recordings for the same seed."""
    events, split = _read(source / "strong.tsv")
    seconds = {name: audio_duration(source / "audio" / name) for name in sorted(events)}
    for name in seconds:
        target = folder / ("test" if split[name] == "test" else "recordings/audio") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / "audio" / name, target)
    training = {name: seconds[name] for name in seconds if split[name] == "train"}
    chosen = {name: events[name] for name in labelled_recordings(training, minutes * 60, seed)}
    if FORMATS[labels].holds_one:
        write_folder(folder / "recordings" / "labels", chosen, labels)
    else:
        (folder / "recordings" / "labels").mkdir(parents=True, exist_ok=True)
        write_events(folder / "recordings" / "labels" / f"labels.{FORMATS[labels].ending}", chosen, labels)
    write_events(folder / "test.tsv", {name: events[name] for name in seconds if split[name] == "test"})
    with (folder / "test_durations.tsv").open("w", encoding="utf-8") as file:
        rows = [f"{name}\t{seconds[name]:.4f}\n" for name in seconds if split[name] == "test"]
        file.writelines(["filename\tduration\n", *rows])
    total = sum(seconds[name] for name in chosen) / 60
    print(f"{len(chosen)} recordings with labels ({total:.1f} min) of {len(training)} for training: {folder}")


def labelled_recordings(seconds: dict[str, float], wanted_s: float, seed: int) -> list[str]:
    """Of each bird (the first folder) recordings in random order until its share of `wanted_s` is reached."""
    by_bird: dict[str, list[str]] = defaultdict(list)
    for name in sorted(seconds):
        by_bird[name.split("/")[0]].append(name)
    generator, chosen = np.random.default_rng(seed), []
    for bird in sorted(by_bird):
        share_s = wanted_s * sum(seconds[n] for n in by_bird[bird]) / sum(seconds.values())
        for i in generator.permutation(len(by_bird[bird])):
            if share_s <= 0:
                break
            chosen.append(by_bird[bird][i])
            share_s -= seconds[by_bird[bird][i]]
    return sorted(chosen)


def _read(file: Path) -> tuple[dict[str, list[Event]], dict[str, str]]:
    events: dict[str, list[Event]] = defaultdict(list)
    split: dict[str, str] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            name = row["filename"]
            split[name] = row["split"]
            if row["onset"]:
                events[name].append(Event(float(row["onset"]), float(row["offset"]), row["event_label"]))
    return dict(events), split


if __name__ == "__main__":
    main()
