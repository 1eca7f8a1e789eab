"""The model on disk: a folder with `config.json`, `model.safetensors` and `README.md` (the model card).

Safetensors and JSON only: nothing in a package can run code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors.torch import load_file, save

import sedt.build as build
import sedt.model_card as card
from sedt.config import DecodingConfig, FeaturesConfig, ModelConfig, Settings
from sedt.decoding import Decision, per_class
from sedt.errors import InputError
from sedt.files import atomic_path, read_text, write_text
from sedt.models.model import Model
from sedt.recipe import validate

FORMAT = 1
"""Raised when an older version could not read what a newer one writes."""


class PackageConfig(Settings):
    """Everything but the weights that detection needs."""

    format: int = FORMAT
    """Version of this layout."""
    classes: list[str]
    """Labels in the order of the model's outputs."""
    features: FeaturesConfig
    model: ModelConfig
    decoding: DecodingConfig
    info: dict[str, Any] = Field(default_factory=dict)
    """What people want to know: name, description, training data, scores, versions."""


@dataclass(frozen=True)
class Package:
    """A model with all that detection needs."""

    model: Model
    """(batch, samples) -> Predictions; in eval mode, float32, on the CPU."""
    classes: list[str]
    features: FeaturesConfig
    model_config: ModelConfig
    decoding: DecodingConfig
    info: dict[str, Any] = field(default_factory=dict)
    """Name, description, training data, scores: for people."""


def save_package(folder: str | os.PathLike[str], package: Package, *, half: bool = False) -> None:
    """Write a package; the configuration comes last, so that a folder with one is whole.

    `half` stores weights in float16: half the size, for bundling.

    Raises:
        InputError: it cannot be written; the model is another one than its settings describe, so that nobody
            could load it.
    """
    folder = Path(folder)
    _require_described(package)
    config = PackageConfig(
        classes=package.classes,
        features=package.features,
        model=package.model_config.model_copy(update={"backbone_start": "random"}),
        decoding=package.decoding,
        info=package.info,
    )
    tensors = {
        name: _stored(tensor, half and not name.startswith("frontend."))
        for name, tensor in package.model.state_dict().items()
    }
    (folder / "config.json").unlink(missing_ok=True)
    save_tensors(folder / "model.safetensors", tensors)
    write_text(folder / "README.md", model_card(config))
    write_text(folder / "config.json", _json(config))


def save_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, torch.Tensor],
    metadata: tuple[str, str] = ("format", "pt"),
) -> None:
    """Write a safetensors file, atomically. Raises InputError if it cannot be written.

    One entry of `metadata`: of several the file's bytes would not follow from what it holds, since they stand
    in no set order.
    """
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        # Not `save_file`: it puts a file of its own in the place of ours, which nobody else may read.
        temporary.write_bytes(save(whole, metadata=dict([metadata])))


def load_package(folder: str | os.PathLike[str]) -> Package:
    """Read a package.

    Raises:
        InputError: a file is missing, unreadable, of another format; a tensor is missing, too many, or of
            another shape than the configuration says.
    """
    folder = Path(folder)
    if folder.is_file():
        raise InputError(f"{folder}: a file: this needs the folder of a model package")
    config = read_config(folder)
    tensors = _read_tensors(folder / "model.safetensors")
    model = _empty_model(config, folder / "config.json", len(tensors))
    _load_weights(model, tensors, folder / "model.safetensors")
    return Package(
        model=model.eval().requires_grad_(False),
        classes=config.classes,
        features=config.features,
        model_config=config.model,
        decoding=config.decoding,
        info=config.info,
    )


def read_config(folder: str | os.PathLike[str]) -> PackageConfig:
    """A package's `config.json`. Raises InputError as `load_package` does."""
    path = Path(folder) / "config.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path.parent}: not a model package: {path.name}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: `format` must be {FORMAT}: not a package that this version reads")
    return validate(PackageConfig, content, where=str(path))


