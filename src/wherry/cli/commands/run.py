"""`wherry run` and `wherry create`.

The order of `run` is what makes it lose nothing: create, attach, wait, and only then start. So
the output of a process that ends at once is seen, and so is its exit code.
"""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Call, Command, warn
from wherry.cli.createflags import list_create_flags, list_run_flags
from wherry.cli.creation import Creation, plan_creation
from wherry.cli.errors import Refused, describe, launch_code
from wherry.cli.session import Session, check_input_terminal
from wherry.cli.terminal import read_size
from wherry.client import containers
from wherry.client.jsontext import decode_json
from wherry.model.errors import NotFound, WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.http.client import Response

_FAILED = 125


def run_run(call: Call) -> int:
    """Create, attach, start, and the process's exit code. 125 to 127 when it did not start."""
    flags = call.flags
    detached = flags.switch("detach")
    if detached and flags.many("attach"):
        warn("conflicting options: cannot specify both --attach and --detach")
        return 1
    try:
        creation = plan_creation(flags, detached=detached)
        body = creation.body
        if not detached:
            check_input_terminal(tty=flags.switch("tty"), stdin=body["AttachStdin"])
            size = read_size()
            if flags.switch("tty") and size:
                body["HostConfig"]["ConsoleSize"] = list(size)
    except Refused as error:
        if error.code == 1:
            raise
        return _tell(call, str(error), _FAILED)
    try:
        container = create_with_image(call, creation)
    except WherryError as error:
        return _tell(call, describe(error), _FAILED)
    if detached:
        return _start_detached(call, container)
    return _run_attached(call, container, creation)


def _tell(call: Call, message: str, code: int) -> int:
    warn(f"wherry: {message}\n\nRun 'wherry {call.path} --help' for more information")
    return code


def _start_detached(call: Call, container: str) -> int:
    try:
        containers.start_container(call.engine, container)
    except WherryError as error:
        return _tell(call, describe(error), launch_code(error))
    print(container)
    return 0


def _run_attached(call: Call, container: str, creation: Creation) -> int:
    flags, engine, body = call.flags, call.engine, creation.body
    tty = flags.switch("tty")
    attaches = body["AttachStdin"] or body["AttachStdout"] or body["AttachStderr"]
    with Session(
        tty=tty,
        stdin=body["AttachStdin"],
        stdout=body["AttachStdout"],
        stderr=body["AttachStderr"],
        detach_keys=flags.text("detach-keys"),
        resize=lambda rows, columns: containers.resize_container(
            engine, container, rows=rows, columns=columns
        ),
        kill=(lambda name: containers.kill_container(engine, container, name))
        if flags.switch("sig-proxy", True)
        else None,
    ) as session:
        query = {
            "stream": True,
            "stdin": body["AttachStdin"],
            "stdout": body["AttachStdout"],
            "stderr": body["AttachStderr"],
            "detachKeys": flags.text("detach-keys") or None,
        }
        try:
            attached = containers.attach_container(engine, container, query) if attaches else None
            condition = "removed" if flags.switch("rm") else "next-exit"
            waiting = containers.wait_for_container(engine, container, condition)
        except WherryError as error:
            return _tell(call, describe(error), _FAILED)
        try:
            containers.start_container(engine, container)
        except WherryError as error:
            waiting.close()
            return _tell(call, describe(error), launch_code(error))
        session.fit()
        if attached is not None and session.run(attached):
            return 0
        return read_exit_code(waiting)


def read_exit_code(waiting: Response) -> int:
    """The answer to a wait: blocks until the container has ended."""
    document = decode_json(waiting.read())
    complaint = (document.get("Error") or {}).get("Message")
    if complaint:
        warn(f"Error waiting for container: {complaint}")
        return _FAILED
    return int(document["StatusCode"])


def create_with_image(call: Call, creation: Creation) -> str:
    """Create the container, fetching its image when that is wanted and needed. Its id."""
    cid_path = call.flags.text("cidfile")
    if cid_path and os.path.exists(cid_path):
        raise Refused(
            "container ID file found, make sure the other container isn't running or delete "
            f"{cid_path}"
        )
    if creation.pull == "always":
        _pull(call, creation)
    try:
        made = _create(call, creation)
    except NotFound as error:
        if creation.pull != "missing" or not str(error).startswith("No such image"):
            raise
        if not call.flags.switch("quiet"):
            warn(f"Unable to find image '{_with_tag(creation.image)}' locally")
        _pull(call, creation)
        made = _create(call, creation)
    for warning in made.get("Warnings") or ():
        warn(f"WARNING: {warning}")
    if cid_path:
        with open(cid_path, "w", encoding="ascii") as file:
            file.write(made["Id"])
    return str(made["Id"])


def _create(call: Call, creation: Creation) -> dict[str, Any]:
    return containers.create_container(
        call.engine, creation.body, name=creation.name, platform=creation.platform
    )


def _with_tag(image: str) -> str:
    tagged = "@" in image or ":" in image.rpartition("/")[2]
    return image if tagged else f"{image}:latest"


def _pull(call: Call, creation: Creation) -> None:
    from wherry.cli.pulling import pull

    out = None if call.flags.switch("quiet") else sys.stderr
    pull(call.engine, _with_tag(creation.image), platform=creation.platform, out=out)


def run_create(call: Call) -> int:
    """Create only; prints the id."""
    try:
        creation = plan_creation(call.flags)
    except Refused as error:
        return _tell(call, str(error), _FAILED)
    print(create_with_image(call, creation))
    return 0


_USAGE = "[OPTIONS] IMAGE [COMMAND] [ARG...]"
COMMANDS = {
    "run": Command(run_run, _USAGE, list_run_flags, least=1, most=-1, hands_on=True),
    "create": Command(run_create, _USAGE, list_create_flags, least=1, most=-1, hands_on=True),
}
