"""WAV files of more than 4 GiB, whose header cannot say how long they are."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRAPS_AT = 1 << 32
"""Sizes in a WAV header have 32 bits: writers that go on let them begin anew, or say the largest number."""

_UNKNOWN = 0xFFFFFF00
"""Sizes from here on are what writers say that do not know it yet, such as those into a pipe."""


@dataclass(frozen=True)
class Stretch:
    """Bytes of a file that are samples."""

    start: int
    size: int


def samples_of_long_wav(path: Path) -> Stretch | None:
    """Where the samples are of a WAV file whose header says too little; None of all others."""
    total = path.stat().st_size
    if total < WRAPS_AT:
        return None
    with path.open("rb") as file:
        if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
            return None  # RF64 and others have larger sizes
        while len(head := file.read(8)) == 8:
            name, stated = head[:4], struct.unpack("<I", head[4:])[0]
            if name == b"data":
                start = file.tell()
                size = total - start
                if stated < _UNKNOWN:  # behind the samples may be other chunks, which are small
                    size = stated + (size - stated) // WRAPS_AT * WRAPS_AT
                return Stretch(start, size)
            file.seek(stated + stated % 2, os.SEEK_CUR)
    return None


class StretchFile(io.FileIO):
    """A stretch of a file, as if it were the whole."""

    def __init__(self, path: Path, stretch: Stretch) -> None:
        super().__init__(path)
        self._stretch = stretch
        self.seek(0)

    def tell(self) -> int:
        """Bytes from the start of the stretch."""
        return super().tell() - self._stretch.start

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """In the stretch."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._stretch.size}[whence]
        return super().seek(self._stretch.start + base + offset) - self._stretch.start

    def readinto(self, buffer: Any, /) -> int:
        """Nothing behind its end."""
        left = max(0, self._stretch.size - self.tell())
        return super().readinto(memoryview(buffer)[:left]) or 0
