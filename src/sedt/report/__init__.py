"""What came of a run, as one page that opens from the disk: curves, scores, errors to look at and to hear."""

from sedt.report.write import write_report

__all__ = ["write_report"]
