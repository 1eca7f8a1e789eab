"""Every setting of the project, with its unit and source.

Longer than other files on purpose: all that a recipe may say stands in one place, in the order of the sound.
Sources: [P] SP-SEDT (arXiv 2111.15222), [S] SEDT (arXiv 2110.02011), [C] what the authors' published
experiments used, [O] our own choice. Defaults are the paper's where it says something.
Only `sedt.build` turns these records into objects; `sedt.recipe` reads them from TOML.
"""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

Share = Annotated[float, Field(ge=0, le=1)]
"""A number in 0..1."""

Range = Annotated[tuple[float, float], Field(description="smallest and largest value")]


def _resolve_path(value: Any, info: ValidationInfo) -> Any:
    """Paths in a recipe are relative to the recipe's folder, which comes as validation context."""
    base = (info.context or {}).get("base")
    if value == "":
        raise ValueError("a path cannot be empty")
    if "\0" in str(value):
        raise ValueError("a path cannot hold a null character")
    if base is None or not isinstance(value, str | Path):
        return value
    return Path(base, value)


def _as_list(value: Any) -> Any:
    """A single value where a list is allowed."""
    return [value] if isinstance(value, str | Path | dict) else value


RecipePath = Annotated[Path, BeforeValidator(_resolve_path)]
Paths = Annotated[list[RecipePath], BeforeValidator(_as_list)]


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, values don't change after reading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _check_type(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """TOML has types: neither `true` nor "5" is a number, though pydantic would take them for one.

        It has no null: "none" unsets an optional setting that an extended recipe has set.
        """
        if value == "none" and type(None) in get_args(cls.model_fields[str(info.field_name)].annotation):
            return None
        result = handler(value)
        is_number = isinstance(result, int | float) and not isinstance(result, bool)
        if is_number and isinstance(value, bool | str):
            raise ValueError(f"must be a number, not {value!r}")
        if isinstance(result, bool) and not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {value!r}")
        return result


def _check_range(name: str, values: tuple[float, float] | tuple[int, int]) -> None:
    if values[0] > values[1]:
        raise ValueError(f"{name}: {list(values)} must go from the smallest to the largest")


class FeaturesConfig(Settings):
    """Waveform -> log-mel spectrogram. The defaults are the paper's for DCASE: 496 frames x 64 bands."""

    sample_rate: PositiveInt = 16_000
    """Samples per second of the model's mono input. [C]"""
    fft_samples: PositiveInt = 1024
    """Length of the FFT in samples. [C]"""
    frame_samples: PositiveInt = 1024
    """Length of the analysis frame in samples, at most `fft_samples`. [C]"""
    hop_samples: PositiveInt = 323
    """Samples from one frame to the next. [C]"""
    frame_window: Literal["hamming", "hann"] = "hamming"
    """Shape of the symmetric analysis frame. [C]"""
    num_bands: PositiveInt = 64
    """Mel bands (Slaney scale, triangles of peak 1, on the magnitude). [C]"""
    f_min: NonNegativeFloat = 0.0
    """Lowest frequency in Hz. [C]"""
    f_max: PositiveFloat | None = None
    """Highest frequency in Hz; none: half the sample rate. [C]"""
    amplitude_floor: PositiveFloat = 1e-5
    """Smallest magnitude before the logarithm. [C]"""
    dynamic_range_db: PositiveFloat = 80.0
    """Values lie at most this far under the clip's maximum, in dB. [C]"""
    max_frames: PositiveInt | None = None
    """Cut the spectrogram to this many frames (URBAN-SED: 500 of 501). [C]"""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.frame_samples > self.fft_samples:
            raise ValueError(
                f"frame_samples {self.frame_samples} must not be larger than fft_samples {self.fft_samples}"
            )
        top = self.f_max if self.f_max is not None else self.sample_rate / 2
        if not self.f_min < top <= self.sample_rate / 2:
            raise ValueError(
                f"f_min {self.f_min:g}, f_max {top:g}: f_min < f_max <= {self.sample_rate / 2:g} Hz is needed"
            )
        return self


