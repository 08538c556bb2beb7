"""Every way a request can fail, in the engine's own words.

A class says *what kind* of failure it is. Who turns a kind into an HTTP status, an exit code or a
registry's error code is decided elsewhere, once each (``api/errors.py``, ``cli/errors.py``).

Raise a ``WherryError`` when the caller can do something about it; let any other exception through
untouched: that is a fault, and it deserves its traceback.
"""


class WherryError(Exception):
    """An answer, not a fault. The text is what Docker would say where a client may look at it."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InvalidArgument(WherryError):
    """The request can never succeed as written."""


class NotFound(WherryError):
    """The thing named does not exist."""


class Conflict(WherryError):
    """It could succeed, but not while things are as they are."""


class AlreadySo(WherryError):
    """Nothing to do: what was asked for already holds."""


class Unauthorized(WherryError):
    """Who is asking is not known, here or at a registry."""


class Forbidden(WherryError):
    """Who is asking is known, and may not, whatever the state of things."""


class Unsupported(WherryError):
    """A valid Docker request that this engine, or this host, cannot carry out."""


class Unavailable(WherryError):
    """Something we depend on (a registry, a monitor, a swarm) did not answer or is not there."""


class TooLarge(WherryError):
    """The request is larger than the engine is willing to hold or store."""


class OutOfSpace(WherryError):
    """The disk, or a limit that stands for it, is full."""


class LaunchFailed(WherryError):
    """The runtime refused to start the process.

    `exit_code` is what a shell would say: 127 not found, 126 not executable, 125 anything else.
    """

    def __init__(self, message: str, *, exit_code: int = 125, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class NoSuchContainer(NotFound):
    def __init__(self, wanted: str) -> None:
        super().__init__(f"No such container: {wanted}")
        self.wanted = wanted


class NoSuchImage(NotFound):
    def __init__(self, wanted: str) -> None:
        super().__init__(f"No such image: {wanted}")
        self.wanted = wanted


class NoSuchExec(NotFound):
    def __init__(self, wanted: str) -> None:
        super().__init__(f"No such exec instance: {wanted}")
        self.wanted = wanted


class NoSuchNetwork(NotFound):
    def __init__(self, wanted: str) -> None:
        super().__init__(f"network {wanted} not found")
        self.wanted = wanted


class NoSuchVolume(NotFound):
    def __init__(self, wanted: str) -> None:
        super().__init__(f"get {wanted}: no such volume")
        self.wanted = wanted


class PortTaken(Conflict):
    """A published port belongs to somebody else. Docker answers 500 at start with this text."""

    def __init__(self, host_ip: str, port: int) -> None:
        super().__init__(
            f"failed to set up container networking: driver failed programming external "
            f"connectivity: Bind for {host_ip}:{port} failed: port is already allocated"
        )
        self.host_ip, self.port = host_ip, port
