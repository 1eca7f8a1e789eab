"""Write the tables of README.md and experiments/README.md from the JSON files of the runs.

python experiments/tables.py           # rewrites what stands between <!-- table:NAME --> and <!-- /table -->
python experiments/tables.py --check   # exit 1 if something would change
python experiments/tables.py --grid experiments/grids/dcase2019.toml   # prints what a grid has come to so far
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from record import RESULTS, ROOT, read_grid, told_in_a_line
from where import class_table, length_table

import sedt
from sedt.evaluation import Counted, compare_runs, counted
from sedt.events import EventTable

Run = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A figure of a run."""

    title: str
    keys: tuple[str, ...]
    percent: bool = True

    def value(self, scores: Run) -> float:
        """Of one run's scores."""
        found: Any = scores
        for key in self.keys:
            found = found[key]
        return float(found) * (100 if self.percent else 1)

    def cell(self, runs: list[Run]) -> str:
        """Mean and standard deviation over seeds; a single run has no deviation."""
        values = [self.value(scores) for scores in runs]
        digits = 1 if self.percent else 3
        mean = f"{statistics.mean(values):.{digits}f}"
        return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


F1 = [
    Column("event-based", ("event_based", "macro", "f1")),
    Column("segment-based", ("segment_based", "macro", "f1")),
    Column("tagging", ("tagging", "macro", "f1")),
]
ALL = [
    *F1,
    Column("intersection", ("intersection_based", "macro", "f1")),
    Column("tags", ("tagging_from_tags", "macro", "f1")),
    Column("PSDS1", ("psds1",), percent=False),
    Column("PSDS2", ("psds2",), percent=False),
]


