"""What libsndfile has to be told of an mp3 so that it reads all of it."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

MP3_FRAME = 1152
"""Samples that are decoded at a time."""
_LONGEST_FRAME = 1441  # bytes


class EndlessFile(io.FileIO):
    """An mp3 that claims to be huge.

    Where no header states the number of frames, libsndfile estimates it from the file's size and the first
    bit rate, and stops there: half of a recording of variable bit rate can be lost. So the size is made up.
    """

    _CLAIM = 1 << 40

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        size = super().seek(0, os.SEEK_END)
        super().seek(max(0, size - 128))
        self._tag = self.read(128)  # an ID3v1 tag, where one is
        self._end = size - 128 if self._tag[:3] == b"TAG" else size
        super().seek(0)

    def is_at_end(self) -> bool:
        """All is read that truly is there."""
        return self.tell() >= self._end

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """The end is far away."""
        return super().seek(self._CLAIM + offset) if whence == os.SEEK_END else super().seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        """The tag at the claimed end, nothing between the true and the claimed end."""
        place = self.tell()
        if place < self._CLAIM - 128:
            view = memoryview(buffer)[: max(0, self._end - place)]
            return super().readinto(view) or 0
        data = self._tag[place - self._CLAIM + 128 :][: len(buffer)]
        buffer[: len(data)] = data
        super().seek(place + len(data))
        return len(data)


def states_its_length(mp3: Path) -> bool:
    """Whether the first frame is a header with the number of frames."""
    with mp3.open("rb") as file:
        start = file.read(10)
        if start[:3] == b"ID3":  # its length stands in four bytes of seven bits
            file.seek(
                sum((byte & 0x7F) << shift for byte, shift in zip(start[6:], (21, 14, 7, 0), strict=True)), 1
            )
        else:
            file.seek(0)
        first_frame = file.read(_LONGEST_FRAME)
    return any(name in first_frame for name in (b"Xing", b"Info", b"VBRI"))
