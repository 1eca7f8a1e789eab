"""`/docs`: what OpenAPI says, as a page without scripts. FastAPI's own loads them from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

_STREAM = """
<section><h2><code>WS /stream</code></h2>
<p>Query <code>sample_rate=48000&amp;format=f32|s16</code>, optional <code>threshold</code>. Binary messages
are mono samples, little-endian, in blocks of any size; each event comes as a JSON text message as soon as it
is decided. An empty binary message ends: the last events come, then
<code>{"end": true, "duration": seconds}</code>.</p></section>
"""
_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>sedt: what the server answers</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
section { border-top: 1px solid; padding: 0.5rem 0 } table { border-collapse: collapse }
td { padding: 0.1rem 1rem 0.1rem 0; vertical-align: top } h2 { font-size: 1.1rem }
</style>
"""


def docs_page(openapi: dict[str, Any]) -> str:
    """HTML of an OpenAPI description."""
    info = openapi["info"]
    parts = [
        _HEAD,
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        '<p><a href="openapi.json">openapi.json</a> for programs; with a token: '
        "<code>Authorization: Bearer TOKEN</code>.</p>",
    ]
    for path, methods in openapi["paths"].items():
        parts += [_operation(method, path, operation) for method, operation in methods.items()]
    return "\n".join([*parts, _STREAM, "</html>"])


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        (f"query <code>{escape(one['name'])}</code>", one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {})
    for kind, content in body.items():
        fields = content["schema"].get("properties", {})
        rows += [
            (f"{escape(kind)} <code>{escape(name)}</code>", one.get("description", ""))
            for name, one in fields.items()
        ]
    rows += [(f"answer {status}", one["description"]) for status, one in operation["responses"].items()]
    table = "".join(f"<tr><td>{name}<td>{escape(text)}" for name, text in rows)
    return (
        f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description', ''))}<table>{table}</table></section>"
    )