def retuned(package: Package, decision: Decision, tuned_on: str) -> Package:
    """The same model with other thresholds; `tuned_on` says on what they were chosen.

    Scores that were measured with other thresholds are not those of this model, and go.
    """
    decoding = DecodingConfig.model_validate(asdict(decision))
    is_as_before = decoding == package.decoding
    info = {name: value for name, value in package.info.items() if is_as_before or name != "scores"}
    return replace(package, decoding=decoding, info={**info, "tuned_on": tuned_on})


def model_card(config: PackageConfig, source: str = ".") -> str:
    """README.md of a package, as the Hub shows it; `source` is what `sedt.load` is to be given there."""
    return card.model_card(_facts(config, source))


def publication(
    folder: str | os.PathLike[str], source: str, licence: str | None = None
) -> dict[str, Path | bytes]:
    """The files of a package as they go on the Hub under the name `source`: paths, or what they hold.

    A card that somebody wrote stays, and gets the metadata that it lacks; any other is written for `source`.
    `licence` goes in the place of the package's.

    Raises:
        InputError: as `load_package`; or the card's metadata cannot be read.
    """
    folder = Path(folder)
    load_package(folder)
    config = read_config(folder)
    readme = folder / "README.md"
    text = read_text(readme) if readme.exists() else ""
    is_ours = text in ("", model_card(config))
    files: dict[str, Path | bytes] = {name: folder / name for name in ("config.json", "model.safetensors")}
    if licence is not None:
        config = config.model_copy(update={"info": {**config.info, "license": licence}})
        files["config.json"] = _json(config).encode()
    shown = model_card(config, source) if is_ours else card.completed(text, _facts(config, source))
    return {**files, "README.md": shown.encode()}


def _facts(config: PackageConfig, source: str) -> card.Facts:
    thresholds, min_lengths_s = (
        per_class(getattr(config.decoding, name), config.classes, name).tolist()
        for name in ("threshold", "min_length_s")
    )
    return card.Facts(
        info=config.info,
        classes=config.classes,
        thresholds=thresholds,
        min_lengths_s=min_lengths_s,
        window_s=config.model.window_s,
        sample_rate=config.features.sample_rate,
        source=source,
    )


def _json(config: PackageConfig) -> str:
    return config.model_dump_json(indent=1) + "\n"


def _stored(tensor: torch.Tensor, half: bool) -> torch.Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if half and tensor.is_floating_point() else tensor.clone()


def _require_described(package: Package) -> None:
    """Raise InputError where `load_package` would build another network than is there."""
    with torch.random.fork_rng(devices=[]):  # a run's random numbers are its own
        described = build.detection_model(package.features, package.model_config, len(package.classes))
    if problem := _misfit(described.state_dict(), package.model.state_dict()):
        raise InputError(f"the settings do not describe this model: {problem} (docs/extending.md)")


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        tensors: dict[str, torch.Tensor] = load_file(path)
    except Exception as error:  # safetensors has its own error types for each fault of a file
        raise InputError(f"{path}: not a readable safetensors file: {error}") from error
    return tensors


def _empty_model(config: PackageConfig, path: Path, num_tensors: int) -> Model:
    """A model for weights to go into. Raises InputError: none of these sizes can be."""
    layers = config.model.encoder_layers + config.model.decoder_layers
    if layers > num_tensors:
        raise InputError(f"{path}: {layers} layers, but model.safetensors has {num_tensors} tensors")
    try:
        return build.detection_model(config.features, config.model, len(config.classes))
    except InputError:
        raise
    except (MemoryError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: no model can be built with these settings: {reason}") from error


def _load_weights(model: Model, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    if problem := _misfit(model.state_dict(), tensors):
        raise InputError(f"{path}: {problem}")
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor.float()).all():
            raise InputError(f"{path}: tensor `{name}` has values that are not finite")
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})


def _misfit(wanted: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> str | None:
    """The first tensor that is missing, of another shape than the settings ask for, or too many."""
    for name, tensor in wanted.items():
        if name not in given:
            return f"no tensor `{name}`"
        if given[name].shape != tensor.shape:
            shape, asked = list(given[name].shape), list(tensor.shape)
            return f"tensor `{name}` has shape {shape}; config.json asks for {asked}"
    unknown = sorted(set(given) - set(wanted))
    return f"unknown tensor `{unknown[0]}`" if unknown else None
