"""All sources of a recipe together: what is in two of them, what no class is, what each stage uses."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from sedt.checking.source import OpenSource, SourceReport, open_source
from sedt.checking.stages import stage_faults, stage_uses
from sedt.config import Recipe
from sedt.errors import InputError

PARTS = ("strong", "weak", "unlabelled", "validation", "test")
PURPOSE = {"strong": "training", "weak": "training", "unlabelled": "training"}
"""Parts that may share recordings; the others stand for themselves."""

QUANTILES = {"shortest": 0.0, "10 %": 0.1, "median": 0.5, "90 %": 0.9, "longest": 1.0}


@dataclass(frozen=True)
class Same:
    """Files with the same bytes."""

    files: list[str]
    """part: name."""
    leaks: bool
    """Whether they serve two purposes, such as training and test."""


@dataclass
class RecipeReport:
    """What `sedt data check` found."""

    sources: list[SourceReport]
    classes: list[str]
    same: list[Same] = field(default_factory=list)
    shared_sounds: dict[str, list[str]] = field(default_factory=dict)
    """Two purposes -> sounds and backgrounds that scenes of both are made of."""
    unknown: dict[str, dict[str, int]] = field(default_factory=dict)
    """Part -> labels that are no class -> clips with them."""
    uses: dict[str, str] = field(default_factory=dict)
    """Stage -> what it uses."""
    faults: list[str] = field(default_factory=list)
    """Why the recipe cannot be used."""

    @property
    def needs_attention(self) -> bool:
        """Whether files are missing, unreadable or serve two purposes, or the test set has other labels."""
        files = any(s.missing or s.unreadable or s.wrong_durations for s in self.sources)
        leaks = any(same.leaks for same in self.same) or bool(self.shared_sounds)
        return files or leaks or "test" in self.unknown

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "classes": self.classes,
            "sources": [_source(source) for source in self.sources],
            "same": [vars(same) for same in self.same],
            "shared_sounds": self.shared_sounds,
            "unknown_labels": self.unknown,
            "stages": self.uses,
            "faults": self.faults,
        }


def check_recipe(
    recipe: Recipe,
    *,
    decode: bool = False,
    start: Callable[[int], None] = lambda total: None,
    progress: Callable[[], None] = lambda: None,
) -> RecipeReport:
    """Look at all data of a recipe. `start` is told how many files there are, `progress` is called for each.

    What is wrong with a source is a fault of the report; the others are looked at all the same.
    """
    rate = recipe.features.sample_rate
    opened = [open_source(part, source, rate) for part in PARTS for source in getattr(recipe.data, part)]
    start(sum(len(one) for one in opened))
    for one in opened:
        _look(one, decode, rate, progress)
    sources = [one.report for one in opened]
    report = RecipeReport(sources, _classes(recipe, sources))
    report.same = _same_files(sources)
    report.shared_sounds = _shared_sounds(sources)
    report.unknown = _unknown(sources, report.classes)
    report.uses = stage_uses(recipe, sources)
    report.faults = [*stage_faults(recipe), *_faults(report, recipe)]
    return report


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Shortest, 10 %, median, 90 %, longest; empty for no values."""
    if not values:
        return {}
    return {name: round(float(np.quantile(values, share)), 3) for name, share in QUANTILES.items()}


def _look(opened: OpenSource, decode: bool, sample_rate: int, progress: Callable[[], None]) -> None:
    if opened.report.fault is not None:
        return
    try:
        opened.look(decode=decode, sample_rate=sample_rate, progress=progress)
    except InputError as error:
        opened.report.fault = str(error)


def _classes(recipe: Recipe, sources: Sequence[SourceReport]) -> list[str]:
    """As training takes them."""
    if recipe.data.classes is not None:
        return list(recipe.data.classes)
    return sorted({label for s in sources if s.part in ("strong", "weak") for label in s.labels})


def _same_files(sources: Sequence[SourceReport]) -> list[Same]:
    """Groups of files with the same bytes: of two names, for two purposes, or twice in one part."""
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for source in sources:
        for name, digest in source.hashes.items():
            groups[digest].append((source.part, name))
    found = []
    for group in groups.values():
        parts = {part for part, _ in group}
        # Pre-training may hear what validation uses, without its labels; `sedt new` does so.
        leaks = len({_purpose(part) for part in parts}) > 1 and parts != {"unlabelled", "validation"}
        if leaks or len({name for _, name in group}) > 1 or len(set(group)) < len(group):
            found.append(Same([f"{part}: {name}" for part, name in group], leaks))
    return sorted(found, key=lambda same: (not same.leaks, same.files))


def _shared_sounds(sources: Sequence[SourceReport]) -> dict[str, list[str]]:
    """Scenes for two purposes must not be mixed from the same files."""
    made_of: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        made_of[_purpose(source.part)].update(str(path.resolve()) for path in source.made_of)
    both = {f"{a} and {b}": sorted(made_of[a] & made_of[b]) for a, b in combinations(made_of, 2)}
    return {purposes: files for purposes, files in both.items() if files}


def _purpose(part: str) -> str:
    return PURPOSE.get(part, part)


def _unknown(sources: Sequence[SourceReport], classes: Sequence[str]) -> dict[str, dict[str, int]]:
    unknown: dict[str, Counter[str]] = defaultdict(Counter)
    for source in sources:
        for label, number in source.num_clips.items():
            if label not in classes:
                unknown[source.part][label] += number
    return {part: dict(labels) for part, labels in unknown.items()}


def _faults(report: RecipeReport, recipe: Recipe) -> Iterator[str]:
    """What would end training with an error."""
    for source in report.sources:
        if source.fault is not None:
            yield f"data.{source.part}: {source.fault}"
        elif not source.durations:
            yield f"data.{source.part}: {source.name}: none of its {source.num_named} files can be used"
    if recipe.stages == ["pretrain"]:  # needs no labels
        return
    if not any(source.part in ("strong", "weak") for source in report.sources):
        yield "there are no training clips (data.strong, data.weak)"
    elif not report.classes:
        yield "the training clips have no labels"
    for part, labels in report.unknown.items():
        if part != "test":  # the model cannot find them; the others are scored all the same
            yield f"data.{part}: labels that are no class: {', '.join(sorted(labels))}"


def _source(source: SourceReport) -> dict[str, Any]:
    return {
        "part": source.part,
        "name": source.name,
        "fault": source.fault,
        "named": source.num_named,
        "usable": len(source.durations),
        "hours": round(sum(source.durations.values()) / 3600, 4),
        "missing": source.missing,
        "unreadable": source.unreadable,
        "wrong_durations": source.wrong_durations,
        "mended": source.mended,
        "clips_per_class": dict(sorted(source.num_clips.items())),
        "events_per_class": dict(sorted(source.num_events.items())),
        "clip_length_s": quantiles(list(source.durations.values())),
        "event_length_s": quantiles(source.event_lengths_s),
        "scenes_counted": source.from_scenes,
    }
