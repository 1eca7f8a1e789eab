"""What came of an export, and the way that it takes to its place."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sedt.errors import InputError
from sedt.export.parity import Difference
from sedt.files import atomic_path

LARGEST_DIFFERENCE = 1e-3
"""A file whose probabilities or spans differ by more from those of torch is not written."""


@dataclass(frozen=True)
class Exported:
    """A file and how far it is from the model."""

    path: Path
    size_bytes: int
    parity: Difference
    """From torch to the graph in float32."""
    float_bytes: int | None = None
    """Size in float32, of a file in 8 bits."""
    loss: Difference | None = None
    """From torch to the file in 8 bits."""


def require_parity(difference: Difference, target: Path) -> None:
    """Raise InputError: the graph does not say what the model says."""
    off = max(difference.probability, difference.span)
    if not off <= LARGEST_DIFFERENCE:
        raise InputError(
            f"{target}: not written: the exported model differs from torch by {off:.2g}, "
            f"more than {LARGEST_DIFFERENCE:g}"
        )


def target_of(path: Path, ending: str) -> Path:
    """The file to write. Raises InputError: it has another ending, or is a folder."""
    if path.suffix.lower() != ending:
        raise InputError(f"{path}: an exported model is a file that ends in {ending}")
    if path.is_dir():
        raise InputError(f"{path}: a folder, not a file")
    return path


def put(source: Path, target: Path) -> int:
    """Copy a finished file to its place, atomically; its size. Raises InputError: it cannot be written."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
    return target.stat().st_size


@contextmanager
def quietly() -> Iterator[None]:
    """Keep the exporters' warnings to themselves: of their own insides, and of nothing a user can change.

    Raises:
        InputError: an exporter fails, in one line.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:  # torch, onnxscript and onnxruntime have error types for each fault
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"this network cannot be exported: {reason}") from error
    finally:
        logging.disable(before)
