"""version, info, and names that are not there."""

import json
import re

import pytest

from tests.support.docker import IMAGE, Docker

pytestmark = pytest.mark.needs("docker")


def test_version_has_both_sides(docker: Docker) -> None:
    shown = json.loads(docker.ok("version", "--format", "{{json .}}"))
    server = shown["Server"]
    assert re.fullmatch(r"1\.\d\d", server["ApiVersion"])
    assert server["MinAPIVersion"] == "1.24"
    assert (server["Os"], server["Arch"]) == ("linux", "amd64")
    assert {component["Name"] for component in server["Components"]}


def test_version_formats(docker: Docker) -> None:
    assert re.fullmatch(r"1\.\d\d", docker.ok("version", "--format", "{{.Server.APIVersion}}"))


def test_info_has_what_tools_look_at(docker: Docker) -> None:
    info = json.loads(docker.ok("info", "--format", "{{json .}}"))
    assert info["OSType"] == "linux"
    assert info["Architecture"] == "x86_64"
    assert info["CgroupVersion"] in ("1", "2")
    assert info["Swarm"]["LocalNodeState"] == "inactive"
    assert info["DefaultRuntime"] in info["Runtimes"]
    assert isinstance(info["Containers"], int)
    assert info["Plugins"]["Network"]
    assert info["NCPU"] >= 1
    assert info["MemTotal"] > 0
    assert any(option.startswith("name=seccomp") for option in info["SecurityOptions"])


def test_info_counts_containers(docker: Docker) -> None:
    docker.start(IMAGE, "sleep", "60")
    assert int(docker.ok("info", "--format", "{{.ContainersRunning}}")) >= 1


def test_info_prints_as_text(docker: Docker) -> None:
    shown = docker.ok("info")
    assert "Storage Driver:" in shown
    assert "Server Version:" in shown


def test_inspect_finds_containers_and_images_by_one_name(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    assert docker.ok("inspect", "--format", "{{.Name}}", name) == f"/{name}"
    assert docker.ok("inspect", "--format", "{{.Os}}", IMAGE) == "linux"


def test_inspect_of_nothing(docker: Docker) -> None:
    done = docker("inspect", "nobody-here")
    assert (done.code, done.out) == (1, "[]\n")
    assert re.search("no such object: nobody-here", done.err, re.IGNORECASE)


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "kill", "wait", "rm", "port"])
def test_verbs_on_an_unknown_container(docker: Docker, verb: str) -> None:
    error = docker.fails(verb, "nobody-here", code=1)
    assert "No such container: nobody-here" in error


@pytest.mark.parametrize("name", ["bad name", "-x", "a/b", "é", "a"])
def test_a_bad_name_is_refused(docker: Docker, name: str) -> None:
    error = docker.fails("create", f"--name={name}", IMAGE, "true", code=1)
    assert f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed" in error


def test_inspect_size(docker: Docker) -> None:
    name = docker.start(IMAGE, "sh", "-c", "head -c 100000 /dev/zero >/f; sleep 60")
    docker.ok("exec", name, "sh", "-c", "while [ ! -s /f ]; do sleep 0.05; done")
    shown = json.loads(docker.ok("inspect", "--size", "--type", "container", name))[0]
    assert shown["SizeRw"] >= 100000
    assert shown["SizeRootFs"] > 1_000_000
