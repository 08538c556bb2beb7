"""A container's life, on one screen.

Events come in, a next status and a list of effects come out. Nothing here waits, locks, writes or
runs anything: ``engine/containers/actor.py`` stores the new status first and only then carries the
effects out; how an effect ended comes back as another event.
"""

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import NamedTuple

from wherry.model.errors import AlreadySo, Conflict


class Status(StrEnum):
    CREATED = auto()
    STARTING = auto()
    RUNNING = auto()
    PAUSED = auto()
    STOPPING = auto()
    RESTARTING = auto()  # exited, and waiting for the restart policy's delay
    EXITED = auto()
    REMOVING = auto()
    DEAD = auto()  # removal failed; only another removal is allowed
    GONE = auto()


class Event(StrEnum):
    # asked for by a client
    START = auto()
    STOP = auto()
    KILL = auto()
    PAUSE = auto()
    UNPAUSE = auto()
    REMOVE = auto()
    # seen on the host
    PREPARED = auto()
    STARTED = auto()
    LAUNCH_FAILED = auto()
    LAUNCH_FAILED_ERASE = auto()  # ... and it was to be removed when it ends
    EXITED = auto()
    EXITED_RETRY = auto()  # ... and model/restart.py wants it back
    EXITED_ERASE = auto()  # ... and it was to be removed when it ends
    GRACE_OVER = auto()
    RETRY_DUE = auto()
    ERASED = auto()
    ERASE_FAILED = auto()


class Effect(StrEnum):
    PREPARE = auto()  # mount the root file system, join networks, publish ports, write the bundle
    LAUNCH = auto()  # make the process and let it run
    FIND = auto()  # after a crash: did LAUNCH happen?
    WATCH = auto()  # say when it ends
    RELEASE = auto()  # undo PREPARE and LAUNCH; safe to run twice
    SIGNAL = auto()
    SIGNAL_KILL = auto()
    ARM_GRACE = auto()
    ARM_RETRY = auto()
    DISARM = auto()
    FREEZE = auto()
    THAW = auto()
    ERASE = auto()  # delete all that the container has on disk


class Move(NamedTuple):
    to: Status
    effects: tuple[Effect, ...] = ()


S, E, F = Status, Event, Effect

