"""Which classes are called what: a matrix of events that are right in time."""

from __future__ import annotations

from html import escape

from sedt.metrics import Confusion
from sedt.report.words import note, section

MOST_CLASSES = 40
"""Rows and columns: the most frequent classes."""


def confusion_matrix(found: Confusion) -> str:
    """Rows are true classes, columns what was said; missed on the right, false alarms below."""
    totals = {label: _total(found, label) for label in found.labels}
    kept = [label for label in found.labels if totals[label] or _said(found, label)]
    kept = sorted(sorted(kept, key=lambda one: -totals[one])[:MOST_CLASSES])
    if not kept:
        return ""
    head = "".join(f'<th class="turned"><span>{escape(label)}</span></th>' for label in kept)
    rows = [_row(found, label, kept, totals[label]) for label in kept]
    false = "".join(_cell(found.false.get(label, 0), _said(found, label), "bad") for label in kept)
    rows.append(f'<tr class="last"><th scope="row"><em>false alarm</em></th>{false}<td></td><td></td></tr>')
    left = len([label for label in found.labels if totals[label]]) - len([x for x in kept if totals[x]])
    return section(
        "confusion",
        "Confusion of labels",
        '<div class="wide"><table class="matrix"><thead><tr><th><small>true ↓ &nbsp; called →</small></th>'
        f'{head}<th class="turned"><span><em>missed</em></span></th>'
        f'<th class="turned"><span>all true</span></th></tr></thead><tbody>{"".join(rows)}</tbody>'
        "</table></div>",
        note(f"{left} rarer classes are left out.") if left > 0 else "",
        about="Events that match in time, by what they are and what they were called. Missed: nothing of any "
        "label was found there. False alarm: found where nothing is.",
    )


def _row(found: Confusion, label: str, kept: list[str], total: int) -> str:
    cells = "".join(
        _cell(found.called.get((label, other), 0), total, "good" if other == label else "bad")
        for other in kept
    )
    missed = _cell(found.missed.get(label, 0), total, "bad")
    return f'<tr><th scope="row">{escape(label)}</th>{cells}{missed}<td class="sum">{total}</td></tr>'


def _cell(number: int, total: int, kind: str) -> str:
    if not number:
        return '<td class="none">·</td>'
    share = min(100, round(100 * number / max(1, total)))
    return f'<td class="{kind}" style="--share:{share}%" title="{share} %">{number}</td>'


def _total(found: Confusion, label: str) -> int:
    called = sum(number for (true, _), number in found.called.items() if true == label)
    return called + found.missed.get(label, 0)


def _said(found: Confusion, label: str) -> int:
    called = sum(number for (_, said), number in found.called.items() if said == label)
    return called + found.false.get(label, 0)
