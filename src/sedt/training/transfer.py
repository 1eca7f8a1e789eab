"""What one run hands to another: a tagged backbone; the pre-trained trunk and its queries (paper 3.3).

Weights mean little without what they have seen: each file also brings the normaliser and names the settings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from sedt.config import FeaturesConfig, ModelConfig, Recipe, Settings
from sedt.errors import InputError
from sedt.models.trunk import Trunk
from sedt.package import save_tensors

BACKBONE_FILE = "backbone.safetensors"
TRUNK_FILE = "trunk.safetensors"
NORMALISER_FILE = "normaliser.safetensors"

SETTINGS = "sedt"
"""Entry of the metadata: settings as JSON."""

OF_NO_CONCERN = {"backbone_start", "overlap_s", "num_queries", "class_scores", "dropout", "attention_dropout"}
"""Settings of the model that may differ from one run to the next."""

_NORMALISER, _TRUNK = "normaliser.", "trunk."

_Settings = Mapping[str, Mapping[str, Any]]


class HasTrunk(Protocol):
    """SEDT and SP-SEDT."""

    trunk: Trunk
    event_queries: nn.Embedding
    anchors: nn.Embedding | None


def save_backbone(path: Path, body: Mapping[str, Tensor], run: Path, recipe: Recipe) -> None:
    """Weights of a tagged backbone, with the normaliser of the run's folder."""
    settings = {"features": _settings(recipe)["features"]}
    save_tensors(path, {**body, **_stored_normaliser(run)}, (SETTINGS, json.dumps(settings)))


def save_pretrained(path: Path, network: HasTrunk, run: Path, recipe: Recipe) -> None:
    """Trunk, event queries and their anchors of an SP-SEDT, with the normaliser of the run's folder."""
    tensors = {f"{_TRUNK}{name}": tensor for name, tensor in network.trunk.state_dict().items()}
    tensors["event_queries.weight"] = network.event_queries.weight
    if network.anchors is not None:
        tensors["anchors.weight"] = network.anchors.weight
    save_tensors(path, {**tensors, **_stored_normaliser(run)}, (SETTINGS, json.dumps(_settings(recipe))))


def load_pretrained(path: Path, network: HasTrunk, recipe: Recipe) -> None:
    """Put them into a SEDT. Its class head, audio query and tag head stay as they are.

    Raises:
        InputError: not such a file, or one of another model.
    """
    tensors = _read_trunk(path, recipe)
    trunk = _below(_TRUNK, tensors)
    _check(path, trunk, network.trunk.state_dict())
    network.trunk.load_state_dict(trunk)
    if not recipe.finetune.pretrained_queries:
        return
    _take(path, tensors, "event_queries.weight", network.event_queries.weight.data)
    if network.anchors is not None:  # the audio query's comes first
        _take(path, tensors, "anchors.weight", network.anchors.weight.data[1:])


def given_normaliser(recipe: Recipe) -> dict[str, Tensor] | None:
    """The one that came with the weights a run starts from; None where they bring none.

    Raises:
        InputError: no such file, or its spectrograms are others.
    """
    if "finetune" in recipe.stages and recipe.finetune.pretrained is not None:
        return _below(_NORMALISER, _read_trunk(recipe.finetune.pretrained, recipe))
    if recipe.model.backbone_start in ("imagenet", "random"):
        return None
    path = Path(recipe.model.backbone_start)
    tensors, settings = _read(path)
    if settings is None:  # of timm, or made by hand
        return None
    _compare(path, settings, {"features": _settings(recipe)["features"]})
    return _below(_NORMALISER, tensors)


def _settings(recipe: Recipe) -> _Settings:
    """What weights go with, as it reads back from JSON."""
    dumped: _Settings = json.loads(
        recipe.model_dump_json(include={"features": True, "model": set(type(recipe.model).model_fields)})
    )
    model = {key: value for key, value in dumped["model"].items() if key not in OF_NO_CONCERN}
    return {"features": dumped["features"], "model": model}


def _stored_normaliser(run: Path) -> dict[str, Tensor]:
    return {f"{_NORMALISER}{name}": tensor for name, tensor in load_file(run / NORMALISER_FILE).items()}


def _read_trunk(path: Path, recipe: Recipe) -> dict[str, Tensor]:
    tensors, settings = _read(path)
    if settings is None or not _below(_TRUNK, tensors):
        raise InputError(f"{path}: not the trunk of a pre-training (`pretrain/{TRUNK_FILE}` of a run)")
    _compare(path, settings, _settings(recipe))
    return tensors


def _read(path: Path) -> tuple[dict[str, Tensor], _Settings | None]:
    """Tensors, and the settings if we have written the file."""
    try:
        with safe_open(path, "pt") as stored:
            text = (stored.metadata() or {}).get(SETTINGS)
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        return tensors, None if text is None else json.loads(text)
    except Exception as error:  # safetensors has its own error types for each fault of a file
        raise InputError(f"{path}: not a readable safetensors file: {error}") from error


def _compare(path: Path, given: _Settings, wanted: _Settings) -> None:
    """See that the settings are the same. Raises InputError: names the first that isn't."""
    for section, settings in wanted.items():
        theirs = {**_defaults(section), **given.get(section, {})}
        for key in {**settings, **theirs}:
            if theirs.get(key) != settings.get(key):
                raise InputError(
                    f"{path}: made with {section}.{key} = {json.dumps(theirs.get(key))}, "
                    f"this recipe says {json.dumps(settings.get(key))}"
                )


def _defaults(section: str) -> dict[str, Any]:
    """What files say nothing of that are older than a setting."""
    sections: dict[str, type[Settings]] = {"features": FeaturesConfig, "model": ModelConfig}
    defaults: dict[str, Any] = json.loads(sections[section]().model_dump_json())
    return {key: value for key, value in defaults.items() if key not in OF_NO_CONCERN}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}


def _check(path: Path, given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    for name in sorted({*given, *wanted}):
        shapes = [list(tensors[name].shape) if name in tensors else None for tensors in (given, wanted)]
        if shapes[0] != shapes[1]:
            raise InputError(
                f"{path}: pre-trained with another model: `{name}` has shape {shapes[0] or 'none'}, "
                f"this recipe's {shapes[1] or 'none'}"
            )


def _take(path: Path, tensors: Mapping[str, Tensor], name: str, target: Tensor) -> None:
    given = tensors.get(name)
    if given is None or given.shape != target.shape:
        shape = "none" if given is None else list(given.shape)
        raise InputError(
            f"{path}: `{name}` has shape {shape}, this recipe's {list(target.shape)}: set model.num_queries "
            "to the same, or finetune.pretrained_queries = false"
        )
    target.copy_(given)
