"""``wherryd`` that kills itself at a chosen step of a container's life.

``python -m tests.crash.crashing_daemon PLAN [wherryd's options]``. While the file PLAN exists,
every step is counted and its name appended to ``PLAN.reached``; at the number that PLAN holds, the
process ends by SIGKILL. A step is counted before it is done and after: both "died before" and "died
right after, and nobody was told" happen. With ``deep`` behind the number, the steps inside an
effect count too.

The product has no hook for this: the doors are subclassed, and what is behind them is wrapped.
"""

import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from wherry.daemon import main, wiring
from wherry.drivers.network.driver import HostNetworks
from wherry.drivers.runtime.conmon import ConmonRuntime
from wherry.drivers.storage.overlay import OverlaySnapshots
from wherry.engine.containers.actor import Actor, Outcome
from wherry.engine.containers.bundles import BundleWriter
from wherry.engine.containers.host import ContainerHost
from wherry.engine.volumes import Volumes
from wherry.kernel import process
from wherry.model.container import Container
from wherry.model.lifecycle import Effect
from wherry.state.containers import ContainerRows

DEEP: tuple[tuple[type, tuple[str, ...]], ...] = (
    (ConmonRuntime, ("create", "start", "delete", "exec", "_spawn")),
    (OverlaySnapshots, ("create", "mount", "unmount", "remove")),
    (HostNetworks, ("create_sandbox", "join", "publish", "unpublish", "discard_sandbox")),
    (BundleWriter, ("write", "discard")),
    (Volumes, ("create", "remove")),
)


class Plan:
    """When to die."""

    def __init__(self, path: Path) -> None:
        self._path, self._reached = path, path.with_suffix(".reached")
        self._count = self._made_ns = 0

    def reach(self, step: str, *, deep: bool = False) -> None:
        try:
            at, *words = self._path.read_text().split()
            made_ns = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if made_ns != self._made_ns:
            self._count, self._made_ns = 0, made_ns
        if deep and "deep" not in words:
            return
        self._count += 1
        with self._reached.open("a") as reached:
            reached.write(f"{self._count} {step}\n")
        if self._count == int(at):
            os.kill(os.getpid(), signal.SIGKILL)


def crash_by(plan: Plan) -> None:
    """Put ourselves into every door of the daemon that this process will run."""

    class CrashingHost(ContainerHost):
        async def save(self, container: Container) -> None:
            plan.reach(f"save {container.state.status}")
            await super().save(container)
            plan.reach(f"saved {container.state.status}")

        async def forget(self, container: Container) -> None:
            plan.reach("forget")
            await super().forget(container)
            plan.reach("forgotten")

        async def carry_out(self, effect: Effect, actor: Actor, payload: Any) -> Outcome | None:
            plan.reach(f"do {effect}")
            outcome = await super().carry_out(effect, actor, payload)
            plan.reach(f"done {effect}")
            return outcome

    class CrashingRows(ContainerRows):
        async def insert(self, container: Container) -> None:
            plan.reach("insert")
            await super().insert(container)
            plan.reach("inserted")

        async def delete(self, container_id: str) -> None:
            await super().delete(container_id)
            plan.reach("deleted")

    doubles: dict[str, type] = {"ContainerHost": CrashingHost, "ContainerRows": CrashingRows}
    for name, double in doubles.items():
        setattr(wiring, name, double)
    for owner, names in DEEP:
        for name in names:
            setattr(owner, name, _counted(plan, getattr(owner, name)))
    spawn = process.spawn

    @functools.wraps(spawn)
    def spawn_counted(*args: Any, **named: Any) -> int:
        pid = spawn(*args, **named)
        plan.reach(f"spawned {args[0][0]}", deep=True)
        return pid

    process.spawn = spawn_counted


def _counted(plan: Plan, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    name = method.__qualname__

    @functools.wraps(method)
    async def counted(*args: Any, **named: Any) -> Any:
        plan.reach(f"before {name}", deep=True)
        result = await method(*args, **named)
        plan.reach(f"after {name}", deep=True)
        return result

    return counted


if __name__ == "__main__":
    crash_by(Plan(Path(sys.argv[1])))
    sys.exit(main.main(sys.argv[2:]))
