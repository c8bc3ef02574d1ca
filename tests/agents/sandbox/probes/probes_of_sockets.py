"""Escapes through sockets of every family the kernel has."""

from __future__ import annotations

import os
import socket

from catalogue import Scene, probe, syscall

_SOCKET = 41 if os.uname().machine == "x86_64" else 198


@probe("connect to a server of the host")
def connect_to_host(scene: Scene) -> object:
    with socket.create_connection(("127.0.0.1", scene["tcp_port"]), timeout=2) as connection:
        return connection.recv(8)


@probe("connect to the host's other address")
def connect_to_host_address(scene: Scene) -> object:
    with socket.create_connection((scene["address"], scene["any_port"]), timeout=2) as connection:
        return connection.recv(8)


@probe("connect over IPv6")
def connect_over_ipv6(scene: Scene) -> object:
    with socket.create_connection(("::1", scene["tcp6_port"]), timeout=2) as connection:
        return connection.recv(8)


@probe("send a datagram to the host")
def send_datagram(scene: Scene) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(2)
        sender.sendto(b"?", ("127.0.0.1", scene["udp_port"]))
        return sender.recv(8)


@probe("listen on a port of the host")
def listen_on_host(scene: Scene) -> object:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


@probe("connect to an abstract socket of the host")
def connect_to_abstract_socket(scene: Scene) -> object:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("\0" + scene["abstract"])
        return connection.recv(8)


@probe("connect to a socket file of the host")
def connect_to_socket_file(scene: Scene) -> object:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(scene["socket"])
        return connection.recv(8)


@probe("connect to a socket file in a mounted folder")
def connect_to_mounted_socket(scene: Scene) -> object:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"{scene['repository']}/.git/daemon.ipc")
        return connection.recv(8)


@probe("write to a named pipe in a mounted folder")
def write_to_mounted_pipe(scene: Scene) -> object:
    handle = os.open(f"{scene['repository']}/.git/pipe", os.O_WRONLY | os.O_NONBLOCK)
    return os.write(handle, b"x")


@probe("make a raw IP socket", root=True)
def raw_socket(scene: Scene) -> object:
    return _family(2, 3, 1)


@probe("make a packet socket", root=True)
def packet_socket(scene: Scene) -> object:
    return _family(17, 3)


@probe("talk to the kernel over netlink")
def netlink_socket(scene: Scene) -> object:
    return _family(16, 3)


@probe("reach the hypervisor over vsock")
def vsock_socket(scene: Scene) -> object:
    return _family(40, 1)


@probe("use the kernel's cryptography over a socket")
def crypto_socket(scene: Scene) -> object:
    return _family(38, 5)


@probe("make an express data path socket", root=True)
def xdp_socket(scene: Scene) -> object:
    return _family(44, 3)


@probe("make a key management socket", root=True)
def key_socket(scene: Scene) -> object:
    return _family(15, 3, 2)


@probe("make a multipath TCP socket")
def multipath_socket(scene: Scene) -> object:
    return _family(2, 1, 262)


@probe("give the socket's family in 64 bits")
def family_with_high_bits(scene: Scene) -> object:
    return _family(16 | 1 << 32, 3)


def _family(family: int, kind: int, protocol: int = 0) -> str:
    import ctypes

    handle = syscall(_SOCKET, ctypes.c_ulong(family), kind, protocol)
    os.close(handle)
    return f"family {family}"
