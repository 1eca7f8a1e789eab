"""What each class is worth: a table, its operating curve, its PSDS curve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from sedt.decoding.decide import PerClass
from sedt.metrics import PSDS1, PSDS2, Counts, PsdsSettings, psds_counts
from sedt.pictures.chart import Chart, Line, Mark, Style, chart_html
from sedt.pictures.colours import PALETTE
from sedt.report.judged import Judged
from sedt.report.words import note, percent, plain, section, table

MOST_CLASSES = 40
"""Classes with curves of their own: the most frequent ones."""

_LEGEND = (
    '<ul class="sedt-legend"><li class="bold k0">F1</li><li class="k1">precision</li>'
    '<li class="k2">recall</li></ul>'
)
_METRICS = ("event_based", "segment_based", "tagging")


def class_table(judged: Judged) -> str:
    """F1, precision and recall of each class by three metrics, numbers of events, thresholds."""
    scores, decoding = judged.scores, judged.package.decoding
    counts = scores["event_based"]["counts"]
    is_frames = judged.package.model.network != "sedt"
    settings = ["threshold", "tag_threshold", "min_length_s", *(["median_s"] if is_frames else [])]
    head = [
        "class", "true", "found",
        "event-based F1", "P", "R", "segment-based F1", "P", "R", "tagging F1", "P", "R",
        "threshold", "of tags", "shortest, s", *(["median, s"] if is_frames else []),
    ]  # fmt: skip
    rows = []
    for label in sorted(counts, key=lambda one: (-counts[one]["reference"], one)):
        limits = [_setting(getattr(decoding, name), label) for name in settings]
        cells = [cell for name in _METRICS for cell in _cells(scores[name]["per_class"].get(label, {}))]
        number = counts[label]
        rows.append([escape(label), str(number["reference"]), str(number["estimated"]), *cells, *limits])
    for name in ("macro", "micro"):
        cells = [cell for metric in _METRICS for cell in _cells(scores[metric][name])]
        totals = [str(sum(one[key] for one in counts.values())) for key in ("reference", "estimated")]
        rows.append([f"<em>{name}</em>", *totals, *cells, *[""] * len(settings)])
    untuned = scores.get("untuned")
    before = ""
    if untuned:
        value = percent(untuned["event_based"]["macro"]["f1"])
        before = note(
            f"With the recipe's own thresholds, before they were tuned: event-based macro F1 {value}."
        )
    return section("classes", "Classes", table(head, rows, "numbers classes"), before)


def operating(judged: Judged) -> str:
    """F1, precision and recall against the threshold, a small chart per class; then PSDS."""
    points = _by_label(judged)
    kept = sorted(points, key=lambda label: (-points[label][0][1].reference, label))[:MOST_CLASSES]
    small = "".join(_small(label, points[label], judged) for label in kept)
    left = len(points) - len(kept)
    return section(
        "operating",
        "Operating curves",
        f'{_LEGEND}<div class="small">{small}</div>' if small else note("No class has true events."),
        note(f"{left} rarer classes are left out.") if left else "",
        about="Event-based figures in % against the class's threshold, all else decided as the model does; "
        "the dotted line is the threshold that the model has.",
    )


def psds_curves(judged: Judged) -> str:
    """Hit rate against false alarms per hour, of each class and of the score; precision against recall."""
    charts = [
        _psds("PSDS 1", PSDS1, judged.scores["psds1"], judged),
        _psds("PSDS 2", PSDS2, judged.scores["psds2"], judged),
        _precision_recall(judged),
    ]
    return section(
        "psds",
        "PSDS and precision-recall curves",
        f'<div class="charts">{"".join(charts)}</div>',
        about="PSDS takes all thresholds: the score is the area under the thick curve, the mean of the "
        "classes less their deviation. Point at a name to single its curve out.",
    )


def _setting(value: PerClass, label: str) -> str:
    one = value.get(label) if isinstance(value, Mapping) else value
    return "–" if one is None else f"{one:.3g}"


def _cells(figures: Mapping[str, Any]) -> Iterator[str]:
    f1 = figures.get("f1")
    share = 0.0 if f1 is None else 100 * f1
    yield f'<span class="bar" style="--share:{share:.1f}%">{percent(f1)}</span>'
    yield percent(figures.get("precision"))
    yield percent(figures.get("recall"))


def _by_label(judged: Judged) -> dict[str, list[tuple[float, Counts]]]:
    """Classes with true events: thresholds, rising, and what is counted there."""
    points: dict[str, list[tuple[float, Counts]]] = {}
    for threshold, label, counts in sorted(judged.trial.operating, key=lambda point: point.threshold):
        if counts.reference:
            points.setdefault(label, []).append((threshold, counts))
    return points


def _small(label: str, points: Sequence[tuple[float, Counts]], judged: Judged) -> str:
    x = [threshold for threshold, _ in points]
    chosen = judged.package.decoding.threshold
    at = chosen.get(label) if isinstance(chosen, Mapping) else chosen
    said = [(t, counts.precision) for t, counts in points if counts.estimated]  # 0 of 0 is nothing to draw
    lines = [
        Line("F1", x, [100 * counts.f1 for _, counts in points], 0, "bold"),
        Line("precision", [t for t, _ in said], [100 * p for _, p in said], 1),
        Line("recall", x, [100 * counts.recall for _, counts in points], 2),
    ]
    marks = [] if at is None else [Mark(at, f"{at:.2f}")]
    return chart_html(
        Chart(
            lines,
            f"{label} ({points[0][1].reference})",
            "threshold",
            "%",
            (0, 1),
            (0, 100),
            marks,
            size=(212, 158),
            legend=False,
        )
    )


def _psds(title: str, settings: PsdsSettings, score: float | None, judged: Judged) -> str:
    trial = judged.trial
    counts = psds_counts(trial.reference, trial.candidates, trial.durations, settings, judged.package.classes)
    curves = counts.curves()
    labels = [label for label in sorted(judged.package.classes) if _occurs(label, judged)]
    lines = [
        Line(label, rate.tolist(), (100 * hits).tolist(), number % len(PALETTE), _style(number))
        for number, (label, (rate, hits)) in enumerate(zip(labels, curves.values(), strict=True))
    ]
    rate, height = counts.mean_curve()
    mean = Line("mean less deviation", rate.tolist(), (100 * height).tolist(), None, "bold steps")
    return chart_html(
        Chart(
            [*lines[:MOST_CLASSES], mean],
            f"{title}: {plain(score)}",
            "effective false alarms per hour",
            "hit rate, %",
            (0, settings.max_per_hour),
            (0, 100),
            size=(340, 260),
        )
    )


def _occurs(label: str, judged: Judged) -> bool:
    return any(event.label == label for events in judged.trial.reference.values() for event in events)


def _style(number: int) -> Style:
    """Colours begin anew after the last one; then lines are dashed."""
    return "steps" if number < len(PALETTE) else "dashed steps"


def _precision_recall(judged: Judged) -> str:
    """At each recall the best precision that a threshold gives with it or with a larger one."""
    lines = []
    points = _by_label(judged)
    for number, label in enumerate(sorted(points)[:MOST_CLASSES]):
        said = [counts for _, counts in points[label] if counts.estimated]
        best: dict[float, float] = {}
        for recall in sorted({counts.recall for counts in said}):
            best[100 * recall] = 100 * max(c.precision for c in said if c.recall >= recall)
        style: Style = "plain" if number < len(PALETTE) else "dashed"
        lines.append(Line(label, [*best], [*best.values()], number % len(PALETTE), style))
    axes = ("recall, %", "best precision, %")
    return chart_html(Chart(lines, "Precision and recall", *axes, (0, 100), (0, 100), size=(340, 260)))
