# ruff: noqa: PTH208
"""What the probes are to find on the host: files, a process, servers, sockets, a repository, with canaries."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import secrets
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

SECRET = f"canary-{secrets.token_hex(6)}"
"""One of its own for each process: suites side by side must not find each other's."""
MARKER = "98765.4321"


@contextlib.asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[dict[str, Any]]:
    """The scene, as JSON for the probes. `folder` can be read by everybody."""
    async with contextlib.AsyncExitStack() as stack:
        canary, repository = _files(folder)
        ports = [await _serve(stack, host) for host in ("127.0.0.1", "0.0.0.0", "::1")]
        for path in (folder / "socket", repository / ".git" / "daemon.ipc", f"\0{SECRET}"):
            await _serve_file(stack, path)
        # A reader, so that a writer would get through.
        reader = os.open(repository / ".git" / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        stack.callback(os.close, reader)
        victim = subprocess.Popen(["sleep", MARKER], env={"CANARY": SECRET})  # noqa: ASYNC220
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        yield {
            "canary": str(canary),
            "secret": SECRET,
            "marker": MARKER,
            "pid": victim.pid,
            "host_user": pwd.getpwnam("daemon").pw_name,
            "hostname": os.uname().nodename,
            "other_run": str(folder / "other-run"),
            "repository": str(repository),
            "own": str(folder / "own"),
            "disk": _disk(),
            "tcp_port": ports[0],
            "any_port": ports[1],
            "tcp6_port": ports[2],
            "udp_port": await _serve_datagrams(stack),
            "address": _address(),
            "abstract": SECRET,
            "socket": str(folder / "socket"),
        }


def _files(folder: Path) -> tuple[Path, Path]:
    canary, repository = folder / "canary", folder / "repository"
    canary.write_text(SECRET)
    (repository / ".git" / "hooks").mkdir(parents=True)
    (repository / ".git" / "config").write_text("[core]\n\tbare = false\n")
    (folder / "own").mkdir()
    (folder / "other-run").mkdir()
    (folder / "other-run" / "request.json").write_text(SECRET)
    os.mkfifo(repository / ".git" / "pipe")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    return canary, repository


async def _serve(stack: contextlib.AsyncExitStack, host: str) -> int:
    try:
        server = await asyncio.start_server(_greet, host, 0)
    except OSError:
        return 9
    stack.callback(server.close)
    return server.sockets[0].getsockname()[1]


async def _serve_file(stack: contextlib.AsyncExitStack, path: Path | str) -> None:
    server = await asyncio.start_unix_server(_greet, str(path))
    stack.callback(server.close)
    if isinstance(path, Path):
        path.chmod(0o666)


async def _serve_datagrams(stack: contextlib.AsyncExitStack) -> int:
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.transport.sendto(b"hello", addr)  # type: ignore[attr-defined]

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, ("127.0.0.1", 0))
    stack.callback(transport.close)
    return transport.get_extra_info("sockname")[1]


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        writer.write(b"hello")
        await writer.drain()
    writer.close()


def _disk() -> str:
    for name in sorted(os.listdir("/sys/class/block")):
        if Path("/dev", name).exists():
            return f"/dev/{name}"
    return "/dev/mem"


def _address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        return probe.getsockname()[0]
