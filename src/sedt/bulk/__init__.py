"""Many recordings, long ones too: one table for each, work that goes on after an interrupt, totals."""

from sedt.bulk.archive import Outcome, detect_all
from sedt.bulk.job import Failure, Job, Result, Stamp, Watcher
from sedt.bulk.sources import Source, find_sources
from sedt.bulk.tables import write_tables
from sedt.bulk.workload import Workload

__all__ = [
    "Failure",
    "Job",
    "Outcome",
    "Result",
    "Source",
    "Stamp",
    "Watcher",
    "Workload",
    "detect_all",
    "find_sources",
    "write_tables",
]
