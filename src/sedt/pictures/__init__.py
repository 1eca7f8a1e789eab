"""Pictures of what was found: files drawn by matplotlib, players and charts for pages and notebooks."""

from sedt.pictures.colours import PALETTE
from sedt.pictures.drawing import draw_events
from sedt.pictures.notebook import Events, Shown, show
from sedt.pictures.spectrogram import MAX_COLUMNS, spectrogram_db

__all__ = ["MAX_COLUMNS", "PALETTE", "Events", "Shown", "draw_events", "show", "spectrogram_db"]
