"""`docker exec`."""

import json

import pytest

from tests.support.docker import IMAGE, Docker, eventually
from tests.support.engine import Engine

pytestmark = pytest.mark.needs("docker")


@pytest.fixture
def box(docker: Docker) -> str:
    """A running container with an environment and a working directory of its own."""
    return docker.start("-e", "FROM=run", "-w", "/tmp", IMAGE, "sleep", "60")


def test_exec_has_the_containers_environment_folder_and_user(docker: Docker, box: str) -> None:
    assert docker.ok("exec", box, "sh", "-c", "echo $FROM; pwd; id -u") == "run\n/tmp\n0"


def test_exec_passes_streams_and_exit_code(docker: Docker, box: str) -> None:
    done = docker("exec", box, "sh", "-c", "echo out; echo err >&2; exit 42")
    assert (done.code, done.out, done.err) == (42, "out\n", "err\n")


def test_exec_i_reads_standard_input_to_its_end(docker: Docker, box: str) -> None:
    assert docker.ok("exec", "-i", box, "sh", "-c", "cat; echo end", stdin="a\n") == "a\nend"


def test_exec_with_environment_user_and_folder(docker: Docker, box: str) -> None:
    argv = ["exec", "-e", "A=b", "-u", "nobody", "-w", "/etc", box]
    assert docker.ok(*argv, "sh", "-c", "echo $A; id -un; pwd") == "b\nnobody\n/etc"


def test_exec_at_a_terminal(docker: Docker, box: str) -> None:
    with docker.terminal("exec", "-it", box, "sh", rows=30, columns=99) as shell:
        shell.expect(r"# ")

        def size_is(expected: str) -> bool:
            shell.write("stty size\n")
            return shell.expect(r"\n(\d+ \d+)\r").group(1) == expected

        assert eventually(lambda: size_is("30 99"))
        shell.write("tty; exit 11\n")
        shell.expect("/dev/pts/")
        assert shell.wait() == 11


def test_a_detached_exec_runs_on_alone(docker: Docker, box: str) -> None:
    assert docker.ok("exec", "-d", box, "sh", "-c", "sleep 0.2; touch /tmp/done") == ""
    assert eventually(lambda: docker("exec", box, "ls", "/tmp/done").code == 0)


def test_an_unknown_command_ends_with_127(docker: Docker, box: str) -> None:
    done = docker("exec", box, "no-such-command")
    assert done.code == 127
    assert 'exec: "no-such-command": executable file not found in $PATH' in done.out + done.err


def test_a_file_that_cannot_be_executed_ends_with_126(docker: Docker, box: str) -> None:
    assert docker("exec", box, "/etc/passwd").code == 126


def test_an_unknown_user_is_refused(docker: Docker, box: str) -> None:
    done = docker("exec", "-u", "nosuchuser", box, "true")
    assert done.code in (1, 126)
    assert "unable to find user nosuchuser" in done.out + done.err


def test_exec_in_a_stopped_container_is_refused(docker: Docker) -> None:
    name = docker.start(IMAGE, "true")
    docker.ok("wait", name)
    error = docker.fails("exec", name, "true", code=1)
    assert f"container {docker.inspect(name, '{{.Id}}')} is not running" in error


def test_exec_in_an_unknown_container_is_refused(docker: Docker) -> None:
    assert "No such container: nobody-here" in docker.fails("exec", "nobody-here", "true", code=1)


def test_an_exec_can_be_inspected_while_and_after_it_runs(
    docker: Docker, engine: Engine, box: str
) -> None:
    body = {"Cmd": ["sh", "-c", "sleep 0.3; exit 5"], "AttachStdout": True}
    identity = engine.request("POST", f"/containers/{box}/exec", body=body).json["Id"]
    before = engine.get(f"/exec/{identity}/json")
    assert (before["Running"], before["ExitCode"], before["ID"]) == (False, None, identity)
    assert before["ProcessConfig"]["entrypoint"] == "sh"
    answer = engine.request("POST", f"/exec/{identity}/start", body={"Detach": True})
    assert answer.status == 200
    assert engine.get(f"/exec/{identity}/json")["Running"] is True
    assert eventually(lambda: not engine.get(f"/exec/{identity}/json")["Running"])
    assert engine.get(f"/exec/{identity}/json")["ExitCode"] == 5
    again = engine.request("POST", f"/exec/{identity}/start", body={"Detach": True})
    assert again.status in (409, 500)


def test_inspect_of_the_container_lists_its_running_execs(docker: Docker, box: str) -> None:
    docker.ok("exec", "-d", box, "sleep", "30")
    assert len(json.loads(docker.inspect(box, "{{json .ExecIDs}}"))) == 1


def test_exec_ends_when_the_container_does(docker: Docker, box: str) -> None:
    process = docker.popen("exec", box, "sh", "-c", "echo on; sleep 60")
    assert process.stdout is not None
    assert process.stdout.readline() == b"on\n"
    docker.ok("kill", box)
    process.communicate(timeout=20)
    assert process.returncode == 137


def test_many_execs_at_once(docker: Docker, box: str) -> None:
    processes = [docker.popen("exec", box, "echo", str(n)) for n in range(8)]
    assert [p.communicate(timeout=60)[0] for p in processes] == [b"%d\n" % n for n in range(8)]