# fmt: off
MOVES: Mapping[tuple[Status, Event], Move] = {
    (S.CREATED,    E.START):         Move(S.STARTING,   (F.PREPARE,)),
    (S.EXITED,     E.START):         Move(S.STARTING,   (F.PREPARE,)),
    (S.RESTARTING, E.START):         Move(S.STARTING,   (F.DISARM, F.PREPARE)),
    (S.RESTARTING, E.RETRY_DUE):     Move(S.STARTING,   (F.PREPARE,)),
    (S.STARTING,   E.PREPARED):      Move(S.STARTING,   (F.LAUNCH,)),
    (S.STARTING,   E.STARTED):       Move(S.RUNNING,    (F.WATCH,)),
    (S.STARTING,   E.LAUNCH_FAILED): Move(S.EXITED,     (F.RELEASE,)),
    (S.STARTING,   E.LAUNCH_FAILED_ERASE): Move(S.REMOVING, (F.RELEASE, F.ERASE)),
    (S.STARTING,   E.EXITED):        Move(S.EXITED,     (F.RELEASE,)),
    (S.STARTING,   E.EXITED_RETRY):  Move(S.RESTARTING, (F.RELEASE, F.ARM_RETRY)),
    (S.STARTING,   E.EXITED_ERASE):  Move(S.REMOVING,   (F.RELEASE, F.ERASE)),

    (S.RUNNING,    E.PAUSE):         Move(S.PAUSED,     (F.FREEZE,)),
    (S.PAUSED,     E.UNPAUSE):       Move(S.RUNNING,    (F.THAW,)),
    (S.RUNNING,    E.KILL):          Move(S.RUNNING,    (F.SIGNAL,)),
    (S.PAUSED,     E.KILL):          Move(S.RUNNING,    (F.SIGNAL, F.THAW)),
    (S.STOPPING,   E.KILL):          Move(S.STOPPING,   (F.SIGNAL,)),
    (S.RUNNING,    E.STOP):          Move(S.STOPPING,   (F.SIGNAL, F.ARM_GRACE)),
    (S.PAUSED,     E.STOP):          Move(S.STOPPING,   (F.THAW, F.SIGNAL, F.ARM_GRACE)),
    (S.RESTARTING, E.STOP):          Move(S.EXITED,     (F.DISARM,)),
    (S.RESTARTING, E.KILL):          Move(S.EXITED,     (F.DISARM,)),
    (S.STOPPING,   E.STOP):          Move(S.STOPPING),  # a second stop joins the first
    (S.STOPPING,   E.GRACE_OVER):    Move(S.STOPPING,   (F.SIGNAL_KILL,)),

    (S.RUNNING,    E.EXITED):        Move(S.EXITED,     (F.RELEASE,)),
    (S.RUNNING,    E.EXITED_RETRY):  Move(S.RESTARTING, (F.RELEASE, F.ARM_RETRY)),
    (S.RUNNING,    E.EXITED_ERASE):  Move(S.REMOVING,   (F.RELEASE, F.ERASE)),
    (S.PAUSED,     E.EXITED):        Move(S.EXITED,     (F.RELEASE,)),
    (S.PAUSED,     E.EXITED_RETRY):  Move(S.RESTARTING, (F.RELEASE, F.ARM_RETRY)),
    (S.PAUSED,     E.EXITED_ERASE):  Move(S.REMOVING,   (F.RELEASE, F.ERASE)),
    (S.STOPPING,   E.EXITED):        Move(S.EXITED,     (F.DISARM, F.RELEASE)),
    (S.STOPPING,   E.EXITED_ERASE):  Move(S.REMOVING,   (F.DISARM, F.RELEASE, F.ERASE)),

    (S.CREATED,    E.REMOVE):        Move(S.REMOVING,   (F.RELEASE, F.ERASE)),
    (S.EXITED,     E.REMOVE):        Move(S.REMOVING,   (F.RELEASE, F.ERASE)),
    (S.RESTARTING, E.REMOVE):        Move(S.REMOVING,   (F.DISARM, F.RELEASE, F.ERASE)),
    (S.DEAD,       E.REMOVE):        Move(S.REMOVING,   (F.RELEASE, F.ERASE)),
    (S.REMOVING,   E.ERASED):        Move(S.GONE),
    (S.REMOVING,   E.ERASE_FAILED):  Move(S.DEAD),
}

NOTHING_TO_DO = {
    (S.RUNNING, E.START), (S.STARTING, E.START), (S.STOPPING, E.START),
    (S.EXITED,  E.STOP),  (S.CREATED,  E.STOP),
}

RESUMED: Mapping[Status, tuple[Effect, ...]] = {
    S.STARTING:   (F.FIND,),
    S.RUNNING:    (F.WATCH, F.THAW),
    S.PAUSED:     (F.WATCH, F.FREEZE),
    S.STOPPING:   (F.WATCH, F.THAW, F.SIGNAL, F.ARM_GRACE),
    S.RESTARTING: (F.RELEASE, F.ARM_RETRY),
    S.EXITED:     (F.RELEASE,),
    S.CREATED:    (F.RELEASE,),
    S.REMOVING:   (F.RELEASE, F.ERASE),
    S.DEAD:       (F.RELEASE,),
}
"""What a new daemon carries out for a container that the last one left in a status."""

HAS_PROCESS = frozenset({S.RUNNING, S.PAUSED, S.STOPPING})
HOLDS_RESOURCES = HAS_PROCESS | {S.STARTING}
# fmt: on


def step(status: Status, event: Event) -> Move:
    """The move that `event` makes from `status`.

    Raises:
        AlreadySo: the event asks for what already holds.
        Conflict: the event means nothing in this status.
    """
    if move := MOVES.get((status, event)):
        return move
    if (status, event) in NOTHING_TO_DO:
        raise AlreadySo(f"container is already {status}")
    raise Conflict(f"cannot {event} a container that is {status}")
