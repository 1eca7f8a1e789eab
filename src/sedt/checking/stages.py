"""What each stage of a recipe would use of its data, and what it would miss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sedt.checking.source import SourceReport
from sedt.config import Recipe, Stage
from sedt.data.clips import TAGS_BEYOND, num_crops

CUT_FRAMES = 0.98
"""Share of a window's frames that `features.max_frames` must leave."""


@dataclass(frozen=True)
class Clips:
    """Clips to train on: recordings longer than the window count as many times as windows cover them."""

    kind: str
    number: int
    hours: float
    beyond: int = 0
    """Recordings with tags alone that are longer than the window."""

    def __str__(self) -> str:
        said = f"; recordings longer than the window: {self.beyond}, {TAGS_BEYOND}" if self.beyond else ""
        return f"{self.number} {self.kind} clips ({self.hours:.2f} h{said})"


def stage_uses(recipe: Recipe, sources: Sequence[SourceReport]) -> dict[str, str]:
    """Stage -> clips, hours, make-up of a batch, steps and epochs."""
    uses: dict[str, str] = {}
    for stage in recipe.stages:
        if stage == "tag_backbone":
            uses[stage] = _tag_backbone(recipe, sources)
        elif stage == "pretrain":
            uses[stage] = _pretrain(recipe, sources)
        elif stage in ("finetune", "train_frames"):
            uses[stage] = _from_labels(recipe, sources, stage)
        elif stage == "finetune_semi":
            uses[stage] = _semi(recipe, sources)
        elif stage == "tune":
            uses[stage] = f"{_recordings(sources, 'validation')} of the validation set"
    if recipe.data.test:
        uses["test"] = _recordings(sources, "test")
    return uses


def stage_faults(recipe: Recipe) -> Iterator[str]:
    """Why a stage could not begin, or would do nothing with a setting."""
    yield from _setting_faults(recipe)
    data = recipe.data
    for stage in recipe.stages:
        if stage == "tag_backbone" and not any(getattr(data, part) for part in recipe.tag_backbone.use):
            yield f"tag_backbone.use = {recipe.tag_backbone.use}: the recipe has no such clips"
        if stage == "pretrain" and not data.unlabelled:
            yield "pretrain: the recipe has no clips without labels (data.unlabelled)"
        if stage == "pretrain" and not _has_learned(recipe, stage):
            yield (
                "pretrain: the backbone has learned nothing, so all patches are alike to it: run "
                "`tag_backbone` before, or set model.backbone_start to a weights file or to 'imagenet'"
            )
        is_given = recipe.finetune.pretrained is not None or not recipe.finetune.frozen_stages
        if stage == "finetune" and not is_given and not _has_learned(recipe, stage):
            yield (
                "finetune: the backbone has learned nothing, and its first stages would stay so: run "
                "`tag_backbone` before, or set model.backbone_start or finetune.frozen_stages = 0"
            )
        if stage == "finetune_semi" and not data.unlabelled:
            yield "finetune_semi: the recipe has no clips without labels (data.unlabelled)"
        if stage in ("finetune", "train_frames") and not data.strong:
            yield f"{stage}: the recipe has no clips with events (data.strong)"
        if stage == "tune" and not data.validation:
            yield "tune: the recipe has no validation clips (data.validation)"


def setting_notes(recipe: Recipe) -> Iterator[str]:
    """What may be meant, and is more likely a mistake."""
    features = recipe.features
    if features.hop_samples > features.frame_samples:
        yield (
            f"features.hop_samples {features.hop_samples} is more than frame_samples "
            f"{features.frame_samples}: what sounds between two frames is not heard"
        )


