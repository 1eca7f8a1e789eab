"""What SP-SEDT finds in clips that it does not train on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sedt.batch import PatchPredictions
from sedt.losses.events import Matches
from sedt.losses.reconstruction import reconstruction_distance
from sedt.models.sp_sedt import BACKGROUND, PATCH
from sedt.spans import iou, spans_to_edges

FOUND_IOU = 0.5
"""A patch is found where the answer overlaps it so much."""

GRID = 21
"""Centres, and lengths, that are tried for what chance finds."""


@dataclass(frozen=True)
class PatchOutcome:
    """Of a batch; clips in which nothing sounds are left out."""

    patches: NDArray[np.float32]
    """(patches, 2): spans."""
    answer_iou: NDArray[np.float32]
    """(patches,): overlap with the answer: of the queries that were told the patch, the surest one."""
    matched_iou: NDArray[np.float32]
    """(patches,): overlap with the query that the matching gave it."""
    class_hits: NDArray[np.bool_]
    """(queries,): whether patch or background was told rightly, after the matching."""
    distance: NDArray[np.float32]
    """(patches,): eq. 5 of the matched queries."""


def outcome(predictions: PatchPredictions, patches: Tensor, matches: Matches, clips: Tensor) -> PatchOutcome:
    """Measure the last layer; `patches` (batch, M, 2), `clips` are the audible ones of the batch."""
    spans, logits = predictions.spans[-1], predictions.class_logits[-1]
    wanted = torch.full(logits.shape[:2], BACKGROUND, device=logits.device)
    wanted[matches.clips, matches.queries] = PATCH
    true = patches[matches.clips, matches.events]
    distance = reconstruction_distance(
        predictions.patch_features[matches.clips, matches.events],
        predictions.reconstructions[-1][matches.clips, matches.queries],
    )
    answers = _answers(predictions)[clips]
    return PatchOutcome(
        patches=patches[clips].flatten(0, 1).cpu().numpy(),
        answer_iou=_iou(answers, patches[clips]).flatten().cpu().numpy(),
        matched_iou=_iou(spans[matches.clips, matches.queries], true).cpu().numpy(),
        class_hits=(logits.argmax(-1) == wanted)[clips].flatten().cpu().numpy(),
        distance=distance.cpu().numpy(),
    )


def score_patches(outcomes: Sequence[PatchOutcome]) -> dict[str, float]:
    """Means over all held-out clips.

    `found`: share of patches found at IoU 0.5; `found_by_chance`: what the best answer finds that is the same
    for all; `class_accuracy` of queries; `patch_iou` of matched queries;
    `reconstruction`: eq. 5, 0 at best, 2 for unrelated directions.
    """
    patches = np.concatenate([one.patches for one in outcomes])
    if not len(patches):  # nothing sounds anywhere
        return dict.fromkeys(
            ("found", "found_by_chance", "class_accuracy", "patch_iou", "reconstruction"), 0.0
        )
    answers = np.concatenate([one.answer_iou for one in outcomes])
    return {
        "found": float((answers >= FOUND_IOU).mean()),
        "found_by_chance": found_by_chance(patches),
        "class_accuracy": float(np.concatenate([one.class_hits for one in outcomes]).mean()),
        "patch_iou": float(np.concatenate([one.matched_iou for one in outcomes]).mean()),
        "reconstruction": float(np.concatenate([one.distance for one in outcomes]).mean()),
    }


def found_by_chance(patches: NDArray[np.float32]) -> float:
    """What the best answer that does not listen finds: one span for all patches (patches, 2).

    Of a grid of centres and lengths. It finds more than guesses drawn as the patches are.
    """
    edges = spans_to_edges(patches)
    answers = itertools.product(np.linspace(0, 1, GRID), np.linspace(1 / GRID, 1, GRID))
    shares = [
        (iou(edges, spans_to_edges(np.array([answer], dtype=np.float32))) >= FOUND_IOU).mean()
        for answer in answers
    ]
    return float(max(shares))


def _answers(predictions: PatchPredictions) -> Tensor:
    """For each patch the span of the surest query of its block: (batch, M, 2)."""
    batch, num_patches = predictions.patch_features.shape[:2]
    sure = predictions.class_logits[-1].softmax(-1)[..., PATCH]
    best = sure.reshape(batch, num_patches, -1).argmax(-1)  # (batch, M)
    spans = predictions.spans[-1].reshape(batch, num_patches, -1, 2)  # (batch, M, block, 2)
    return spans.take_along_dim(best[..., None, None], dim=2).squeeze(2)


def _iou(spans: Tensor, others: Tensor) -> Tensor:
    return iou(spans_to_edges(spans), spans_to_edges(others))
