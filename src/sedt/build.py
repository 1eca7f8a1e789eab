"""The only place where settings become objects; so it is longer than other files."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence

import torch

from sedt.batch import Supervision
from sedt.config import (
    AugmentationConfig,
    DataConfig,
    DecodingConfig,
    FeaturesConfig,
    LossConfig,
    ModelConfig,
    PretrainConfig,
    Recipe,
    SourceConfig,
    TagBackboneConfig,
)
from sedt.data.augmentation import Augmentation, AugmentationPlan
from sedt.data.clips import ClipShape
from sedt.data.mixer import SceneMixer
from sedt.data.patches import PatchSize
from sedt.data.recordings import Recordings, Scenes
from sedt.data.sources import strong_files, unlabelled_files, weak_files
from sedt.data.unlabelled import PatchPlan
from sedt.decoding import Decision
from sedt.errors import InputError
from sedt.features import Frontend, LogMel
from sedt.losses.classes import CrossEntropy, Focal
from sedt.losses.events import SetLoss
from sedt.models.backbone import Backbone
from sedt.models.denoising import Denoising, DenoisingPlan
from sedt.models.frames import Convolutions, FrameDetector, Recurrence, SelfAttention
from sedt.models.map_backbone import MapBackbone
from sedt.models.model import Model
from sedt.models.sedt import SEDT
from sedt.models.sp_sedt import SPSEDT
from sedt.models.tagger import Tagger
from sedt.models.transformer import Transformer
from sedt.models.trunk import Trunk


def frontend(config: FeaturesConfig) -> Frontend:
    """Log-mel and a normaliser that is not fitted yet."""
    return Frontend(LogMel(**config.model_dump()))


BACKBONES: dict[str, Callable[[ModelConfig], MapBackbone]] = {}
"""Backbones of yours: `model.backbone` -> what makes it, looked at before timm's (docs/extending.md)."""


def backbone(config: ModelConfig, *, with_weights: bool = True) -> MapBackbone:
    """The backbone; without weights where they will be loaded from a model anyway."""
    if config.backbone in BACKBONES:
        return BACKBONES[config.backbone](config)
    return Backbone(
        name=config.backbone,
        start=config.backbone_start if with_weights else "random",
        output_stride=config.output_stride,
        map_stage=config.map_stage,
        time_stride=config.time_stride,
    )


def tagger(model: ModelConfig, stage: TagBackboneConfig, num_classes: int) -> Tagger:
    """Backbone and tagging head; batch norm learns only where the backbone starts from random weights."""
    seen = model.map_stage if stage.map_stage is None else stage.map_stage
    # Tags need no fine times, so the backbone learns them at its plain stride, which costs less.
    plain = model.model_copy(update={"map_stage": seen, "time_stride": None})
    body = backbone(plain)
    if isinstance(body, Backbone) and body.stage < body.stage_at(model.map_stage):
        raise InputError(
            f"tag_backbone.map_stage = {stage.map_stage}: what lies between it and model.map_stage = "
            f"{model.map_stage} would learn nothing"
        )
    network = Tagger(body, num_classes, stage.head_size)
    if model.backbone_start != "random":
        network.backbone.freeze_batch_norm()
    return network


def sedt(config: ModelConfig, num_classes: int, *, with_weights: bool = True) -> SEDT:
    """SEDT with frozen batch norm."""
    return SEDT(
        trunk(config, with_weights=with_weights), num_classes, config.num_queries, config.class_scores
    )


def sp_sedt(config: ModelConfig, stage: PretrainConfig, *, with_weights: bool = True) -> SPSEDT:
    """SP-SEDT with a frozen backbone."""
    return SPSEDT(
        trunk(config, with_weights=with_weights),
        num_queries=config.num_queries,
        num_patches=stage.patches.number,
        patch_features=stage.patches.features,
        crop_frames=stage.patches.crop_frames,
        block_mask=stage.block_mask,
        patch_drop=stage.patch_drop,
    )


def trunk(config: ModelConfig, *, with_weights: bool = True) -> Trunk:
    """What SEDT and SP-SEDT have in common, with frozen batch norm."""
    body = backbone(config, with_weights=with_weights)
    body.freeze_batch_norm()
    transformer = Transformer(
        size=config.model_size,
        num_heads=config.num_heads,
        ffn_size=config.ffn_size,
        encoder_layers=config.encoder_layers,
        decoder_layers=config.decoder_layers,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
    )
    return Trunk(body, transformer, config.model_size, config.position_unit, config.query_place, config.edges)


def frame_detector(features: FeaturesConfig, config: ModelConfig, num_classes: int) -> FrameDetector:
    """CRNN or Conv-Transformer."""
    sizes = config.frames
    convolutions = Convolutions(sizes.channels, sizes.pools, sizes.dropout)
    context: Recurrence | SelfAttention
    if config.network == "crnn":
        size = 2 * sizes.recurrent_size
        context = Recurrence(sizes.channels[-1], sizes.recurrent_size, sizes.recurrent_layers, sizes.dropout)
    else:
        size = sizes.attention_size
        context = SelfAttention(
            sizes.channels[-1],
            size,
            sizes.attention_heads,
            sizes.attention_ffn_size,
            sizes.attention_layers,
            sizes.attention_dropout,
        )
    return FrameDetector(convolutions, context, size, num_classes, step_s(features, config))


