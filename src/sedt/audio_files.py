"""Open recordings, whatever decodes them: libsndfile, or PyAV for the containers it does not know."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray

from sedt.audio_mp3 import MP3_FRAME, EndlessFile, states_its_length
from sedt.audio_wav import LINEAR, StretchFile, samples_of_long_wav
from sedt.errors import InputError

Frames: TypeAlias = NDArray[np.float32]
"""(frames, channels), full scale is 1."""

BLOCK_VALUES = 1 << 17
"""Values (frames x channels) decoded at a time: memory does not grow with the recording."""

# What FFmpeg may take an unknown file for. Its playlist formats are left out: they open other files.
_CONTAINERS = "mov,mp4,m4a,3gp,mj2,matroska,webm,aac,asf,avi,flv,mpegts,mpeg,amr,ac3,eac3,mp3,ogg,wv,ape,tta"


class Recording(Protocol):
    """A recording that is open for reading."""

    sample_rate: int
    stated_s: float | None
    """Seconds as its header says, which may be wrong; None where it says nothing."""

    def num_frames(self) -> int | None:
        """Frames in all; None where only decoding can tell."""

    def blocks(self, first: int) -> Iterator[Frames]:
        """Decode from frame `first` to the end, which may be called once."""

    def close(self) -> None:
        """Close the file."""


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Open a recording.

    Raises:
        InputError: no such file, a folder, an empty file, not audio, or the extra that reads it is missing.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror or error
        raise InputError(f"{path}: {reason}") from error
    if path.is_dir():
        raise InputError(f"{path}: a folder, not an audio file")
    if size == 0:
        raise InputError(f"{path}: an empty file (0 bytes)")
    try:
        return _SndfileRecording(path)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
    except (TypeError, UnicodeError) as error:  # headerless .raw; a name that is not valid text
        reason = str(error)
    return _open_container(path, reason)


class _Unseeking(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """soundfile seeks after every block that it reads, which breaks mp3 and Ogg (libsndfile #885)."""

    def seekable(self) -> bool:
        """Not for soundfile."""
        return False


class _SndfileRecording:
    """What libsndfile reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _Unseeking(path)
        self._samples: StretchFile | None = None
        is_linear = self._file.format in {"WAV", "WAVEX"} and self._file.subtype in LINEAR
        if is_linear and (stretch := samples_of_long_wav(path)) is not None:
            self._samples = StretchFile(path, stretch)
            self._file = self._as_raw(self._samples)
        self.stated_s = None if self._file.frames > 1 << 48 else self._file.frames / self._file.samplerate
        self._mp3: EndlessFile | None = None
        if self._file.format == "MP3" and not states_its_length(path):
            self._file.close()
            self._mp3 = EndlessFile(path)
            self._file = _Unseeking(self._mp3)
        self.sample_rate: int = self._file.samplerate

    def _as_raw(self, samples: StretchFile) -> _Unseeking:
        """The samples without the header, which the open file has read."""
        with self._file as head:
            kind = {"samplerate": head.samplerate, "channels": head.channels, "subtype": head.subtype}
        return _Unseeking(samples, format="RAW", endian="LITTLE", **kind)

    def num_frames(self) -> int | None:
        """From the header; what an mp3 says may be wrong, a streamed file says a huge number."""
        frames: int = self._file.frames
        return None if self._file.format == "MP3" or frames > 1 << 48 else frames

    def blocks(self, first: int) -> Iterator[Frames]:
        """Seek where that is exact; elsewhere decode from the start and leave out `first` frames."""
        size = MP3_FRAME if self._mp3 else max(1, BLOCK_VALUES // self._file.channels)
        exact = self._file.format not in {"MP3", "OGG"}
        done = min(first, self._file.frames) if exact else 0
        try:
            if done:
                self._file.seek(done)
            while True:
                block = self._file.read(out=np.empty((size, self._file.channels), np.float32))
                if not len(block):
                    return
                kept = block[max(0, first - done) :]
                done += len(block)
                if len(kept):
                    yield kept
        except soundfile.LibsndfileError as error:
            if self._mp3 and self._mp3.is_at_end():
                return  # cut within its last frame
            raise _broken(self._path, done / self.sample_rate, error.error_string) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        for file in (self._mp3, self._samples):
            if file is not None:
                file.close()


class _ContainerRecording:
    """The first audio track of what FFmpeg reads. A part is found by decoding from the start: exact, slow."""

    def __init__(self, path: Path) -> None:
        import av

        self._path = path
        self._file = path.open("rb")
        try:
            # An open file, not its name: FFmpeg would take some names for network addresses.
            options = {"format_whitelist": _CONTAINERS}
            self._container = av.open(self._file, "r", options=options, metadata_errors="replace")
            if not self._container.streams.audio:
                raise InputError(f"{path}: has no audio track")
            length = self._container.duration
            self.stated_s = None if length is None else length / av.time_base
            self._frames = self._container.decode(audio=0)
            # The header's rate is half the true one in some AAC files; a decoded frame knows.
            self._first = next(self._frames, None)
        except BaseException:
            self._file.close()
            raise
        self.sample_rate: int = self._first.sample_rate if self._first else 1

    def num_frames(self) -> int | None:
        """Containers state durations with encoder delay and padding: decode."""
        return None

    def blocks(self, first: int) -> Iterator[Frames]:
        """Decode from the start and leave out `first` frames."""
        import av

        resampler = av.AudioResampler(format="fltp")  # changes the sample format only
        done = 0
        frames: Iterator[Any] = chain([self._first], self._frames) if self._first else iter(())
        try:
            for frame in frames:
                for converted in resampler.resample(frame):
                    block = np.ascontiguousarray(converted.to_ndarray().T, dtype=np.float32)
                    kept = block[max(0, first - done) :]
                    done += len(block)
                    if len(kept):
                        yield kept
        except (av.error.FFmpegError, ValueError) as error:
            raise _broken(self._path, done / self.sample_rate, str(error)) from error

    def close(self) -> None:
        """Close container and file."""
        self._container.close()
        self._file.close()


def _open_container(path: Path, reason: str) -> Recording:
    """PyAV's try at a file that libsndfile refused for `reason`."""
    try:
        import av
    except ImportError as error:
        raise InputError(
            f"{path}: not audio that libsndfile reads ({reason}); "
            "for m4a, aac, video and others install the extra: pip install 'sedt[av]'"
        ) from error
    try:
        return _ContainerRecording(path)
    except InputError:
        raise
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(f"{path}: not audio that can be decoded ({reason})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _broken(path: Path, second: float, reason: str) -> InputError:
    return InputError(f"{path}: decoding fails at about {second:.2f} s, truncated or damaged ({reason})")
