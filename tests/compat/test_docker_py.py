"""docker-py, the Python library of Docker, on the same socket."""

import gc
import io
import os
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.docker import IMAGE, eventually
from tests.support.engine import Engine

docker = pytest.importorskip("docker")

# docker-py leaves the sockets of streams to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def client(engine: Engine) -> Iterator[Any]:
    made = docker.DockerClient(base_url=engine.address, version="auto", timeout=60)
    yield made
    for container in made.containers.list(all=True, filters={"label": "compat-py"}):
        container.remove(force=True, v=True)
    made.close()
    gc.collect()


@pytest.fixture
def box(client: Any) -> Any:
    return run(client, ["sleep", "60"])


def run(client: Any, command: Any, **options: Any) -> Any:
    options.setdefault("labels", {"compat-py": str(os.getpid())})
    return client.containers.run(IMAGE, command, detach=True, **options)


def test_ping_version_info(client: Any) -> None:
    assert client.ping()
    assert client.version()["ApiVersion"] == "1.51"
    assert client.info()["OSType"] == "linux"


def test_run_returns_the_output(client: Any) -> None:
    assert client.containers.run(IMAGE, ["echo", "hello"], remove=True) == b"hello\n"


def test_run_raises_what_failed(client: Any) -> None:
    with pytest.raises(docker.errors.ContainerError) as raised:
        client.containers.run(IMAGE, ["sh", "-c", "echo no >&2; exit 3"], remove=True)
    assert raised.value.exit_status == 3
    assert b"no" in raised.value.stderr


def test_an_unknown_image_raises_image_not_found(client: Any) -> None:
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("nobody-here")
    with pytest.raises(docker.errors.ImageNotFound):
        client.api.create_container("nobody-here/at-all:1", ["true"])


def test_an_unknown_container_raises_not_found(client: Any) -> None:
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("nobody-here")


def test_a_taken_name_raises_a_conflict(client: Any, box: Any) -> None:
    with pytest.raises(docker.errors.APIError) as raised:
        run(client, ["true"], name=box.name)
    assert raised.value.status_code == 409


def test_a_detached_container_is_running(client: Any, box: Any) -> None:
    box.reload()
    assert (box.status, len(box.id), box.short_id) == ("running", 64, box.id[:12])
    assert box.image.tags == [IMAGE] or IMAGE in box.image.tags
    assert client.containers.get(box.id[:10]).name == box.name


def test_list_with_filters(client: Any, box: Any) -> None:
    ended = run(client, ["true"], labels={"compat-py": "1", "tier": "db"})
    ended.wait()
    assert box in client.containers.list()
    assert ended not in client.containers.list()
    assert [found.id for found in client.containers.list(all=True, filters={"id": ended.id})] == [
        ended.id
    ]
    assert ended in client.containers.list(all=True, filters={"label": ["tier=db"]})
    assert client.containers.list(all=True, limit=1)


def test_wait_gives_the_status_code(client: Any) -> None:
    assert run(client, ["sh", "-c", "exit 7"]).wait()["StatusCode"] == 7


def test_wait_for_removal(client: Any) -> None:
    container = run(client, ["sleep", "0.3"], auto_remove=True)
    assert container.wait(condition="removed")["StatusCode"] == 0


def test_logs_as_bytes_and_as_a_stream(client: Any) -> None:
    container = run(client, ["sh", "-c", "echo out; sleep 0.1; echo err >&2"])
    container.wait()
    assert container.logs() == b"out\nerr\n"
    assert container.logs(stderr=False) == b"out\n"
    assert container.logs(tail=1) == b"err\n"
    assert b"Z out" in container.logs(timestamps=True)
    assert b"".join(container.logs(stream=True, follow=True)) == b"out\nerr\n"
    assert container.logs(since=int(time.time()) + 3600) == b""


