"""`wherry version` and `wherry info`."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Call, Command, warn
from wherry.cli.errors import describe
from wherry.cli.flags import Flag
from wherry.cli.units import format_memory
from wherry.client.engine import API_VERSION
from wherry.client.jsontext import encode_json
from wherry.client.system import read_info, read_version
from wherry.model.errors import WherryError
from wherry.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Document = dict[str, Any]

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _describe_client(call: Call) -> Document:
    machine = os.uname().machine
    runtime = ".".join(str(part) for part in sys.version_info[:3])
    return {
        "Version": VERSION,
        "ApiVersion": call.engine.version,
        "DefaultAPIVersion": API_VERSION,
        "GitCommit": "",
        "GoVersion": f"python{runtime}",
        "Os": "linux",
        "Arch": _ARCHITECTURES.get(machine, machine),
        "BuildTime": "",
        "Context": "default",
    }


def _fill(style: str, document: Document) -> None:
    if style == "json":
        print(encode_json(document))
        return
    from wherry.cli.errors import Refused
    from wherry.cli.listings import as_records, read_template
    from wherry.cli.templates import TemplateError

    template = read_template(style, failure="template parsing error: ")
    try:
        print(template.execute(as_records(document)))
    except TemplateError as error:
        raise Refused(f"\n{error}") from None


def run_version(call: Call) -> int:
    """The versions of both sides; 1 when the engine does not answer."""
    server: Document | None = None
    failure = ""
    try:
        server = read_version(call.engine)
    except WherryError as error:
        failure = describe(error)
    document = {"Client": _describe_client(call), "Server": server}
    if style := call.flags.text("format"):
        _fill(style, document)
    else:
        print("\n".join(_draw_versions(document["Client"] or {}, server)))
    if failure:
        sys.stdout.flush()
        warn(failure)
    return 1 if failure else 0


def _draw_versions(client: Document, server: Document | None) -> Iterator[str]:
    yield "Client:"
    for label, value in (
        ("Version", client["Version"]),
        ("API version", client["ApiVersion"]),
        ("Python version", client["GoVersion"].removeprefix("python")),
        ("OS/Arch", f"{client['Os']}/{client['Arch']}"),
        ("Context", client["Context"]),
    ):
        yield f" {label + ':':<19}{value}"
    if server is None:
        return
    platform = (server.get("Platform") or {}).get("Name", "")
    yield ""
    yield f"Server: {platform}".rstrip()
    for component in server.get("Components") or ():
        yield f" {component['Name']}:"
        details = component.get("Details") or {}
        for label, value in (
            ("Version", component.get("Version", "")),
            ("API version", _api_span(details)),
            ("Go version", details.get("GoVersion")),
            ("Python version", details.get("PythonVersion")),
            ("Git commit", details.get("GitCommit")),
            ("Built", details.get("BuildTime")),
            ("OS/Arch", f"{details['Os']}/{details['Arch']}" if "Arch" in details else None),
            ("Experimental", details.get("Experimental")),
        ):
            if value is not None:
                yield f"  {label + ':':<18}{value}"


def _api_span(details: Document) -> str | None:
    if "ApiVersion" not in details:
        return None
    return f"{details['ApiVersion']} (minimum version {details.get('MinAPIVersion', '')})"


def run_info(call: Call) -> int:
    """What the engine says about itself and its host."""
    document: Document = {}
    failure = ""
    try:
        document = read_info(call.engine)
    except WherryError as error:
        failure = describe(error)
    client = {"Debug": False, **_describe_client(call), "Plugins": [], "Warnings": None}
    client.pop("ApiVersion")
    if style := call.flags.text("format"):
        _fill(style, {**document, "ClientInfo": client})
    else:
        print("Client:")
        print(f" Version:    {client['Version']}\n Context:    default\n Debug Mode: false\n")
        print("Server:")
        for line in _draw_info(document) if not failure else ():
            print(f" {line}")
        if not failure:
            print()
    sys.stdout.flush()
    for warning in document.get("Warnings") or ():
        warn(warning)
    if failure:
        warn(failure)
    return 1 if failure else 0


_STATUS = (
    ("Containers", "Containers"),
    (" Running", "ContainersRunning"),
    (" Paused", "ContainersPaused"),
    (" Stopped", "ContainersStopped"),
    ("Images", "Images"),
    ("Server Version", "ServerVersion"),
    ("Storage Driver", "Driver"),
)
_HOST = (
    ("Kernel Version", "KernelVersion"),
    ("Operating System", "OperatingSystem"),
    ("OSType", "OSType"),
    ("Architecture", "Architecture"),
    ("CPUs", "NCPU"),
)
_PLACE = (
    ("Name", "Name"),
    ("ID", "ID"),
    ("Docker Root Dir", "DockerRootDir"),
    ("Debug Mode", "Debug"),
)


def _show(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _draw_info(info: Document) -> Iterator[str]:
    for label, field in _STATUS:
        yield f"{label}: {_show(info.get(field, ''))}"
    for name, value in info.get("DriverStatus") or ():
        yield f" {name}: {value}"
    yield f"Logging Driver: {info.get('LoggingDriver', '')}"
    yield f"Cgroup Driver: {info.get('CgroupDriver', '')}"
    yield f"Cgroup Version: {info.get('CgroupVersion', '')}"
    yield "Plugins:"
    plugins = info.get("Plugins") or {}
    for kind in ("Volume", "Network", "Log"):
        yield f" {kind}: {' '.join(plugins.get(kind) or ())}"
    if folders := info.get("CDISpecDirs"):
        yield "CDI spec directories:"
        yield from (f" {folder}" for folder in folders)
    yield f"Swarm: {(info.get('Swarm') or {}).get('LocalNodeState', 'inactive')}"
    yield f"Runtimes: {' '.join(sorted(info.get('Runtimes') or ()))}"
    yield f"Default Runtime: {info.get('DefaultRuntime', '')}"
    yield f"Init Binary: {info.get('InitBinary', '')}"
    for label, field in (
        ("containerd", "ContainerdCommit"),
        ("runc", "RuncCommit"),
        ("init", "InitCommit"),
    ):
        yield f"{label} version: {(info.get(field) or {}).get('ID', '')}"
    if options := info.get("SecurityOptions"):
        yield "Security Options:"
        for option in options:
            fields = dict(part.partition("=")[::2] for part in option.split(","))
            yield f" {fields.pop('name', option)}"
            yield from (f"  {name.title()}: {value}" for name, value in fields.items())
    for label, field in _HOST:
        yield f"{label}: {_show(info.get(field, ''))}"
    yield f"Total Memory: {format_memory(info.get('MemTotal', 0))}"
    for label, field in _PLACE:
        yield f"{label}: {_show(info.get(field, ''))}"
    for label, field in (
        ("HTTP Proxy", "HttpProxy"),
        ("HTTPS Proxy", "HttpsProxy"),
        ("No Proxy", "NoProxy"),
    ):
        if info.get(field):
            yield f"{label}: {info[field]}"
    if labels := info.get("Labels"):
        yield "Labels:"
        yield from (f" {label}" for label in labels)
    yield f"Experimental: {_show(info.get('ExperimentalBuild', False))}"
    if registries := (info.get("RegistryConfig") or {}).get("InsecureRegistryCIDRs"):
        yield "Insecure Registries:"
        yield from (f" {registry}" for registry in registries)
    yield f"Live Restore Enabled: {_show(info.get('LiveRestoreEnabled', False))}"
    if pools := info.get("DefaultAddressPools"):
        yield "Default Address Pools:"
        yield from (f"  Base: {pool['Base']}, Size: {pool['Size']}" for pool in pools)


_FORMAT = Flag("format", "f", "string", "Format output: json, or a template")
COMMANDS = {
    "version": Command(run_version, "[OPTIONS]", (_FORMAT,)),
    "info": Command(run_info, "[OPTIONS]", (_FORMAT,)),
}
