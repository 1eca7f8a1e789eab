"""Write the tables of README.md and experiments/README.md from the JSON files of the runs.

python experiments/tables.py           # rewrites what stands between <!-- table:NAME --> and <!-- /table -->
python experiments/tables.py --check   # exit 1 if something would change
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "experiments" / "results"

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


def tables() -> dict[str, str]:
    """Name -> text."""
    tuned, fixed = "thresholds per class, tuned on the validation scenes", "thresholds of 0.5"
    return {
        "urban": table("urban", {tuned: ("urban-sedt", "test"), fixed: ("urban-sedt", "test_untuned")}, ALL),
        "office": table(
            "office", {tuned: ("office-sedt", "test"), fixed: ("office-sedt", "test_untuned")}, ALL
        ),
    }


def rewritten(text: str, found: dict[str, str]) -> str:
    """`text` with its tables made anew."""
    for name, content in found.items():
        pattern = rf"(<!-- table:{name} -->\n).*?(\n<!-- /table -->)"
        text = re.sub(pattern, lambda match, content=content: match[1] + content + match[2], text, flags=re.S)
    return text


def main() -> int:
    """Rewrite, or check."""
    found, changed = tables(), []
    for path in (ROOT / "README.md", ROOT / "experiments" / "README.md"):
        old = path.read_text(encoding="utf-8")
        new = rewritten(old, found)
        if new != old:
            changed.append(path)
            if "--check" not in sys.argv:
                path.write_text(new, encoding="utf-8")
    print("\n".join(f"{path.relative_to(ROOT)}: changed" for path in changed) or "nothing changed")
    return int(bool(changed) and "--check" in sys.argv)


if __name__ == "__main__":
    raise SystemExit(main())