class FramesConfig(Settings):
    """Sizes of the networks without queries (`model.network`); after a public set-up of their authors. [O]"""

    channels: Annotated[list[PositiveInt], Field(min_length=1)] = [16, 32, 64, 128, 128, 128, 128]
    """Of the 3x3 convolutions. [O]"""
    pools: list[tuple[PositiveInt, PositiveInt]] = [(2, 2), (2, 2), (2, 2), (1, 2), (1, 2), (1, 2), (1, 1)]
    """(frames, bands) that are averaged after each. [O]"""
    dropout: Share = 0.5
    """After each convolution, and between recurrent layers. [O]"""
    recurrent_layers: PositiveInt = 2
    """Bidirectional GRU layers of the CRNN. [O]"""
    recurrent_size: PositiveInt = 128
    """Their width, in each direction. [O]"""
    attention_layers: PositiveInt = 3
    """E: encoder layers of the Conv-Transformer, 3 or 6 in the paper. [P]"""
    attention_size: PositiveInt = 144
    """Their width. [O]"""
    attention_heads: PositiveInt = 4
    """[O]"""
    attention_ffn_size: PositiveInt = 576
    """Width of their feed-forward layers. [O]"""
    attention_dropout: Share = 0.1
    """[O]"""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.channels) != len(self.pools):
            raise ValueError(
                f"pools: one for each of {len(self.channels)} channels is needed, not {len(self.pools)}"
            )
        if self.attention_size % self.attention_heads or self.attention_size % 2:
            raise ValueError(
                f"attention_size {self.attention_size} must be even and a multiple of attention_heads "
                f"{self.attention_heads}"
            )
        return self


class ModelConfig(Settings):
    """The network. The defaults are SEDT with E = 3 for DCASE."""

    network: Literal["sedt", "crnn", "conv_transformer"] = "sedt"
    """SEDT, or one of the paper's baselines, which have no queries and learn in `train_frames`. [P]"""
    frames: FramesConfig = Field(default_factory=FramesConfig)
    """Sizes of those baselines; the settings below are of SEDT, but for the window."""
    window_s: PositiveFloat = 10.0
    """Seconds of audio that the model sees at once. [C]"""
    overlap_s: NonNegativeFloat | None = None
    """Seconds that neighbouring windows of a longer recording share; none: half a window. [O]"""
    backbone: str = "resnet50.tv_in1k"
    """A timm model that gives feature maps at `output_stride`. [P]"""
    backbone_start: Literal["imagenet", "random"] | RecipePath = "imagenet"
    """Where the backbone's weights come from before any training: ImageNet weights from the Hub, random, or
    a safetensors file of a timm model or of an earlier `tag_backbone` stage. [P]"""
    output_stride: Literal[8, 16, 32] = 16
    """Spectrogram frames (and bands) per map step; later stages are dilated. [C]"""
    map_stage: int = -1
    """Which stage of the backbone gives the map; -1 is the last. [O]"""
    time_stride: Literal[2, 4, 8, 16, 32] | None = None
    """Spectrogram frames per map step along time alone, if finer than `output_stride`: strides along time
    are taken out of the last striding layers. None: as `output_stride`. [O]"""
    model_size: PositiveInt = 256
    """d: width of the transformer. [C]"""
    num_heads: PositiveInt = 8
    """Attention heads. [C]"""
    ffn_size: PositiveInt = 2048
    """Width of the transformer's feed-forward layers. [C]"""
    encoder_layers: PositiveInt = 3
    """E: encoder layers, 3 or 6 in the paper. [P]"""
    decoder_layers: PositiveInt = 3
    """D: decoder layers. [P]"""
    position_unit: Literal["window", "step"] = "window"
    """What the time code counts: shares of the window [C], or steps of the map, whose neighbours it then
    tells further apart. [O]"""
    query_place: Literal["learned", "anchor"] = "learned"
    """Where a query looks from: a learned code [C], or a stretch of time: a learned one for the first decoder
    layer, for the others what the layer before has found. It learns in fewer steps. [O]"""
    edges: Literal["regressed", "pointed"] = "regressed"
    """regressed: a query tells its span out of what it has gathered [P]; pointed: from there its edges are
    drawn to where the map says that its sound begins and ends. [O]"""
    class_scores: Literal["softmax", "sigmoid"] = "softmax"
    """softmax: a query is of one class or of none, and learns by cross-entropy [P]; sigmoid: each class has a
    probability of its own, and learns by focal loss (semi-supervised training [C])."""
    num_queries: PositiveInt = 20
    """N: event queries, more than events in a window. 20 for DCASE, 10 for URBAN-SED. [C]"""
    dropout: Share = 0.1
    """Dropout in the transformer. [C]"""
    attention_dropout: Share | None = None
    """Dropout on attention weights; none: as `dropout` [C]. 0 lets processors use a faster attention. [O]"""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.model_size % self.num_heads or self.model_size % 2:
            raise ValueError(
                f"model_size {self.model_size} must be even and a multiple of num_heads {self.num_heads}"
            )
        if self.overlap_s is not None and self.overlap_s > self.window_s / 2:
            raise ValueError(f"overlap_s {self.overlap_s} must be at most half of window_s {self.window_s}")
        return self


