"""The daemon as a program: one for a data root, restarts that disturb nobody, a full disk."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.docker import IMAGE
from tests.support.engine import OwnEngine, own_engine
from tests.support.leftovers import find_leftovers, snapshot_of_host
from tests.support.needs import REPOSITORY

pytestmark = pytest.mark.needs("root", "netns", "overlay", "crun", "conmon", "nft", "busybox")


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    """A daemon of this test alone, which it may end as it likes."""
    with own_engine(tmp_path_factory.mktemp("own", numbered=True)) as engine:
        yield engine


def create(engine: OwnEngine, *command: str, **more: object) -> str:
    body = {"Image": IMAGE, "Cmd": list(command), **more}
    answer = engine.request(
        "POST",
        "/containers/create",
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status == 201, answer.body
    made: str = json.loads(answer.body)["Id"]
    return made


def start(engine: OwnEngine, identity: str) -> None:
    answer = engine.request("POST", f"/containers/{identity}/start")
    assert answer.status == 204, answer.body


def state(engine: OwnEngine, identity: str) -> dict[str, object]:
    found: dict[str, object] = engine.get(f"/containers/{identity}/json")["State"]
    return found


def eventually(holds: Callable[[], bool], within_s: float = 15) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def wherryd(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "wherry.daemon.main", *options],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
        check=False,
    )


def test_a_second_daemon_of_the_same_data_root_is_refused(own: OwnEngine) -> None:
    began = time.monotonic()
    done = wherryd(
        *("--data-root", str(own.data_root), "--exec-root", str(own.run_root / "other")),
        *("--config-file", str(own.config_path)),
    )
    assert done.returncode == 1
    assert f"{own.data_root} is in use by process {own.pid}" in done.stderr
    assert "--data-root" in done.stderr
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_containers_run_on_without_the_daemon(own: OwnEngine, end: str) -> None:
    identity = create(own, "sh", "-c", "while true; do echo tick; sleep 0.05; done")
    start(own, identity)
    before = state(own, identity)
    own.stop() if end == "stop" else own.kill()
    assert Path(f"/proc/{before['Pid']}").exists()
    own.start()
    after = state(own, identity)
    assert (after["Pid"], after["StartedAt"]) == (before["Pid"], before["StartedAt"])
    assert after["Running"] is True
    assert own.request("POST", f"/containers/{identity}/stop?t=0").status == 204


def test_an_end_without_the_daemon_is_told_with_its_exit_code(own: OwnEngine) -> None:
    codes = {code: create(own, "sh", "-c", f"sleep 0.6; exit {code}") for code in (0, 7)}
    for identity in codes.values():
        start(own, identity)
    pids = [state(own, identity)["Pid"] for identity in codes.values()]
    own.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    own.start()
    for code, identity in codes.items():
        eventually(lambda one=identity: state(own, one)["Status"] == "exited")  # type: ignore[misc]
        assert state(own, identity)["ExitCode"] == code


def test_a_restart_policy_holds_across_daemons(own: OwnEngine) -> None:
    policy = {"RestartPolicy": {"Name": "always"}}
    identity = create(own, "sleep", "1000", HostConfig=policy)
    start(own, identity)
    first = state(own, identity)["Pid"]
    own.kill()
    os.kill(int(str(first)), signal.SIGKILL)
    own.start()
    eventually(lambda: state(own, identity)["Pid"] not in (0, first))
    assert state(own, identity)["Status"] == "running"


def test_logs_and_published_ports_live_on(own: OwnEngine) -> None:
    serve = "mkdir /www; echo served >/www/index.html; httpd -h /www; "
    identity = create(
        own,
        *("sh", "-c", serve + "i=0; while true; do i=$((i+1)); echo $i; sleep 0.02; done"),
        HostConfig={"PortBindings": {"80/tcp": [{"HostPort": "18080"}]}},
    )
    start(own, identity)

    def served() -> bool:
        answer = b""
        try:
            with own.host.connect(own.host.address, 18080) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                while piece := connection.recv(4096):
                    answer += piece
        except ConnectionError:
            return False  # the program does not listen yet
        return b"served" in answer

    eventually(served)
    own.kill()
    assert served()  # the rules are the kernel's
    own.start()
    assert served()
    own.request("POST", f"/containers/{identity}/stop?t=0")
    raw = own.request("GET", f"/containers/{identity}/logs?stdout=1").body
    lines: list[int] = []
    while raw:
        length = int.from_bytes(raw[4:8], "big")
        lines.append(int(raw[8 : 8 + length]))
        raw = raw[8 + length :]
    assert lines == list(range(1, len(lines) + 1))


def test_an_ended_daemon_leaves_its_network_only_to_containers_that_need_it(
    own: OwnEngine,
) -> None:
    def ours() -> bool:
        links = own.host.run("ip", "-brief", "link")
        tables = own.host.run("nft", "list", "tables")
        assert ("wherry0" in links) == ("inet wherry" in tables)
        return "wherry0" in links

    identity = create(own, "sleep", "1000")
    start(own, identity)
    own.stop()
    assert ours()
    own.start()
    assert own.request("DELETE", f"/containers/{identity}?force=1").status == 204
    own.stop()
    assert not ours()
    own.start()
    again = create(own, "sleep", "1000")
    start(own, again)
    assert ours()
    assert own.request("DELETE", f"/containers/{again}?force=1").status == 204


def test_events_reach_back_over_a_restart(own: OwnEngine) -> None:
    identity = create(own, "true")
    eventually(lambda: b'"create"' in _events(own, identity))
    own.stop()
    own.start()
    assert b'"create"' in _events(own, identity)


def _events(engine: OwnEngine, identity: str) -> bytes:
    filters = json.dumps({"container": [identity]}).replace('"', "%22").replace(" ", "")
    target = f"/events?since=0&until={time.time():.3f}&filters={filters}"
    return engine.request("GET", target).body


def test_what_a_crash_left_is_swept_at_the_next_start(own: OwnEngine) -> None:
    before = snapshot_of_host(own)
    own.kill()
    for folder in ("containers", "exits", "execs"):
        (own.run_root / folder / ("a" * 64)).mkdir()
    (own.data_root / "containers" / ("b" * 64)).mkdir()
    (own.data_root / "trash" / "something").write_text("x")
    (own.data_root / "layers" / "overlay2" / ".new-999").mkdir()
    (own.data_root / "layers" / "overlay2" / "998" / "diff").mkdir(parents=True)
    own.start()
    assert find_leftovers(own, before) == {}


def test_settings_are_checked_without_a_start(tmp_path: Path) -> None:
    config = tmp_path / "daemon.json"
    config.write_text('{"log-level": "info"}')
    done = wherryd("--validate", "--config-file", str(config))
    assert (done.returncode, done.stdout) == (0, "configuration OK\n")
    config.write_text('{"log-lvel": "info"}')
    done = wherryd("--validate", "--config-file", str(config))
    assert done.returncode == 1
    assert "log-lvel" in done.stderr


class SmallDisk:
    """A file system of 64 MB in a file, mounted for one test."""

    def __init__(self, folder: Path) -> None:
        self.image, self.target = folder / "disk.img", folder / "disk"

    def __enter__(self) -> Path:
        with self.image.open("wb") as file:
            file.truncate(64 << 20)
        self.target.mkdir()
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", self.image], check=True)
        subprocess.run(["mount", "-o", "loop", self.image, self.target], check=True)
        return self.target

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", self.target], check=True)


def free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@pytest.mark.needs("loop")
def test_a_full_disk_ends_an_import_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("small", numbered=True)
    with SmallDisk(folder) as disk, own_engine(disk) as engine:
        identity = create(engine, "sleep", "1000")
        start(engine, identity)
        before = free_bytes(disk)
        size = 100 << 20
        header = _tar_header("big", size)
        answer = engine.request(
            "POST",
            "/images/create?fromSrc=-&repo=big",
            body=header + b"\0" * size,
            headers={"Content-Type": "application/x-tar"},
            timeout_s=60,
        )
        assert b"no space left on device" in answer.body
        assert engine.request("GET", "/images/big/json").status == 404
        eventually(lambda: free_bytes(disk) >= before - (1 << 20))
        (disk / "filler").write_bytes(b"")
        with (disk / "filler").open("ab") as filler, pytest.raises(OSError, match="No space"):
            while True:
                filler.write(b"\0" * 65536)
                filler.flush()
        # with nothing left at all one can still look, stop and delete
        assert engine.get("/containers/json")[0]["Id"] == identity
        assert engine.request("POST", f"/containers/{identity}/stop?t=0").status == 204
        assert engine.request("DELETE", f"/containers/{identity}").status == 204
        (disk / "filler").unlink()


def _tar_header(name: str, size: int) -> bytes:
    block = bytearray(512)
    block[: len(name)] = name.encode()
    block[100:108], block[108:116], block[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    block[124:136], block[136:148] = b"%011o\0" % size, b"%011o\0" % 0
    block[148:156], block[156:157], block[257:263] = b" " * 8, b"0", b"ustar\0"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)
