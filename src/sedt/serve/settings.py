"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServeSettings:
    """Limits and permissions of a server."""

    model: str = "demo"
    """What the model is called in answers."""
    fingerprint: str = ""
    """Tells the model from others that are called the same."""
    token: str | None = None
    """Who does not name it is refused; None: nobody is."""
    origins: tuple[str, ...] = ()
    """Other sites whose pages may use the server, as `https://example.org`."""
    corrections: Path | None = None
    """Folder of corrected labels; None: they are not taken."""
    queue: int = 32
    """Requests in hand at most: received, waiting or worked on. Another one gets 503."""
    workers: int = 8
    """Requests that are worked on at once; their windows share batches."""
    max_upload_bytes: int = 100_000_000
    """Of a recording."""
    max_duration_s: float = 3600.0
    """Of a recording, decoded."""
    max_streams: int = 8
    """WebSockets at once."""
    max_connections: int = 1024
    """Of any kind. One more closes the oldest that asks nothing."""
    request_head_s: float = 10.0
    """A connection that has asked nothing for so long is closed."""
    upload_start_s: float = 30.0
    """Seconds that any upload may take ..."""
    upload_bytes_per_s: int = 8_192
    """... and how fast a longer one must be on average."""
    stream_idle_s: float = 60.0
    """A WebSocket without samples for so long is closed."""
    stop_s: int = 30
    """Seconds that running requests get when the server is stopped."""
