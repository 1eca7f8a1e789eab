"""A stand-in of the Hub on loopback: the part of its HTTP API that `huggingface_hub` calls, kept in memory.

Paths, bodies, headers and error codes are the Hub's, read off what its client sends and expects.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_right"
READ_ONLY = "hf_reads"


@dataclass
class Repo:
    """A repository: commits, newest last."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, files: dict[str, bytes], message: str = "") -> str:
        """Files over those of the last commit; returns its hash."""
        last = list(self.commits.values())[-1] if self.commits else {}
        oid = hashlib.sha1(f"{len(self.commits)}{message}".encode()).hexdigest()
        self.commits[oid] = {**last, **files}
        self.messages.append(message)
        return oid

    def resolve(self, revision: str) -> str | None:
        """Branch `main` or a hash -> hash."""
        if revision == "main":
            return list(self.commits)[-1]
        return revision if revision in self.commits else None


class FakeHub(ThreadingHTTPServer):
    """`with FakeHub() as hub:` serves; `hub.url` is what HF_ENDPOINT is set to."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        """What was uploaded as large files, by SHA-256."""
        self.asked: list[str] = []
        """Method and path of each request."""
        self.cut: Callable[[], None] | None = None
        """Called in the middle of a large file, in the place of its second half."""
        self.refuses_with: int | None = None
        """Answer to everything."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No more connections, as if the machine were gone."""
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: FakeHub

    def log_message(self, *arguments: object) -> None:
        """Nothing: tests read the standard error."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        if self.server.refuses_with is not None:
            return self._json({"error": "told to refuse"}, self.server.refuses_with)
        for pattern, method in ROUTES:
            found = re.fullmatch(pattern, f"{self.command} {path}")
            if found:
                return method(self, body, *found.groups())
        return self._json({"error": f"the stand-in has no {self.command} {path}"}, 501)

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _json(self, content: Any, status: int = 200, **headers: str) -> None:
        self._send(json.dumps(content).encode(), status, {"Content-Type": "application/json", **headers})

    def _send(self, body: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        half = len(body) // 2
        self.wfile.write(body[:half])
        if self.server.cut is not None and len(body) > 100_000:
            self.wfile.flush()
            self.server.cut()
            self.close_connection = True
            return
        self.wfile.write(body[half:])

    def _token(self) -> str | None:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None

    def _error(self, status: int, code: str, message: str) -> None:
        self._json({"error": message}, status, **{"X-Error-Code": code, "X-Error-Message": message})

    # -- reading ---------------------------------------------------------------------------------

    def _readable(self, name: str, revision: str) -> tuple[Repo, str] | None:
        """A repository and a commit, or None and the Hub's answer is out."""
        repo = self.server.repos.get(name)
        if repo is None or (repo.private and self._token() not in (TOKEN, READ_ONLY)):
            status = 404 if self._token() in (TOKEN, READ_ONLY) else 401
            self._error(status, "RepoNotFound", "Repository not found")
            return None
        if repo.gated and self._token() != TOKEN:
            self._error(403, "GatedRepo", "Access to this model is restricted")
            return None
        oid = repo.resolve(revision)
        if oid is None:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return repo, oid

    def repo_info(self, body: bytes, name: str, revision: str | None) -> None:
        readable = self._readable(name, revision or "main")
        if readable is None:
            return
        repo, oid = readable
        files = [{"rfilename": path} for path in repo.commits[oid]]
        self._json({"id": name, "modelId": name, "sha": oid, "private": repo.private, "siblings": files})

    def tree(self, body: bytes, name: str, revision: str) -> None:
        readable = self._readable(name, revision)
        if readable is None:
            return
        repo, oid = readable
        entries = []
        for path, content in repo.commits[oid].items():
            entry: dict[str, Any] = {
                "type": "file",
                "path": path,
                "size": len(content),
                "oid": git_oid(content),
            }
            if is_large(path):
                entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 132}
            entries.append(entry)
        self._json(entries)

    def resolve(self, body: bytes, name: str, revision: str, path: str) -> None:
        readable = self._readable(name, revision)
        if readable is None:
            return
        repo, oid = readable
        content = repo.commits[oid].get(path)
        if content is None:
            self._error(404, "EntryNotFound", "Entry not found")
            return
        etag = sha256(content) if is_large(path) else git_oid(content)
        self._send(content, 200, {"ETag": f'"{etag}"', "X-Repo-Commit": oid})

    # -- writing ---------------------------------------------------------------------------------

    def _may_write(self) -> bool:
        if self._token() == TOKEN:
            return True
        if self._token() == READ_ONLY:
            self._json({"error": "You don't have the rights"}, 403, **{"X-Error-Message": "no rights"})
        else:
            self._json({"error": "Invalid username or password."}, 401)
        return False

    def create(self, body: bytes) -> None:
        if not self._may_write():
            return
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        known = name in self.server.repos
        if not known:
            private = asked.get("visibility") == "private" or bool(asked.get("private"))
            self.server.repos[name] = Repo(private)
            self.server.repos[name].commit({".gitattributes": b""}, "initial commit")
        content = {"url": f"{self.server.url}/{name}", "name": name, "id": name}
        self._json(content, 409 if known else 200)

    def validate_yaml(self, body: bytes) -> None:
        asked = json.loads(body)
        assert asked["repoType"] == "model"
        self._json({"errors": [], "warnings": []})

    def preupload(self, body: bytes, name: str, revision: str) -> None:
        if not self._may_write():
            return
        files = json.loads(body)["files"]
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if is_large(file["path"]) else "regular",
                "shouldIgnore": False,
            }
            for file in files
        ]
        self._json({"files": modes})

    def lfs_batch(self, body: bytes, name: str) -> None:
        asked = json.loads(body)
        assert asked["operation"] == "upload"
        objects = []
        for one in asked["objects"]:
            entry = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in self.server.blobs:
                entry["actions"] = {
                    "upload": {"href": f"{self.server.url}/lfs/{one['oid']}", "header": {}},
                    "verify": {"href": f"{self.server.url}/lfs/verify", "header": {}},
                }
            objects.append(entry)
        self._json({"transfer": "basic", "objects": objects})

    def lfs_put(self, body: bytes, oid: str) -> None:
        assert sha256(body) == oid
        self.server.blobs[oid] = body
        self._json({})

    def lfs_verify(self, body: bytes) -> None:
        asked = json.loads(body)
        is_there = len(self.server.blobs.get(asked["oid"], b"")) == asked["size"]
        self._json({}, 200 if is_there else 404)

    def commit(self, body: bytes, name: str, revision: str) -> None:
        if not self._may_write():
            return
        head, *rest = [json.loads(line) for line in body.splitlines()]
        files = {}
        for line in rest:
            value = line["value"]
            if line["key"] == "lfsFile":
                files[value["path"]] = self.server.blobs[value["oid"]]
            else:
                assert (line["key"], value["encoding"]) == ("file", "base64")
                files[value["path"]] = base64.b64decode(value["content"])
        oid = self.server.repos[name].commit(files, head["value"]["summary"])
        url = f"{self.server.url}/{name}/commit/{oid}"
        self._json({"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})


def is_large(path: str) -> bool:
    """What the Hub keeps outside git."""
    return path.endswith((".safetensors", ".bin"))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


NAME, PART = r"([\w.-]+/[\w.-]+)", r"([^/]+)"
ROUTES: tuple[tuple[str, Callable[..., None]], ...] = (
    (rf"GET /api/models/{NAME}(?:/revision/(.+))?", Handler.repo_info),
    (rf"GET /api/models/{NAME}/tree/{PART}", Handler.tree),
    (rf"(?:GET|HEAD) /{NAME}/resolve/{PART}/(.+)", Handler.resolve),
    (r"POST /api/repos/create", Handler.create),
    (r"POST /api/validate-yaml", Handler.validate_yaml),
    (rf"POST /api/models/{NAME}/preupload/{PART}", Handler.preupload),
    (rf"POST /{NAME}\.git/info/lfs/objects/batch", Handler.lfs_batch),
    (r"PUT /lfs/([0-9a-f]{64})", Handler.lfs_put),
    (r"POST /lfs/verify", Handler.lfs_verify),
    (rf"POST /api/models/{NAME}/commit/{PART}", Handler.commit),
)
