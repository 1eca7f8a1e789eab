"""Numbers and tables as the report writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def percent(value: float | None) -> str:
    """A share of 1 in per cent; a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f}"


def plain(value: float | None, form: str = ".3f") -> str:
    """A number; a dash where there is none."""
    return "–" if value is None else format(value, form)


def hours(seconds: float) -> str:
    """`40 s`, `25 min`, `3.2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def count(number: int, what: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def section(name: str, title: str, *parts: str, about: str = "") -> str:
    """A part of the page, or nothing where nothing is in it."""
    content = "".join(parts)
    if not content:
        return ""
    words = f'<p class="about">{escape(about)}</p>' if about else ""
    return f'<section id="{name}"><h2>{escape(title)}</h2>{words}{content}</section>'


def note(text: str) -> str:
    """A paragraph that says why something is not there."""
    return f'<p class="missing">{escape(text)}</p>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Cells are HTML; the first of a row is its name."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(
        f"<tr><th scope='row'>{first}</th>{''.join(f'<td>{cell}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    rows_html = f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide"><table class="{kind}">{rows_html}</table></div>'


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Pairs of a name and plain text."""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows if text)
    return f'<dl class="facts">{items}</dl>'
