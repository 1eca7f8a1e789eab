"""sedt finds when each sound happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sedt.detector import Detector, load
    from sedt.evaluation import evaluate
    from sedt.formats import read_events, write_events
    from sedt.pictures import Events, show

from sedt.errors import InputError
from sedt.events import Event

__version__ = "0.1.0"
__all__ = [
    "Detector",
    "Event",
    "Events",
    "InputError",
    "evaluate",
    "load",
    "read_events",
    "show",
    "write_events",
]

_HOME = {
    "Detector": "sedt.detector",
    "load": "sedt.detector",
    "evaluate": "sedt.evaluation",
    "read_events": "sedt.formats",
    "write_events": "sedt.formats",
    "Events": "sedt.pictures",
    "show": "sedt.pictures",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import sedt` and `sedt --help` are fast."""
    if name not in _HOME:
        raise AttributeError(f"module 'sedt' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