def test_exec_run(box: Any) -> None:
    code, output = box.exec_run(["sh", "-c", "echo out; echo err >&2; exit 4"])
    assert (code, sorted(output.split())) == (4, [b"err", b"out"])
    code, (out, err) = box.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True)
    assert (code, out, err) == (0, b"out\n", b"err\n")
    assert box.exec_run("id -u", user="nobody").output == b"65534\n"
    assert box.exec_run(["env"], environment={"A": "b"}).output.count(b"A=b\n") == 1
    assert box.exec_run("pwd", workdir="/tmp").output == b"/tmp\n"
    assert b"".join(box.exec_run("echo streamed", stream=True).output) == b"streamed\n"
    assert box.exec_run("echo tty", tty=True).output == b"tty\r\n"
    assert box.exec_run("true", detach=True).exit_code in (None, 0)


def test_exec_through_a_socket(box: Any) -> None:
    result = box.exec_run(["cat"], stdin=True, socket=True)
    wire = result.output._sock
    wire.sendall(b"over the wire")
    wire.shutdown(socket.SHUT_WR)
    got = b""
    while part := wire.recv(4096):
        got += part
    result.output.close()
    wire.close()
    assert got[8:] == b"over the wire"


def test_exec_inspect(client: Any, box: Any) -> None:
    made = client.api.exec_create(box.id, ["sh", "-c", "exit 9"])
    client.api.exec_start(made["Id"])
    assert client.api.exec_inspect(made["Id"])["ExitCode"] == 9


def test_attach_socket_both_ways(client: Any) -> None:
    container = client.containers.create(IMAGE, ["cat"], stdin_open=True, labels={"compat-py": "1"})
    attached = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    attached._sock.sendall(b"hello\n")
    assert attached._sock.recv(100)[8:] == b"hello\n"
    attached._sock.close()
    attached.close()


def test_attach_streams(client: Any) -> None:
    container = client.containers.create(
        IMAGE, ["sh", "-c", "echo a; echo b"], labels={"compat-py": "1"}
    )
    stream = container.attach(stream=True, stdout=True, stderr=True)
    container.start()
    assert b"".join(stream) == b"a\nb\n"


def test_stop_start_restart_kill(box: Any) -> None:
    box.stop(timeout=0)
    box.reload()
    assert (box.status, box.attrs["State"]["ExitCode"]) == ("exited", 137)
    box.start()
    box.reload()
    assert box.status == "running"
    box.restart(timeout=0)
    box.reload()
    assert box.status == "running"
    box.kill(signal="SIGKILL")
    box.wait()
    box.reload()
    assert box.status == "exited"


def test_rename_and_remove(client: Any, box: Any) -> None:
    name = f"compat-py-{os.getpid()}"
    box.rename(name)
    assert client.containers.get(name).id == box.id
    with pytest.raises(docker.errors.APIError) as raised:
        box.remove()
    assert raised.value.status_code == 409
    box.remove(force=True)
    with pytest.raises(docker.errors.NotFound):
        client.containers.get(name)


def test_resize(client: Any) -> None:
    container = run(client, ["sleep", "60"], tty=True)
    container.resize(33, 77)
    assert container.exec_run(["stty", "size", "-F", "/dev/console"]).exit_code in (0, 1)


def test_options_of_a_container(client: Any) -> None:
    container = run(
        client,
        ["sleep", "60"],
        environment={"A": "b"},
        hostname="web",
        user="nobody",
        working_dir="/tmp",
        mem_limit="64m",
        nano_cpus=500_000_000,
        pids_limit=50,
        cap_drop=["ALL"],
        read_only=True,
        tmpfs={"/scratch": "size=1m"},
        extra_hosts={"db": "10.1.2.3"},
        dns=["192.0.2.53"],
        network_mode="bridge",
    )
    attrs = client.containers.get(container.id).attrs
    assert attrs["Config"]["Env"] == ["A=b"] or "A=b" in attrs["Config"]["Env"]
    assert attrs["HostConfig"]["Memory"] == 64 << 20
    assert attrs["HostConfig"]["ReadonlyRootfs"] is True
    assert container.exec_run("hostname").output == b"web\n"
    assert b"db" in container.exec_run("cat /etc/hosts").output