class LossConfig(Settings):
    """Eq. 1-4. A weight of 0 takes the term out of the loss and out of the matching cost."""

    class_weight: NonNegativeFloat = 1.0
    """l_c: cross-entropy of the classes. [C]"""
    l1_weight: NonNegativeFloat = 5.0
    """l_L1: distance of matched locations. [C]"""
    iou_weight: NonNegativeFloat = 2.0
    """l_IOU: 1 - generalised IoU of matched locations. [C]"""
    tag_weight: NonNegativeFloat = 0.25
    """Weight of eq. 4; 0.25 for DCASE, 1 for URBAN-SED. [C]"""
    no_object_weight: NonNegativeFloat = 0.1
    """Weight of "no event" in the cross-entropy; 1 gives the plain mean of eq. 3. [C]"""
    focal_alpha: Share = 0.5
    """With `model.class_scores = "sigmoid"`: weight of a class that is there against one that isn't. [C]"""
    focal_gamma: NonNegativeFloat = 1.0
    """With `model.class_scores = "sigmoid"`: how much easy cases are played down. [C]"""
    one_to_many_cost: float = 1.0
    """One-to-many matching (see `finetune.one_to_many_from`): a free query is assigned to the nearest event
    if `l1_weight` * L1 - `iou_weight` * GIoU is under this. [S][C]"""
    l1_on: Literal["edges", "span"] = "edges"
    """Distance of (onset, offset) [C] or of (centre, length) as eq. 2 is written [P]."""
    auxiliary: bool = True
    """Event losses on every decoder layer, with the same weights. [C]"""
    denoising_weight: NonNegativeFloat = 0.0
    """Weight of the event losses of further queries, in training alone, each of which is told an event with
    noise; needs `model.query_place = "anchor"`. 0: there are none. [O]"""
    denoising_groups: PositiveInt = 3
    """How often each event is told, with other noise. [O]"""
    denoising_span_noise: Share = 0.4
    """Of what is told, the centre moves by at most this share of half the length, and the length by at most
    this share. [O]"""
    denoising_label_noise: Share = 0.2
    """Probability that a random class is told, which may be the true one, as in DN-DETR. [O]"""


class DecodingConfig(Settings):
    """Predictions -> events."""

    fusion: Literal[1, 2, 3] = 1
    """How clip tags and event classes are joined: 1, class probabilities times 0/1 tags; 2, every class's
    best query is raised to the threshold, then as 1; 3, the best query of every tagged class is raised, and
    classes that are not tagged stay. [C]"""
    threshold: Share | dict[str, Share] = 0.5
    """Smallest class probability of an event; one number or one per class. [C]"""
    tag_threshold: Share | dict[str, Share] = 0.5
    """A class is tagged where its probability is larger; one number or one per class. [C]"""
    min_length_s: NonNegativeFloat | dict[str, NonNegativeFloat] = 0.2
    """Shorter events are dropped, in seconds; one number or one per class. [C]"""
    deoverlap: bool = True
    """Non-maximum suppression: of overlapping events of one class keep the one with the higher score. [C]"""
    median_s: NonNegativeFloat | dict[str, NonNegativeFloat] = 0.45
    """Length of the median filter over the steps of a network without queries, in seconds; one number or one
    per class. [P]"""


