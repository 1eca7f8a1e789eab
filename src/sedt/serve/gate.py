"""What every request passes: who may, how long it took, what it was answered."""

from __future__ import annotations

import asyncio
import hmac
import time
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sedt.serve.logs import LOG, note
from sedt.serve.metrics import Metrics
from sedt.serve.settings import ServeSettings

_METHODS = {"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"}
"""Any other word that a client makes up is counted as one."""
_CLIENT_GONE = 499
"""What logs say where nobody is left to answer."""
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self' blob: data: ws: wss:; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Pages load nothing from outside."""


class Gate:
    """ASGI middleware: token, origin, log, metrics, headers."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request; WebSockets ask `refusal` themselves, once they can say why they close."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passage = _Passage(scope, send)
        try:
            status, reason = (200, None) if _is_open(scope["path"]) else refusal(scope, self._settings)
            if reason is None:
                await self._app(scope, receive, passage.send)
            else:
                head = {"WWW-Authenticate": "Bearer"} if status == 401 else None
                await JSONResponse({"detail": reason}, status, head)(scope, receive, passage.send)
        except ClientDisconnect:
            passage.status = passage.status or _CLIENT_GONE
        except asyncio.CancelledError:
            if not passage.status:  # the server is being stopped, and has waited as long as it may
                answer = JSONResponse({"detail": "the server is being stopped"}, 503)
                await answer(scope, receive, passage.send)
        except Exception:
            LOG.exception("a request failed", extra={"facts": {"path": scope["path"]}})
            if not passage.status:
                answer = JSONResponse({"detail": "the server failed; its log says why"}, 500)
                await answer(scope, receive, passage.send)
        finally:
            self._tell(scope, passage)

    def _tell(self, scope: Scope, passage: _Passage) -> None:
        seconds = time.monotonic() - passage.start
        status = passage.status or _CLIENT_GONE
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.request(method, route, status, seconds)
        note(
            "request",
            method=method,
            path=scope["path"][:200],
            status=status,
            ms=round(seconds * 1000, 1),
            client=scope["client"][0] if scope.get("client") else None,
            **scope.get("facts", {}),
        )


class _Passage:
    """Sends an answer and remembers its status."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self.status = 0
        self.start = time.monotonic()

    async def send(self, message: Message) -> None:
        """With headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers["Content-Security-Policy"] = _POLICY
            headers.setdefault("Cache-Control", "no-cache")
        await self._send(message)


def add_facts(scope: Scope, **facts: Any) -> None:
    """What the log line of this request also says."""
    scope.setdefault("facts", {}).update(facts)


def refusal(scope: Scope, settings: ServeSettings) -> tuple[int, str | None]:
    """Status and reason for which a request is not let in; of one that may come in, None."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is not None and not _is_same_site(origin, headers.get("host", ""), settings):
        return (
            403,
            f"a page of {origin[:80]!a} may not use this server (`sedt serve --origin` allows it)",
        )
    if settings.token is None:
        return 200, None
    given = _given_token(headers, scope["query_string"])
    if given is None:
        return 401, "a token is needed: header `Authorization: Bearer TOKEN`"
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), settings.token.encode()):
        return 401, "the token is wrong"
    return 200, None


def _is_open(path: str) -> bool:
    return path in {"/", "/health", "/page", "/favicon.ico"} or path.startswith("/page/")


def _is_same_site(origin: str, host: str, settings: ServeSettings) -> bool:
    """A browser names the site of the page that asks; programs name none.

    Whoever owns a name can let it mean this machine (DNS rebinding), so that their page and this server are
    one site to a browser. Where no token is asked for, only addresses and `localhost` are believed.
    """
    if origin in settings.origins:
        return True
    try:
        is_same = urlsplit(origin).netloc == host
        return is_same and (settings.token is not None or _is_address(urlsplit(f"//{host}").hostname))
    except ValueError:
        return False


def _is_address(name: str | None) -> bool:
    """Raises ValueError: a name that others may own."""
    return name == "localhost" or bool(ip_address(name or ""))


def _given_token(headers: Headers, query: bytes) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    named = parse_qs(query.decode("latin-1")).get("token")
    return named[0] if named else None
