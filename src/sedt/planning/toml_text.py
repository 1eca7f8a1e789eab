"""Values as TOML text."""

from __future__ import annotations

import json
import os
from pathlib import Path


def relative(folder: Path, start: Path) -> str:
    """A path as seen from the folder `start`."""
    return Path(os.path.relpath(folder.absolute(), start.absolute())).as_posix()


def string(value: str) -> str:
    """A TOML string without variables: JSON's escapes are TOML's, but for slashes and surrogates."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f").replace("${", "$${")


def array(values: list[str]) -> str:
    """A TOML array of strings."""
    return "[" + ", ".join(map(string, values)) + "]"