def test_ports(client: Any) -> None:
    container = run(client, ["sleep", "60"], ports={"80/tcp": None, "81/tcp": ("127.0.0.1", 38190)})
    assert eventually(lambda: bool(client.containers.get(container.id).ports["80/tcp"]))
    ports = client.containers.get(container.id).ports
    assert int(ports["80/tcp"][0]["HostPort"]) > 1024
    assert ports["81/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "38190"}]


def test_volumes(client: Any) -> None:
    volume = client.volumes.create(f"compat-py-{os.getpid()}", labels={"a": "b"})
    try:
        mounts = {volume.name: {"bind": "/data", "mode": "rw"}}
        client.containers.run(IMAGE, ["touch", "/data/f"], volumes=mounts, remove=True)
        assert client.containers.run(IMAGE, ["ls", "/data"], volumes=mounts, remove=True) == b"f\n"
        assert volume.name in [found.name for found in client.volumes.list()]
        assert client.volumes.get(volume.name).attrs["Labels"] == {"a": "b"}
    finally:
        volume.remove(force=True)
    with pytest.raises(docker.errors.NotFound):
        client.volumes.get(volume.name)


def test_bind_mounts_by_mount_objects(client: Any, engine: Engine, shared_dir: Path) -> None:
    (shared_dir / "f").write_text("from the host")
    source = engine.seen_by_engine(shared_dir)
    mount = docker.types.Mount("/data", source, type="bind", read_only=True)
    shown = client.containers.run(IMAGE, ["cat", "/data/f"], mounts=[mount], remove=True)
    assert shown == b"from the host"


def test_networks_are_listed(client: Any) -> None:
    assert {"bridge", "host", "none"} <= {network.name for network in client.networks.list()}
    bridge = client.networks.get("bridge")
    assert bridge.attrs["Driver"] == "bridge"


def test_images_list_tag_history_remove(client: Any) -> None:
    image = client.images.get(IMAGE)
    name = f"compat/py-{os.getpid()}"
    assert image.tag(name, "1")
    assert f"{name}:1" in client.images.get(IMAGE).tags
    assert [found.id for found in client.images.list(name=f"{name}:1")] == [image.id]
    assert image.history()[0]["Id"] == image.id
    client.images.remove(f"{name}:1")
    assert f"{name}:1" not in client.images.get(IMAGE).tags


def test_images_save_and_load(client: Any) -> None:
    name = f"compat/py-save-{os.getpid()}:1"
    client.images.get(IMAGE).tag(*name.split(":"))
    try:
        saved = b"".join(client.images.get(name).save(named=name))
        with tarfile.open(fileobj=io.BytesIO(saved)) as tar:
            assert "manifest.json" in tar.getnames()
        client.images.remove(name)
        (loaded,) = client.images.load(saved)
        assert name in loaded.tags
    finally:
        client.images.remove(name, force=True)


def test_import_image_from_data(client: Any) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo("hello")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    name = f"compat/py-import-{os.getpid()}"
    client.api.import_image_from_data(made.getvalue(), repository=name, tag="1")
    assert client.images.get(f"{name}:1").attrs["RootFS"]["Type"] == "layers"
    client.images.remove(f"{name}:1")


def test_events(client: Any) -> None:
    began = time.time()
    container = run(client, ["true"])
    container.wait()
    time.sleep(0.1)
    told = [
        event["Action"]
        for event in client.events(
            since=began, until=time.time(), decode=True, filters={"container": container.id}
        )
    ]
    assert [action for action in told if action != "attach"][:3] == ["create", "start", "die"]


def test_events_can_be_left(client: Any) -> None:
    events = client.events(decode=True, filters={"type": "container"})
    starter = threading.Thread(target=lambda: run(client, ["true"]).wait())
    starter.start()
    assert next(events)["Type"] == "container"
    starter.join()
    events.close()


def test_prune_takes_only_what_has_ended(client: Any, box: Any) -> None:
    ended = run(client, ["true"], labels={"compat-py": "1", "prune": str(os.getpid())})
    ended.wait()
    pruned = client.containers.prune(filters={"label": f"prune={os.getpid()}"})
    assert pruned["ContainersDeleted"] == [ended.id]
    box.reload()
    assert box.status == "running"
