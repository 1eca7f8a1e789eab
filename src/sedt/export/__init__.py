"""A model as one file for other programs: ONNX, or torch's own exported program; parity is measured first."""

from __future__ import annotations

from sedt.export.exported import Exported
from sedt.export.onnx_file import export_onnx
from sedt.export.torch_file import export_torch

__all__ = ["Exported", "export_onnx", "export_torch"]
