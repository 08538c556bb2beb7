"""Running the programs that bootstrapping needs, with errors that say what is missing."""

import os
import shutil
from collections.abc import Mapping, Sequence

from wherry.kernel import process
from wherry.model.errors import Unavailable

_WORDS_BYTES = 2000


async def run_program(
    argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str] | None = None, hint: str = ""
) -> bytes:
    """What the program wrote to its standard output.

    Raises:
        Unavailable: not installed (`hint` says what to do), or it failed; with its last words.
    """
    path = shutil.which(argv[0])
    if path is None:
        raise Unavailable(f"{argv[0]} is not installed", hint=hint or None)
    surroundings = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "LC_ALL": "C.UTF-8",
        **{key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")},
        **(env or {}),
    }
    done = await process.run([path, *argv[1:]], timeout_s=timeout_s, env=surroundings)
    if done.code:
        words = (done.stderr or done.stdout)[-_WORDS_BYTES:].decode(errors="replace").strip()
        raise Unavailable(f"{argv[0]} failed ({done.code}): {words}")
    return done.stdout
