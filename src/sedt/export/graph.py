"""A model as a graph from waveforms to probabilities, in which nothing depends on what is heard."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sedt.batch import FramePredictions, Predictions
from sedt.export.exported import quietly
from sedt.models.model import Model
from sedt.package import Package
from sedt.runtimes.onnx_runtime import FRAME_OUTPUTS, INPUTS, QUERY_OUTPUTS
from sedt.runtimes.torch_runtime import facts_of


class Graph(nn.Module):
    """What `Model` does, with padding always said, and probabilities in the place of logits.

    `Model` leaves padding out where every clip fills the window, which a graph cannot decide.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, waveforms: Tensor, num_samples: Tensor) -> tuple[Tensor, ...]:
        """(batch, window_samples), (batch,) samples before padding -> what `output_names` names."""
        frontend = self.model.frontend
        features, num_frames = frontend(waveforms), frontend.num_frames(num_samples)
        predictions: Predictions | FramePredictions = self.model.network(features, num_frames)
        assert predictions.tag_logits is not None, "SEDT has an audio query"
        tags = predictions.tag_logits.sigmoid()
        if isinstance(predictions, FramePredictions):
            return predictions.frame_logits.sigmoid(), tags
        logits = predictions.class_logits[-1]
        classes = logits.softmax(-1) if predictions.exclusive else logits.sigmoid()
        return classes, predictions.spans[-1], tags


def output_names(package: Package) -> tuple[str, ...]:
    """Of the graph's outputs, in order."""
    return QUERY_OUTPUTS if package.model_config.network == "sedt" else FRAME_OUTPUTS


def captured(package: Package) -> torch.export.ExportedProgram:
    """The graph, for batches of any size. Raises InputError: torch cannot capture this network."""
    samples = facts_of(package).window_samples
    examples = (torch.zeros(2, samples), torch.tensor([samples, -(-samples // 2)]))
    batch = torch.export.Dim("batch", min=1)
    with quietly(), torch.no_grad():
        program = torch.export.export(
            Graph(package.model).eval(), examples, dynamic_shapes={name: {0: batch} for name in INPUTS}
        )
    for node in program.graph.nodes:  # it names the files of this machine
        node.meta.pop("stack_trace", None)
    return program
