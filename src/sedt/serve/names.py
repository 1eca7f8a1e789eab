"""Names of files that others choose."""

from __future__ import annotations

from pathlib import Path
from unicodedata import category
from urllib.parse import quote

from sedt.audio import SUFFIXES
from sedt.errors import InputError

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's categories of what controls or ends a line; spaces of any width are no such thing."""
_MOST_BYTES = 180
"""A file system takes 255; endings and numbers come behind."""


def checked_name(name: object) -> str:
    """The name of a file, without a path. Raises InputError: any other."""
    if not isinstance(name, str) or not name:
        raise InputError("the recording needs a file name")
    shown = ascii(name[:60])
    if any(character in name for character in "/\\:") or name in {".", ".."}:
        raise InputError(f"{shown}: a file name must not have a path or a colon")
    if any(category(character) in _UNSEEN for character in name):
        raise InputError(f"{shown}: a file name must not have control characters")
    if name.startswith("."):
        raise InputError(f"{shown}: a file name must not begin with a dot")
    if len(name.encode("utf-8", "surrogatepass")) > _MOST_BYTES:
        raise InputError(f"{shown}...: a file name of more than {_MOST_BYTES} bytes")
    return name


def suffix_of(name: str) -> str:
    """The ending, where it is one of audio."""
    suffix = Path(name).suffix.lower()
    return suffix if suffix in SUFFIXES else ""


def attachment(name: str) -> str:
    """A header Content-Disposition (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
