"""WAV files of more than 4 GiB, whose header cannot say how long they are."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

WRAPS_AT = 1 << 32
"""Sizes in a WAV header have 32 bits: where there is more, writers let them begin anew, or say anything."""

LINEAR = {"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}
"""Kinds of samples that need nothing of the header but their number of channels."""


@dataclass(frozen=True)
class Stretch:
    """Bytes of a file that are samples."""

    start: int
    size: int


def samples_of_long_wav(path: Path) -> Stretch | None:
    """Where the samples are of a WAV file of 4 GiB or more; None of all others."""
    total = path.stat().st_size
    if total < WRAPS_AT:
        return None
    with path.open("rb") as file:
        if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
            return None  # RF64 and others have larger sizes
        while len(head := file.read(8)) == 8:
            stated = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                start = file.tell()
                size = stated + (total - start - stated) // WRAPS_AT * WRAPS_AT
                is_told = size > 0 and _are_chunks(file, start + size, total)
                return Stretch(start, size if is_told else total - start)
            file.seek(stated + stated % 2, os.SEEK_CUR)
    return None


def _are_chunks(file: BinaryIO, start: int, end: int) -> bool:
    """Whether the rest of a file, if there is one, is what may stand behind the samples."""
    place = start + start % 2 if start < end else end
    while end - place >= 8:
        file.seek(place)
        head = file.read(8)
        if not all(0x20 <= letter < 0x7F for letter in head[:4]):
            return False
        size = int.from_bytes(head[4:], "little")
        place += 8 + size + size % 2
    return abs(end - place) <= 1


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
