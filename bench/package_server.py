"""Wheels made from text, and a package index that serves them on loopback."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


def make_wheel(name: str, version: str, files: Mapping[str, str], *, needs: str = "", scripts: str = "") -> bytes:
    """A pure wheel. `needs`: what it requires; `scripts`: lines as in `greet = tiny:main`."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {needs}\n" if needs else ""
    content = {
        **files,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **({f"{info}/entry_points.txt": f"[console_scripts]\n{scripts}\n"} if scripts else {}),
    }
    content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in content) + f"{info}/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return buffer.getvalue()


def make_source(name: str, version: str) -> bytes:
    """A source distribution, whose build would run code."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        text = b"raise SystemExit('this ran')"
        member = tarfile.TarInfo(f"{name}-{version}/setup.py")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return buffer.getvalue()


@dataclass
class PackageServer:
    """An index with files by name; counts what is asked of it."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    asked: list[str] = field(default_factory=list[str])
    url: str = ""

    def add(self, name: str, version: str, files: Mapping[str, str], **more: str) -> str:
        """A wheel; gives its line of a `requirements.txt`."""
        content = make_wheel(name, version, files, **more)
        self.files[f"{name}-{version}-py3-none-any.whl"] = content
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(content).hexdigest()}"

    def page(self, path: str) -> bytes | None:
        self.asked.append(path)
        parts = path.strip("/").split("/")
        if parts[0] == "files":
            return self.files.get(parts[-1])
        if parts[0] == "simple" and len(parts) == 2:
            mine = [name for name in self.files if name.startswith(f"{parts[1].replace('-', '_')}-")]
            links = "".join(f'<a href="/files/{name}">{name}</a>\n' for name in mine)
            return f"<!DOCTYPE html><html><body>{links}</body></html>".encode() if mine else None
        return None


@contextmanager
def package_server() -> Generator[PackageServer]:
    """Serves until it is left."""
    found = PackageServer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = found.page(self.path)
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html" if self.path.startswith("/simple") else "application/zip")
            self.send_header("Content-Length", str(len(page or b"")))
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/simple/"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
