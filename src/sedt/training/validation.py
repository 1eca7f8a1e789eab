"""What validation recordings say of a model: tags while the backbone learns, events after that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sedt.batch import Probabilities
from sedt.config import TuneConfig
from sedt.data.clips import WindowClips
from sedt.decoding import Decision, RecordingPredictions
from sedt.evaluation import evaluate
from sedt.events import Event
from sedt.training.selection import Score

TAG_THRESHOLD = 0.5
SCORES = ("event_based", "segment_based", "tagging")


def score_tags(windows: WindowClips) -> Score:
    """`tagging`: macro F1 of tags at 0.5 against the tags of each window, over classes that are there."""
    true = np.stack([windows.targets(i).tags.numpy() > 0 for i in range(len(windows))])
    there = true.any(0)

    def score(outputs: list[Probabilities]) -> dict[str, float]:
        found = np.concatenate([output.tags for output in outputs if output.tags is not None]) > TAG_THRESHOLD
        hits, wrong = (true & found).sum(0), (true != found).sum(0)
        f1 = 2 * hits / np.maximum(1, 2 * hits + wrong)
        return {"tagging": float(f1[there].mean()) if there.any() else 0.0}

    return score


def score_events(windows: WindowClips, decision: Decision, tune: TuneConfig) -> Score:
    """`event_based`, `segment_based`, `tagging`: macro F1 of the decided events of whole recordings."""
    shape, collars = windows.shape, tune.model_dump()
    parts: dict[str, list[int]] = {}  # the windows of each recording
    reference: dict[str, Sequence[Event]] = {}
    durations: dict[str, float] = {}
    for number, place in enumerate(windows.places):
        name = f"{id(place.recordings)}/{place.index}"
        if name not in parts:
            reference[name] = place.recordings.known(place.index).events
            durations[name] = place.recordings.duration_s(place.index)
        parts.setdefault(name, []).append(number)
    starts_s = np.array([place.start_s for place in windows.places])

    def score(outputs: list[Probabilities]) -> dict[str, float]:
        said = Probabilities.joined(outputs)
        estimated = {
            name: RecordingPredictions(
                said.rows(numbers), durations[name] - starts_s[numbers], shape.window_s, windows.hop_s
            ).events(shape.classes, decision)
            for name, numbers in parts.items()
        }
        report = evaluate(reference, estimated, durations, **collars).as_dict()
        return {name: report[name]["macro"]["f1"] or 0.0 for name in SCORES}

    return score