class ScenesConfig(Settings):
    """Soundscapes mixed from isolated sounds (`sedt synth`, or on the fly while training). All [O]."""

    foreground: RecipePath
    """A TSV `filename onset offset event_label` of isolated sounds, a folder with one folder per class, or
    UrbanSound8K.csv of the data set of that name, whose sounds in the foreground (salience 1) are taken."""
    foreground_audio: RecipePath | None = None
    """Folder of the files that the TSV names; none: `audio` beside the TSV, else the TSV's folder."""
    split: str | None = None
    """Use only rows whose `split` column has this value."""
    folds: list[PositiveInt] | None = None
    """Use only these folds of UrbanSound8K.csv; a recording's slices all lie in one fold."""
    classes: list[str] | None = None
    """Use only these labels."""
    backgrounds: Paths = Field(default_factory=list)
    """Files or folders of background recordings; none: noise."""
    exclude_backgrounds: list[str] = Field(default_factory=list)
    """Background files left out, by path under their folder, or its ending."""
    noise: Literal["white", "pink", "brown", "random"] = "pink"
    """Colour of the noise used where there are no backgrounds; random: another in each scene."""
    noise_db: Range = (-45.0, -30.0)
    """Level of the noise or background, in dB full scale (RMS)."""
    num_scenes: PositiveInt = 100
    """Scenes in the set."""
    duration_s: PositiveFloat = 10.0
    """Length of a scene in seconds."""
    events: tuple[NonNegativeInt, NonNegativeInt] = (1, 4)
    """Fewest and most events in a scene."""
    event_duration_s: Range = (0.25, 5.0)
    """Shortest and longest event in seconds: sounds are cut and faded to a drawn length (log-uniform)."""
    fade_s: NonNegativeFloat = 0.01
    """Fade at a cut, in seconds."""
    snr_db: Range = (6.0, 30.0)
    """Level of an event over its background, in dB (RMS while it sounds)."""
    max_polyphony: PositiveInt = 3
    """Most events that sound at once."""
    same_class_gap_s: NonNegativeFloat = 0.2
    """Least silence between two events of one class, in seconds."""
    timing: RecipePath | None = None
    """A strong TSV whose event times and labels are used as templates, each scene after one of its files."""
    timing_labels: dict[str, str] = Field(default_factory=dict)
    """What labels of `timing` are called in the foreground, where they differ."""
    active_range_db: PositiveFloat = 40.0
    """A sound is active where its short-time energy lies within this range under its peak; this sets
    onset and offset."""
    seed: NonNegativeInt = 0
    """Same seed, same scenes: label bytes and samples."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("noise_db", "events", "event_duration_s", "snr_db"):
            _check_range(name, getattr(self, name))
        if self.event_duration_s[0] <= 0:
            raise ValueError(f"event_duration_s: {self.event_duration_s[0]} must be more than 0")
        return self


class SourceConfig(Settings):
    """Clips of a data set: label files and audio folders, or scenes made by the mixer."""

    labels: RecipePath | None = None
    """A strong, weak or unlabelled DCASE TSV, as its place in the recipe says; or events in any other format
    that is recognised, a file of all recordings or a folder with one for each (docs/formats.md)."""
    audio: Paths = Field(default_factory=list)
    """Folders searched, in order, for the files of the labels."""
    durations: RecipePath | None = None
    """A durations TSV; none: read from the files."""
    split: str | None = None
    """Use only rows whose `split` column has this value."""
    part: tuple[Share, Share] = (0.0, 1.0)
    """Use only this part of the files, such as [0.0, 0.9] to train and [0.9, 1.0] to validate: a file's place
    in 0..1 follows from its name, so parts of one label file never share a file. [O]"""
    exclude: list[str] = Field(default_factory=list)
    """Files left out, by path as the labels or the folder have it, or its ending."""
    scenes: ScenesConfig | None = None
    """Scenes from the mixer, in the place of files."""
    fresh: bool = False
    """New scenes in every epoch, in the place of a fixed set."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.scenes is None and not self.audio:
            raise ValueError("a source needs `audio` (with `labels`), or `scenes`")
        if self.scenes is not None and (self.labels or self.audio):
            raise ValueError("a source has either `labels` and `audio`, or `scenes`")
        of_files = self.durations or self.split or self.exclude or self.part != (0, 1)
        if self.scenes is not None and of_files:
            raise ValueError("`durations`, `split`, `part` and `exclude` go with files, not with `scenes`")
        if self.part[0] >= self.part[1]:
            raise ValueError(f"part: {list(self.part)} must go from a smaller to a larger number")
        if self.scenes is None and self.fresh:
            raise ValueError("`fresh` goes with `scenes`: files are the same in every epoch")
        return self


Sources = Annotated[list[SourceConfig], BeforeValidator(_as_list)]


