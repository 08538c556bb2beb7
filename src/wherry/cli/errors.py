"""How a failure is told and which exit code it has: the one table of the command.

125 the command or the engine failed, 126 and 127 the container's program could not be run or
found, as a shell says it; otherwise 1. Source: docker-run(1), "Exit status".
"""

from wherry.client.errors import Unreachable
from wherry.model.errors import AlreadySo, InvalidArgument, WherryError


class Refused(WherryError):
    """The command itself says no; told as it is, without the engine's prefix."""

    def __init__(self, message: str, *, code: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


LAUNCH_CODES: tuple[tuple[str, int], ...] = (
    ("executable file not found", 127),
    ("no such file or directory", 127),
    ("system cannot find the file specified", 127),
    ("permission denied", 126),
    ("is a directory", 126),
)
"""Words in the engine's refusal to start a container, and what a shell would say."""


def launch_code(error: WherryError) -> int:
    """The exit code of `run` or `start` when the engine did not start the container."""
    words = str(error).lower()
    return next((code for marker, code in LAUNCH_CODES if marker in words), 125)


def describe(error: WherryError) -> str:
    """`error` as the user reads it: what the engine said is marked as the engine's."""
    if isinstance(error, (Refused, Unreachable)) or str(error).startswith("error during connect"):
        return str(error)
    return f"Error response from daemon: {error}"


def exit_code(error: WherryError) -> int:
    """For any command but `run`: what the command found out itself may have its own code."""
    if isinstance(error, Refused):
        return error.code
    return 0 if isinstance(error, AlreadySo) else 1


__all__ = ["InvalidArgument", "Refused", "describe", "exit_code", "launch_code"]
