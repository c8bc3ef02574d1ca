"""What the allow-list lets through, and thirty attempts to go round it: none of them reaches a server."""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from agents.sandbox.egress.proxy import EgressProxy, is_public


@dataclass
class Server:
    """Remembers what reached it."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    redirect: str = ""


@contextlib.asynccontextmanager
async def serving(host: str = "127.0.0.1") -> AsyncIterator[Server]:
    server = Server()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            server.heads.append(b"(connected)")
            server.heads.append(await reader.readuntil(b"\r\n\r\n"))
            if server.redirect:
                writer.write(f"HTTP/1.1 302 Found\r\nLocation: {server.redirect}\r\n\r\n".encode())
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, host, 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@pytest.fixture
async def allowed() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest.fixture
async def forbidden() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


async def ask(proxy_path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(proxy_path)
    writer.write(request)
    writer.write_eof()
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


# Each aims at the forbidden server, {port}, or past the allowed one, {ok}, in its own way.
BYPASSES = {
    "another port of an allowed host": "CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n",
    "another name of the allowed address": "CONNECT localhost:{ok} HTTP/1.1\r\n\r\n",
    "the address as one number": "CONNECT 2130706433:{port} HTTP/1.1\r\n\r\n",
    "the allowed address as one number": "CONNECT 2130706433:{ok} HTTP/1.1\r\n\r\n",
    "the address in octal": "CONNECT 0177.0.0.1:{port} HTTP/1.1\r\n\r\n",
    "the address in hexadecimal": "CONNECT 0x7f.0.0.1:{port} HTTP/1.1\r\n\r\n",
    "the short address": "CONNECT 127.1:{port} HTTP/1.1\r\n\r\n",
    "the zero address": "CONNECT 0.0.0.0:{port} HTTP/1.1\r\n\r\n",
    "IPv6 loopback": "CONNECT [::1]:{port} HTTP/1.1\r\n\r\n",
    "IPv4 in IPv6": "CONNECT [::ffff:127.0.0.1]:{port} HTTP/1.1\r\n\r\n",
    "the allowed address in IPv6": "CONNECT [::ffff:127.0.0.1]:{ok} HTTP/1.1\r\n\r\n",
    "NAT64": "CONNECT [64:ff9b::7f00:1]:{port} HTTP/1.1\r\n\r\n",
    "the metadata service": "CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n",
    "the metadata service by HTTP": "GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\r\n\r\n",
    "a name that resolves to loopback": "CONNECT trick.test:{port} HTTP/1.1\r\n\r\n",
    "an allowed name that resolves to loopback": "CONNECT rebound.test:{port} HTTP/1.1\r\n\r\n",
    "an allowed name that resolves to a private address": "CONNECT inside.test:443 HTTP/1.1\r\n\r\n",
    "NUL within the host": "CONNECT 127.0.0.1\0.test:{ok} HTTP/1.1\r\n\r\n",
    "NUL behind the host": "CONNECT 127.0.0.1:{ok}\0:{port} HTTP/1.1\r\n\r\n",
    "CR within the host": "CONNECT 127.0.0.1:{ok}\rCONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n",
    "LF within the host": "CONNECT 127.0.0.1:{ok}\n127.0.0.1:{port} HTTP/1.1\r\n\r\n",
    "a user name before the host": "GET http://127.0.0.1:{ok}@127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
    "a fragment before the host": "GET http://127.0.0.1:{ok}#@127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
    "a backslash before the host": "GET http://127.0.0.1:{ok}\\@127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
    "a host header instead": "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
    "another scheme": "GET ftp://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
    "https without a tunnel": "GET https://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
    "a port out of range": "CONNECT 127.0.0.1:{wrapped} HTTP/1.1\r\n\r\n",
    "digits that are not ASCII": "CONNECT 127.0.0.\u0661:{port} HTTP/1.1\r\n\r\n",
    "an encoded host": "GET http://127%2e0%2e0%2e1:{port}/ HTTP/1.1\r\n\r\n",
    "a folded request line": "CONNECT\t127.0.0.1:{port} HTTP/1.1\r\n\r\n",
    "no version": "CONNECT 127.0.0.1:{port}\r\n\r\n",
    "an older protocol": "GET http://127.0.0.1:{port}/\r\n\r\n",
    "SOCKS": "\x04\x01\x1f\x90\x7f\0\0\x01\0\r\n\r\n",
    "a zone behind the address": "CONNECT [fe80::1%25lo]:{port} HTTP/1.1\r\n\r\n",
    "a longer name that begins as an allowed one": "CONNECT 127.0.0.1.test:{ok} HTTP/1.1\r\n\r\n",
}


def test_there_are_at_least_thirty_ways_round():
    assert len(BYPASSES) >= 30


@pytest.mark.parametrize("way", BYPASSES)
async def test_no_way_round_the_allow_list(way, allowed, forbidden, tmp_path, monkeypatch):
    _names(monkeypatch, {"trick.test": "127.0.0.1", "rebound.test": "127.0.0.1", "inside.test": "10.1.2.3"})
    network = (f"127.0.0.1:{allowed.port}", f"rebound.test:{forbidden.port}", "inside.test:443")
    request = BYPASSES[way].format(port=forbidden.port, ok=allowed.port, wrapped=65536 + forbidden.port)
    told: list[tuple[str, str | None]] = []
    async with EgressProxy(tmp_path / "s", network, lambda target, reason: told.append((target, reason))) as proxy:
        answer = await ask(tmp_path / "s", request.encode() + b"GET / HTTP/1.1\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 400 ", b"HTTP/1.1 502 ")), answer
    assert (allowed.heads, forbidden.heads) == ([], [])
    assert len(proxy.denied) == 1
    assert told[0][1] is not None


async def test_a_forbidden_server_is_one_the_test_would_have_seen(forbidden, tmp_path):
    async with EgressProxy(tmp_path / "s", (f"127.0.0.1:{forbidden.port}",), lambda *_: None):
        request = f"CONNECT 127.0.0.1:{forbidden.port} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        assert b"hello" in await ask(tmp_path / "s", request.encode())
    assert forbidden.heads == [b"(connected)", b"GET / HTTP/1.1\r\n\r\n"]


async def test_plain_http_goes_to_the_host_of_its_address_without_proxy_headers(allowed, tmp_path):
    async with EgressProxy(tmp_path / "s", (f"127.0.0.1:{allowed.port}",), lambda *_: None) as proxy:
        request = (
            f"GET http://127.0.0.1:{allowed.port}/a?b=c HTTP/1.1\r\nHost: elsewhere.test\r\n"
            "Proxy-Authorization: Basic eDp5\r\nX-Kept: yes\r\n\r\n"
        )
        assert (await ask(tmp_path / "s", request.encode())).endswith(b"hello")
    head = allowed.heads[1].decode()
    assert head.startswith("GET /a?b=c HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{allowed.port}\r\n" in head
    assert "X-Kept: yes" in head
    assert "elsewhere" not in head
    assert "Proxy-" not in head
    assert proxy.denied == ()


async def test_leaving_cuts_connections_that_are_still_open(allowed, tmp_path):
    async with EgressProxy(tmp_path / "s", (f"127.0.0.1:{allowed.port}",), lambda *_: None):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
        writer.write(f"CONNECT 127.0.0.1:{allowed.port} HTTP/1.1\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 "
    "::1 :: fe80::1 fc00::1 fec0::1 ff02::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1:: 2001:0:a00:1::".split(),
)
def test_an_address_that_is_not_of_the_open_internet_is_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_open_internet_is_public(address):
    assert is_public(ipaddress.ip_address(address))


async def test_an_agent_reaches_what_is_named_with_or_without_knowing_of_the_proxy(run, allowed):
    code = f"""
    import socket, urllib.request
    by_proxy = urllib.request.urlopen("http://127.0.0.1:{allowed.port}/p").read().decode()
    with socket.create_connection(("127.0.0.1", {allowed.port})) as direct:
        direct.sendall(b"GET /d HTTP/1.1\\r\\n\\r\\n")
        said = [by_proxy, direct.makefile("rb").read().decode()[-5:]]
    """
    result = await run(code, network=(f"127.0.0.1:{allowed.port}",))
    assert result.failure is None, result
    assert result.output == {"said": ["hello", "hello"]}
    assert result.denied_egress == ()


async def test_an_agent_finds_an_allowed_name_on_its_own_port_without_dns(run):
    code = """
    import socket
    said = [socket.gethostbyname("smtp.example.test"), socket.gethostbyname("hooks.example.test")]
    socket.create_connection(("smtp.example.test", 25)).close()
    """
    result = await run(code, network=("smtp.example.test:25", "hooks.example.test:443"))
    assert result.failure is None, result
    assert result.output == {"said": ["127.0.1.1", "127.0.1.2"]}


async def test_a_redirect_to_elsewhere_is_refused_and_told(run, logs, allowed, forbidden):
    allowed.redirect = f"http://127.0.0.1:{forbidden.port}/"
    code = f"""
    import urllib.request
    try:
        urllib.request.urlopen("http://127.0.0.1:{allowed.port}/")
    except urllib.error.HTTPError as exc:
        said = exc.code
    """
    result = await run(code, network=(f"127.0.0.1:{allowed.port}",))
    assert result.output == {"said": 403}
    assert result.denied_egress == (f"127.0.0.1:{forbidden.port}",)
    assert forbidden.heads == []
    warnings = [line.text for line in logs if line.level == logging.WARNING]
    assert warnings == [f"egress to 127.0.0.1:{forbidden.port} refused: it is not in the node's network list"]


async def test_without_a_network_list_there_is_no_network(run, allowed):
    code = """
    import socket
    said = []
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.socket(family)
            said.append("socket")
        except OSError as exc:
            said.append(exc.errno)
    """
    result = await run(code)
    assert result.output == {"said": [97, 97]}
    assert allowed.heads == []


async def test_with_a_network_list_there_is_no_other_way_out(run, allowed, forbidden):
    code = f"""
    import socket
    said = []
    for address in (("127.0.0.1", {forbidden.port}), ("8.8.8.8", 53), ("1.1.1.1", 443)):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as s:
                s.settimeout(2)
                try:
                    s.connect(address)
                    s.send(b"x")
                    s.recv(1)
                    said.append("through")
                except OSError:
                    pass
    try:
        said.append(socket.getaddrinfo("example.com", 443))
    except OSError:
        pass
    """
    result = await run(code, network=(f"127.0.0.1:{allowed.port}",))
    assert result.failure is None, result
    assert result.output == {"said": []}
    assert forbidden.heads == []


def _names(monkeypatch, table: dict[str, str]) -> None:
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def getaddrinfo(host, port, **options):
        return await real(table.get(host, host), port, **options)

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)


async def test_the_end_of_the_upstream_ends_the_connection_though_the_agent_has_not_ended_its_half(
    tmp_path,
) -> None:
    """As through a socket that an engine forwards, which carries no half of an end: else it stays for ever."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nno length")
        await writer.drain()
        writer.write_eof()
        await reader.read()  # its other half stays open until the proxy closes it
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, EgressProxy(tmp_path / "out", (f"127.0.0.1:{port}",), lambda target, denied: None) as proxy:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "out")
        writer.write(f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n".encode())
        async with asyncio.timeout(10):
            assert (await reader.read()).endswith(b"no length")
            await asyncio.gather(*proxy._tasks, return_exceptions=True)
        writer.close()
