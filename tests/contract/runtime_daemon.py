"""A daemon for the tests: starts a container, says so, and waits to be killed.

Arguments: runtime folder, cgroup parent, then the launch's id, bundle, exit folder and log.
"""

import asyncio
import sys
from pathlib import Path

from tests.contract.runtime_rig import make_program, make_runtime
from wherry.drivers.runtime.base import Launch


async def main() -> None:
    runtime_dir, parent, container_id, bundle_dir, exit_dir, log_path = sys.argv[1:]
    runtime = make_runtime(make_program(Path(runtime_dir)), parent)
    launch = Launch(
        id=container_id,
        bundle_dir=Path(bundle_dir),
        exit_dir=Path(exit_dir),
        log_path=Path(log_path),
        terminal=False,
        stdin=True,
        leave_stdin_open=True,
    )
    process = await runtime.create(launch)
    await runtime.start(launch)
    print(process.pid, process.start_ticks, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
