"""Build the reference of the Python names, from their docstrings, into site/.

python docs/build.py
"""

from __future__ import annotations

import pkgutil
import warnings
from pathlib import Path

import pdoc

import sedt

SITE = Path(__file__).parent.parent / "site"


def modules() -> list[str]:
    """All parts, save the command line, whose reference is `sedt --help`; pdoc goes into packages itself."""
    names = [info.name for info in pkgutil.iter_modules(sedt.__path__) if not info.name.startswith("_")]
    return ["sedt", *(f"sedt.{name}" for name in names if name != "cli")]


def main() -> None:
    """Write the pages."""
    for name in sedt.__all__:  # pdoc looks at what is there, and these are imported on first use
        setattr(sedt, name, getattr(sedt, name))
    warnings.filterwarnings("ignore", module="pdoc", message="Error parsing type annotation")
    pdoc.render.configure(docformat="google")
    pdoc.pdoc(*modules(), output_directory=SITE)
    print(SITE / "index.html")


if __name__ == "__main__":
    main()
