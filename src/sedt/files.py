"""Atomic writes: a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from sedt.errors import InputError

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success it is renamed to `target`, on failure removed.

    The temporary name keeps the suffix of `target`, since many writers choose a format by it.
    Missing parent folders are made.

    Raises:
        InputError: the folder or the file cannot be written (the message names it).
    """
    target = Path(target)
    # A part of the name is enough to recognise it, and a name near the system's limit still fits.
    temporary = target.parent / f".{target.stem[:32]}.{secrets.token_hex(8)}{target.suffix}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # By `open` the file gets the rights of any new file, which `tempfile` would not give.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from error
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path, older_s: float = 0.0) -> None:
    """Remove temporary files, at any depth, of writers that were killed.

    Where other processes may be writing now, `older_s` is more seconds than a write takes.
    """
    newest = time.time() - older_s
    for path in folder.rglob(".*"):
        if re.fullmatch(r"\..{1,32}\.[0-9a-f]{16}(\.[^.]*)?", path.name) and path.is_file():
            with suppress(OSError):
                if path.stat().st_mtime <= newest:
                    path.unlink()


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; no, where its name is longer than the system takes."""
    try:
        return path.exists()
    except OSError:
        return False


def files_below(folder: Path, on_error: Callable[[OSError], None] | None = None) -> list[Path]:
    """All files below a folder, in order; follows links, leaves hidden names out.

    `on_error` is told of folders that cannot be read.
    """
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, onerror=on_error, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
        if real not in seen:
            found += [Path(place, name) for name in files if not name.startswith(".")]
        seen.add(real)
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def path_ends_with(name: str, ending: str) -> bool:
    """Whether the last parts of a path are those of `ending`: `rain.ogg` is not the ending of `train.ogg`."""
    parts = PurePosixPath(ending).parts
    return bool(parts) and PurePosixPath(name).parts[-len(parts) :] == parts


def read_text(path: str | os.PathLike[str]) -> str:
    """Text in UTF-8, or in UTF-16 with a byte order mark; all line ends become `\\n`.

    Raises:
        InputError: it cannot be read, or is no such text; the message names the line.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    encoding, name = ("utf-16", "UTF-16") if data[:2] in _UTF16_MARKS else ("utf-8-sig", "UTF-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"not {name} text: {error.reason} at byte {error.start}; save it as UTF-8"
        raise InputError(f"{path}:{line}: {reason}") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{path}:{line}: not text: holds a zero byte; save it as UTF-8")
    return text


def load_json(path: str | os.PathLike[str]) -> Any:
    """What a JSON file holds. Raises InputError: it cannot be read, or is no JSON that can be held."""
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} in column {error.colno}" if text.strip() else "there is nothing in it"
        raise InputError(f"{path}:{error.lineno}: not JSON: {reason}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists
        raise InputError(f"{path}: not JSON: {error}") from error


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8 with Unix line ends, atomically.

    Raises:
        InputError: as `atomic_path` does; or `text` holds what is no character (from a file name, say).
    """
    write_pieces(target, [text])


def write_pieces(target: str | os.PathLike[str], pieces: Iterable[str]) -> None:
    """As `write_text`, of pieces that need not be in memory together."""
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        for piece in pieces:
            file.write(_encoded(target, piece))


def append_line(target: str | os.PathLike[str], line: str) -> None:
    """Add a line to a journal, at once. A writer that is killed leaves whole lines, but for the last.

    What is left of that one stays a line of its own, which readers of journals pass over.

    Raises:
        InputError: it cannot be written, or `line` holds what is no character.
    """
    content = _encoded(target, line + "\n")
    try:
        with Path(target).open("a+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                content = content if file.read(1) == b"\n" else b"\n" + content
            while content:
                content = content[file.write(content) :]
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from error


def _encoded(target: str | os.PathLike[str], text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        around = text[max(0, error.start - 20) : error.end + 20]
        raise InputError(f"{target}: cannot hold {around!r}: not valid text") from error
