"""The documents an engine gives of the same few things: to record them, and to compare them."""

import json
import re
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support.docker import eventually
from tests.support.engine import Engine, busybox_tar

RECORDED_DIR = Path(__file__).parent / "recorded"

NAME = "compat-document"
IMAGE = "compat/document:1"
VOLUME = "compat-document-volume"

PLAIN: dict[str, Any] = {"Image": IMAGE, "Cmd": ["true"]}
RICH: dict[str, Any] = {
    "Image": IMAGE,
    "Cmd": ["sleep", "60"],
    "Hostname": "web",
    "Env": ["A=1"],
    "Labels": {"tier": "web"},
    "WorkingDir": "/tmp",
    "User": "nobody",
    "StopSignal": "SIGINT",
    "StopTimeout": 1,
    "ExposedPorts": {"80/tcp": {}, "81/tcp": {}},
    "Volumes": {"/anonymous": {}},
    "HostConfig": {
        "Binds": [f"{VOLUME}:/data:ro"],
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "38180"}]},
        "Memory": 67108864,
        "NanoCpus": 500000000,
        "PidsLimit": 100,
        "CapAdd": ["NET_ADMIN"],
        "CapDrop": ["CHOWN"],
        "ExtraHosts": ["db:10.1.2.3"],
        "Dns": ["192.0.2.53"],
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2},
        "Ulimits": [{"Name": "nofile", "Soft": 77, "Hard": 88}],
        "Tmpfs": {"/scratch": "size=1m"},
        "ReadonlyRootfs": True,
        "SecurityOpt": ["no-new-privileges"],
    },
}


def collect(engine: Engine, version: str = "v1.51") -> dict[str, Any]:
    """Make a few things, read every document there is of them, remove them again."""
    found: dict[str, Any] = {}
    prefix = f"/{version}"
    _discard(engine)
    _import(engine, prefix)
    try:
        _ask(engine, "POST", f"{prefix}/volumes/create", {"Name": VOLUME, "Labels": {"a": "b"}})
        found["volume"] = engine.get(f"{prefix}/volumes/{VOLUME}")

        _ask(engine, "POST", f"{prefix}/containers/create?name={NAME}", PLAIN)
        found["container-created"] = engine.get(f"{prefix}/containers/{NAME}/json")
        _ask(engine, "POST", f"{prefix}/containers/{NAME}/start")
        _ask(engine, "POST", f"{prefix}/containers/{NAME}/wait")
        found["container-exited"] = engine.get(f"{prefix}/containers/{NAME}/json")
        found["list-exited"] = _listed(engine, prefix)
        _discard_container(engine)

        _ask(engine, "POST", f"{prefix}/containers/create?name={NAME}", RICH)
        _ask(engine, "POST", f"{prefix}/containers/{NAME}/start")
        found["container-running"] = engine.get(f"{prefix}/containers/{NAME}/json")
        found["list-running"] = _listed(engine, prefix)
        found["exec"] = _exec(engine, prefix)
        _discard_container(engine)

        for mode in ("none", "host"):
            body = {**PLAIN, "Cmd": ["sleep", "60"], "HostConfig": {"NetworkMode": mode}}
            _ask(engine, "POST", f"{prefix}/containers/create?name={NAME}", body)
            _ask(engine, "POST", f"{prefix}/containers/{NAME}/start")
            found[f"container-network-{mode}"] = engine.get(f"{prefix}/containers/{NAME}/json")
            _discard_container(engine)

        found["events"] = _events(engine, prefix)
        found["image"] = engine.get(f"{prefix}/images/{IMAGE}/json")
        reference = quote(json.dumps({"reference": [IMAGE]}))
        found["list-images"] = engine.get(f"{prefix}/images/json?filters={reference}")
        found["history"] = engine.get(f"{prefix}/images/{IMAGE}/history")
        for name in ("bridge", "none", "host"):
            found[f"network-{name}"] = engine.get(f"{prefix}/networks/{name}")
        found["version"] = engine.get(f"{prefix}/version")
        found["info"] = engine.get(f"{prefix}/info")
    finally:
        _discard(engine)
    return found


