"""A host to throw away: its own network and mounts, with a neighbour on the other end of a wire.

::

    this machine          host (network and mount namespace)        neighbour (network namespace)
                          lo, eth0 198.51.100.1/24  <--- veth --->  eth0 198.51.100.2/24

Rules, bridges and mounts made in it die with it. Files, processes and cgroups are the machine's.
"""

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
HOST_ADDRESS = "198.51.100.1"
NEIGHBOUR_ADDRESS = "198.51.100.2"


class Host:
    """A process holds it open; `enter` is what one puts before a command to run it inside."""

    address = HOST_ADDRESS

    def __init__(self, pid: int, neighbour_pid: int) -> None:
        self.pid, self.neighbour_pid = pid, neighbour_pid
        self.enter: Sequence[str] = ("nsenter", f"--target={pid}", "--mount", "--net", "--")

    def run(self, *argv: str, timeout_s: float = 30) -> str:
        """A program's standard output; CalledProcessError when it fails."""
        return subprocess.run(
            [*self.enter, *argv], check=True, capture_output=True, text=True, timeout=timeout_s
        ).stdout

    def mounts(self) -> tuple[str, ...]:
        """Mount points, as the host's processes see them."""
        lines = Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines()
        return tuple(line.split()[4] for line in lines)

    def connect(self, address: str, port: int, *, timeout_s: float = 5) -> socket.socket:
        """A TCP connection that starts in the host's network."""
        return in_network_of(self.pid, lambda: _connected(address, port, timeout_s))

    def open_socket(
        self, family: socket.AddressFamily, kind: socket.SocketKind, *, neighbour: bool = False
    ) -> socket.socket:
        """A socket that lives in the host's network, or in its neighbour's."""
        pid = self.neighbour_pid if neighbour else self.pid
        return in_network_of(pid, lambda: socket.socket(family, kind))


class ThisMachine(Host):
    """The same questions, asked of the machine itself: for an engine that somebody else runs."""

    def __init__(self) -> None:
        super().__init__(os.getpid(), os.getpid())
        self.enter = ()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((NEIGHBOUR_ADDRESS, 9))  # sends nothing: asks for the source address
            self.address = str(probe.getsockname()[0])


@contextmanager
def throwaway_host() -> Iterator[Host]:
    """Make a host and its neighbour; both are gone afterwards."""
    with _holder("--net") as neighbour, _holder("--net", "--mount") as pid:
        subprocess.run(
            ["nsenter", f"--target={pid}", "--net", "--", "ip", "-batch", "-"],
            input=(
                f"link add eth0 type veth peer name eth0 netns {neighbour}\n"
                f"address add {HOST_ADDRESS}/24 dev eth0\nlink set eth0 up\n"
            ),
            check=True,
            text=True,
        )
        subprocess.run(
            ["nsenter", f"--target={neighbour}", "--net", "--", "ip", "-batch", "-"],
            input=f"address add {NEIGHBOUR_ADDRESS}/24 dev eth0\nlink set eth0 up\n",
            check=True,
            text=True,
        )
        subprocess.run(
            f"nsenter --target={pid} --net -- ip route add default via {NEIGHBOUR_ADDRESS}".split(),
            check=True,
        )
        yield Host(pid, neighbour)


_HOLD = "ip link set lo up && echo ready && exec sleep infinity"


@contextmanager
def _holder(*namespaces: str) -> Iterator[int]:
    propagation = ["--propagation=private"] if "--mount" in namespaces else []
    holder = subprocess.Popen(
        ["unshare", *namespaces, *propagation, "sh", "-c", _HOLD],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "ready\n"
        yield holder.pid
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


def in_network_of(pid: int, make: Callable[[], T]) -> T:
    """Call `make` in a thread that has moved to the process's network, and ends afterwards."""
    libc = ctypes.CDLL(None, use_errno=True)
    made: list[T] = []
    failed: list[BaseException] = []

    def moved() -> None:
        namespace_fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(namespace_fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            made.append(make())
        except BaseException as error:
            failed.append(error)
        finally:
            os.close(namespace_fd)

    thread = threading.Thread(target=moved)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def _connected(address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=timeout_s)
