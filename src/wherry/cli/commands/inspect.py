"""`wherry inspect` and the inspect of each kind."""

from __future__ import annotations

import sys

from wherry.cli.command import Call, Command, warn
from wherry.cli.errors import Refused, describe
from wherry.cli.flags import Flag
from wherry.client import containers, images, networks, volumes
from wherry.client.jsontext import encode_json
from wherry.model.errors import NotFound, WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Look = Callable[[Call, str], dict[str, Any]]

_INDENT = 4


def _look_container(call: Call, name: str) -> dict[str, Any]:
    size = call.flags.switch("size")
    return containers.inspect_container(call.engine, name, size=size)


def _look_image(call: Call, name: str) -> dict[str, Any]:
    return images.inspect_image(call.engine, name, platform=call.flags.text("platform"))


def _look_network(call: Call, name: str) -> dict[str, Any]:
    verbose = call.flags.switch("verbose")
    return networks.inspect_network(call.engine, name, verbose=verbose)


def _look_volume(call: Call, name: str) -> dict[str, Any]:
    return volumes.inspect_volume(call.engine, name)


_KINDS: dict[str, Look] = {
    "container": _look_container,
    "image": _look_image,
    "network": _look_network,
    "volume": _look_volume,
}


def run_inspect_any(call: Call) -> int:
    """Whatever bears the name: container, image, network or volume, in this order."""
    kind = call.flags.text("type")
    if "type" in call.flags.given and kind not in _KINDS:
        if not kind:
            raise Refused("type is empty: must be one of " + '"' + '", "'.join(_KINDS) + '"')
        raise Refused(f'unknown type: "{kind}": must be one of "' + '", "'.join(_KINDS) + '"')
    if kind:
        return _inspect(call, _KINDS[kind])

    def look(call: Call, name: str) -> dict[str, Any]:
        for each in _KINDS.values():
            try:
                return each(call, name)
            except NotFound:
                continue
        raise Refused(f"Error: No such object: {name}")

    return _inspect(call, look)


def run_inspect_kind(call: Call) -> int:
    """One kind: the first word of the command."""
    return _inspect(call, _KINDS[call.path.partition(" ")[0]])


def _inspect(call: Call, look: Look) -> int:
    found: list[dict[str, Any]] = []
    failed: list[str] = []
    for name in call.args:
        try:
            found.append(look(call, name))
        except WherryError as error:
            failed.append(describe(error))
    style = call.flags.text("format")
    if style and style != "json":
        failed += _print_by_template(found, style)
    elif style == "json":
        for document in found:
            print(encode_json(document))
    else:
        print(encode_json(found, indent=_INDENT))
    sys.stdout.flush()
    for complaint in failed:
        warn(complaint)
    return 1 if failed else 0


def _print_by_template(documents: list[dict[str, Any]], style: str) -> list[str]:
    from wherry.cli.listings import as_records, read_template
    from wherry.cli.templates import TemplateError

    template = read_template(style, failure="template parsing error: ")
    for document in documents:
        try:
            print(template.execute(as_records(document)))
        except TemplateError as error:
            print()
            return [f"template parsing error: {error}"]
    if not documents:
        print()
    return []


_FORMAT = Flag("format", "f", "string", "Format output: json, or a template")
_SIZE = Flag("size", "s", text="Display total file sizes if the type is container")
COMMANDS = {
    "inspect": Command(
        run_inspect_any,
        "[OPTIONS] NAME|ID [NAME|ID...]",
        (_FORMAT, _SIZE, Flag("type", "", "string", "Only inspect objects of the given type")),
        least=1,
        most=-1,
    ),
    "container inspect": Command(
        run_inspect_kind,
        "[OPTIONS] CONTAINER [CONTAINER...]",
        (_FORMAT, Flag("size", "s", text="Display total file sizes")),
        least=1,
        most=-1,
    ),
    "image inspect": Command(
        run_inspect_kind,
        "[OPTIONS] IMAGE [IMAGE...]",
        (_FORMAT, Flag("platform", "", "string", "Inspect a specific platform of the image")),
        least=1,
        most=-1,
    ),
    "network inspect": Command(
        run_inspect_kind,
        "[OPTIONS] NETWORK [NETWORK...]",
        (_FORMAT, Flag("verbose", "v", text="Verbose output for diagnostics")),
        least=1,
        most=-1,
    ),
    "volume inspect": Command(
        run_inspect_kind, "[OPTIONS] VOLUME [VOLUME...]", (_FORMAT,), least=1, most=-1
    ),
}
