"""wherry's documents differ from a real Docker Engine's only in what is listed here.

`recorded/` holds what Docker Engine 28.5 answered (`python -m tests.compat.record` makes it).
"""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.compat.documents import RECORDED_DIR, collect, flatten
from tests.support.engine import Engine

DIFFERS = {
    "container-*.ResolvConfPath": "the data root",
    "container-*.HostnamePath": "the data root",
    "container-*.HostsPath": "the data root",
    "container-*.LogPath": "the data root, and a log in the monitor's own format",
    "*.Mounts[[]*[]].Source": "the data root",
    "volume.Mountpoint": "the data root",
    "*.GraphDriver.*": "short names of snapshots below the data root, no init layer",
    "*.HostConfig.Runtime": "crun instead of runc",
    "*.HostConfig.MaskedPaths*": "more of /proc and /sys is masked",
    "*.HostConfig.ReadonlyPaths*": "more of /proc is read-only",
    "*.HostConfig.CgroupnsMode": "depends on the host's version of cgroups",
    "network-bridge.Options.com.docker.network.bridge.name": "a bridge of our own beside Docker's",
    "version.*": "other components",
    "info.*": "other plugins, drivers, components",
}

# Of `info` and `version` clients rely on these keys, whatever their values.
NEEDED_KEYS = {
    "info": {
        "Architecture", "CgroupDriver", "CgroupVersion", "Containers", "ContainersPaused",
        "ContainersRunning", "ContainersStopped", "DefaultRuntime", "DockerRootDir", "Driver",
        "DriverStatus", "ID", "Images", "IndexServerAddress", "KernelVersion", "Labels",
        "LoggingDriver", "MemTotal", "NCPU", "Name", "OSType", "OperatingSystem", "Plugins",
        "RegistryConfig", "Runtimes", "SecurityOptions", "ServerVersion", "Swarm", "SystemTime",
    },
    "version": {
        "ApiVersion", "Arch", "Components", "GitCommit", "KernelVersion", "MinAPIVersion", "Os",
        "Platform", "Version",
    },
}  # fmt: skip

DOCUMENTS = sorted(path.stem for path in RECORDED_DIR.glob("*.json"))


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    """Filled by the first test that asks, so that the shared engine is clean again after it."""
    return {}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_dockers_but_for_what_is_listed(
    engine: Engine, documents: dict[str, Any], name: str
) -> None:
    if not documents:
        documents.update(collect(engine))
    ours = flatten(name, documents[name])
    recorded = json.loads((RECORDED_DIR / f"{name}.json").read_text())
    absent = "<absent>"
    different = {
        path: f"Docker {recorded.get(path, absent)!r}, here {ours.get(path, absent)!r}"
        for path in sorted(recorded.keys() | ours.keys())
        if recorded.get(path, absent) != ours.get(path, absent)
        and not any(fnmatchcase(path, pattern) for pattern in DIFFERS)
    }
    assert not different, json.dumps(different, indent=1)


@pytest.mark.parametrize("name", sorted(NEEDED_KEYS))
def test_info_and_version_have_what_clients_look_at(engine: Engine, name: str) -> None:
    assert NEEDED_KEYS[name] - engine.get(f"/{name}").keys() == set()


def test_recordings_are_there() -> None:
    assert len(DOCUMENTS) >= 15


@pytest.mark.parametrize("version", ["v1.24", "v1.40", "v1.41", "v1.44", "v1.47"])
def test_older_clients_get_documents_too(engine: Engine, version: str) -> None:
    found = collect(engine, version)
    listed = found["list-images"][0]
    running = found["container-running"]
    minor = int(version.partition(".")[2])
    assert ("VirtualSize" in listed) == (minor < 44)
    assert running["NetworkSettings"]["IPAddress"]
    assert running["State"]["Status"] == "running"
