"""What a command is, and what it is given when it is called."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wherry.cli.flags import Flag, Values
    from wherry.client.engine import Engine
    from wherry.http.client import TlsFiles


class Call:
    """One call of a command: what was typed, and the engine it talks to."""

    __slots__ = ("_engine", "flags", "host", "path", "tls", "version")

    def __init__(
        self,
        path: str,
        flags: Values,
        *,
        host: str,
        tls: TlsFiles | None = None,
        version: str | None = None,
    ) -> None:
        self.path, self.flags = path, flags
        self.host, self.tls, self.version = host, tls, version
        self._engine: Engine | None = None

    @property
    def args(self) -> list[str]:
        """What is not a flag."""
        return self.flags.args

    @property
    def engine(self) -> Engine:
        """The engine; nothing is opened before the first request."""
        if self._engine is None:
            from wherry.client.engine import Engine

            self._engine = Engine(self.host, tls=self.tls, version=self.version)
        return self._engine

    def each(self, names: Sequence[str], do: Callable[[str], object]) -> int:
        """`do` for each name; a refusal is printed and the others go on. The exit code."""
        from wherry.model.errors import WherryError

        failed = 0
        for name in names:
            try:
                do(name)
            except WherryError as error:
                from wherry.cli.errors import describe

                print(describe(error), file=sys.stderr)
                failed = 1
        return failed


class Command:
    """A command: `usage` is what follows its path, `least` and `most` bound its arguments.

    `most` -1: any number. `hands_on`: the first argument ends the flags, as in ``run``.
    """

    __slots__ = ("flags", "hands_on", "least", "most", "run", "usage")

    def __init__(
        self,
        run: Callable[[Call], int],
        usage: str,
        flags: Sequence[Flag] | Callable[[], Sequence[Flag]] = (),
        *,
        least: int = 0,
        most: int = 0,
        hands_on: bool = False,
    ) -> None:
        self.run, self.usage = run, usage
        self.flags = flags
        self.least, self.most, self.hands_on = least, most, hands_on

    def list_flags(self) -> Sequence[Flag]:
        """The flags, made at the first need."""
        return self.flags if not callable(self.flags) else self.flags()


def warn(text: str) -> None:
    """One line on standard error."""
    print(text, file=sys.stderr)


def confirm(question: str) -> bool:
    """Ask on standard output; only ``y`` or ``yes`` is a yes."""
    print(f"WARNING! {question}\nAre you sure you want to continue? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