def _import(engine: Engine, prefix: str) -> None:
    name, _, tag = IMAGE.partition(":")
    answer = engine.request(
        "POST",
        f"{prefix}/images/create?fromSrc=-&repo={name}&tag={tag}&message=made+here"
        "&changes=CMD+%5B%22sh%22%5D&changes=LABEL+k%3Dv",
        body=busybox_tar(),
        headers={"Content-Type": "application/x-tar"},
    )
    assert answer.status == 200, answer.body


def _ask(engine: Engine, method: str, target: str, body: dict[str, Any] | None = None) -> Any:
    answer = engine.request(method, target, body=body)
    assert answer.status < 300, (method, target, answer.status, answer.body)
    return answer.json if answer.body else None


def _listed(engine: Engine, prefix: str) -> Any:
    named = quote(json.dumps({"name": [f"^/{NAME}$"]}))
    return engine.get(f"{prefix}/containers/json?all=1&filters={named}")


def _exec(engine: Engine, prefix: str) -> Any:
    body = {"Cmd": ["sh", "-c", "exit 3"], "Env": ["X=y"], "User": "root"}
    identity = _ask(engine, "POST", f"{prefix}/containers/{NAME}/exec", body)["Id"]
    _ask(engine, "POST", f"{prefix}/exec/{identity}/start", {"Detach": True})
    assert eventually(lambda: not engine.get(f"{prefix}/exec/{identity}/json")["Running"])
    return engine.get(f"{prefix}/exec/{identity}/json")


def _events(engine: Engine, prefix: str) -> Any:
    """The plain container's life, which is the last but one of that name."""
    filters = quote(json.dumps({"container": [NAME], "type": ["container"]}))
    answer = engine.request(
        "GET", f"{prefix}/events?since=1&until={time.time():.3f}&filters={filters}"
    )
    told = [json.loads(line) for line in answer.body.splitlines()] if answer.body else []
    return {
        event["Action"]: event for event in told if event["Action"] in ("create", "start", "die")
    }


def _discard_container(engine: Engine) -> None:
    engine.request("DELETE", f"/containers/{NAME}?force=1&v=1")


def _discard(engine: Engine) -> None:
    _discard_container(engine)
    engine.request("DELETE", f"/volumes/{VOLUME}?force=1")
    engine.request("DELETE", f"/images/{IMAGE}?force=1")


_TELLING = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b"), "<mac>"),
    (re.compile(r"(?<![\w.])172\.17\.\d+\.[1-9]\d*(?![\w.])"), "<address>"),
    (re.compile(r"^[0-9a-f]{12}$"), "<short id>"),
    (re.compile(r"\b(About a|Less than a|\d+) (second|minute)s?\b"), "<a while>"),
)

# What no two machines, or no two moments, have in common: only the kind of value is kept.
_MOMENTARY = (
    "info.*",
    "version.*",
    "*.State.Pid",
    "exec.Pid",
    "*.Created",
    "*.Size",
    "*.time",
    "*.timeNano",
    "*.SandboxKey",
    "image.DockerVersion",
    "container-network-host.Config.Hostname",
)

# Other containers that are there by chance.
_NOT_OURS = ("network-*.Containers*", "info.Warnings*", "info.Runtimes.*")


def flatten(name: str, document: Any) -> dict[str, Any]:
    """Every leaf of a document by its path; what cannot be compared is replaced by its kind."""
    flat = {}
    for path, value in _leaves(document, name):
        if any(fnmatchcase(path, pattern) for pattern in _NOT_OURS):
            continue
        if any(fnmatchcase(path, pattern) for pattern in _MOMENTARY):
            value = f"<{type(value).__name__}>"
        flat[path] = normalise(value) if isinstance(value, str) else value
    return flat


def _leaves(document: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(document, dict) and document:
        for key, value in document.items():
            yield from _leaves(value, f"{path}.{normalise(key)}")
    elif isinstance(document, list) and document:
        if path.endswith(".Mounts"):  # in no order
            document = sorted(document, key=lambda mount: str(mount["Destination"]))
        for number, value in enumerate(document):
            yield from _leaves(value, f"{path}[{number}]")
    else:
        yield path, document


def normalise(text: str) -> str:
    for pattern, kind in _TELLING:
        text = pattern.sub(kind, text)
    return text
