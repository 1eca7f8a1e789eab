"""A teacher labels clips: its arithmetic, its thresholds, what it may see; the stage learns and resumes."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny import write_recipe

import sedt.build as build
from sedt.batch import ClipRequest, Predictions, Supervision, Targets, collate
from sedt.config import Recipe
from sedt.data.recordings import Files, Known
from sedt.decoding.decide import Decision, decode
from sedt.errors import InputError
from sedt.recipe import load_recipe
from sedt.training.datasets import load_datasets
from sedt.training.finetune_semi import FinetuneSemiModule
from sedt.training.pseudo_labels import PseudoLabels, ThresholdPlan, prior_of
from sedt.training.run import train

CLIPS = 'scenes={foreground="sounds", num_scenes=8, duration_s=2.0, seed=5}'
SETTINGS = [
    'stages=["finetune", "finetune_semi"]',
    'model.class_scores="sigmoid"',
    "model.dropout=0.1",
    f"data.unlabelled=[{{{CLIPS}}}]",
    f"data.weak=[{{{CLIPS}}}]",
    "finetune.epochs=1",
    "finetune.validate_every=1",
    "finetune.strong_per_batch=4",
    "finetune_semi.epochs=2",
    "finetune_semi.strong_per_batch=4",
    "finetune_semi.weak_per_batch=2",
    "finetune_semi.unlabelled_per_batch=4",
    "finetune_semi.learning_rate=1e-3",
    "finetune_semi.augmentation.mixup=0.5",
]


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


def module_of(recipe: Recipe) -> tuple[FinetuneSemiModule, list[ClipRequest]]:
    torch.manual_seed(0)
    frontend = build.frontend(recipe.features)
    stage = recipe.finetune_semi
    module = FinetuneSemiModule(
        frontend,
        build.sedt(recipe.model, 3),
        build.augmentation(stage.augmentation, frontend, recipe.model.window_s),
        build.set_loss(recipe.loss, recipe.model),
        1.0,
        stage,
        PseudoLabels(torch.tensor([0.5, 0.5, 0.5])),
    )
    return module.train(), [ClipRequest(group, index, 0) for group in range(3) for index in range(2)]


def said(*queries: tuple[int, float], tags: list[float], classes: int = 3) -> Predictions:
    """One clip; each query is of a class with a probability, and lies at its own place."""
    probabilities = torch.full((1, 1, len(queries), classes), 0.01)
    for number, (label, probability) in enumerate(queries):
        probabilities[0, 0, number, label] = probability
    spans = torch.tensor([[0.1 * (number + 1), 0.1] for number in range(len(queries))])
    return Predictions(
        probabilities.logit(), spans[None, None], torch.tensor([tags]).logit(), exclusive=False
    )


WHOLE = torch.ones(1)


def nothing_known() -> Targets:
    return Targets(Supervision.NONE, torch.zeros(3), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 2))


# -- pseudo-labels ---------------------------------------------------------------------------------


def test_labels_are_hard_and_need_tag_and_threshold() -> None:
    labels = PseudoLabels(torch.full((3,), 0.5), ThresholdPlan(0.4, 0.6))
    labels.thresholds.copy_(torch.tensor([0.5, 0.8, 0.3]))
    spoken = said((0, 0.6), (1, 0.7), (2, 0.35), (0, 0.4), tags=[0.9, 0.9, 0.2])
    [made] = labels.label(spoken, [nothing_known()], WHOLE)
    assert made.supervision is Supervision.STRONG
    assert made.labels.tolist() == [0]  # 1 is under its threshold, 2 is not tagged, the last is too unsure
    assert made.spans.tolist() == [pytest.approx([0.1, 0.1])]
    assert made.tags.tolist() == [1, 1, 0]
    assert made.weights is None


def test_a_query_is_of_the_surest_class_that_is_there() -> None:
    """Two classes that sound alike do not exclude each other: tags decide, as in detection."""
    labels = PseudoLabels(torch.full((3,), 0.5))
    spoken = said((0, 0.8), tags=[0.1, 0.9, 0.1])
    spoken.class_logits[0, 0, 0, 1] = torch.tensor(0.75).logit()
    [made] = labels.label(spoken, [nothing_known()], WHOLE)
    found = decode(
        spoken.probabilities(), ["a", "b", "c"], Decision(threshold=0.575, min_length_s=0.0), window_s=1.0
    )
    assert made.labels.tolist() == [1]
    assert [event.label for event in found[0]] == ["b"]
    known = Targets(Supervision.WEAK, torch.eye(3)[1], torch.zeros(0, dtype=torch.int64), torch.zeros(0, 2))
    [made] = labels.label(said((0, 0.8), (1, 0.75), tags=[0.9, 0.1, 0.1]), [known], WHOLE)
    assert made.labels.tolist() == [1]


def test_what_is_known_stays() -> None:
    labels = PseudoLabels(torch.full((3,), 0.5))
    spoken = said((0, 0.9), (1, 0.9), tags=[0.9, 0.9, 0.1])
    tagged = Targets(
        Supervision.WEAK, torch.tensor([0.0, 1, 1]), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 2)
    )
    strong = Targets(Supervision.STRONG, torch.eye(3)[2], torch.tensor([2]), torch.tensor([[0.5, 0.1]]))
    both = Predictions(
        spoken.class_logits.repeat(1, 2, 1, 1),
        spoken.spans.repeat(1, 2, 1, 1),
        None if spoken.tag_logits is None else spoken.tag_logits.repeat(2, 1),
        exclusive=False,
    )
    weak, kept = labels.label(both, [tagged, strong], torch.ones(2))
    assert weak.labels.tolist() == [1]  # 0 is not among its tags
    assert weak.tags.tolist() == [0, 1, 1]  # the tags are a person's, whatever the teacher says
    assert kept is strong
    labels.count([weak, kept], [tagged, strong])
    assert labels.clips == 0  # clips with tags say nothing of how often a class is called


def test_events_are_as_detection_would_have_them() -> None:
    """They end with the clip, and of those of one class that overlap the surest stays."""
    labels = PseudoLabels(torch.full((3,), 0.5), ThresholdPlan(0.4, 0.6))
    spoken = said((0, 0.8), (0, 0.9), (1, 0.7), (0, 0.85), (2, 0.9), tags=[0.9, 0.9, 0.9])
    spans = torch.tensor([[0.5, 0.2], [0.5, 0.21], [0.5, 0.2], [0.85, 0.3], [0.95, 0.05]])
    spoken = replace(spoken, spans=spans[None, None])
    [made] = labels.label(spoken, [nothing_known()], torch.tensor([0.9]))
    assert made.labels.tolist() == [0, 1, 0]  # the first overlaps a surer one, the last lies behind the end
    wanted = torch.tensor([[0.5, 0.21], [0.5, 0.2], [0.8, 0.2]])
    torch.testing.assert_close(made.spans, wanted)


def test_nothing_sounds_in_digital_silence() -> None:
    labels = PseudoLabels(torch.full((3,), 0.5))
    [made] = labels.label(said((0, 0.9), tags=[0.9, 0.9, 0.1]), [nothing_known()], torch.zeros(1))
    assert made.supervision is Supervision.STRONG
    assert not len(made.labels)
    assert not made.tags.any()


def count_in_process(rank: int, store: str, results: str) -> None:
    """Process r calls class r; it has one clip more in each step."""
    torch.distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=2)
    labels = PseudoLabels(torch.full((3,), 0.5))
    for _ in range(4):
        known = [nothing_known() for _ in range(rank)]  # the first process may have none
        labels.count([replace(each, labels=torch.tensor([rank])) for each in known], known)
    Path(f"{results}{rank}").write_text(json.dumps([*labels.called.tolist(), labels.clips.item()]))
    torch.distributed.destroy_process_group()


def test_all_processes_count_together(tmp_path: Path) -> None:
    places = str(tmp_path / "store"), str(tmp_path / "counts")
    torch.multiprocessing.spawn(count_in_process, places, nprocs=2)
    counts = [json.loads((tmp_path / f"counts{rank}").read_text()) for rank in range(2)]
    assert counts == [[0, 4, 0, 4]] * 2


def test_thresholds_follow_the_training_labels() -> None:
    labels = PseudoLabels(torch.tensor([0.5, 0.5, 0.0]), ThresholdPlan(0.45, 0.7, step=0.05))
    assert labels.thresholds.tolist() == pytest.approx([0.575] * 3)
    for _ in range(10):
        known = [nothing_known()]
        labels.count(labels.label(said((0, 0.9), tags=[0.9, 0.1, 0.1]), known, WHOLE), known)
    assert labels.called.tolist() == [10, 0, 0]
    labels.adapt()
    up = 0.05 * np.log(1.01 / 0.51)
    assert labels.thresholds.tolist() == pytest.approx([0.575 + up, 0.525, 0.575])  # -log(51) is cut to -1
    assert labels.called.tolist() == [0, 0, 0]
    for _ in range(20):
        known = [nothing_known()]
        labels.count(labels.label(said((0, 0.9), tags=[0.9, 0.1, 0.1]), known, WHOLE), known)
        labels.adapt()
    assert labels.thresholds.tolist() == pytest.approx([0.7, 0.45, 0.575])
    labels.adapt()  # no clip has been looked at: nothing moves
    assert labels.thresholds[0] == pytest.approx(0.7)


def test_the_prior_is_of_clips_with_tags_else_of_those_with_events() -> None:
    def files(*tags: set[str]) -> Files:
        known = [Known(Supervision.WEAK, [], frozenset(each)) for each in tags]
        return Files([""] * len(tags), [Path()] * len(tags), [1.0] * len(tags), known)

    weak, strong = files({"a"}, {"a", "b", "z"}, set(), {"a"}), files({"b"})
    assert prior_of([weak], [strong], ["a", "b", "c"]).tolist() == [0.75, 0.25, 0]
    assert prior_of([], [strong], ["a", "b", "c"]).tolist() == [0, 1, 0]


# -- the teacher -----------------------------------------------------------------------------------


def test_the_teacher_is_the_moving_average_and_never_trains(recipe_file: Path) -> None:
    recipe = load_recipe(recipe_file, [*SETTINGS, "finetune_semi.teacher_decay=0.75"])
    module, _ = module_of(recipe)
    assert not any(parameter.requires_grad for parameter in module.teacher.parameters())
    assert not any(part.training for part in module.teacher.modules())
    assert module.network.training
    before = {name: tensor.clone() for name, tensor in module.teacher.named_parameters()}
    with torch.no_grad():
        for parameter in module.network.parameters():
            parameter += 1.0
    module.follow()
    student = dict(module.network.named_parameters())
    for name, tensor in module.teacher.named_parameters():
        torch.testing.assert_close(tensor, 0.75 * before[name] + 0.25 * student[name])


def test_the_teacher_hears_clips_as_they_are(recipe_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its labels do not depend on dropout or augmentation, and no gradient reaches it."""
    recipe = load_recipe(recipe_file, SETTINGS)
    module, requests = module_of(recipe)
    datasets = load_datasets(recipe)
    clips = datasets.training(datasets.strong, datasets.weak, datasets.unlabelled)
    batch = collate([clips[request] for request in requests])
    with torch.no_grad():
        module.teacher.class_head.bias += 6.0  # so that it calls something
        module.teacher.tag_head.bias += 3.0
    labelled = [module.labelled(batch) for _ in range(2)]
    for first, second in zip(labelled[0].targets, labelled[1].targets, strict=True):
        assert first.supervision is Supervision.STRONG
        assert torch.equal(first.spans, second.spans)
        assert not first.spans.requires_grad
    assert len(labelled[0].targets[5].labels)
    monkeypatch.setattr("sedt.training.modules.log_losses", lambda *arguments: None)
    monkeypatch.setattr(type(module), "current_epoch", 0)
    module.training_step(batch, 0).backward()
    assert all(parameter.grad is None for parameter in module.teacher.parameters())
    assert any(parameter.grad is not None for parameter in module.network.parameters())


