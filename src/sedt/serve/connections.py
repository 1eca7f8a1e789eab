"""Connections: how many there are, and how long one may ask nothing. uvicorn itself would keep idle ones."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from sedt.serve.logs import note
from sedt.serve.settings import ServeSettings

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: 46\r\n\r\n"
    b'{"detail": "too many connections: try later"}\n'
)


SENDING = 6
"""So many times longer than for a question one waits for a line to take more of an answer: systems tell that
in large pieces only."""


class Connections:
    """All of a server. At the limit the oldest that asks nothing makes room for a new one."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self._idle: dict[GuardedProtocol, None] = {}  # in the order in which they became idle
        self._num_closed = 0

    def protocol(self, **options: Any) -> GuardedProtocol:
        """For uvicorn: what it makes for each connection."""
        return GuardedProtocol(self, **options)

    def is_idle(self, connection: GuardedProtocol) -> None:
        """It asks nothing from now on."""
        self._idle.pop(connection, None)
        self._idle[connection] = None

    def is_busy(self, connection: GuardedProtocol) -> None:
        """It asks, or is gone."""
        self._idle.pop(connection, None)

    def make_room(self, num_open: int) -> bool:
        """Whether a new one may stay; closes another for it where that is needed."""
        if num_open <= self.settings.max_connections:
            return True
        oldest = next(iter(self._idle), None)
        if oldest is None:
            return False
        if self._num_closed % self.settings.max_connections == 0:
            note("too many connections: those that ask nothing are closed", open=num_open)
        self._num_closed += 1
        oldest.abandon()
        return True


class GuardedProtocol(H11Protocol):
    """A connection that must ask something in time."""

    def __init__(self, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._all = connections
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, or another out."""
        super().connection_made(transport)
        if self._all.make_room(len(self.connections)):
            self._wait()
        else:
            transport.write(_FULL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._asks()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Bytes came: perhaps the head of a request is whole."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._asks()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Another protocol takes over."""
        self._asks()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """The next request, or the rest of a body that nobody reads, has as long as the first."""
        self._wait()
        super().on_response_complete()

    def abandon(self) -> None:
        """Close it."""
        self._asks()
        self.transport.abort()

    def _wait(self) -> None:
        self._asks()
        self._unsent = self.transport.get_write_buffer_size()
        patience_s = self._all.settings.request_head_s
        if self._unsent:
            patience_s *= SENDING
        else:
            self._all.is_idle(self)
        self._timer = self.loop.call_later(patience_s, self._look)

    def _look(self) -> None:
        """An answer that is still on its way has time as long as it moves."""
        if self._unsent and self.transport.get_write_buffer_size() < self._unsent:
            self._wait()
        else:
            self.abandon()

    def _asks(self) -> None:
        self._all.is_busy(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