class DataConfig(Settings):
    """Which clips serve what."""

    classes: list[str] | None = None
    """Labels in the order of the model's outputs; none: all labels of the strong and weak clips, sorted."""
    strong: Sources = Field(default_factory=list)
    """Clips with events."""
    weak: Sources = Field(default_factory=list)
    """Clips with tags."""
    unlabelled: Sources = Field(default_factory=list)
    """Clips without labels."""
    validation: Sources = Field(default_factory=list)
    """Clips with events, for selection, early stopping and tuning; never the test set."""
    test: Sources = Field(default_factory=list)
    """Clips with events, scored once after the last stage."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ValueError("classes: a label stands twice")
        return self


class AugmentationConfig(Settings):
    """Changes of training clips, by which labels move along; off by default, as in the paper's table.

    The values are those of the authors' later recipe [C], times, gain and noise ours [O]. What is cut away or
    moved in is filled at the floor of the clip's spectrogram.
    """

    mixup: Share = 0.0
    """Share of a batch's clips that are mixed with another one of the same supervision; 0.6 in [C]."""
    mixup_beta: PositiveFloat = 1.0
    """Weights of the two clips are drawn from Beta(b, b). [C]"""
    time_mask: Share = 0.0
    """Probability that a stretch of time is silenced; 0.2 in [C]."""
    time_mask_share: tuple[Share, Share] = (0.0, 0.1)
    """Shortest and longest stretch, as shares of the window. [C]"""
    frequency_mask: Share = 0.0
    """Probability that a range of bands is silenced; 0.5 in [C]."""
    frequency_mask_share: tuple[Share, Share] = (0.03, 0.4)
    """Narrowest and widest range, as shares of all bands. [C]"""
    frequency_shift: Share = 0.0
    """Probability that the spectrogram moves up or down; 0.5 in [C]."""
    frequency_shift_bands: PositiveFloat = 2.0
    """Standard deviation of the move in mel bands. [C]"""
    time_shift: Share = 0.0
    """Probability that a clip moves along time. [O]"""
    time_shift_s: PositiveFloat = 1.0
    """Standard deviation of the move in seconds. [O]"""
    gain: Share = 0.0
    """Probability that a clip becomes louder or softer. [O]"""
    gain_db: Range = (-6.0, 6.0)
    """Smallest and largest gain in dB. [O]"""
    noise: Share = 0.0
    """Probability that white noise is added. [C]"""
    noise_snr_db: Range = (30.0, 30.0)
    """Level of the clip over the noise in dB (RMS). [C]"""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("time_mask_share", "frequency_mask_share", "gain_db", "noise_snr_db"):
            _check_range(name, getattr(self, name))
        return self


class OptimizerConfig(Settings):
    """What all stages set: length, optimiser, schedule, augmentation."""

    epochs: PositiveInt = 300
    """Passes over the training set."""
    learning_rate: PositiveFloat = 1e-4
    """Peak learning rate. [C]"""
    backbone_learning_rate: PositiveFloat | None = None
    """Learning rate of the backbone; none: `learning_rate`. [C]"""
    weight_decay: NonNegativeFloat = 1e-4
    """Weight decay: decoupled, but for `adam_amsgrad`, which adds it to the gradient. [C]"""
    gradient_norm: PositiveFloat | None = 0.1
    """Gradients are clipped to this norm. [C]"""
    schedule: Literal["steps", "cosine", "constant"] = "steps"
    """steps: x0.1 every `drop_every` epochs [C]; cosine: to zero over all epochs [O]."""
    drop_every: PositiveInt = 200
    """Epochs between two drops of the learning rate by 10. [C]"""
    warmup_steps: NonNegativeInt = 0
    """Optimiser steps in which the learning rate rises from 0. [O]"""
    accumulate: PositiveInt = 1
    """Batches whose gradients are added before a step. [O]"""
    patience: PositiveInt | None = None
    """Stop after so many validations without a better score: tagging macro F1, patches `found`, `event_based`
    macro F1. [O]"""
    validate_every: PositiveInt = 1
    """Epochs between two validations. [O]"""
    ema_decay: Share | None = None
    """Keep an exponential moving average of the weights and use it for validation and the result. [O]"""
    augmentation: AugmentationConfig = Field(default_factory=AugmentationConfig)
    """Changes of the training clips."""

    @model_validator(mode="after")
    def _check_validation(self) -> Self:
        if self.validate_every > self.epochs:
            raise ValueError(
                f"validate_every {self.validate_every} is more than epochs {self.epochs}: nothing is selected"
            )
        return self


class TagBackboneConfig(OptimizerConfig):
    """Paper 3.2: the backbone learns clip tags before anything else."""

    epochs: PositiveInt = 100
    """[C]"""
    gradient_norm: PositiveFloat | None = None
    """[C] none here"""
    weight_decay: NonNegativeFloat = 0.0
    """[C]"""
    drop_every: PositiveInt = 20
    """[C]"""
    optimizer: Literal["adam_amsgrad", "adamw"] = "adam_amsgrad"
    """[C]"""
    batch_size: PositiveInt = 128
    """Clips per batch. [C]"""
    use: list[Literal["strong", "weak"]] = ["weak"]
    """Which clips train the backbone. [P]"""
    head_size: PositiveInt = 1000
    """Width of the head's hidden layer. [C]"""
    map_stage: int | None = None
    """Which stage of the backbone the head sees; none: `model.map_stage`. [O]"""


