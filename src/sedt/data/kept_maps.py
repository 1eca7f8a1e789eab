"""A cache of the frozen backbone's feature maps on the disk, so that each clip goes through it once.

One file of fixed rows, read and written in place (a memory map). A row holds bfloat16 values and before them
a checksum and the clip's length: a row that was being written when the process was killed does not fit its
checksum and counts as empty. The folder may be deleted at any time; maps are then made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sedt.errors import InputError
from sedt.files import write_text

HEAD_BYTES = 8
"""Of a row: checksum and number of samples, four bytes each."""


@dataclass(frozen=True)
class KeptMap:
    """One row."""

    feature_map: Tensor
    """(channels, time, frequency) bfloat16."""
    num_samples: int


class KeptMaps:
    """At most `max_bytes` of maps; clips with a row past that are not kept.

    Args:
        folder: where the file lies; made if it isn't there.
        num_clips: rows that are asked for.
        shape: (channels, time, frequency).
        made_by: what the maps depend on; maps of something else are thrown away.
        max_bytes: of the file.
    """

    def __init__(
        self, folder: Path, num_clips: int, shape: tuple[int, int, int], made_by: str, max_bytes: float
    ) -> None:
        self.folder, self.shape = folder, shape
        self._row_bytes = HEAD_BYTES + 2 * int(np.prod(shape))
        self.num_rows = min(num_clips, int(max_bytes // self._row_bytes))
        digest = hashlib.sha256(made_by.encode()).hexdigest()
        self._key = {"rows": self.num_rows, "shape": list(shape), "made_by": digest}
        self._rows: NDArray[np.uint8] | None = None

    def open(self) -> None:
        """Make the file, or take the one that is there. Raises InputError: it cannot be written."""
        key_file, file = self.folder / "maps.json", self.folder / "maps.bin"
        try:
            if not self._fits(key_file):
                file.unlink(missing_ok=True)
                self.folder.mkdir(parents=True, exist_ok=True)
                _reserve(file, self.num_rows * self._row_bytes)
                write_text(key_file, json.dumps(self._key) + "\n")
        except OSError as error:
            if file.is_file():
                file.unlink()
            raise InputError(f"{file}: cannot be written: {error.strerror or error}") from error

    def read(self, row: int) -> KeptMap | None:
        """The map of a clip; None if it isn't kept."""
        rows = self._mapped()
        if not 0 <= row < len(rows):
            return None
        content = rows[row]
        checksum, num_samples = content[:HEAD_BYTES].view(np.uint32).tolist()
        if checksum == 0 or zlib.crc32(content[4:].tobytes()) != checksum:
            return None
        numbers = torch.from_numpy(content[HEAD_BYTES:].copy()).view(torch.bfloat16)
        return KeptMap(numbers.reshape(self.shape), num_samples)

    def write(self, row: int, feature_map: Tensor, num_samples: int) -> None:
        """Keep a map (channels, time, frequency), if there is room for this row."""
        rows = self._mapped()
        if not 0 <= row < len(rows):
            return
        numbers = (
            feature_map.detach().to("cpu", torch.bfloat16).contiguous().view(torch.uint8).numpy().ravel()
        )
        content = np.empty(self._row_bytes, dtype=np.uint8)
        content[4:HEAD_BYTES].view(np.uint32)[0] = num_samples
        content[HEAD_BYTES:] = numbers
        content[:4].view(np.uint32)[0] = zlib.crc32(content[4:].tobytes())
        rows[row] = content

    def _fits(self, key_file: Path) -> bool:
        try:
            same: bool = json.loads(key_file.read_text(encoding="utf-8")) == self._key
            size = (self.folder / "maps.bin").stat().st_size
        except (OSError, ValueError):
            return False
        return same and size == self.num_rows * self._row_bytes

    def _mapped(self) -> NDArray[np.uint8]:
        """(rows, bytes of a row); no rows where somebody has deleted the file."""
        if self._rows is None:
            shape = (self.num_rows, self._row_bytes)
            try:
                self._rows = np.memmap(self.folder / "maps.bin", np.uint8, "r+", shape=shape)
            except (OSError, ValueError):
                self._rows = np.zeros((0, self._row_bytes), dtype=np.uint8)
        return self._rows

    def __getstate__(self) -> dict[str, Any]:
        """Another process maps the file itself."""
        return {**self.__dict__, "_rows": None}


def _reserve(file: Path, num_bytes: int) -> None:
    """A file of zeros whose place on the disk is taken: a full disk is an error now, not a crash later."""
    with file.open("wb") as stream:
        if num_bytes and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, num_bytes)
        stream.truncate(num_bytes)
