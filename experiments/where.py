"""Which system wins where: by the length of events, and by class.

SEDT_DATA=/data python experiments/where.py experiments/results/urban_grid/where.png      # needs matplotlib

The tables of the same figures are made by tables.py.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sedt import read_events
from sedt.events import Event, EventTable
from sedt.metrics import Scores, event_based

BINS_S = ((0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, math.inf))
"""Lengths of events, in seconds: from the first on, below the second."""


def name_of(lengths: tuple[float, float]) -> str:
    """A range of lengths in words."""
    low, high = lengths
    if low == 0:
        return f"< {high:g} s"
    return f"{low:g} to {high:g} s" if math.isfinite(high) else f"≥ {low:g} s"


def of_length(table: EventTable, lengths: tuple[float, float]) -> dict[str, list[Event]]:
    """The events that are as long as that; every file stays."""
    low, high = lengths
    return {file: [e for e in events if low <= e.duration < high] for file, events in table.items()}


def found_share(reference: EventTable, estimated: EventTable, lengths: tuple[float, float]) -> float:
    """Which share of the true events of these lengths is found with the right class and edges (recall)."""
    return event_based(of_length(reference, lengths), estimated).micro.recall


def right_share(reference: EventTable, estimated: EventTable, lengths: tuple[float, float]) -> float:
    """Which share of the found events of these lengths is right (precision).

    NaN if none is found.
    """
    found = of_length(estimated, lengths)
    return event_based(reference, found).micro.precision if any(found.values()) else math.nan


def by_length(
    reference: EventTable,
    systems: Mapping[str, Iterable[Path]],
    share: Callable[[EventTable, EventTable, tuple[float, float]], float],
) -> dict[str, list[list[float]]]:
    """System -> for each range of lengths the shares of its seeds."""
    return {
        system: [[share(reference, table, lengths) for table in tables] for lengths in BINS_S]
        for system, tables in ((s, [read_events(file) for file in files]) for s, files in systems.items())
    }


def by_class(
    reference: EventTable, systems: Mapping[str, Iterable[Path]]
) -> dict[str, dict[str, list[float]]]:
    """Class -> system -> event-based F1 of its seeds."""
    scores: dict[str, list[Scores]] = {
        system: [event_based(reference, read_events(file)) for file in files]
        for system, files in systems.items()
    }
    labels = sorted({event.label for events in reference.values() for event in events})
    return {
        label: {system: [one.per_class[label].f1 for one in seeds] for system, seeds in scores.items()}
        for label in labels
    }


def cell(shares: list[float]) -> str:
    """Mean and standard deviation, in %, of the seeds that have one."""
    shares = [share for share in shares if not math.isnan(share)]
    if not shares:
        return "-"
    mean = f"{100 * statistics.mean(shares):.1f}"
    return mean if len(shares) < 2 else f"{mean} ± {100 * statistics.stdev(shares):.1f}"


def length_table(reference: EventTable, systems: Mapping[str, list[Path]]) -> str:
    """Markdown: true events found, and found events that are right, by their length."""
    found = by_length(reference, systems, found_share)
    right = by_length(reference, systems, right_share)
    numbers = [sum(map(len, of_length(reference, lengths).values())) for lengths in BINS_S]
    heads = [f"{name_of(lengths)} ({number})" for lengths, number in zip(BINS_S, numbers, strict=True)]
    columns = [*(f"found, {head}" for head in heads), *(f"right, {name_of(lengths)}" for lengths in BINS_S)]
    lines = [f"| in % | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
    lines += [
        f"| {system} | {' | '.join(cell(shares) for shares in [*found[system], *right[system]])} |"
        for system in systems
    ]
    return "\n".join(lines)


def class_table(reference: EventTable, systems: Mapping[str, list[Path]]) -> str:
    """Markdown: event-based F1 of each class."""
    lines = [f"| F1 in % | {' | '.join(systems)} |", "|---|" + "--:|" * len(systems)]
    for label, scores in by_class(reference, systems).items():
        lines.append(f"| {label} | {' | '.join(cell(scores[system]) for system in systems)} |")
    return "\n".join(lines)


def draw(path: Path, reference: EventTable, systems: Mapping[str, list[Path]]) -> None:
    """Two panels: true events found by length; event-based F1 by class. Bars are means, dots are seeds."""
    from matplotlib import pyplot

    found = by_length(reference, systems, found_share)
    classes = by_class(reference, systems)
    panels = {
        "true events found, in %": {
            name_of(lengths): {system: found[system][i] for system in systems}
            for i, lengths in enumerate(BINS_S)
        },
        "event-based F1, in %": {label.replace("_", " "): scores for label, scores in classes.items()},
    }
    figure, axes = pyplot.subplots(
        1, 2, figsize=(13, 4.8), width_ratios=(1, 2.2), layout="constrained", sharey=True
    )
    width = 0.8 / len(systems)
    for axis, (title, groups) in zip(axes, panels.items(), strict=True):
        for i, system in enumerate(systems):
            for at, scores in enumerate(groups.values()):
                seeds, place = [100 * x for x in scores[system]], at + (i - (len(systems) - 1) / 2) * width
                axis.bar(
                    place, statistics.mean(seeds), width, color=f"C{i}", label=system if at == 0 else None
                )
                axis.plot([place] * len(seeds), seeds, "k.", markersize=3)
        axis.set_title(title)
        axis.set_xticks(range(len(groups)), list(groups), rotation=30, ha="right")
        axis.spines[["top", "right"]].set_visible(False)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, frameon=False, loc="outside lower center", ncols=4)
    figure.savefig(path, dpi=90)


def main() -> int:
    """Draw the figure of the grid on `urban`."""
    from tables import grid_systems, urban_truth

    reference = urban_truth()
    if reference is None:
        raise SystemExit("SEDT_DATA names no folder with urban_test/strong.tsv")
    draw(Path(sys.argv[1]), reference, grid_systems("urban_grid"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
