"""Build the site: the documents of the repository, and the reference of the Python names, into site/.

python docs/build.py

All of docs/*.md are pages; those that `SECTIONS` does not name come last.
"""

from __future__ import annotations

import logging
import pkgutil
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pdoc
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

import sedt

ROOT = Path(__file__).parents[1]
SITE = ROOT / "site"
STYLE = ROOT / "docs" / "site.css"
SECTIONS = {
    "Start": ["README.md", "docs/five-minutes.md", "docs/your-own-sounds.md"],
    "Use": [
        "docs/long-recordings.md",
        "docs/archives.md",
        "docs/report.md",
        "docs/formats.md",
        "docs/hub.md",
    ],
    "Serve": ["docs/serving.md", "docs/web-page.md", "docs/deploy.md", "docs/container.md"],
    "Research": [
        "docs/paper.md",
        "docs/departures.md",
        "docs/clusters.md",
        "docs/extending.md",
        "experiments/README.md",
    ],
    "Work on it": ["CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"],
}
"""The order of the pages; files that are not there are left out."""
REFERENCE = {"Python reference": "reference/index.html"}

__all__ = ["Abort", "main", "navigation", "write_pages", "write_reference"]

_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
_COMMENT = re.compile(r"^<!--.*?-->\n?", re.MULTILINE)


def navigation() -> list[dict[str, str | list[str]]]:
    """Titles of sections and the documents in them, as paths below the root."""
    sections = {
        title: [name for name in names if (ROOT / name).is_file()] for title, names in SECTIONS.items()
    }
    placed = {name for names in sections.values() for name in names}
    others = [f"docs/{path.name}" for path in sorted(ROOT.glob("docs/*.md"))]
    sections["Use"] += [name for name in others if name not in placed]
    return [{title: names} for title, names in sections.items() if names] + [REFERENCE]


def write_pages(site: Path) -> None:
    """Write the documents as pages. Raises Abort: a link leads nowhere."""
    nav = navigation()
    documents = [
        name for section in nav for names in section.values() if isinstance(names, list) for name in names
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name in documents:
            _gather(ROOT / name, Path(folder))
        shutil.copyfile(STYLE, Path(folder) / "docs" / STYLE.name)
        settings = {"docs_dir": folder, "site_dir": str(site), "nav": nav, "strict": True}
        build(load_config(str(ROOT / "docs" / "mkdocs.yml"), **settings))


def write_reference(folder: Path) -> None:
    """Write the reference of the Python names, from their docstrings."""
    for name in sedt.__all__:  # pdoc looks at what is there, and these are imported on first use
        setattr(sedt, name, getattr(sedt, name))
    warnings.filterwarnings("ignore", module="pdoc", message="Error parsing type annotation")
    pdoc.render.configure(docformat="google")
    pdoc.pdoc(*_modules(), output_directory=folder)


def _gather(document: Path, folder: Path) -> None:
    """Copy a document, less its comments, and the files it links to; each lies where it does in ROOT."""
    text = document.read_text(encoding="utf-8")
    target = folder / document.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_COMMENT.sub("", text), encoding="utf-8")
    for linked in _linked(document, text):
        beside = folder / linked.relative_to(ROOT)
        if linked.suffix != ".md" and not beside.exists():
            beside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(linked, beside)


def _linked(document: Path, text: str) -> Iterator[Path]:
    for link in _LINK.findall(text):
        path = (document.parent / link).resolve()
        if path.is_file() and path.is_relative_to(ROOT):
            yield path


def _modules() -> list[str]:
    """All parts, save the command line, whose reference is `sedt --help`; pdoc goes into packages itself."""
    names = [info.name for info in pkgutil.iter_modules(sedt.__path__) if not info.name.startswith("_")]
    return ["sedt", *(f"sedt.{name}" for name in names if name != "cli")]


def main(site: Path = SITE) -> None:
    """Write the whole site."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    write_pages(site)
    write_reference(site / "reference")
    print(site / "index.html")


if __name__ == "__main__":
    main()