LEAST_IN_RANGE = 0.01
"""Share of the patch lengths drawn that must lie in their range."""


class PatchConfig(Settings):
    """The patches that pre-training looks for: stretches of the spectrogram, all frequencies (paper 3.1)."""

    number: PositiveInt = 10
    """M: patches in a clip; `model.num_queries` must be a multiple. [P][C]"""
    length_mean: PositiveFloat = 0.2
    """Mean of the normal distribution from which lengths are drawn, as a share of the window. [C]"""
    length_deviation: NonNegativeFloat = 0.26
    """Its standard deviation. [C]"""
    length_range: tuple[Share, Share] = (0.05, 0.8)
    """Lengths are drawn again until they lie here, the upper end excluded. [C]"""
    fixed_s: PositiveFloat | None = None
    """One length for all patches, in seconds, in the place of random ones; 2.5 in an ablation. [P]"""
    features: Literal["crop", "pooled"] = "crop"
    """What is known of a patch. crop: each goes through the backbone alone, then the mean of its map [P];
    pooled: the mean over its stretch of the clip's own map, one backbone pass in the place of M + 1 [O]."""
    standardised: bool = False
    """Whether each channel of the features is brought to mean 0 and deviation 1 over the patches of some
    clips. [O]"""
    crop_frames: PositiveInt | None = 128
    """Frames that a patch is resized to before the backbone [C]; none: its own length, in whole map steps
    [P]."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_range("length_range", self.length_range)
        if self.length_range[0] <= 0 or self.length_range[0] == self.length_range[1]:
            raise ValueError(f"length_range: {list(self.length_range)} must begin above 0 and not be empty")
        if self.fixed_s is None and self._share_in_range() < LEAST_IN_RANGE:
            raise ValueError(
                f"length_mean {self.length_mean}, length_deviation {self.length_deviation}: such lengths "
                f"hardly ever lie in length_range {list(self.length_range)}"
            )
        return self

    def _share_in_range(self) -> float:
        """Of the lengths drawn, before any is drawn again."""
        low, high = self.length_range
        if not self.length_deviation:
            return float(low <= self.length_mean < high)
        normal = NormalDist(self.length_mean, self.length_deviation)
        return normal.cdf(high) - normal.cdf(low)


class PretrainConfig(OptimizerConfig):
    """SP-SEDT (paper 3): learn to find random patches in clips without labels."""

    epochs: PositiveInt = 160
    """[C]"""
    batch_size: PositiveInt = 200
    """Clips per batch. [C]"""
    clips_per_epoch: PositiveInt | None = None
    """Clips that make an epoch; none: as many as windows fit into the recordings. [O]"""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Share of the audio (in stretches of a minute) that serves to measure and select, not to train. [O]"""
    held_out_clips: PositiveInt = 200
    """Clips, at most, that are measured after an epoch. [O]"""
    patches: PatchConfig = Field(default_factory=PatchConfig)
    class_weight: NonNegativeFloat = 1.0
    """l_c of eq. 6: patch or background; 0 takes the term out of loss and matching. [C]"""
    l1_weight: NonNegativeFloat = 5.0
    """l_loc of eq. 6, distance of matched locations. [C]"""
    iou_weight: NonNegativeFloat = 2.0
    """l_loc of eq. 6, 1 - generalised IoU of matched locations. [C]"""
    reconstruction_weight: NonNegativeFloat = 1.0
    """l_rec of eq. 6: distance of the patch's feature and the one that its query gives back (eq. 5). [C]"""
    block_mask: bool = True
    """In the decoder a query sees only those that look for the same patch. [C]"""
    patch_drop: Share = 0.1
    """Probability that a query is not told its patch. [C]"""
    foreign_patches: Share = 0.0
    """Probability that a query's patch is a negative one, of another clip of the batch: nowhere to be found,
    so that it must say background. Goes with `match_own`. [O]"""
    match_own: bool = False
    """A patch is matched only to queries that were told it; else to any, as in [C]. [O]"""
    kept_maps_gb: NonNegativeFloat = 0.0
    """Disk space, in GB, for maps of the frozen backbone, so that later epochs cost the transformer only:
    clips are then cut at the same places in every epoch. Goes with `patches.features = "pooled"`. [O]"""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.class_weight or self.l1_weight or self.iou_weight or self.reconstruction_weight):
            raise ValueError("all loss weights are 0: nothing to learn")
        if self.foreign_patches and not (self.match_own and self.class_weight):
            raise ValueError("foreign_patches goes with match_own = true and a class_weight above 0")
        if self.backbone_learning_rate is not None:
            raise ValueError("backbone_learning_rate: the backbone is frozen in pre-training")
        if self.kept_maps_gb and self.patches.features == "crop":
            raise ValueError(
                'kept_maps_gb goes with patches.features = "pooled": crops are new in each epoch'
            )
        if self.augmentation != AugmentationConfig():
            raise ValueError(
                "augmentation does not go with pre-training: patches are clean stretches of sound"
            )
        return self


