"""Bind mounts, named and anonymous volumes, and what they are filled with."""

import json
import re
from pathlib import Path

import pytest

from tests.support.docker import IMAGE, Docker
from tests.support.engine import Engine

pytestmark = pytest.mark.needs("docker")


def test_data_in_a_named_volume_stays(docker: Docker) -> None:
    volume = docker.name("v")
    docker.run("-v", f"{volume}:/data", IMAGE, "sh", "-c", "echo kept >/data/f")
    assert docker.run("-v", f"{volume}:/data", IMAGE, "cat", "/data/f") == "kept"
    assert docker.ok("volume", "rm", volume) == volume
    assert docker("volume", "inspect", volume).code == 1


def test_two_containers_share_a_volume(docker: Docker) -> None:
    volume = docker.name("v")
    name = docker.start("-v", f"{volume}:/data", IMAGE, "sleep", "60")
    docker.run("-v", f"{volume}:/elsewhere", IMAGE, "touch", "/elsewhere/f")
    assert docker.ok("exec", name, "ls", "/data") == "f"


def test_a_read_only_volume(docker: Docker) -> None:
    volume = docker.name("v")
    done = docker("run", "--rm", "-v", f"{volume}:/data:ro", IMAGE, "touch", "/data/f")
    assert done.code == 1
    assert "Read-only file system" in done.err


def test_a_new_volume_is_filled_from_the_image(docker: Docker) -> None:
    volume = docker.name("v")
    assert "passwd" in docker.run("-v", f"{volume}:/etc", IMAGE, "ls", "/etc").split()
    shown = docker.run("-v", f"{volume}:/x", IMAGE, "stat", "-c", "%a %u", "/x/passwd")
    assert shown == "644 0"


def test_a_volume_takes_the_mode_of_the_folder_it_covers(docker: Docker) -> None:
    volume = docker.name("v")
    assert docker.run("-v", f"{volume}:/tmp", IMAGE, "stat", "-c", "%a", "/tmp") == "1777"


def test_nocopy_leaves_it_empty(docker: Docker) -> None:
    volume = docker.name("v")
    shown = docker.run("-v", f"{volume}:/etc:nocopy", IMAGE, "sh", "-c", "ls /etc")
    assert "passwd" not in shown.split()


def test_an_anonymous_volume_goes_with_rm_v(docker: Docker) -> None:
    name = docker.start("-v", "/data", IMAGE, "sleep", "60")
    (mount,) = json.loads(docker.inspect(name, "{{json .Mounts}}"))
    assert (mount["Type"], mount["Destination"], mount["RW"]) == ("volume", "/data", True)
    assert re.fullmatch("[0-9a-f]{64}", mount["Name"])
    docker.ok("rm", "-f", "-v", name)
    assert docker("volume", "inspect", mount["Name"]).code == 1


def test_an_anonymous_volume_goes_with_rm_of_run(docker: Docker) -> None:
    shown = docker.run("-v", "/data", IMAGE, "cat", "/proc/self/mountinfo")
    (name,) = re.findall(r"/volumes/([0-9a-f]{64})/_data", shown)
    assert docker("volume", "inspect", name).code == 1


def test_a_named_volume_outlives_rm_v(docker: Docker) -> None:
    volume = docker.name("v")
    name = docker.start("-v", f"{volume}:/data", IMAGE, "true")
    docker.ok("wait", name)
    docker.ok("rm", "-v", name)
    assert docker("volume", "inspect", volume).code == 0


def test_a_volume_in_use_cannot_be_removed(docker: Docker) -> None:
    volume = docker.name("v")
    name = docker.start("-v", f"{volume}:/data", IMAGE, "sleep", "60")
    error = docker.fails("volume", "rm", volume, code=1)
    identity = docker.inspect(name, "{{.Id}}")
    assert f"remove {volume}: volume is in use - [{identity}]" in error


def test_volume_inspect(docker: Docker) -> None:
    volume = docker.name("v")
    assert docker.ok("volume", "create", "--label", "a=b", volume) == volume
    (shown,) = json.loads(docker.ok("volume", "inspect", volume))
    assert (shown["Name"], shown["Driver"], shown["Scope"]) == (volume, "local", "local")
    assert shown["Labels"] == {"a": "b"}
    assert shown["Mountpoint"].endswith(f"/volumes/{volume}/_data")
    assert volume in docker.ok("volume", "ls", "-q").splitlines()