def step_s(features: FeaturesConfig, config: ModelConfig) -> float:
    """Seconds of a step of CRNN or Conv-Transformer."""
    pooled = math.prod(pool[0] for pool in config.frames.pools)
    return pooled * features.hop_samples / features.sample_rate


def detection_model(features: FeaturesConfig, config: ModelConfig, num_classes: int) -> Model:
    """Waveform to predictions: weights are random and the normaliser unfitted, both to be loaded or learned.

    Batch norm is frozen as it starts. For weights of ImageNet: `Model(frontend(...), sedt(...))`.
    """
    network: SEDT | FrameDetector
    if config.network == "sedt":
        network = sedt(config, num_classes, with_weights=False)
    else:
        network = frame_detector(features, config, num_classes)
    return Model(frontend(features), network)


def set_loss(config: LossConfig, model: ModelConfig) -> SetLoss:
    """Eq. 1-3, with the class loss that fits the model's class scores."""
    sigmoid = model.class_scores == "sigmoid"
    return SetLoss(
        class_weight=config.class_weight,
        l1_weight=config.l1_weight,
        iou_weight=config.iou_weight,
        classes=(
            Focal(config.focal_alpha, config.focal_gamma)
            if sigmoid
            else CrossEntropy(config.no_object_weight)
        ),
        l1_on=config.l1_on,
        auxiliary=config.auxiliary,
        one_to_many_cost=config.one_to_many_cost,
    )


def denoising(config: LossConfig, network: SEDT) -> Denoising | None:
    """What tells queries events with noise; None without."""
    if not config.denoising_weight:
        return None
    plan = DenoisingPlan(
        config.denoising_weight,
        config.denoising_groups,
        config.denoising_span_noise,
        config.denoising_label_noise,
    )
    return Denoising(network.tag_head.out_features, network.trunk.size, plan)


def patch_loss(stage: PretrainConfig, loss: LossConfig) -> SetLoss:
    """Eq. 6 without its last term: patches are events of one class."""
    return SetLoss(
        class_weight=stage.class_weight,
        l1_weight=stage.l1_weight,
        iou_weight=stage.iou_weight,
        classes=CrossEntropy(loss.no_object_weight),
        l1_on=loss.l1_on,
        auxiliary=loss.auxiliary,
    )


def patch_plan(recipe: Recipe) -> PatchPlan:
    """How clips without labels are cut."""
    stage, window_s = recipe.pretrain, recipe.model.window_s
    fixed_s = stage.patches.fixed_s
    return PatchPlan(
        sample_rate=recipe.features.sample_rate,
        window_s=window_s,
        num_patches=stage.patches.number,
        size=PatchSize(
            stage.patches.length_mean,
            stage.patches.length_deviation,
            stage.patches.length_range,
            None if fixed_s is None else fixed_s / window_s,
        ),
        same_place=stage.kept_maps_gb > 0,
    )


def augmentation(config: AugmentationConfig, frontend: Frontend, window_s: float) -> Augmentation:
    """Changes of training clips, between the parts of the frontend."""
    return Augmentation(AugmentationPlan(**config.model_dump()), frontend, window_s)


def decision(config: DecodingConfig) -> Decision:
    """How predictions become events."""
    return Decision(**config.model_dump())


def clip_shape(recipe: Recipe, classes: Sequence[str]) -> ClipShape:
    """Classes, rate and window that all clips share."""
    return ClipShape(classes, recipe.features.sample_rate, recipe.model.window_s)


def window_hop_s(config: ModelConfig) -> float:
    """Seconds from one window of a long recording to the next."""
    overlap_s = config.window_s / 2 if config.overlap_s is None else config.overlap_s
    return config.window_s - overlap_s


_READERS = {
    Supervision.STRONG: strong_files,
    Supervision.WEAK: weak_files,
}


def recordings(source: SourceConfig, supervision: Supervision, sample_rate: int) -> Recordings:
    """What one source of a recipe stands for. Raises InputError for labels that are needed and missing."""
    if source.scenes is not None:
        return Scenes(SceneMixer(source.scenes, sample_rate), supervision, source.fresh)
    options = (source.durations, source.split, source.part, source.exclude)
    if supervision is Supervision.NONE:
        return unlabelled_files(source.labels, source.audio, *options)
    if source.labels is None:
        raise InputError(f"{source.audio[0]}: a {supervision.name.lower()} source needs `labels`")
    return _READERS[supervision](source.labels, source.audio, *options)


def all_recordings(
    sources: Sequence[SourceConfig], supervision: Supervision, sample_rate: int
) -> list[Recordings]:
    """One for each source."""
    return [recordings(source, supervision, sample_rate) for source in sources]


def labels(recordings_: Recordings) -> dict[str, frozenset[str]]:
    """Recording -> its labels; scenes have those of all their sounds, under one name."""
    if isinstance(recordings_, Scenes):
        return {"scenes": frozenset(recordings_.mixer.labels)}
    return {recordings_.name(i): recordings_.known(i).tags for i in range(len(recordings_))}


def classes(config: DataConfig, sets: Sequence[Recordings]) -> list[str]:
    """The recipe's classes, or all labels of the training recordings, sorted.

    Raises:
        InputError: no label anywhere.
    """
    if config.classes is not None:
        return list(config.classes)
    found = {label for each in sets for known in labels(each).values() for label in known}
    if not found:
        raise InputError("the training clips have no labels: nothing to learn")
    return sorted(found)


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether autocast to bfloat16 pays: asked for, or the processor has it."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Plain AVX512 has no bfloat16 arithmetic; emulated it is slower than float32.
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
