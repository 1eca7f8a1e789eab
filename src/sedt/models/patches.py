"""What is known of a patch (paper 3.1): the mean of a map that the frozen backbone gives.

A patch is a span: a stretch of the clip, all frequencies. Its feature says nothing of where it lies.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sedt.models.map_backbone import MapBackbone
from sedt.spans import spans_to_edges


def crop_features(
    backbone: MapBackbone, features: Tensor, patches: Tensor, resize_to: int | None = 128
) -> Tensor:
    """Each patch through the backbone, then the mean of its map.

    Args:
        backbone: gives a map of stretches of any length.
        features: (batch, frames, bands).
        patches: (batch, patches, 2), spans as shares of the frames.
        resize_to: frames that every patch is resized to along time; None: its own length in whole map steps.

    Returns:
        (batch, patches, channels), float32.
    """
    start, length = frames_of(patches.flatten(0, 1), features.shape[1])
    clip = torch.arange(len(features), device=features.device).repeat_interleave(patches.shape[1])
    if resize_to is not None:
        pooled = _pooled(backbone, _crops(features, clip, start, length, resize_to))
        return pooled.reshape(*patches.shape[:2], -1)
    steps = (length / backbone.time_stride).round().clamp(min=1).long()
    found = features.new_zeros(len(clip), backbone.num_channels)
    for number in sorted(set(steps.tolist())):  # patches of one length are one batch
        rows = (steps == number).nonzero()[:, 0]
        crops = _crops(features, clip[rows], start[rows], length[rows], number * backbone.time_stride)
        found[rows] = _pooled(backbone, crops)
    return found.reshape(*patches.shape[:2], -1)


def frames_of(spans: Tensor, num_frames: int) -> tuple[Tensor, Tensor]:
    """First frame and number of frames (at least one) of each span (..., 2), both int64.

    How many they are follows from the span's length alone, not from where it lies.
    """
    length = (spans[..., 1] * num_frames).round().long().clamp(1, num_frames)
    start = (spans_to_edges(spans)[..., 0] * num_frames).round().long().clamp(min=0)
    return start.minimum(num_frames - length), length


def pooled_features(feature_map: Tensor, patches: Tensor) -> Tensor:
    """Mean of the clip's own map over the stretch of each patch; a step counts as far as it is covered.

    Shapes: (batch, channels, time, frequency), (batch, patches, 2) -> (batch, patches, channels), float32.
    """
    steps = feature_map.mean(dim=3, dtype=torch.float32)  # (batch, channels, time)
    num_steps = steps.shape[-1]
    edges = spans_to_edges(patches.float()).clamp(0, 1) * num_steps
    first = torch.arange(num_steps, device=edges.device)
    onset, offset = edges[..., :1], edges[..., 1:]
    covered = (offset.minimum(first + 1) - onset.maximum(first)).clamp(min=0)  # (batch, patches, time)
    with torch.autocast(steps.device.type, enabled=False):
        summed = covered @ steps.transpose(1, 2)
    return summed / covered.sum(-1, keepdim=True).clamp(min=1e-6)


def _crops(features: Tensor, clip: Tensor, start: Tensor, length: Tensor, resize_to: int) -> Tensor:
    """Stretches resized along time: (batch, frames, bands), thrice (crops,) -> (crops, resize_to, bands).

    Linear between frames, each seen as a stretch of its own (`align_corners=False` of torch's interpolate).
    """
    wanted = torch.arange(resize_to, device=features.device) + 0.5
    place = (wanted * length[:, None] / resize_to - 0.5).clamp(min=0).minimum(length[:, None] - 1)
    before = place.floor().long()
    after = (before + 1).minimum(length[:, None] - 1)
    share = (place - before)[..., None].to(features.dtype)
    rows = clip[:, None]
    low, high = features[rows, start[:, None] + before], features[rows, start[:, None] + after]
    return low + (high - low) * share


def _pooled(backbone: MapBackbone, crops: Tensor) -> Tensor:
    """(crops, frames, bands) -> (crops, channels)."""
    pooled: Tensor = backbone(crops).float().mean(dim=(2, 3))
    return pooled
