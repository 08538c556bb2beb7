"""``wherryd``: read the settings, set up logging and signals, serve until told to end."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

from wherry.daemon.config import Config, load
from wherry.model.errors import WherryError

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
_log = logging.getLogger("wherry.daemon")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon. 0 after an orderly end, 1 when it could not be started or failed."""
    try:
        asked = load(sys.argv[1:] if arguments is None else arguments)
    except WherryError as error:
        return _complain(error)
    if asked.validate_only:
        print("configuration OK")
        return 0
    config = asked.config
    _set_up_logging(config)
    os.umask(0o022)
    try:
        # here and not above: --help and --validate need none of the engine
        from wherry.daemon.boot import serve

        _write_pid(config)
        asyncio.run(_until_told(serve(config)))
    except WherryError as error:
        return _complain(error)
    except OSError as error:
        _log.critical("%s", error, exc_info=config.debug)
        return 1
    except Exception:
        _log.critical("the daemon failed", exc_info=True)
        return 1
    finally:
        _discard_pid(config)
    return 0


def notify(state: str) -> None:
    """Tell systemd, if it wants to know: ``READY=1``, ``STOPPING=1``. Source: sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto(state.encode(), address)
        except OSError as error:
            _log.warning("systemd cannot be told %s: %s", state, error)


async def _until_told(serving: Coroutine[Any, Any, None]) -> None:
    """Serve until SIGTERM or SIGINT; `serving` is cancelled then and ends in its own time.

    A second signal ends the process at once. SIGHUP is heard and changes nothing.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(serving)
    told: list[int] = []

    def stop(number: int) -> None:
        if told:
            _log.warning("told to end twice, ending now")
            os._exit(1)
        told.append(number)
        _log.info("%s: ending", signal.Signals(number).name)
        notify("STOPPING=1")
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    loop.add_signal_handler(signal.SIGHUP, _log.info, "SIGHUP: settings are read at start only")
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise


def _set_up_logging(config: Config) -> None:
    """Plain lines on standard error; the journal adds time and program itself."""
    in_journal = "JOURNAL_STREAM" in os.environ
    form = "%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(
        stream=sys.stderr,
        level=_LEVELS[config.log_level],
        format=form if in_journal else f"%(asctime)s {form}",
    )
    # its debug lines say what is of no interest to anybody
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def _write_pid(config: Config) -> None:
    """Leave our process id behind; the file of a daemon that still runs is not replaced.

    Raises:
        WherryError: such a daemon runs.
    """
    if (path := config.pidfile) is None:
        return
    try:
        other = int(path.read_text())
        if other != os.getpid():
            os.kill(other, 0)
            raise WherryError(f"pid file {path} found, and process {other} is running")
    except (FileNotFoundError, ValueError, ProcessLookupError):
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(os.getpid()))


def _discard_pid(config: Config) -> None:
    if (path := config.pidfile) is None:
        return
    try:
        if path.read_text() == str(os.getpid()):
            path.unlink()
    except OSError:
        pass


def _complain(error: WherryError) -> int:
    print(f"wherryd: {error}", file=sys.stderr)
    if error.hint:
        print(f"wherryd: {error.hint}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
