"""From a detector to a server that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
from typing import Any, cast

import uvicorn

from sedt.detector import Detector
from sedt.errors import InputError
from sedt.serve.app import Service, create_app
from sedt.serve.connections import Connections
from sedt.serve.logs import note
from sedt.serve.settings import ServeSettings

_BACKLOG = 512
_SPARE_FILES = 256
"""Files that are open besides connections."""


def bind(host: str, port: int) -> socket.socket:
    """A port that is ours, but not yet open; 0 means any. Raises InputError: it is in use, or forbidden."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        if os.name == "posix":  # elsewhere it means that two servers may share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        return bound
    except OSError as error:
        bound.close()
        reason = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            reason = "another program uses it (--port chooses another one)"
        raise InputError(f"port {port} of {host} cannot be opened: {reason}") from error


class _Server(uvicorn.Server):
    """Says when it is there, not before somebody may connect; ends the threads that detect."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the ports."""
        await super().startup(sockets)
        for port in sockets or ():
            host, number = port.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            note("serving", url=f"http://{shown}:{number}/", pid=os.getpid())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for what is in hand, not for ever; then end the threads."""
        await super().shutdown(sockets)
        await asyncio.to_thread(self._service.work.stop)


def make_server(detector: Detector, settings: ServeSettings) -> uvicorn.Server:
    """A server for `server.run(sockets=[bind(...)])`."""
    service, connections = Service(detector, settings), Connections(settings)
    config = uvicorn.Config(
        create_app(service),
        loop="asyncio",
        http=cast(Any, connections.protocol),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_timeout=None,  # a pong stands behind samples that wait for the model
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=settings.stop_s,
    )
    return _Server(config, service)


def serve(detector: Detector, settings: ServeSettings, port: socket.socket) -> None:
    """Answer until SIGTERM or SIGINT; then what is in hand is done, within `settings.stop_s`."""
    gc.freeze()  # the model lives as long as the server
    try:
        make_server(detector, settings).run(sockets=[port])
    finally:  # uvicorn raises the signal again that stopped it
        note("stopped")


def allow_files(num_connections: int) -> None:
    """Raise this process's limit of open files to what connections need. Raises InputError: it may not."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    number = num_connections + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        told = f"{num_connections} connections need {number} open files"
        raise InputError(f"--max-connections: {told}; this system allows {hard}")
    if soft != resource.RLIM_INFINITY and soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
