"""Spectrogram -> feature map, by a timm network that gives maps at the wanted stride (paper: ResNet-50)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.func import functional_call

from sedt.errors import InputError
from sedt.models.map_backbone import MapBackbone

STEM_STRIDE = 4
"""The first stage of a network gives a map of this stride, whatever its stem does."""


class Backbone(MapBackbone):
    """A network of timm: (batch, frames, bands) -> map (batch, channels, time, frequency).

    One learned 1x1 convolution with bias lifts the single input channel to three, then the network runs as it
    is on images, frames as rows and bands as columns.

    Raises:
        InputError: timm has no such network, it gives no maps, or not at this stride; weights that cannot be
            had or do not fit.
    """

    def __init__(
        self,
        name: str = "resnet50.tv_in1k",
        start: str | os.PathLike[str] = "imagenet",
        output_stride: int = 16,
        map_stage: int = -1,
        time_stride: int | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self._cast_weights: dict[str, Tensor] = {}
        self._cast_of: object = None
        self.lift = nn.Conv2d(1, 3, kernel_size=1)
        self.network = _create(name, output_stride, map_stage, imagenet=str(start) == "imagenet")
        self.num_stages, self.stage = _stages(
            self.network
        )  # of the whole network; which of them gives the map
        self.num_channels = self.network.feature_info.channels()[-1]
        self.stride: int = self.network.feature_info.reduction()[-1]
        self.time_stride = self.stride
        if time_stride is not None and time_stride < self.stride:
            self._refine_time(time_stride)
            self._check_time(f"backbone {name}: model.time_stride {time_stride}")
        if str(start) != "random":  # weights of colour images, unless the file says more, see a grey one
            for parameter, value in zip(self.lift.parameters(), (1.0, 0.0), strict=True):  # weight, bias
                nn.init.constant_(parameter, value)
        if str(start) not in {"imagenet", "random"}:
            self.load_weights(Path(start))

    def forward(self, features: Tensor) -> Tensor:
        """(batch, frames, bands) -> (batch, channels, time, frequency)."""
        image = self.lift(features.unsqueeze(1))
        if self._is_channels_last():
            image = image.contiguous(memory_format=torch.channels_last)
        cast = self._cast(image.device.type)
        maps: list[Tensor] = functional_call(self.network, cast, (image,)) if cast else self.network(image)
        return maps[-1]

    def _cast(self, device_type: str) -> dict[str, Tensor]:
        """Weights that stay as they are, in the type that autocast would give them in each pass anew.

        Autocast remembers only what trains. Nothing where there is no autocast, or where the backbone trains.
        """
        if not self.frozen or not torch.is_autocast_enabled(device_type):
            return {}
        kind = torch.get_autocast_dtype(device_type)
        named = {name: p for name, p in self.network.named_parameters() if p.dim() == 4}
        made_of = (kind, [(p.data_ptr(), p._version) for p in named.values()])
        if self._cast_of != made_of:
            with torch.inference_mode(False), torch.no_grad():
                self._cast_weights = {name: p.to(kind) for name, p in named.items()}
            self._cast_of = made_of
        return self._cast_weights

    def stage_at(self, map_stage: int) -> int:
        """Number, from 0, of the stage that a `map_stage` means. Raises InputError: there is none."""
        if not -self.num_stages <= map_stage < self.num_stages:
            raise InputError(_no_stage(self.name, map_stage, self.num_stages))
        return map_stage % self.num_stages

    def _is_channels_last(self) -> bool:
        """Of a weight that tells; those of 1x1 convolutions are contiguous in either layout."""
        for weight in self.network.parameters():
            if weight.dim() == 4 and min(weight.shape[1:]) > 1:
                return bool(weight.is_contiguous(memory_format=torch.channels_last))
        return False

    def freeze_stages(self, num_stages: int) -> None:
        """Stop training of the lift, the stem and the first stages; 0 freezes nothing.

        The lift belongs to the stem: whoever freezes the stem freezes what it has learned to see.
        """
        if num_stages == 0:
            return
        infos = self.network.feature_info.info
        # A first map at stride 2 is the stem's, or of what stands in its place; that of others is a stage's.
        first = next((i for i, info in enumerate(infos) if info["reduction"] >= STEM_STRIDE), 0)
        # timm leaves out what lies behind the map, but not its infos
        module = infos[min(first + num_stages - 1, self.stage)]["module"]
        prefixes = (f"{module}.", f"{module.replace('.', '_')}.")  # timm flattens some module lists
        named = list(self.network.named_modules())  # in order; a map may lie behind a module without weights
        last = max(i for i, (name, _) in enumerate(named) if f"{name}.".startswith(prefixes))
        self.lift.requires_grad_(False)
        for _, part in named[: last + 1]:
            for parameter in part.parameters(recurse=False):
                parameter.requires_grad_(False)

    def _refine_time(self, time_stride: int) -> None:
        """Take strides along time out of the last striding layers until `time_stride` is reached."""
        striding = [m for m in self.network.modules() if _strides(m)]
        while self.time_stride > time_stride and striding:
            # All layers that stride at one place: main path and shortcut of a block.
            last = striding.pop()
            factor = last.stride[0]
            group = [last]
            block = _block_of(self.network, last)
            while striding and _block_of(self.network, striding[-1]) is block:
                group.append(striding.pop())
            for module in group:
                module.stride = (1, module.stride[1])
                if isinstance(module, nn.AvgPool2d):
                    module.kernel_size = (1, _pair(module.kernel_size)[1])
            self.time_stride //= factor

    @torch.no_grad()
    def _check_time(self, what: str) -> None:
        """Raise InputError where maps have not as many steps as `num_steps` says (give or take one)."""
        frames, was_training = 8 * self.stride, self.training
        try:
            steps = self.eval()(torch.zeros(1, frames, 4 * self.stride)).shape[2]
        except RuntimeError as error:
            raise InputError(f"{what}: not for this network: {_first_line(error)}") from error
        finally:
            self.train(was_training)
        if abs(steps - int(self.num_steps(torch.tensor(frames)))) > 1:
            raise InputError(f"{what}: not for this network, whose layers stride otherwise")


def _create(name: str, output_stride: int, map_stage: int, imagenet: bool) -> Any:
    """A timm network that gives one map."""
    options: dict[str, Any] = {"features_only": True, "output_stride": output_stride}
    if "resnet" in name or "resnext" in name:
        options["zero_init_last"] = False  # residual branches must live when training starts from random
    try:
        whole: Any = timm.create_model(name, features_only=True)
        stages = len(whole.feature_info)
        options["out_indices"] = (range(stages)[map_stage],)
        try:
            return timm.create_model(name, pretrained=imagenet, **options)
        except TypeError as error:
            if "output_stride" not in str(error):
                raise
        del options["output_stride"]  # its strides are what they are
        network = timm.create_model(name, pretrained=imagenet, **options)
        _check_map(network, output_stride)
        return network
    except IndexError as error:
        raise InputError(_no_stage(name, map_stage, stages)) from error
    except Exception as error:
        if imagenet and not isinstance(error, TypeError | NotImplementedError | ValueError):
            problem = f"its ImageNet weights could not be had ({_first_line(error)})"
            hint = "; set model.backbone_start to a weights file or to 'random'"
        else:
            problem = (
                f"timm gives no feature map of it at output stride {output_stride}: {_first_line(error)}"
            )
            hint = ""
        raise InputError(f"backbone {name}: {problem}{hint}") from error


@torch.no_grad()
def _check_map(network: Any, output_stride: int) -> None:
    """Raise ValueError where a network that takes no stride has another, or gives channels last."""
    stride, channels = network.feature_info.reduction()[-1], network.feature_info.channels()[-1]
    if stride != output_stride:
        raise ValueError(f"at this stage it has {stride} (model.map_stage, model.output_stride)")
    was_training = network.training
    shape = network.eval()(torch.zeros(1, 3, 16 * stride, 4 * stride))[-1].shape
    network.train(was_training)
    if shape != (1, channels, 16, 4):
        raise ValueError(f"its maps are {tuple(shape)} where (1, {channels}, 16, 4) was expected")


def _no_stage(name: str, map_stage: int, stages: int) -> str:
    return f"backbone {name}: has no stage {map_stage}, only {stages}"


def _stages(network: Any) -> tuple[int, int]:
    infos = network.feature_info
    return len(infos.info), int(infos.out_indices[-1])


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _pair(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _strides(module: nn.Module) -> bool:
    if not isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        return False
    module.stride = _pair(module.stride)
    return module.stride[0] > 1


def _block_of(network: nn.Module, module: nn.Module) -> nn.Module:
    """The stage's child (a residual block) that holds `module`, or the module itself in the stem."""
    for name, candidate in network.named_modules():
        if candidate is module:
            parts = name.split(".")
            return network.get_submodule(".".join(parts[:2])) if len(parts) > 2 else candidate
    raise AssertionError("the module comes from this network")
