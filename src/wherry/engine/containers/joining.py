"""Clients that join a container's streams, before it runs or while it does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from wherry.drivers.runtime.base import Console, Output, Runtime
from wherry.engine.containers.attach import Wanted, join
from wherry.engine.containers.host import ContainerHost, launch_of
from wherry.engine.containers.service import Containers
from wherry.engine.containers.telling import Told
from wherry.http.messages import Duplex
from wherry.model.container import Container
from wherry.model.errors import Conflict
from wherry.model.lifecycle import Status
from wherry.state.layout import Layout

Frame = Callable[[Output], bytes]


class Session:
    """One client and one container: registered before the client hears that it is."""

    def __init__(
        self, console: "asyncio.Future[Console | None]", wanted: Wanted, frame: Frame
    ) -> None:
        self._console, self._wanted, self._frame = console, wanted, frame

    async def run(self, client: Duplex, past: AsyncIterator[bytes] | None = None) -> None:
        """Send what was written in the `past`, then copy both ways until one end is over."""
        try:
            if past is not None:
                async for piece in past:
                    await client.write(piece)
            console = await self._console
        except BaseException:
            self._console.cancel()
            if self._console.done() and not self._console.cancelled():
                console = self._console.result()
                if console is not None:
                    await console.close()
            raise
        if console is not None:
            with contextlib.suppress(ConnectionError):
                await join(client, console, self._wanted, self._frame)


class Joining:
    def __init__(
        self, *, containers: Containers, host: ContainerHost, runtime: Runtime, layout: Layout
    ) -> None:
        self._containers, self._host = containers, host
        self._runtime, self._layout = runtime, layout

    def attach(self, container: Container, wanted: Wanted, frame: Frame) -> Session:
        """Register a client; the process need not exist yet, and nothing that it writes is lost.

        Raises:
            Conflict: the container is paused.
        """
        if container.state.status is Status.PAUSED:
            raise Conflict(
                f"container {container.id} is paused, unpause the container before attach"
            )
        console: asyncio.Future[Console | None]
        if container.has_process:
            console = asyncio.get_running_loop().create_future()
            console.set_result(self._runtime.console(launch_of(container, self._layout)))
        else:
            console = self._host.want_console(container.id)
        self._host.publish(container, Told("attach", {}))
        return Session(console, wanted, frame)
