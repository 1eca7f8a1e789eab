"""What pages share: style, scripts, and the frame of one that is whole in one file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files

from sedt.pictures.colours import themes

# Nothing may be loaded from anywhere: what the page shows, it holds.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; media-src data:"
)


@cache
def asset(name: str) -> str:
    """The text of a style sheet or script that comes with the package."""
    return (files("sedt.pictures") / "assets" / name).read_text(encoding="utf-8")


def style(*sheets: str) -> str:
    """A `<style>` with the colours of both themes and these sheets."""
    return "<style>" + themes() + "\n" + "\n".join(sheets) + "</style>"


def whole_page(title: str, body: str, sheets: Sequence[str], scripts: Sequence[str]) -> str:
    """A page in one file; `body` is HTML, scripts run when it is there."""
    code = "\n".join(scripts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n{style(*sheets)}</head>\n"
        f'<body class="sedt">\n{body}\n<script>\n{code}\n</script></body></html>\n'
    )
