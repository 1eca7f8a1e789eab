"""Which state of the source a run was made with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import sedt


def commit_of_source() -> str | None:
    """Short hash of the checkout that this package runs from, `-dirty` behind it if files were changed.

    None where the package is installed and no checkout, or git is not there.
    """
    folder = Path(sedt.__file__).parent
    try:
        # An installed package may lie in a folder of somebody's repository, which does not hold it.
        _git(folder, "ls-files", "--error-unmatch", "__init__.py")
        return _git(folder, "describe", "--always", "--dirty", "--exclude=*").strip() or None
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout
