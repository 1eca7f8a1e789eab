"""Training curves: losses, scores and learning rate of each stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from sedt.pictures.chart import Chart, Line, Mark, Style, chart_html
from sedt.report.folder import RunFolder
from sedt.report.metrics_file import Epoch
from sedt.report.words import count, hours, section

CHANCE = "found_by_chance"
SCORES = ("event_based", "segment_based", "tagging", "found", CHANCE, "class_accuracy", "patch_iou")
"""Shares of 1; drawn in per cent."""

_NAMES = {
    "loss": "total",
    "found": "patches found",
    CHANCE: "found by chance",
    "class_accuracy": "patch or background",
    "patch_iou": "overlap of patches",
    "learning_rate": "all the rest",
    "backbone_learning_rate": "backbone",
    "transformer_learning_rate": "transformer",
}


def curves(run: RunFolder) -> str:
    """A row of charts for each stage that has epochs."""
    stages = dict.fromkeys(epoch.stage for epoch in run.epochs)
    parts = [_stage(run, stage, [e for e in run.epochs if e.stage == stage]) for stage in stages]
    return section("curves", "Training", *parts)


def _stage(run: RunFolder, stage: str, epochs: Sequence[Epoch]) -> str:
    names = list(dict.fromkeys(name for epoch in epochs for name in epoch.values))
    losses = [name for name in names if name.startswith("loss")]
    rates = [name for name in names if name.endswith("learning_rate")]
    scores = [name for name in SCORES if name in names]
    others = [name for name in names if name not in {*losses, *rates, *scores}]
    marks = _chosen(run, stage)
    charts = [
        _chart("Loss", "mean of the epoch", epochs, losses, marks),
        _chart(
            "Score on held-out clips" if CHANCE in scores else "Score on validation",
            "%",
            epochs,
            scores,
            marks,
        ),
        _chart("Learning rate", "at the epoch's end", epochs, rates, ()),
        *(_chart(score_name(name).capitalize(), "", epochs, [name], marks) for name in others),
    ]
    time = hours(sum(epoch.seconds for epoch in epochs))
    words = f"{count(len(epochs), 'epoch')}, {time}" + ("" if stage in run.results else "; not finished")
    return f'<h3>{escape(stage)} <small>{words}</small></h3><div class="charts">{"".join(charts)}</div>'


def _chart(
    title: str, unit: str, epochs: Sequence[Epoch], names: Sequence[str], marks: Sequence[Mark]
) -> str:
    if not names:
        return ""
    in_percent = unit == "%"
    lines = [_line(name, epochs, number, in_percent) for number, name in enumerate(names)]
    last = max(epoch.number for epoch in epochs)
    return chart_html(
        Chart(
            lines,
            title,
            "epoch",
            unit,
            x_range=(1, max(2, last)),
            y_range=(0, 100) if in_percent else None,
            marks=marks,
            whole_x=True,
        )
    )


def _line(name: str, epochs: Sequence[Epoch], number: int, in_percent: bool) -> Line:
    scale: Callable[[float], float] = (lambda v: 100 * v) if in_percent else (lambda v: v)
    measured = [epoch for epoch in epochs if name in epoch.values]
    style: Style = (
        "dashed" if name == CHANCE else "bold" if name in ("loss", "event_based", "found") else "plain"
    )
    return Line(
        score_name(name),
        [epoch.number for epoch in measured],
        [scale(epoch.values[name]) for epoch in measured],
        None if name == CHANCE else number,
        style,
    )


def score_name(name: str) -> str:
    """What a column of `metrics.csv` is called."""
    return _NAMES.get(name, name.removeprefix("loss_").replace("_based", "-based").replace("_", " "))


def _chosen(run: RunFolder, stage: str) -> list[Mark]:
    epoch = run.chosen_epoch(stage)
    return [] if epoch is None else [Mark(epoch, "chosen")]
