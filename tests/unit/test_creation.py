"""Making a container: what is refused, which mounts it gets, what is undone."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import FakeContainers, FakeSnapshots, make_container, make_spec
from wherry.engine.containers.creation import Defaults, Maker
from wherry.model.container import ContainerSpec, LogSpec, NamespaceSpec, NetworkSpec, ProgramSpec
from wherry.model.container import SecuritySpec as Security
from wherry.model.errors import Conflict, InvalidArgument, NoSuchContainer, WherryError
from wherry.model.mounts import MountKind, MountPoint, MountRequest
from wherry.model.ports import ContainerPort, PortBinding
from wherry.model.resources import HostResources, Resources
from wherry.model.restart import RestartMode, RestartPolicy
from wherry.model.volume import Volume
from wherry.state.layout import Layout


class FakeVolumes:
    def __init__(self, layout: Layout) -> None:
        self.kept: dict[str, Volume] = {}
        self._layout, self._made = layout, 0

    async def create(
        self,
        name: str = "",
        *,
        driver: str = "local",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Volume:
        if not name:
            self._made += 1
            name = f"made-{self._made}"
        self.mountpoint(name).mkdir(parents=True, exist_ok=True)
        return self.kept.setdefault(name, Volume(name=name, created_ns=1, labels=labels or {}))

    async def remove(self, name: str, *, force: bool = False) -> None:
        del self.kept[name]

    def find(self, name: str) -> Volume | None:
        return self.kept.get(name)

    def mountpoint(self, name: str) -> Path:
        return self._layout.volume_dir(name)


class FakeCopier:
    def __init__(self) -> None:
        self.copied: list[tuple[str, str]] = []
        self.failure: Exception | None = None

    async def copy_tree(self, root: Path, path: str, target: Path) -> None:
        if self.failure is not None:
            raise self.failure
        self.copied.append((path, target.parent.name))


class Rig:
    def __init__(self, tmp_path: Path) -> None:
        self.layout = Layout(data_root=tmp_path / "data", run_root=tmp_path / "run")
        self.volumes, self.snapshots = FakeVolumes(self.layout), FakeSnapshots()
        self.copier, self.others = FakeCopier(), FakeContainers()
        self.maker = Maker(
            volumes=self.volumes,
            snapshots=self.snapshots,
            copier=self.copier,
            layout=self.layout,
            defaults=Defaults(
                runtimes=frozenset({"crun", "runc"}),
                runtime="crun",
                cgroup_namespace="host",
                resources=HostResources(cpus=2, cpuset_cpus="0-1", cpuset_mems="0"),
                log_driver="local",
                log_options={"max-size": "1m"},
            ),
        )
        self.maker.open(self.others)

    def check(self, **fields: Any) -> ContainerSpec:
        return self.maker.check(make_spec(**fields))[0]

    async def mounts(self, **fields: Any) -> dict[str, MountPoint]:
        async with AsyncExitStack() as undo:
            points, _ = await self.maker.make_mounts(make_spec(**fields), "c1", undo)
            undo.pop_all()
        return {one.destination: one for one in points}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_what_was_left_open_gets_the_daemons_defaults(rig: Rig) -> None:
    spec = rig.check(log=LogSpec(driver=""))
    assert spec.runtime == "crun"
    assert (spec.log.driver, spec.log.options) == ("local", {"max-size": "1m"})
    assert (spec.namespaces.cgroup, spec.namespaces.ipc) == ("host", "private")


def test_what_was_said_stays_as_it_was_said(rig: Rig) -> None:
    spec = rig.check(
        runtime="runc",
        log=LogSpec(driver="json-file", options={"max-file": "2"}),
        namespaces=NamespaceSpec(cgroup="private", ipc="shareable", pid="host"),
    )
    assert spec.runtime == "runc"
    assert spec.log.options == {"max-file": "2"}
    assert spec.namespaces == NamespaceSpec(cgroup="private", ipc="shareable", pid="host")


def test_nothing_said_about_swap_means_as_much_swap_as_memory(rig: Rig) -> None:
    assert rig.check(resources=Resources(memory_bytes=8 << 20)).resources.memory_swap_bytes == (
        16 << 20
    )
    unlimited = Resources(memory_bytes=8 << 20, memory_swap_bytes=-1)
    assert rig.check(resources=unlimited).resources.memory_swap_bytes == -1


def test_dangerous_limits_are_warned_of(rig: Rig) -> None:
    _, warnings = rig.maker.check(make_spec(resources=Resources(oom_kill_disable=True)))
    assert "OOM killer is disabled" in warnings[0]


PORT = PortBinding(port=ContainerPort(number=80))


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({"program": ProgramSpec(env=("=x",))}, InvalidArgument, "invalid environment variable"),
        ({"program": ProgramSpec(stop_signal="NO")}, InvalidArgument, "invalid signal: NO"),
        (
            {"program": ProgramSpec(working_dir="here")},
            InvalidArgument,
            "the working directory 'here' is invalid",
        ),
        ({"security": Security(cap_add=("FLY",))}, InvalidArgument, "FLY"),
        ({"security": Security(security_options=("x",))}, InvalidArgument, "--security-opt"),
        ({"resources": Resources(memory_bytes=1)}, InvalidArgument, "Minimum memory limit"),
        (
            {"auto_remove": True, "restart": RestartPolicy(mode=RestartMode.ALWAYS)},
            InvalidArgument,
            "can't create 'AutoRemove' container with restart policy",
        ),
        ({"runtime": "vm"}, InvalidArgument, "unknown or invalid runtime name: vm"),
        ({"log": LogSpec(driver="syslog")}, InvalidArgument, "no log driver named 'syslog'"),
        ({"namespaces": NamespaceSpec(pid="mine")}, InvalidArgument, "invalid PID mode: mine"),
        ({"namespaces": NamespaceSpec(ipc="x")}, InvalidArgument, "invalid IPC mode: x"),
        ({"namespaces": NamespaceSpec(uts="container:a")}, InvalidArgument, "invalid UTS mode"),
        (
            {"network": NetworkSpec(mode="container:")},
            InvalidArgument,
            "Container name or ID is required",
        ),
        (
            {"network": NetworkSpec(mode="container:a", bindings=(PORT,))},
            Conflict,
            "conflicting options: port publishing and the container type network mode",
        ),
        (
            {"network": NetworkSpec(mode="container:a", dns=("1.1.1.1",))},
            Conflict,
            "conflicting options: dns and the container type network mode",
        ),
        (
            {"namespaces": NamespaceSpec(uts="host"), "program": ProgramSpec(hostname="h")},
            InvalidArgument,
            "conflicting options: hostname and the UTS mode",
        ),
    ],
)
def test_what_can_never_be_is_refused_in_dockers_words(
    rig: Rig, fields: dict[str, Any], kind: type[WherryError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        rig.check(**fields)


def test_the_other_of_a_shared_namespace_may_come_later(rig: Rig) -> None:
    rig.check(namespaces=NamespaceSpec(pid="container:later", ipc="container:later"))


# mounts -----------------------------------------------------------------------------------


async def test_a_missing_folder_of_the_host_is_made_for_a_bind(rig: Rig, tmp_path: Path) -> None:
    points = await rig.mounts(binds=(f"{tmp_path}/new/one:/data:ro",))
    assert (tmp_path / "new/one").is_dir()
    point = points["/data"]
    assert (point.kind, point.writable, point.propagation) == (MountKind.BIND, False, "rprivate")


async def test_a_missing_folder_is_a_mistake_for_a_mount(rig: Rig, tmp_path: Path) -> None:
    request = MountRequest(kind=MountKind.BIND, target="/d", source=f"{tmp_path}/none")
    with pytest.raises(InvalidArgument, match="bind source path does not exist"):
        await rig.mounts(mounts=(request,))
    await rig.mounts(mounts=(replace(request, create_source=True),))
    assert (tmp_path / "none").is_dir()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (MountRequest(kind=MountKind.BIND, target="/d"), "field Source must not be empty"),
        (MountRequest(kind=MountKind.BIND, target="/d", source="x"), "must be absolute"),
        (MountRequest(kind=MountKind.VOLUME, target=""), "field Target must not be empty"),
        (MountRequest(kind=MountKind.VOLUME, target="d"), "mount path must be absolute"),
        (MountRequest(kind=MountKind.TMPFS, target="//"), "destination can't be '/'"),
        (
            MountRequest(kind=MountKind.BIND, target="/d", source="/", propagation="x"),
            "invalid propagation mode: x",
        ),
    ],
)
async def test_a_mount_that_cannot_be_is_refused(
    rig: Rig, request_: MountRequest, words: str
) -> None:
    with pytest.raises(InvalidArgument, match=words):
        await rig.mounts(mounts=(request_,))


async def test_one_place_asked_for_twice_is_refused(rig: Rig) -> None:
    request = MountRequest(kind=MountKind.VOLUME, target="/d", source="w")
    for fields in (
        {"binds": ("v:/d", "w:/d/")},
        {"binds": ("v:/d",), "mounts": (request,)},
        {"mounts": (request,), "tmpfs": {"/d": ""}},
    ):
        with pytest.raises(InvalidArgument, match="Duplicate mount point: /d"):
            await rig.mounts(**fields)


async def test_the_images_volumes_come_only_where_nothing_is_yet(rig: Rig) -> None:
    program = ProgramSpec(command=("x",), volumes=("/a", "/b"))
    points = await rig.mounts(program=program, binds=("named:/a",))
    assert points["/a"].name == "named"
    assert points["/b"].name == "made-1"


async def test_volumes_from_another_container_can_be_made_read_only(rig: Rig) -> None:
    mounts = (
        MountPoint(kind=MountKind.VOLUME, destination="/d", name="v", source="/v"),
        MountPoint(kind=MountKind.TMPFS, destination="/t"),
    )
    rig.others.kept.append(make_container(name="other", mounts=mounts))
    assert (await rig.mounts(volumes_from=("other",)))["/d"].writable
    points = await rig.mounts(volumes_from=("other:ro",))
    assert not points["/d"].writable
    assert "/t" not in points
    with pytest.raises(InvalidArgument, match="invalid mode: x"):
        await rig.mounts(volumes_from=("other:x",))
    with pytest.raises(NoSuchContainer):
        await rig.mounts(volumes_from=("nobody",))


async def test_parents_are_mounted_before_what_is_inside_them(rig: Rig) -> None:
    points = await rig.mounts(binds=("a:/x/y/z", "b:/x", "c:/x/y", "d:/a/b"))
    assert list(points) == ["/x", "/a/b", "/x/y", "/x/y/z"]


async def test_a_tmpfs_keeps_its_options(rig: Rig) -> None:
    request = MountRequest(
        kind=MountKind.TMPFS,
        target="/t",
        tmpfs_size_bytes=4096,
        tmpfs_mode=0o1777,
        tmpfs_options=(("noexec",), ("uid", "5")),
    )
    points = await rig.mounts(mounts=(request,), tmpfs={"/s": "size=1m,ro"})
    assert points["/t"].options == ("size=4096", "mode=1777", "noexec", "uid=5")
    assert points["/s"].options == ("size=1m", "ro")
    assert not points["/s"].writable


async def test_volumes_made_for_a_container_go_when_it_is_not_made(rig: Rig) -> None:
    await rig.volumes.create("before")
    with pytest.raises(RuntimeError):
        async with AsyncExitStack() as undo:
            spec = make_spec(binds=("before:/a", "named:/b", "/c"))
            _, own = await rig.maker.make_mounts(spec, "c1", undo)
            assert own == ("made-1",)
            raise RuntimeError
    assert list(rig.volumes.kept) == ["before"]


# copying up -------------------------------------------------------------------------------


async def container_with(rig: Rig, *binds: str) -> Any:
    points = await rig.mounts(binds=binds)
    return make_container(mounts=tuple(points.values()))


async def test_new_volumes_get_what_the_image_has_at_their_place(rig: Rig) -> None:
    await rig.maker.seed_volumes(await container_with(rig, "v:/data", "w:/more"))
    assert rig.copier.copied == [("/data", "v"), ("/more", "w")]
    assert rig.snapshots.log == ["mount 7", "unmount"]
    assert not list(rig.layout.bundles_dir.iterdir())


async def test_volumes_with_data_and_those_that_want_none_are_left_alone(rig: Rig) -> None:
    await rig.volumes.create("full")
    (rig.volumes.mountpoint("full") / "data").write_text("mine")
    one = await container_with(rig, "full:/a", "bare:/b:nocopy", "frozen:/c:ro")
    await rig.maker.seed_volumes(one)
    assert rig.snapshots.log == []
    assert rig.copier.copied == []


async def test_a_copy_that_fails_leaves_nothing_mounted(rig: Rig) -> None:
    rig.copier.failure = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        await rig.maker.seed_volumes(await container_with(rig, "v:/data"))
    assert rig.snapshots.log == ["mount 7", "unmount"]
    assert not list(rig.layout.bundles_dir.iterdir())
