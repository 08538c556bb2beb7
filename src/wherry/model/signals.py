"""Signals by name and number."""

from collections.abc import Mapping

from wherry.model.errors import InvalidArgument

# Linux on all architectures that containers run on but mips and sparc; signal(7).
_NAMES = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP "
    "TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
).split()
_FIRST_REALTIME, _LAST_REALTIME = 34, 64

SIGNALS: Mapping[str, int] = {
    **{name: number for number, name in enumerate(_NAMES, 1)},
    "IOT": 6,
    "CLD": 17,
    "POLL": 29,
    "UNUSED": 31,
    **{f"RTMIN+{n}": _FIRST_REALTIME + n for n in range(1, 16)},
    **{f"RTMAX-{n}": _LAST_REALTIME - n for n in range(1, 15)},
    "RTMIN": _FIRST_REALTIME,
    "RTMAX": _LAST_REALTIME,
}


def parse_signal(text: str) -> int:
    """The number of ``SIGTERM``, ``term`` or ``15``.

    Raises:
        InvalidArgument: in Docker's words.
    """
    if text.isascii() and text.isdecimal():
        if len(text) < 4 and 1 <= int(text) <= _LAST_REALTIME:
            return int(text)
        if int(text[:9]) > 0:
            raise InvalidArgument(f"daemon does not support signal {text}")
    elif found := SIGNALS.get(text.upper().removeprefix("SIG")):
        return found
    raise InvalidArgument(f"invalid signal: {text}")