def _setting_faults(recipe: Recipe) -> Iterator[str]:
    features, window_s = recipe.features, recipe.model.window_s
    frames = round(window_s * features.sample_rate) // features.hop_samples + 1
    if features.max_frames is not None and features.max_frames < CUT_FRAMES * frames:
        yield (
            f"features.max_frames {features.max_frames}: a window of {window_s:g} s has {frames}, and times "
            "are shares of the whole window: set a shorter model.window_s"
        )
    if "train_frames" in recipe.stages and recipe.train_frames.backbone_learning_rate is not None:
        yield "train_frames.backbone_learning_rate: these networks have no backbone of their own"


def _tag_backbone(recipe: Recipe, sources: Sequence[SourceReport]) -> str:
    stage = recipe.tag_backbone
    clips = _clips(recipe, sources, *stage.use)
    made = f"{clips}, {stage.batch_size} in a batch"
    return f"{made}; {_steps(clips, stage.batch_size, stage.accumulate)}, {stage.epochs} epochs"


def _pretrain(recipe: Recipe, sources: Sequence[SourceReport]) -> str:
    stage = recipe.pretrain
    clips = _clips(recipe, sources, "unlabelled")
    share = f"about {stage.held_out:.0%} held out"
    learned = Clips("", stage.clips_per_epoch or round(clips.number * (1 - stage.held_out)), 0.0)
    steps = _steps(learned, stage.batch_size, stage.accumulate)
    return f"{clips}, {share}, {stage.batch_size} in a batch; {steps}, {stage.epochs} epochs"


def _has_learned(recipe: Recipe, stage: Stage) -> bool:
    """Whether the backbone has been trained before a stage that freezes it, or a part of it."""
    before = recipe.stages[: recipe.stages.index(stage)]
    return recipe.model.backbone_start != "random" or "tag_backbone" in before


def _from_labels(
    recipe: Recipe, sources: Sequence[SourceReport], name: Literal["finetune", "train_frames"]
) -> str:
    stage = recipe.finetune if name == "finetune" else recipe.train_frames
    strong, weak = (_clips(recipe, sources, part) for part in ("strong", "weak"))
    made = f"{strong}, {stage.strong_per_batch} in a batch"
    if weak.number and stage.weak_per_batch:
        made += f", and {weak}, {stage.weak_per_batch} in a batch"
    elif weak.number:
        made += f", but none of {weak} ({name}.weak_per_batch = 0)"
    return f"{made}; {_steps(strong, stage.strong_per_batch, stage.accumulate)}, {stage.epochs} epochs"


def _semi(recipe: Recipe, sources: Sequence[SourceReport]) -> str:
    stage = recipe.finetune_semi
    parts = {"strong": stage.strong_per_batch, "weak": stage.weak_per_batch}
    numbers = {**parts, "unlabelled": stage.unlabelled_per_batch}
    clips = {part: _clips(recipe, sources, part) for part in numbers}
    made = ", ".join(f"{clips[part]}, {number} in a batch" for part, number in numbers.items() if number)
    steps = _steps(clips["strong"], stage.strong_per_batch, stage.accumulate)
    return f"{made}; {steps}, {stage.epochs} epochs"


def _clips(recipe: Recipe, sources: Sequence[SourceReport], *parts: str) -> Clips:
    window_s = recipe.model.window_s
    lengths = [seconds for source in sources if source.part in parts for seconds in source.durations.values()]
    number = sum(num_crops(seconds, window_s) for seconds in lengths)
    weak = [s for source in sources if source.part == "weak" for s in source.durations.values()]
    beyond = sum(num_crops(seconds, window_s) > 1 for seconds in weak) if "weak" in parts else 0
    return Clips(" and ".join(parts), number, sum(lengths) / 3600, beyond)


def _recordings(sources: Sequence[SourceReport], part: str) -> str:
    lengths = [seconds for source in sources if source.part == part for seconds in source.durations.values()]
    return f"{len(lengths)} recordings ({sum(lengths) / 3600:.2f} h)"


def _steps(clips: Clips, per_batch: int, accumulate: int) -> str:
    together = f", {accumulate} batches to a step" if accumulate > 1 else ""
    return f"{-(-clips.number // (per_batch * accumulate))} steps an epoch{together}"
