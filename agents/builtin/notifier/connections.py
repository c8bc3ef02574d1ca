"""HTTP connections of the notifier -> bounded in all, and only to addresses that were checked.

A timeout of a socket is for each read: a receiver that sends a byte now and then, or `100 Continue` for ever, would
hold its sender for good. And a name that was looked up and found good may point elsewhere at the next look.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.request import BaseHandler, HTTPHandler, HTTPSHandler, Request

from agents.sdk.errors import TransientError

MOST_SECONDS = 90.0
"""For one request and its answer."""
Check = Callable[[str, int, str], None]
"""Host and port as they were asked for, and the address that answers. Raises an error where it must not be reached."""
_check: ContextVar[Check | None] = ContextVar("check_of_addresses", default=None)


@contextmanager
def checked_by(check: Check) -> Generator[None]:
    """Within it, each connection is checked before anything is said on it."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def connect(host: str, port: int, timeout: float | None) -> socket.socket:
    """A connected socket whose other end was checked. Raises OSError, and what the check raises."""
    connection = socket.create_connection((host, port), timeout)
    try:
        if (check := _check.get()) is not None:
            check(host, port, str(connection.getpeername()[0]))
    except BaseException:
        connection.close()
        raise
    return connection


class Bounded:
    """Handlers of an opener; what they open ends with the `with` block, or after so many seconds."""

    def __init__(self, what: str, seconds: float | None = None) -> None:
        self._what = what
        self._held: list[socket.socket] = []
        self._late = False
        self._timer = threading.Timer(MOST_SECONDS if seconds is None else seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Bounded:
        self._timer.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        for held in self._held:
            held.close()
        if self._late and error is not None:
            raise TransientError(f"{self._what} gave no whole answer in time") from error

    def handlers(self, tls: Any = None) -> tuple[BaseHandler, ...]:
        """For `build_opener`. `tls`: the context of HTTPS."""
        bounded = self

        class Http(HTTPHandler):
            def http_open(self, req: Request) -> HTTPResponse:
                return self.do_open(bounded._made(HTTPConnection), req)

        class Https(HTTPSHandler):
            def https_open(self, req: Request) -> HTTPResponse:
                more = {} if tls is None else {"context": tls}
                return self.do_open(bounded._made(HTTPSConnection), req, **more)

        return Http(), Https()

    def _made(self, kind: type[HTTPConnection]) -> Any:
        def make(host: str, **options: Any) -> HTTPConnection:
            made: Any = kind(host, **options)
            made._create_connection = self._connect
            return made

        return make

    def _connect(self, address: tuple[str, int], timeout: float | None = None, *_: object) -> socket.socket:
        connection = connect(*address, timeout)
        # TLS takes the socket's descriptor over; this one still reaches the same connection.
        self._held.append(connection.dup())
        return connection

    def _end(self) -> None:
        self._late = True
        for held in self._held:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
