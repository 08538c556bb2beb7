"""Images in and out: `save`, `load`, `import`, `pull`, `image bootstrap`."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Call, Command
from wherry.cli.errors import Refused
from wherry.cli.flags import Flag
from wherry.cli.pulling import show_progress, split_reference
from wherry.cli.streams import write_all
from wherry.client import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE_BYTES = 1 << 20


def _read_pieces(path: str) -> Iterator[bytes]:
    """The bytes of a file, or of standard input for ``-``."""
    fd = 0 if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while data := os.read(fd, _PIECE_BYTES):
            yield data
    finally:
        if fd:
            os.close(fd)


def _check_readable(path: str) -> None:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        raise Refused(f"open {path}: {(error.strerror or '').lower()}") from None


def run_save(call: Call) -> int:
    """Write images as one tar, to a file only when it is complete."""
    path = call.flags.text("output")
    if not path and os.isatty(1):
        raise Refused("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    if path and not os.path.isdir(os.path.dirname(path) or "."):
        raise Refused(
            f'failed to save image: invalid output path: directory "{os.path.dirname(path)}" '
            "does not exist"
        )
    response = images.save_images(call.engine, call.args, platform=call.flags.text("platform"))
    if not path:
        for data in response.chunks():
            write_all(1, data)
        return 0
    partial = f"{path}.partial-{os.getpid()}"
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        for data in response.chunks():
            write_all(fd, data)
        os.close(fd)
        os.rename(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
    return 0


def run_load(call: Call) -> int:
    """Read what `save` wrote."""
    path = call.flags.text("input") or "-"
    if path == "-" and os.isatty(0):
        raise Refused("requested load from stdin, but stdin is empty")
    if path != "-":
        _check_readable(path)
    quiet = call.flags.switch("quiet") or not sys.stdout.isatty()
    documents = images.load_images(
        call.engine, _read_pieces(path), quiet=quiet, platform=call.flags.text("platform")
    )
    show_progress(documents, sys.stdout)
    return 0


def run_import(call: Call) -> int:
    """Make an image from one tree in a tar."""
    source = call.args[0]
    repository, tag = split_reference(call.args[1]) if len(call.args) > 1 else ("", "")
    remote = "://" in source
    if not remote and source != "-":
        _check_readable(source)
    query = {
        "fromSrc": source if remote else "-",
        "repo": repository or None,
        "tag": tag or None,
        "message": call.flags.text("message") or None,
        "changes": call.flags.many("change") or None,
        "platform": call.flags.text("platform") or None,
    }
    body = None if remote else _read_pieces(source)
    show_progress(images.import_image(call.engine, query, body), sys.stdout)
    return 0


def run_pull(call: Call) -> int:
    """Have the engine fetch an image; prints its full name at the end."""
    from wherry.cli.pulling import pull

    reference = call.args[0]
    quiet = call.flags.switch("quiet")
    everything = call.flags.switch("all-tags")
    tag = split_reference(reference)[1]
    if everything and tag:
        raise Refused("tag can't be used with --all-tags/-a")
    if not tag and not everything:
        reference = f"{reference}:latest"
        if not quiet:
            print("Using default tag: latest", flush=True)
    pull(
        call.engine,
        reference,
        platform=call.flags.text("platform"),
        out=None if quiet else sys.stdout,
        everything=everything,
    )
    print(_full_name(reference))
    return 0


def _full_name(reference: str) -> str:
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return reference
    return f"docker.io/{'' if slash else 'library/'}{reference}"


def run_bootstrap(call: Call) -> int:
    """Make a first image from what the host has; prints its name and id."""
    kind, _, suite = call.args[0].partition(":")
    name = call.args[1] if len(call.args) > 1 else ""
    documents = images.bootstrap_image(
        call.engine,
        kind,
        suite=suite,
        include=call.flags.many("include"),
        host_ca=call.flags.switch("host-ca"),
    )
    made = show_progress(documents, sys.stderr)
    repository, tag = split_reference(name or call.args[0])
    if name:
        images.tag_image(call.engine, made["ID"], repository=repository, tag=tag or "latest")
    print(f"{repository}:{tag or 'latest'} {made['ID']}")
    return 0


_PLATFORM = Flag("platform", "", "string", 'Only this platform, as "os[/arch[/variant]]"')
COMMANDS = {
    "save": Command(
        run_save,
        "[OPTIONS] IMAGE [IMAGE...]",
        (Flag("output", "o", "string", "Write to a file, instead of STDOUT"), _PLATFORM),
        least=1,
        most=-1,
    ),
    "load": Command(
        run_load,
        "[OPTIONS]",
        (
            Flag("input", "i", "string", "Read from tar archive file, instead of STDIN"),
            _PLATFORM,
            Flag("quiet", "q", text="Suppress the load output"),
        ),
    ),
    "import": Command(
        run_import,
        "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
        (
            Flag("change", "c", "list", "Apply Dockerfile instruction to the created image"),
            Flag("message", "m", "string", "Set commit message for imported image"),
            _PLATFORM,
        ),
        least=1,
        most=2,
    ),
    "pull": Command(
        run_pull,
        "[OPTIONS] NAME[:TAG|@DIGEST]",
        (
            Flag("all-tags", "a", text="Download all tagged images in the repository"),
            Flag("disable-content-trust", text="Skip image verification", default="true"),
            _PLATFORM,
            Flag("quiet", "q", text="Suppress verbose output"),
        ),
        least=1,
        most=1,
    ),
    "image bootstrap": Command(
        run_bootstrap,
        "[OPTIONS] busybox|debian[:SUITE] [NAME[:TAG]]",
        (
            Flag("host-ca", text="Trust the certificates that the host trusts"),
            Flag("include", "", "strings", "More packages to install (debian)"),
        ),
        least=1,
        most=2,
    ),
}
