"""The stock docker command, with nothing of the user's own configuration."""

import itertools
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.terminal import Terminal

IMAGE = "compat/busybox:1"  # every compat test runs this one

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


class Docker:
    """Runs `docker` against one engine; remembers what it made, so that it can be removed."""

    def __init__(self, program: str, host: str, config_dir: Path) -> None:
        self.program, self.host = program, host
        self.made: list[str] = []
        self._clients: list[subprocess.Popen[bytes]] = []
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            "HOME": str(config_dir),
            "DOCKER_CONFIG": str(config_dir),
            "DOCKER_HOST": host,
            "DOCKER_CLI_HINTS": "false",
            "DOCKER_BUILDKIT": "0",
            "LC_ALL": "C.UTF-8",
        }

    def __call__(self, *args: str, stdin: str | bytes | None = None, timeout_s: float = 60) -> Done:
        """Run to the end; text is decoded as UTF-8. Without `stdin` it is /dev/null."""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        done = subprocess.run(
            [self.program, *args],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env=self.env,
            timeout=timeout_s,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *args: str, stdin: str | bytes | None = None, timeout_s: float = 60) -> str:
        """Run, insist on success, return standard output without the last newline."""
        done = self(*args, stdin=stdin, timeout_s=timeout_s)
        assert done.code == 0, f"docker {' '.join(args)}: exit {done.code}\n{done.out}{done.err}"
        return done.out.rstrip("\n")

    def fails(self, *args: str, stdin: str | bytes | None = None, code: int | None = None) -> str:
        """Run, insist on failure (with this exit code), return standard error."""
        done = self(*args, stdin=stdin)
        assert done.code != 0, f"docker {' '.join(args)} succeeded\n{done.out}{done.err}"
        assert code is None or done.code == code, (done.code, done.err)
        return done.err

    def run(self, *args: str, stdin: str | bytes | None = None) -> str:
        """`docker run --rm ARGS`: its standard output."""
        return self.ok("run", "--rm", *args, stdin=stdin)

    def start(self, *args: str, name: str | None = None) -> str:
        """`docker run -d ARGS`: the container's name; it is removed when the test ends."""
        name = name or self.name()
        self.ok("run", "-d", "--name", name, *args)
        return name

    def name(self, stem: str = "c") -> str:
        """A name nobody has; a container or volume of that name is removed when the test ends."""
        made = f"compat-{os.getpid()}-{stem}{next(_numbers)}"
        self.made.append(made)
        return made

    def inspect(self, name: str, template: str) -> str:
        return self.ok("inspect", "--format", template, name)

    def popen(self, *args: str) -> "subprocess.Popen[bytes]":
        """Start and return at once; all three streams are pipes, closed when the test ends."""
        client = subprocess.Popen(
            [self.program, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
        )
        self._clients.append(client)
        return client

    def terminal(self, *args: str, rows: int = 24, columns: int = 80) -> Terminal:
        """Start under a pseudo-terminal."""
        return Terminal([self.program, *args], env=self.env, rows=rows, columns=columns)

    def discard_made(self) -> None:
        """Remove what this test made, whether or not it is still there."""
        for client in self._clients:
            client.kill()
            client.wait()
            for stream in (client.stdin, client.stdout, client.stderr):
                if stream is not None:
                    with suppress(BrokenPipeError):
                        stream.close()
        self._clients.clear()
        if self.made:
            self("rm", "-f", "-v", *self.made)
            self("volume", "rm", "-f", *self.made)
            self.made.clear()


def eventually(holds: Callable[[], bool], *, timeout_s: float = 10, pause_s: float = 0.05) -> bool:
    """Whether `holds()` became true in time; asks every `pause_s`."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True
