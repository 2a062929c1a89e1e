"""A small HTTPS server that answers as the Enclave API of a room does, for tests."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

CERTIFICATES = Path(__file__).parent / "certificates"
CA_FILE = str(CERTIFICATES / "ca.pem")


class Asked(NamedTuple):
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class EnclaveServer:
    """Serves ``files``; keeps what was asked in ``asked``; a context manager."""

    def __init__(self, files: dict[str, bytes], *, tls: bool = True, ranges: bool = True) -> None:
        self.files = files
        self.ranges = ranges
        self.asked: list[Asked] = []
        self.final_report: Any | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://localhost:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> EnclaveServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the server; once more does no harm."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(owner: EnclaveServer) -> type:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            parts, query = self._note(None)
            if parts == "/api/v1/data/files":
                self._list(query)
            elif parts == "/api/v1/data/file":
                self._file(query.get("filepath", [""])[0])
            elif parts == "/moved":
                self._answer(302, b"", {"Location": "/api/v1/data/files"})
            else:
                self._json(404, {"message": "no such endpoint"})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = json.loads(raw)
            parts, _ = self._note(body)
            if parts == "/api/v1/log":
                self._json(200, {"message": "ok"})
                return
            report = body["json_data"]
            if isinstance(report, str):
                report = json.loads(base64.b64decode(report, validate=True))
            if isinstance(report, dict) and "row" in report:
                self._json(400, {"status": "failed", "message": {"row": ["unknown field"]}})
            elif parts == "/api/v1/validate":
                self._json(200, {"status": "successful", "message": {}})
            elif owner.final_report is not None:
                self._json(409, {"message": "the report is final"})
            else:
                if body["status"] == "Completed":
                    owner.final_report = report
                self._json(200, {"message": "Report posted successfully"})

        def _note(self, body: Any) -> Any:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            owner.asked.append(Asked(self.command, parts.path, query, dict(self.headers.items()), body))
            return parts.path, query

        def _list(self, query: dict[str, list[str]]) -> None:
            if query.get("page") == ["0"]:
                self._json(400, {"message": "page begins at 1"})
                return
            files = [
                {
                    "id": f"3fa85f64-5717-4562-b3fc-{index:012x}",
                    "name": name,
                    "size": len(content),
                    "uploadDate": "2026-01-02T03:04:05Z",
                    "checksum": "kept",
                }
                for index, (name, content) in enumerate(owner.files.items())
            ]
            self._json(200, {"files": files, "totalFiles": len(files)})

        def _file(self, name: str) -> None:
            content = owner.files.get(name)
            if content is None:
                self._json(404, {"message": "File not found"})
                return
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
            if wanted is None or not owner.ranges:
                self._answer(200, content, {"Content-Type": "application/octet-stream"})
                return
            start, end = int(wanted[1]), min(int(wanted[2]), len(content) - 1)
            if start >= len(content):
                self._answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
                return
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Range": f"bytes {start}-{end}/{len(content)}",
            }
            self._answer(206, content[start : end + 1], headers)

        def _json(self, status: int, value: Any) -> None:
            self._answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
