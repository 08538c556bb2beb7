"""What a container may not do unless asked, and the limits it can be given."""

import json
import re

import pytest

from tests.support.docker import IMAGE, Docker

pytestmark = pytest.mark.needs("docker")

DEFAULT_CAPABILITIES = 0x00000000A80425FB  # Docker's fourteen

NAMESPACES = "for kind in pid net ipc mnt uts; do readlink /proc/1/ns/$kind; done"
CGROUP_FILE = "cat /sys/fs/cgroup/{v2} 2>/dev/null || cat /sys/fs/cgroup/{v1}"


def status(docker: Docker, field: str, *options: str) -> str:
    shown = docker.run(*options, IMAGE, "cat", "/proc/self/status")
    found = re.search(rf"^{field}:\s*(.*)$", shown, re.MULTILINE)
    assert found is not None
    return found.group(1)


def limit(docker: Docker, v2: str, v1: str, *options: str) -> str:
    return docker.run(*options, IMAGE, "sh", "-c", CGROUP_FILE.format(v1=v1, v2=v2))


def test_the_capabilities_are_dockers_fourteen(docker: Docker) -> None:
    assert int(status(docker, "CapEff"), 16) == DEFAULT_CAPABILITIES
    assert int(status(docker, "CapBnd"), 16) == DEFAULT_CAPABILITIES
    assert int(status(docker, "CapInh"), 16) == 0


def test_capabilities_can_be_added_and_dropped(docker: Docker) -> None:
    net_admin = 1 << 12
    chown = 1 << 0
    assert int(status(docker, "CapEff", "--cap-add", "NET_ADMIN"), 16) & net_admin
    assert not int(status(docker, "CapEff", "--cap-drop", "CAP_CHOWN"), 16) & chown
    only = int(status(docker, "CapEff", "--cap-drop", "ALL", "--cap-add", "CHOWN"), 16)
    assert only == chown


def test_an_unknown_capability_is_refused(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "--cap-add", "NOPE", IMAGE, "true", code=125)
    assert 'invalid CapAdd: unknown capability: "CAP_NOPE"' in error


def test_an_ordinary_user_has_no_capabilities(docker: Docker) -> None:
    assert int(status(docker, "CapEff", "-u", "1000"), 16) == 0


def test_seccomp_is_on_unless_unconfined(docker: Docker) -> None:
    assert status(docker, "Seccomp") == "2"
    assert status(docker, "Seccomp", "--security-opt", "seccomp=unconfined") == "0"


def test_seccomp_refuses_new_user_namespaces(docker: Docker) -> None:
    done = docker("run", "--rm", IMAGE, "unshare", "-U", "true")
    assert done.code != 0
    assert "Operation not permitted" in done.err


def test_no_new_privileges_when_asked(docker: Docker) -> None:
    assert status(docker, "NoNewPrivs") == "0"
    assert status(docker, "NoNewPrivs", "--security-opt", "no-new-privileges") == "1"


def test_paths_of_the_kernel_are_masked_or_read_only(docker: Docker) -> None:
    script = (
        "cat /proc/kcore | head -c1 | wc -c; ls /sys/firmware | wc -l; "
        "echo x >/proc/sys/kernel/hostname"
    )
    done = docker("run", "--rm", IMAGE, "sh", "-c", script)
    assert done.out.split() == ["0", "0"]
    assert "Read-only file system" in done.err
    assert docker("run", "--rm", IMAGE, "touch", "/sys/x").code == 1


def test_privileged_has_everything(docker: Docker) -> None:
    assert int(status(docker, "CapEff", "--privileged"), 16).bit_count() >= 38
    assert status(docker, "Seccomp", "--privileged") == "0"
    assert docker("run", "--rm", "--privileged", IMAGE, "ls", "/dev/kmsg").code == 0


def test_dev_has_little_in_it(docker: Docker) -> None:
    shown = set(docker.run(IMAGE, "ls", "/dev").split())
    assert {"null", "zero", "full", "random", "urandom", "tty", "pts", "shm", "fd"} <= shown
    assert not shown & {"kmsg", "mem", "sda", "vda", "loop0"}


def test_a_device_can_be_given(docker: Docker) -> None:
    assert docker.run("--device", "/dev/zero:/dev/mine", IMAGE, "ls", "/dev/mine") == "/dev/mine"


def test_dockerenv_is_there(docker: Docker) -> None:
    assert docker.run(IMAGE, "stat", "-c", "%s", "/.dockerenv") == "0"


def test_memory(docker: Docker) -> None:
    shown = limit(docker, "memory.max", "memory/memory.limit_in_bytes", "--memory", "100m")
    assert shown == "104857600"


def test_cpus(docker: Docker) -> None:
    name = docker.start("--cpus", ".5", IMAGE, "sleep", "60")
    shown = docker.ok(
        *("exec", name, "sh", "-c"),
        CGROUP_FILE.format(v2="cpu.max", v1="cpu/cpu.cfs_quota_us"),
    )
    assert shown.split()[0] == "50000"
    assert docker.inspect(name, "{{.HostConfig.NanoCpus}}") == "500000000"


def test_pids_limit(docker: Docker) -> None:
    assert limit(docker, "pids.max", "pids/pids.max", "--pids-limit", "33") == "33"


def test_too_much_memory_is_an_oom_kill(docker: Docker) -> None:
    name = docker.start(
        *("--memory", "16m", "--memory-swap", "16m", IMAGE),
        *("sh", "-c", "tail /dev/zero"),
    )
    docker.ok("wait", name)
    state = json.loads(docker.inspect(name, "{{json .State}}"))
    assert state["ExitCode"] in (137, 1)


def test_too_little_memory_is_refused(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "--memory", "1m", IMAGE, "true", code=125)
    assert "Minimum memory limit allowed is 6MB" in error


def test_more_cpus_than_there_are_is_refused(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "--cpus", "4096", IMAGE, "true", code=125)
    assert "range of CPUs is from 0.01 to" in error


def test_namespaces_are_the_containers_own(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    pid = docker.inspect(name, "{{.State.Pid}}")
    assert int(pid) > 1
    inside = docker.ok("exec", name, "sh", "-c", NAMESPACES)
    other = docker.run(IMAGE, "sh", "-c", NAMESPACES)
    assert not set(inside.split()) & set(other.split())


def test_ipc_can_be_shared(docker: Docker) -> None:
    name = docker.start("--ipc", "shareable", IMAGE, "sleep", "60")
    theirs = docker.ok("exec", name, "readlink", "/proc/1/ns/ipc")
    assert docker.run("--ipc", f"container:{name}", IMAGE, "readlink", "/proc/1/ns/ipc") == theirs


def test_pid_can_be_shared(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    assert "sleep 60" in docker.run("--pid", f"container:{name}", IMAGE, "ps")


def test_oom_score_adj(docker: Docker) -> None:
    assert docker.run("--oom-score-adj", "500", IMAGE, "cat", "/proc/self/oom_score_adj") == "500"
