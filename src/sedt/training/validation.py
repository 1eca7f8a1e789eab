"""What validation recordings say of a model: tags while the backbone learns, events after that."""

from __future__ import annotations

import numpy as np

from sedt.batch import Probabilities
from sedt.config import TuneConfig
from sedt.data.clips import WindowClips
from sedt.decoding import Decision, decode, join_windows
from sedt.evaluation import evaluate
from sedt.events import Event
from sedt.training.selection import Score

TAG_THRESHOLD = 0.5
SCORES = ("event_based", "segment_based", "tagging")


def score_tags(windows: WindowClips) -> Score:
    """`tagging`: macro F1 of tags at 0.5 against the tags of each window."""
    true = np.stack([windows[i].targets.tags.numpy() > 0 for i in range(len(windows))])

    def score(outputs: list[Probabilities]) -> dict[str, float]:
        found = np.concatenate([output.tags for output in outputs if output.tags is not None]) > TAG_THRESHOLD
        hits, wrong = (true & found).sum(0), (true != found).sum(0)
        return {"tagging": float(np.mean(2 * hits / np.maximum(1, 2 * hits + wrong)))}

    return score


def score_events(windows: WindowClips, decision: Decision, tune: TuneConfig) -> Score:
    """`event_based`, `segment_based`, `tagging`: macro F1 of the decided events of whole recordings."""
    shape, collars = windows.shape, tune.model_dump()
    names = [f"{id(place.recordings)}/{place.index}" for place in windows.places]
    reference = {
        name: place.recordings.known(place.index).events
        for name, place in zip(names, windows.places, strict=True)
    }
    durations = {
        name: place.recordings.duration_s(place.index)
        for name, place in zip(names, windows.places, strict=True)
    }

    lengths_s = np.array(
        [durations[name] - place.start_s for name, place in zip(names, windows.places, strict=True)]
    )

    def score(outputs: list[Probabilities]) -> dict[str, float]:
        firsts = np.cumsum([0] + [len(output.classes) for output in outputs])
        found = [
            events
            for output, first in zip(outputs, firsts, strict=False)
            for events in decode(
                output,
                shape.classes,
                decision,
                shape.window_s,
                lengths_s[first : first + len(output.classes)],
            )
        ]
        per_recording: dict[str, list[list[Event]]] = {}
        for name, events in zip(names, found, strict=True):
            per_recording.setdefault(name, []).append(events)
        estimated = {
            name: join_windows(each, shape.window_s, windows.hop_s) for name, each in per_recording.items()
        }
        report = evaluate(reference, estimated, durations, **collars).as_dict()
        return {name: report[name]["macro"]["f1"] or 0.0 for name in SCORES}

    return score
