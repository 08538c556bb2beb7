"""Which of Docker's events a move of the life cycle is. Pure.

The order that clients rely on: a natural end is ``die``; a stop is ``kill``, perhaps ``kill`` 9,
``die``, ``stop``; a restart on request adds ``start`` and ``restart``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wherry.model.container import Container
from wherry.model.lifecycle import Event, Status


class Told(NamedTuple):
    action: str
    attributes: Mapping[str, str]


_EXITS = frozenset({Event.EXITED, Event.EXITED_RETRY, Event.EXITED_ERASE})


def events_of(before: Container, event: Event, after: Container, payload: Any) -> Iterator[Told]:
    """The events that clients hear of, in order."""
    if event is Event.STARTED:
        yield Told("start", {})
    elif event in _EXITS:
        if after.state.out_of_memory:
            yield Told("oom", {})
        ran_s = max(0, after.state.finished_ns - before.state.started_ns) // 1_000_000_000
        yield Told("die", {"exitCode": str(after.state.exit_code), "execDuration": str(ran_s)})
    elif event is Event.STOP and before.state.status is Status.STOPPING:
        return  # it joins the first, and nothing is sent
    elif event in (Event.KILL, Event.STOP) and before.has_process and payload:
        yield Told("kill", {"signal": str(payload.signal)})
    elif event is Event.GRACE_OVER:
        yield Told("kill", {"signal": "9"})
    elif event is Event.PAUSE:
        yield Told("pause", {})
    elif event is Event.UNPAUSE:
        yield Told("unpause", {})
    elif event is Event.ERASED:
        yield Told("destroy", {})


def attributes_of(container: Container) -> dict[str, str]:
    """What every event of a container carries: its labels, its image, its name."""
    return {
        **container.spec.program.labels,
        "image": container.spec.image,
        "name": container.name,
    }