def test_an_unknown_volume(docker: Docker) -> None:
    error = docker.fails("volume", "inspect", "nobody-here", code=1)
    assert re.search("no such volume", error, re.IGNORECASE)


def test_a_bind_mount_is_the_hosts_folder(docker: Docker, engine: Engine, shared_dir: Path) -> None:
    (shared_dir / "f").write_text("from the host\n")
    source = engine.seen_by_engine(shared_dir)
    argv = ["-v", f"{source}:/data", IMAGE, "sh", "-c", "cat /data/f; echo back >/data/g"]
    assert docker.run(*argv) == "from the host"
    assert (shared_dir / "g").read_text() == "back\n"


def test_a_bind_mount_can_be_read_only(docker: Docker, engine: Engine, shared_dir: Path) -> None:
    source = engine.seen_by_engine(shared_dir)
    assert docker("run", "--rm", "-v", f"{source}:/data:ro", IMAGE, "touch", "/data/f").code == 1
    assert not (shared_dir / "f").exists()


def test_a_file_can_be_bound(docker: Docker, engine: Engine, shared_dir: Path) -> None:
    (shared_dir / "f").write_text("one file\n")
    source = engine.seen_by_engine(shared_dir / "f")
    assert docker.run("-v", f"{source}:/etc/motd", IMAGE, "cat", "/etc/motd") == "one file"


def test_v_makes_an_absent_source(docker: Docker, engine: Engine, shared_dir: Path) -> None:
    source = engine.seen_by_engine(shared_dir / "new")
    docker.run("-v", f"{source}:/data", IMAGE, "touch", "/data/f")
    assert (shared_dir / "new" / "f").exists()


def test_mount_refuses_an_absent_source(docker: Docker, engine: Engine, shared_dir: Path) -> None:
    source = engine.seen_by_engine(shared_dir / "new")
    argv = ["run", "--rm", "--mount", f"type=bind,source={source},target=/data", IMAGE, "true"]
    error = docker.fails(*argv, code=125)
    assert f'invalid mount config for type "bind": bind source path does not exist: {source}' in (
        error
    )


def test_mount_of_a_volume_and_of_tmpfs(docker: Docker) -> None:
    volume = docker.name("v")
    shown = docker.run(
        *("--mount", f"type=volume,source={volume},target=/data"),
        *("--mount", "type=tmpfs,target=/t,tmpfs-size=1048576", IMAGE),
        *("sh", "-c", "touch /data/f; grep ' /t ' /proc/mounts; ls /data"),
    )
    assert re.search(r"tmpfs /t tmpfs .*size=1024k", shown)
    assert shown.endswith("\nf")


def test_a_relative_target_is_refused(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "-v", "name:relative", IMAGE, "true", code=125)
    assert "mount path must be absolute" in error


def test_a_bad_volume_name_is_refused(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "-v", "bad name:/data", IMAGE, "true", code=125)
    assert '"bad name" includes invalid characters for a local volume name' in error


def test_the_same_target_twice_is_refused(docker: Docker) -> None:
    argv = ["run", "--rm", "-v", "/a:/data", "-v", "/b:/data", IMAGE, "true"]
    assert "Duplicate mount point: /data" in docker.fails(*argv, code=125)


def test_inspect_shows_mounts(docker: Docker, engine: Engine, shared_dir: Path) -> None:
    source = engine.seen_by_engine(shared_dir)
    name = docker.start("-v", f"{source}:/data:ro", IMAGE, "sleep", "60")
    (mount,) = json.loads(docker.inspect(name, "{{json .Mounts}}"))
    assert mount == {
        "Type": "bind",
        "Source": source,
        "Destination": "/data",
        "Mode": "ro",
        "RW": False,
        "Propagation": "rprivate",
    }
    assert json.loads(docker.inspect(name, "{{json .HostConfig.Binds}}")) == [f"{source}:/data:ro"]


def test_volumes_from_another_container(docker: Docker) -> None:
    volume = docker.name("v")
    name = docker.start("-v", f"{volume}:/data", IMAGE, "sh", "-c", "echo x >/data/f; sleep 60")
    docker.ok("exec", name, "sh", "-c", "echo x >/data/f")
    assert docker.run("--volumes-from", name, IMAGE, "cat", "/data/f") == "x"