def runs(folder: str, name: str) -> list[Run]:
    """All seeds of a recipe."""
    files = sorted((RESULTS / folder).glob(f"{name}_seed[0-9].json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def table(folder: str, rows: dict[str, tuple[str, str]], columns: list[Column]) -> str:
    """Rows: title -> (name of the runs, which of their scores); rows without runs are left out."""
    lines = [
        f"| F1 in %, macro | seeds | {' | '.join(column.title for column in columns)} |",
        "|---|--:|" + "--:|" * len(columns),
    ]
    for title, (name, which) in rows.items():
        scores = [run[which] for run in runs(folder, name) if run.get(which)]
        if scores:
            cells = " | ".join(column.cell(scores) for column in columns)
            lines.append(f"| {title} | {len(scores)} | {cells} |")
    return "\n".join(lines)


GRID = {
    "SEDT, E = 3": "sedt_e3",
    "SP-SEDT, E = 3": "sp_sedt_e3",
    "- with the paper's patches and weights": "sp_sedt_e3_as_published",
    "SEDT, E = 3, pointed edges": "sedt_e3_pointed",
    "SP-SEDT, E = 3, pointed edges": "sp_sedt_e3_pointed",
    "- without reconstruction loss": "sp_sedt_e3_without_reconstruction",
    "- without class loss": "sp_sedt_e3_without_class_loss",
    "- patches of one size": "sp_sedt_e3_fixed_size",
    "SEDT, E = 6, pointed edges": "sedt_e6",
    "SP-SEDT, E = 6, pointed edges": "sp_sedt_e6",
    "CRNN": "crnn",
    "Conv-Transformer, E = 3": "conv_transformer_e3",
    "Conv-Transformer, E = 6": "conv_transformer_e6",
    "SP-SEDT, E = 3, pointed edges, then a teacher": "sp_sedt_semi",
    "SEDT, E = 3, pointed edges, half the strong labels": "sedt_e3_half",
    "SP-SEDT, E = 3, pointed edges, half the strong labels": "sp_sedt_e3_half",
}
PAPER = {
    "CRNN": (30.61, 62.21, None),
    "Conv-Transformer, E = 3": (34.27, 65.07, None),
    "Conv-Transformer, E = 6": (34.28, 64.33, None),
    "SEDT, E = 3": (29.69, 61.57, 70.53),
    "SP-SEDT, E = 3": (33.85, 64.14, 73.47),
    "- without reconstruction loss": (27.99, None, 66.61),
    "- without class loss": (28.35, None, 71.20),
    "- patches of one size": (28.30, None, 68.41),
    "SEDT, E = 6, pointed edges": (31.64, 61.18, 69.11),
    "SP-SEDT, E = 6, pointed edges": (35.93, 65.44, 73.70),
}
"""Tables 1 and 2 of arXiv 2111.15222, on DCASE 2019 task 4: event-based, segment-based, tagging."""

CLAIMS = {
    "pre-training gains, E = 3": ("sp_sedt_e3", "sedt_e3"),
    "pre-training gains, E = 3, pointed edges": ("sp_sedt_e3_pointed", "sedt_e3_pointed"),
    "pre-training gains, E = 6": ("sp_sedt_e6", "sedt_e6"),
    "the reconstruction loss matters": ("sp_sedt_e3_pointed", "sp_sedt_e3_without_reconstruction"),
    "the class loss matters": ("sp_sedt_e3_pointed", "sp_sedt_e3_without_class_loss"),
    "random size matters": ("sp_sedt_e3_pointed", "sp_sedt_e3_fixed_size"),
    "a deeper encoder gains without pre-training": ("sedt_e6", "sedt_e3_pointed"),
    "a deeper encoder gains with pre-training": ("sp_sedt_e6", "sp_sedt_e3_pointed"),
    "pointed edges gain": ("sedt_e3_pointed", "sedt_e3"),
    "SEDT against CRNN": ("sedt_e3", "crnn"),
    "SEDT, pointed edges, against CRNN": ("sedt_e3_pointed", "crnn"),
    "SEDT, pointed edges, against Conv-Transformer, E = 3": ("sedt_e3_pointed", "conv_transformer_e3"),
    "SP-SEDT, pointed edges, against CRNN": ("sp_sedt_e3_pointed", "crnn"),
    "SP-SEDT, pointed edges, against Conv-Transformer, E = 3": ("sp_sedt_e3_pointed", "conv_transformer_e3"),
    "Conv-Transformer, E = 3, against CRNN": ("conv_transformer_e3", "crnn"),
    "Conv-Transformer, E = 6, against E = 3": ("conv_transformer_e6", "conv_transformer_e3"),
    "a teacher gains": ("sp_sedt_semi", "sp_sedt_e3_pointed"),
    "SP-SEDT, pointed edges, then a teacher, against CRNN": ("sp_sedt_semi", "crnn"),
    "the same against Conv-Transformer, E = 3": ("sp_sedt_semi", "conv_transformer_e3"),
    "half the labels against all, both without pre-training": ("sedt_e3_half", "sedt_e3_pointed"),
    "half the labels with pre-training against all without": ("sp_sedt_e3_half", "sedt_e3_pointed"),
    "pre-training gains, half the labels": ("sp_sedt_e3_half", "sedt_e3_half"),
}
COMPARED = ("event_based_macro_f1", "segment_based_macro_f1", "tagging_macro_f1")


def beside_the_paper(folder: str) -> str:
    """Rows of the grid with the paper's figures, which are of other data."""
    lines = [
        "| F1 in %, macro | seeds | event-based | segment-based | tagging | paper: event | segm. | tag. |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for title, name in GRID.items():
        scores = [run["test"] for run in runs(folder, name)]
        ours = [column.cell(scores) for column in F1] if scores else []
        theirs = ["-" if value is None else f"{value:.1f}" for value in PAPER.get(title, (None,) * 3)]
        if ours:
            lines.append(f"| {title} | {len(scores)} | {' | '.join([*ours, *theirs])} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def all_figures(folder: str) -> str:
    """Every metric of each row, and the hours of one run."""
    lines = [
        f"| F1 in %, macro | {' | '.join(column.title for column in ALL)} | untuned event-based | hours |",
        "|---|" + "--:|" * (len(ALL) + 2),
    ]
    for title, name in GRID.items():
        found = runs(folder, name)
        if found:
            cells = [column.cell([run["test"] for run in found]) for column in ALL]
            cells.append(F1[0].cell([run["test_untuned"] or run["test"] for run in found]))
            cells.append(f"{statistics.mean(hours(run) for run in found):.1f}")
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def hours(run: Run) -> float:
    """Of all its stages."""
    return sum(float(stage["hours"]) for stage in run["stages"].values())


def urban_truth() -> EventTable | None:
    """The true events of `urban_test`; None where the data are not."""
    truth = Path(os.environ.get("SEDT_DATA", "")) / "urban_test" / "strong.tsv"
    return sedt.read_events(truth) if os.environ.get("SEDT_DATA") and truth.is_file() else None


SYSTEMS = (
    "SEDT, E = 3",
    "SP-SEDT, E = 3",
    "SEDT, E = 3, pointed edges",
    "SP-SEDT, E = 3, pointed edges",
    "CRNN",
    "Conv-Transformer, E = 3",
    "SP-SEDT, E = 3, pointed edges, then a teacher",
)
"""Whose answers are looked at by length and class."""


def grid_systems(folder: str) -> dict[str, list[Path]]:
    """Title -> the found events of its seeds, of the systems that have been run."""
    events = RESULTS / folder / "events"
    found = {title: sorted(events.glob(f"{GRID[title]}_seed[0-9].tsv")) for title in SYSTEMS}
    return {title: files for title, files in found.items() if files}


def claims(folder: str) -> str:
    """Differences of means over seeds, with the range of 95 % that other test files would give."""
    reference, events = urban_truth(), RESULTS / folder / "events"
    if reference is None:
        return ""
    lines = [
        "| difference of F1, points | seeds | event-based | segment-based | tagging |",
        "|---|--:|--:|--:|--:|",
    ]

    @cache
    def run(file: Path) -> Counted:
        return counted(reference, sedt.read_events(file))

    for claim, (better, worse) in CLAIMS.items():
        files = [{file.stem[-1]: file for file in events.glob(f"{n}_seed[0-9].tsv")} for n in (better, worse)]
        seeds = sorted(files[0].keys() & files[1].keys())
        if seeds:  # rows of the grid that have been run
            differences = compare_runs(reference, *([run(of[seed]) for seed in seeds] for of in files))
            cells = " | ".join(
                f"{100 * d.difference:+.1f} [{100 * d.low:+.1f}, {100 * d.high:+.1f}]"
                for d in (differences[name] for name in COMPARED)
            )
            lines.append(f"| {claim} | {len(seeds)} | {cells} |")
    return "\n".join(lines) if len(lines) > 2 else ""


FINCH = {
    "10 minutes; SP-SEDT: pre-trained on all recordings": "pretrained",
    "10 minutes; SEDT: no pre-training": "scratch",
    "10 minutes; as `sedt new` writes it: pre-training, pointed edges, denoising": "new",
    "10 minutes; CRNN": "crnn",
    "2 minutes; SP-SEDT: pre-trained on all recordings": "pretrained_2min",
    "2 minutes; SEDT: no pre-training": "scratch_2min",
    "2 minutes; SEDT: no pre-training, pointed edges and denoising": "pointed_2min",
    "2 minutes; as `sedt new` writes it: pre-training, pointed edges, denoising": "new_2min",
}
FINCH_EIGHTHS = (1, 2, 3, 4, 8)
"""Of fine-tuning, where its learning curve is shown."""
FINCH_COLUMNS = [
    Column("any, 50 ms", ("test", "any_50ms", "micro", "f1")),
    Column("any, 20 ms", ("test", "any_20ms", "micro", "f1")),
    Column("each, 50 ms", ("test", "each_50ms", "macro_f1")),
    Column("each, 20 ms", ("test", "each_20ms", "macro_f1")),
]


def finch() -> str:
    """Syllables found from few minutes of labels."""
    lines = [
        f"| labels; F1 in % | seeds | {' | '.join(column.title for column in FINCH_COLUMNS)} | hours |",
        "|---|--:|" + "--:|" * (len(FINCH_COLUMNS) + 1),
    ]
    for title, arm in FINCH.items():
        found = runs("finch", arm)
        if found:
            cells = " | ".join(column.cell(found) for column in FINCH_COLUMNS)
            mean = statistics.mean(sum(run["stages"].values()) for run in found)
            lines.append(f"| {title} | {len(found)} | {cells} | {mean:.1f} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def finch_learning() -> str:
    """Validation after some of the epochs of fine-tuning."""
    lines = [
        f"| event-based F1 in % after | {' | '.join(f'{n}/8 of the epochs' for n in FINCH_EIGHTHS)} |",
        "|---|" + "--:|" * len(FINCH_EIGHTHS),
    ]
    for title, arm in FINCH.items():
        eighths = [list(run["validation"].values()) for run in runs("finch", arm)]
        curves = [{str(n): one[n - 1] for n in FINCH_EIGHTHS} for one in eighths if len(one) == 8]
        if curves:
            cells = [Column(f"{n}/8", (str(n),)).cell(curves) for n in FINCH_EIGHTHS]
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) if len(lines) > 2 else ""


EDGES = {
    "seed 0, regressed edges, as in the paper": "base_seed0",
    "seed 0, an encoder that must say what sounds in each step": "steps_seed0",
    "seed 0, denoising": "denoising_seed0",
    "seed 0, pointed edges": "pointed_seed0",
    "seed 0, pointed edges and denoising": "both_seed0",
    "the same, twelve epochs planned": "both_seed0_twelve",
    "seed 1, regressed edges": "base_seed1",
    "seed 1, denoising": "denoising_seed1",
}
EDGES_EPOCHS = (2, 3, 4, 6, 10)


def edges() -> str:
    """Validation scores while it learned, and the seconds of the epochs that all runs have."""
    file = RESULTS / "urban_grid" / "edges.json"
    known = json.loads(file.read_text(encoding="utf-8"))["runs"]
    lines = [
        f"| event / segment / tagging after | {' | '.join(f'{n} epochs' for n in EDGES_EPOCHS)} "
        "| seconds of an epoch |",
        "|---|" + "--:|" * (len(EDGES_EPOCHS) + 1),
    ]
    for title, name in EDGES.items():
        epochs = known[name]["epochs"]
        cells = [
            " / ".join(
                f"{100 * epochs[n - 1][key]:.1f}" for key in ("event_based", "segment_based", "tagging")
            )
            if n <= len(epochs)
            else ""
            for n in EDGES_EPOCHS
        ]
        seconds = statistics.median(epoch["seconds"] for epoch in epochs[:5])
        lines.append(f"| {title} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """Name -> text; tables that cannot be made here are left as they are."""
    tuned, fixed = "thresholds per class, tuned on the validation scenes", "thresholds of 0.5"
    truth, systems = urban_truth(), grid_systems("urban_grid")
    found = {
        "urban_lengths": length_table(truth, systems) if truth else "",
        "urban_classes": class_table(truth, systems) if truth else "",
        "urban": table("urban", {tuned: ("urban-sedt", "test"), fixed: ("urban-sedt", "test_untuned")}, ALL),
        "office": table(
            "office", {tuned: ("office-sedt", "test"), fixed: ("office-sedt", "test_untuned")}, ALL
        ),
        "urban_grid": beside_the_paper("urban_grid"),
        "urban_all": all_figures("urban_grid"),
        "urban_claims": claims("urban_grid"),
        "urban_edges": edges(),
        "finch": finch(),
        "finch_learning": finch_learning(),
    }
    return {name: text for name, text in found.items() if text}


def rewritten(text: str, found: dict[str, str]) -> str:
    """`text` with its tables made anew."""
    for name, content in found.items():
        pattern = rf"(<!-- table:{name} -->\n).*?(\n<!-- /table -->)"
        text = re.sub(pattern, lambda match, content=content: match[1] + content + match[2], text, flags=re.S)
    return text


WHICH = {"test": "", "test_untuned": ", untuned"}
"""Which scores of a run, and what a row of them is called."""


def of_grid(file: Path) -> str:
    """Every row of a grid that has been run: tuned where its recipe tunes, else as it is; then untuned."""
    grid = read_grid(file)
    rows = {f"{row}{also}": (row, which) for row in grid["rows"] for which, also in WHICH.items()}
    return table(grid["results"], rows, ALL)


def main() -> int:
    """Rewrite, check, or print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if something would")
    parser.add_argument("--grid", type=Path, help="print the table of a grid")
    options = parser.parse_args()
    if options.grid is not None:
        print(of_grid(options.grid))
        return 0
    found, changed = tables(), []
    for path in (ROOT / "README.md", ROOT / "experiments" / "README.md"):
        old = path.read_text(encoding="utf-8")
        new = rewritten(old, found)
        if new != old:
            changed.append(path)
            if not options.check:
                path.write_text(new, encoding="utf-8")
    print("\n".join(f"{path.relative_to(ROOT)}: changed" for path in changed) or "nothing changed")
    return int(bool(changed) and options.check)


if __name__ == "__main__":
    with told_in_a_line():
        raise SystemExit(main())
