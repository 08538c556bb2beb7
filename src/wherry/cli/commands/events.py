"""`wherry events`."""

from __future__ import annotations

import time

from wherry.cli.command import Call, Command
from wherry.cli.errors import Refused
from wherry.cli.flags import Flag
from wherry.cli.moments import parse_moment
from wherry.client.jsontext import encode_json
from wherry.client.system import iter_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NANO = 10**9


def _format_event(event: dict[str, Any]) -> str:
    moment_ns = event.get("timeNano") or event.get("time", 0) * _NANO
    local = time.localtime(moment_ns // _NANO)
    zone = time.strftime("%z", local)
    zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', local)}.{moment_ns % _NANO:09d}{zone}"
    actor = event.get("Actor") or {}
    attributes = sorted((actor.get("Attributes") or {}).items())
    text = f"{stamp} {event.get('Type')} {event.get('Action')} {actor.get('ID', '')}"
    if attributes:
        text += " (" + ", ".join(f"{name}={value}" for name, value in attributes) + ")"
    return text


def _choose(style: str) -> Callable[[dict[str, Any]], str]:
    if not style:
        return _format_event
    if style == "json":
        return encode_json
    from wherry.cli.listings import as_records, read_template
    from wherry.cli.templates import TemplateError

    template = read_template(style, failure="Error parsing format: ")

    def fill(event: dict[str, Any]) -> str:
        shown = {**event, "ID": event.get("id", ""), "Status": event.get("status", "")}
        shown["From"], shown["TimeNano"] = event.get("from", ""), event.get("timeNano", 0)
        shown["Time"], shown["Scope"] = event.get("time", 0), event.get("scope", "")
        try:
            return template.execute(as_records(shown))
        except TemplateError as error:
            raise Refused(str(error)) from None

    return fill


def run_events(call: Call) -> int:
    """Print events as they come; ends at `--until`."""
    flags = call.flags
    query: dict[str, Any] = {"filters": flags.filters() or None}
    for bound in ("since", "until"):
        if flags.text(bound):
            try:
                query[bound] = parse_moment(flags.text(bound))
            except ValueError as error:
                raise Refused(f'invalid value for "{bound}": {error}') from None
    show = _choose(flags.text("format"))
    for event in iter_events(call.engine, query):
        print(show(event), flush=True)
    return 0


COMMANDS = {
    "events": Command(
        run_events,
        "[OPTIONS]",
        (
            Flag("filter", "f", "filter", "Filter output based on conditions provided"),
            Flag("format", "", "string", "Format output: json, or a template"),
            Flag("since", "", "string", "Show all events created since timestamp"),
            Flag("until", "", "string", "Stream events until this timestamp"),
        ),
    )
}