# -- the stage -------------------------------------------------------------------------------------


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["stage"] == "finetune_semi"]


def test_the_stage_leaves_its_teacher(recipe_file: Path, tmp_path: Path) -> None:
    told = ["loss.denoising_weight=1", 'model.query_place="anchor"']
    folder = train(load_recipe(recipe_file, [*SETTINGS, *told]), tmp_path / "runs")
    best = load_file(folder / "finetune_semi" / "best.safetensors")
    package = load_file(folder / "model" / "model.safetensors")
    thresholds = best.pop("labels.thresholds")  # of the epoch whose teacher is kept
    assert best.keys() == package.keys()
    assert all(torch.equal(best[name], package[name]) for name in best)
    before = load_file(folder / "finetune" / "best.safetensors")
    moved = [name for name in best if not torch.equal(best[name], before[name])]
    assert "network.class_head.weight" in moved
    result = json.loads((folder / "finetune_semi" / "result.json").read_text(encoding="utf-8"))
    assert result["thresholds"] == dict(zip(["chirp", "hiss", "tone"], thresholds.tolist(), strict=True))
    assert all(0.45 <= value <= 0.7 for value in result["thresholds"].values())


def test_no_label_of_validation_or_test_is_looked_at(recipe_file: Path, tmp_path: Path) -> None:
    """Other validation and test clips: the same training, the same thresholds."""
    poison = 'scenes={foreground="sounds", classes=["hiss"], num_scenes=5, duration_s=2.0, seed=77}'
    results = []
    for name, more in (
        ("plain", []),
        ("poisoned", [f"data.{p}=[{{{poison}}}]" for p in ("validation", "test")]),
    ):
        only_the_last = "finetune_semi.validate_every=2"  # else they would choose between the two epochs
        folder = train(load_recipe(recipe_file, [*SETTINGS, only_the_last, *more]), tmp_path / name)
        losses = [[row[key] for key in row if key.startswith("loss")] for row in rows(folder)]
        result = json.loads((folder / "finetune_semi" / "result.json").read_text(encoding="utf-8"))
        results.append((losses, result["thresholds"]))
    # `finetune` starts this stage with its best epoch, which validation chooses: there is only one.
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["data.unlabelled=[]"], "finetune_semi: the recipe has no clips without labels"),
        (['stages=["finetune_semi"]'], "goes on from `finetune`"),
        (["finetune_semi.ema_decay=0.9"], "the teacher is an average already"),
        (["finetune_semi.threshold_range=[0.7, 0.4]"], "threshold_range"),
    ],
)
def test_what_cannot_work_is_said(
    recipe_file: Path, tmp_path: Path, settings: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train(load_recipe(recipe_file, [*SETTINGS, *settings]), tmp_path / "runs")
