"""Paper 3.3: what fine-tuning takes over from pre-training: the trunk and, by a switch, the event queries."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from safetensors import safe_open
from torch import Tensor, nn

from sedt.errors import InputError
from sedt.models.trunk import Trunk
from sedt.package import save_tensors

TRUNK_FILE = "trunk.safetensors"
POSITION_UNIT = "position_unit"


class HasTrunk(Protocol):
    """SEDT and SP-SEDT."""

    trunk: Trunk
    event_queries: nn.Embedding
    anchors: nn.Embedding | None


def save_pretrained(path: Path, network: HasTrunk) -> None:
    """Trunk, event queries and their anchors of an SP-SEDT -> safetensors."""
    tensors = {f"trunk.{name}": tensor for name, tensor in network.trunk.state_dict().items()}
    tensors["event_queries.weight"] = network.event_queries.weight
    if network.anchors is not None:
        tensors["anchors.weight"] = network.anchors.weight
    save_tensors(path, tensors, (POSITION_UNIT, network.trunk.position_unit))


def load_pretrained(path: Path, network: HasTrunk, *, with_queries: bool) -> None:
    """Put them into a SEDT. Its class head, audio query and tag head stay as they are.

    Raises:
        InputError: not such a file, or one of another model.
    """
    tensors, unit = _read(path)
    if unit != network.trunk.position_unit:
        raise InputError(
            f'{path}: pre-trained with model.position_unit = "{unit}", not "{network.trunk.position_unit}"'
        )
    trunk = {k.removeprefix("trunk."): v for k, v in tensors.items() if k.startswith("trunk.")}
    _check(path, trunk, network.trunk.state_dict())
    network.trunk.load_state_dict(trunk)
    if not with_queries:
        return
    _take(path, tensors, "event_queries.weight", network.event_queries.weight.data)
    if network.anchors is not None:  # the audio query's comes first
        _take(path, tensors, "anchors.weight", network.anchors.weight.data[1:])


def _read(path: Path) -> tuple[dict[str, Tensor], str]:
    try:
        with safe_open(path, "pt") as stored:
            unit = (stored.metadata() or {}).get(POSITION_UNIT, "")
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors has its own error types for each fault of a file
        raise InputError(f"{path}: not a readable safetensors file: {error}") from error
    if not unit:
        raise InputError(f"{path}: not the trunk of a pre-training (`pretrain/{TRUNK_FILE}` of a run)")
    return tensors, unit


def _check(path: Path, given: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    for name in sorted({*given, *wanted}):
        shapes = [list(tensors[name].shape) if name in tensors else None for tensors in (given, wanted)]
        if shapes[0] != shapes[1]:
            raise InputError(
                f"{path}: pre-trained with another model: `{name}` has shape {shapes[0] or 'none'}, "
                f"this recipe's {shapes[1] or 'none'}"
            )


def _take(path: Path, tensors: dict[str, Tensor], name: str, target: Tensor) -> None:
    given = tensors.get(name)
    if given is None or given.shape != target.shape:
        shape = "none" if given is None else list(given.shape)
        raise InputError(
            f"{path}: `{name}` has shape {shape}, this recipe's {list(target.shape)}: set model.num_queries "
            "to the same, or finetune.pretrained_queries = false"
        )
    target.copy_(given)