class FinetuneConfig(OptimizerConfig):
    """SEDT from labels, with or without pre-training before it."""

    strong_per_batch: NonNegativeInt = 16
    """Clips with events in a batch. [C]"""
    weak_per_batch: NonNegativeInt = 16
    """Clips with tags in a batch. [C]"""
    pretrained: RecipePath | None = None
    """Weights to start from: `pretrain/trunk.safetensors` of another run with the same model; none: of this
    run, if it has the stage. [O]"""
    pretrained_queries: bool = True
    """Whether event queries are taken over as well as the trunk (paper 3.3 says nothing of them). [C]"""
    transformer_learning_rate: PositiveFloat | None = None
    """Learning rate of the trunk that pre-training hands over, but for the backbone; none, and for queries:
    `learning_rate`. [O]"""
    frozen_stages: NonNegativeInt = 1
    """Backbone stages that don't train: 0 none, 1 the stem and the first stage, 2 two stages ... [C]"""
    one_to_many_from: NonNegativeInt | None = None
    """Epoch (from 0) from which queries left over by the Hungarian matching also answer for an event that
    they lie close to; the steps of the learning rate end there. None: never. 280 of 400 for URBAN-SED.
    [S][C]"""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.strong_per_batch < 1:
            raise ValueError("strong_per_batch must be at least 1: SEDT learns times from strong clips")
        return self


class FinetuneSemiConfig(OptimizerConfig):
    """SEDT goes on with clips without labels, which a teacher labels: the moving average of the student."""

    strong_per_batch: PositiveInt = 16
    """Clips with events in a batch. [O]"""
    weak_per_batch: NonNegativeInt = 16
    """Clips with tags in a batch; the teacher says when these sound. [O]"""
    unlabelled_per_batch: PositiveInt = 32
    """Clips without labels in a batch. [O]"""
    teacher_decay: Share = 0.9996
    """What the teacher keeps of itself at each step. [C]"""
    threshold_range: tuple[Share, Share] = (0.45, 0.7)
    """Class thresholds of pseudo-labels begin in the middle and stay inside. [C]"""
    threshold_step: NonNegativeFloat = 0.05
    """How far, at most, they move after an epoch: up where a class is called in more clips than training
    labels have it, down where in fewer. [O]"""
    frozen_stages: NonNegativeInt = 1
    """As in `finetune`. [C]"""
    transformer_learning_rate: PositiveFloat | None = None
    """As in `finetune`. [O]"""
    one_to_many_from: NonNegativeInt | None = None
    """As in `finetune`. [S][C]"""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_range("threshold_range", self.threshold_range)
        if self.ema_decay is not None:
            raise ValueError("ema_decay: the teacher is an average already (teacher_decay)")
        return self


class TrainFramesConfig(OptimizerConfig):
    """CRNN or Conv-Transformer (`model.network`) from labels: the paper's baselines."""

    epochs: PositiveInt = 100
    """[O]"""
    learning_rate: PositiveFloat = 1e-3
    """[O]"""
    optimizer: Literal["radam", "adamw"] = "radam"
    """[O]"""
    weight_decay: NonNegativeFloat = 0.0
    """[O]"""
    gradient_norm: PositiveFloat | None = None
    """[O]"""
    drop_every: PositiveInt = 50
    """[O]"""
    strong_per_batch: PositiveInt = 16
    """Clips with events in a batch. [O]"""
    weak_per_batch: NonNegativeInt = 16
    """Clips with tags in a batch. [O]"""
    tag_weight: NonNegativeFloat = 1.0
    """Weight of the tag loss beside that of the steps. [O]"""


