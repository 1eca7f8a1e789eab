"""What `sedt new` found and decided, as lines for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sedt.planning.fit import LEAST_EVENTS, MEDIANS_IN_WINDOW, MOST_IN_WINDOW
from sedt.planning.split import LEAST_FOR_TEST

if TYPE_CHECKING:
    from sedt.planning import Plan

FEW = 3
SHOWN = 5
"""So many names of each kind are told."""


def decisions(plan: Plan) -> Iterator[tuple[str, str]]:
    """Title and text of each line; lines that go on have no title. The plan's cost need not be known."""
    yield from _found(plan)
    yield from _split(plan)
    yield from _fit(plan)
    yield from _network(plan)


def _found(plan: Plan) -> Iterator[tuple[str, str]]:
    found = plan.survey
    hours = sum(found.durations.values()) / 3600
    rates = ", ".join(f"{rate} Hz" for rate, _ in found.rates.most_common())
    yield "audio", f"{len(found.durations)} recordings, {_time(hours)}, {rates}"
    if found.broken:
        yield "", f"{len(found.broken)} cannot be read and are left out: {_some(found.broken.values())}"
    files = _count(len(found.label_files), "label file")
    number = sum(map(len, found.events.values()))
    labelled = (
        f"{number} events in {_count(len(found.events), 'recording')} ({_time(found.labelled_s / 3600)})"
    )
    yield "labels", f"{files}: {labelled}"
    if found.broken_labels:
        yield (
            "",
            f"{_count(len(found.broken_labels), 'label file')} left out: "
            f"{_some(found.broken_labels.values())}",
        )
    if found.without_audio:
        lost = _count(len(found.without_audio), "labelled recording")
        yield "", f"{lost} not found among the audio: {_some(found.without_audio)}"
    if found.num_beyond:
        yield "", f"{_count(found.num_beyond, 'event')} behind the end of the recording, left out"


def _split(plan: Plan) -> Iterator[tuple[str, str]]:
    parts = plan.split
    numbers = f"{len(parts.train)} to learn, {len(parts.validation)} to validate, {len(parts.test)} to test"
    yield "split", numbers + (", as the labels say" if parts.is_told else ", by recording")
    labelled = len(parts.train) + len(parts.validation)
    if not parts.test and not parts.is_told and labelled < LEAST_FOR_TEST:
        yield "", f"no test: with fewer than {LEAST_FOR_TEST} labelled recordings none is set aside"
    if not parts.validation:
        yield (
            "",
            "no validation: with one labelled recording nothing can be scored, and thresholds stay at 0.5",
        )
    elif len(parts.validation) < FEW:
        yield "", f"fewer than {FEW} recordings to validate: scores and thresholds will be rough"


def _fit(plan: Plan) -> Iterator[tuple[str, str]]:
    fit, found, parts = plan.fit, plan.survey, plan.split
    counts = Counter(one.label for name in parts.train for one in found.events[name])
    yield "classes", ", ".join(f"{label} ({counts[label]})" for label in fit.classes)
    if fit.rare:
        rare = ", ".join(f"{label} ({number})" for label, number in fit.rare.items())
        yield "", f"too rare to learn (fewer than {LEAST_EVENTS} events to learn from): {rare}"
    edges = f"{fit.shortest_s:.3g} to {fit.longest_s:.3g} s, half of them over {fit.median_s:.3g} s"
    yield "events", f"{edges}; {fit.per_second:.2g} per second"
    reason = f"no longer than {MEDIANS_IN_WINDOW} usual events, no more than {MOST_IN_WINDOW} events in it"
    yield "window", f"{fit.window_s:g} s ({reason})"
    ms = 1000 / fit.sample_rate
    yield (
        "features",
        f"{fit.sample_rate} Hz, frames of {fit.frame_samples * ms:.3g} ms "
        f"every {fit.hop_samples * ms:.3g} ms",
    )
    if plan.recipe.model.network == "sedt":
        yield "queries", f"{fit.num_queries}: a window holds up to {fit.most_in_window} events"
    yield (
        "shortest",
        f"events under {fit.min_length_s:g} s are dropped (the shortest labels last {fit.shortest_s:.3g} s)",
    )
    yield "scoring", f"an event counts if its edges are within {fit.collar_s:g} s"


def _network(plan: Plan) -> Iterator[tuple[str, str]]:
    model = plan.recipe.model
    size = f", {plan.sizes.name}: {model.backbone}, d = {model.model_size}" if model.network == "sedt" else ""
    yield "network", f"{model.network}{size}"
    if plan.unlabelled_s:
        yield "pre-training", f"on {_time(plan.unlabelled_s / 3600)} of audio, labelled or not"


def cost_line(plan: Plan) -> tuple[str, str]:
    """What training takes, of a plan whose cost is known."""
    cost = plan.cost
    assert cost is not None
    steps = [("tagging", cost.tagging), ("pre-training", cost.pretraining), ("learning", cost.finetuning)]
    parts = ", ".join(f"{number} steps of {name}" for name, number in steps if number)
    return "cost", f"about {_time(cost.hours)} here ({parts}; {cost.step_s:.2g} s a step)"


def _time(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:SHOWN]) + (f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else "")