class MachineConfig(Settings):
    """How the computer is used; changes speed, not the method. All [O]."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 autocast where the processor has it."""
    channels_last: bool = True
    """Memory layout of the backbone's convolutions."""
    workers: NonNegativeInt = 1
    """Processes that prepare clips, of each process that trains (one a GPU); as many again validate."""
    eval_batch_size: PositiveInt = 16
    """Clips per batch in validation, tuning and the test."""
    checkpoint_minutes: PositiveFloat = 5.0
    """Minutes of training between two checkpoints, beside the one after each epoch."""
    checkpoint_steps: PositiveInt | None = None
    """Optimiser steps between two checkpoints, as well; none: `checkpoint_minutes` alone."""


class TuneConfig(Settings):
    """Thresholds and shortest events per class, chosen on the validation clips by event-based macro F1.

    Its collars also count where an epoch is chosen and where the test clips are scored.
    """

    onset_collar_s: NonNegativeFloat = 0.2
    """Seconds an onset may be off. [C]"""
    offset_collar_s: NonNegativeFloat = 0.2
    """Seconds an offset may be off. [C]"""
    offset_ratio: NonNegativeFloat = 0.2
    """Share of the true length that an offset may be off, if that is more. [C]"""


Stage = Literal["tag_backbone", "pretrain", "finetune", "finetune_semi", "train_frames", "tune"]


class Recipe(Settings):
    """One experiment: data, model, stages. `sedt train` runs it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name of the run's folder."""
    description: str = ""
    """What it is, in a sentence; goes into the model card."""
    licence: str = ""
    """Of the model, by the Hub's names (`cc-by-4.0`, `mit`) or in words; goes into the model card."""
    data_set: str = ""
    """Name of the data that scores are of, as the model card shows it."""
    seed: NonNegativeInt = 0
    """Seeds weights, order, draws and dropout."""
    stages: list[Stage] = ["tag_backbone", "finetune"]
    """Run in this order; each is skipped when its result is there."""
    features: FeaturesConfig = Field(default_factory=FeaturesConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    loss: LossConfig = Field(default_factory=LossConfig)
    decoding: DecodingConfig = Field(default_factory=DecodingConfig)
    data: DataConfig = Field(default_factory=DataConfig)
    tag_backbone: TagBackboneConfig = Field(default_factory=TagBackboneConfig)
    pretrain: PretrainConfig = Field(default_factory=PretrainConfig)
    finetune: FinetuneConfig = Field(default_factory=FinetuneConfig)
    finetune_semi: FinetuneSemiConfig = Field(default_factory=FinetuneSemiConfig)
    train_frames: TrainFramesConfig = Field(default_factory=TrainFramesConfig)
    tune: TuneConfig = Field(default_factory=TuneConfig)
    machine: MachineConfig = Field(default_factory=MachineConfig)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.stages != sorted(set(self.stages), key=get_args(Stage).index):
            raise ValueError(f"stages: each at most once, in this order: {', '.join(get_args(Stage))}")
        with_queries = self.model.network == "sedt"
        for stage in self.stages:
            if stage != "tune" and (stage == "train_frames") is with_queries:
                raise ValueError(f'stages: `{stage}` does not go with model.network = "{self.model.network}"')
        if "finetune_semi" in self.stages and "finetune" not in self.stages:
            raise ValueError("stages: `finetune_semi` goes on from `finetune`, which is not among them")
        if with_queries and self.loss.denoising_weight and self.model.query_place != "anchor":
            raise ValueError(
                'loss.denoising_weight: queries are told spans; that needs model.query_place = "anchor"'
            )
        before = [stage for stage in self.stages if stage in ("tag_backbone", "pretrain")]
        if self.finetune.pretrained is not None and before:
            raise ValueError(
                f"finetune.pretrained brings all that `{before[-1]}` would learn: leave one of them out"
            )
        if "pretrain" not in self.stages:
            return self
        patches, queries = self.pretrain.patches, self.model.num_queries
        if queries % patches.number:
            raise ValueError(
                f"model.num_queries {queries} must be a multiple of pretrain.patches.number {patches.number}"
            )
        if patches.fixed_s is not None and patches.fixed_s > self.model.window_s:
            raise ValueError(
                f"pretrain.patches.fixed_s {patches.fixed_s} must not be longer than model.window_s "
                f"{self.model.window_s}"
            )
        return self
