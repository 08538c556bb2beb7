"""create, start, stop, kill, restart, wait, rm, rename; and what events and ps say of them."""

import json
import re
import time

import pytest

from tests.support.docker import IMAGE, Docker, eventually

pytestmark = pytest.mark.needs("docker")

POLITE = "trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done"
STUBBORN = "trap '' TERM; while :; do sleep 0.05; done"


def test_a_created_container_has_not_run(docker: Docker) -> None:
    name = docker.name()
    identity = docker.ok("create", "--name", name, IMAGE, "true")
    assert re.fullmatch("[0-9a-f]{64}", identity)
    state = json.loads(docker.inspect(name, "{{json .State}}"))
    assert (state["Status"], state["Pid"], state["ExitCode"]) == ("created", 0, 0)
    assert state["StartedAt"] == state["FinishedAt"] == "0001-01-01T00:00:00Z"


def test_stop_asks_first(docker: Docker) -> None:
    name = docker.start(IMAGE, "sh", "-c", POLITE)
    docker.ok("stop", name)
    assert docker.ok("logs", name) == "bye"
    assert docker.inspect(name, "{{.State.Status}} {{.State.ExitCode}}") == "exited 0"


def test_stop_kills_after_its_grace(docker: Docker) -> None:
    name = docker.start(IMAGE, "sh", "-c", STUBBORN)
    began = time.monotonic()
    docker.ok("stop", "-t", "1", name)
    assert 0.9 < time.monotonic() - began < 5
    assert docker.inspect(name, "{{.State.ExitCode}}") == "137"


def test_stop_of_a_stopped_container_is_fine(docker: Docker) -> None:
    name = docker.start(IMAGE, "true")
    docker.ok("wait", name)
    assert docker.ok("stop", name) == name


def test_a_stop_signal_of_ones_own(docker: Docker) -> None:
    script = "trap 'echo quit; exit 3' QUIT; while :; do sleep 0.05; done"
    name = docker.start("--stop-signal", "SIGQUIT", IMAGE, "sh", "-c", script)
    docker.ok("stop", "-t", "5", name)
    assert docker.inspect(name, "{{.State.ExitCode}}") == "3"


def test_kill_ends_with_137(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    docker.ok("kill", name)
    assert docker.ok("wait", name) == "137"
    assert docker.inspect(name, "{{.State.Status}}") == "exited"


def test_kill_with_another_signal(docker: Docker) -> None:
    script = "trap 'echo usr1' USR1; echo on; while :; do sleep 0.05; done"
    name = docker.start(IMAGE, "sh", "-c", script)
    assert eventually(lambda: docker.ok("logs", name) == "on")
    for signal in ("USR1", "SIGUSR1", "10"):
        docker.ok("kill", "-s", signal, name)
        time.sleep(0.15)
    assert eventually(lambda: docker.ok("logs", name) == "on\nusr1\nusr1\nusr1")
    assert docker.inspect(name, "{{.State.Running}}") == "true"


def test_kill_with_a_signal_that_is_none(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    assert "invalid signal: NOPE" in docker.fails("kill", "-s", "NOPE", name, code=1)


def test_kill_of_a_stopped_container_is_refused(docker: Docker) -> None:
    name = docker.start(IMAGE, "true")
    docker.ok("wait", name)
    identity = docker.inspect(name, "{{.Id}}")
    error = docker.fails("kill", name, code=1)
    assert re.search(f"cannot kill container: {name}: container {identity} is not running", error)


def test_restart_keeps_the_files_and_changes_the_pid(docker: Docker) -> None:
    name = docker.start(IMAGE, "sh", "-c", f"echo x >>/n; wc -l </n; {POLITE}")
    assert eventually(lambda: docker.ok("logs", name) == "1")
    first = docker.inspect(name, "{{.State.Pid}}")
    docker.ok("restart", "-t", "5", name)
    assert eventually(lambda: docker.ok("logs", name).splitlines()[-1] == "2")
    assert docker.inspect(name, "{{.State.Pid}}") not in (first, "0")


def test_start_of_a_running_container_changes_nothing(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    before = docker.inspect(name, "{{.State.Pid}} {{.State.StartedAt}}")
    assert docker.ok("start", name) == name
    assert docker.inspect(name, "{{.State.Pid}} {{.State.StartedAt}}") == before


def test_wait_gives_the_exit_code_of_each(docker: Docker) -> None:
    first = docker.start(IMAGE, "sh", "-c", "sleep 0.2; exit 3")
    second = docker.start(IMAGE, "sh", "-c", "exit 4")
    assert docker.ok("wait", first, second) == "3\n4"


def test_rm_of_a_running_container_is_refused_unless_forced(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    error = docker.fails("rm", name, code=1)
    assert re.search(
        "cannot remove container.*container is running: stop the container before removing",
        error,
    )
    assert docker.ok("rm", "-f", name) == name
    assert "No such container" in docker.fails("container", "inspect", name)


def test_rm_of_several_tells_which_it_could_not(docker: Docker) -> None:
    name = docker.start(IMAGE, "true")
    docker.ok("wait", name)
    done = docker("rm", name, "nobody-here")
    assert (done.code, done.out) == (1, f"{name}\n")
    assert "No such container: nobody-here" in done.err


def test_a_taken_name_is_refused_with_the_other_ones_id(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    identity = docker.inspect(name, "{{.Id}}")
    error = docker.fails("create", "--name", name, IMAGE, "true", code=1)
    assert f'The container name "/{name}" is already in use by container "{identity}"' in error


def test_a_name_is_free_again_after_rm(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    docker.ok("rm", "-f", name)
    docker.start(IMAGE, "true", name=name)


def test_state_after_the_end(docker: Docker) -> None:
    name = docker.start(IMAGE, "sh", "-c", "exit 12")
    docker.ok("wait", name)
    state = json.loads(docker.inspect(name, "{{json .State}}"))
    assert (state["Status"], state["ExitCode"], state["Running"]) == ("exited", 12, False)
    assert (state["Pid"], state["OOMKilled"], state["Error"]) == (0, False, "")
    assert state["StartedAt"] < state["FinishedAt"]


def test_ps_shows_running_ones_and_all(docker: Docker) -> None:
    running = docker.start(IMAGE, "sleep", "60")
    ended = docker.start(IMAGE, "sh", "-c", "exit 3")
    docker.ok("wait", ended)
    created = docker.name()
    docker.ok("create", "--name", created, IMAGE, "true")
    shown = docker.ok("ps", "--format", "{{.Names}}").splitlines()
    assert running in shown and ended not in shown and created not in shown
    table = docker.ok("ps", "-a", "--format", "{{.Names}}|{{.Status}}|{{.Image}}|{{.Command}}")
    assert re.search(rf'^{running}\|Up .*\|{IMAGE}\|"sleep 60"$', table, re.MULTILINE)
    assert re.search(rf"^{ended}\|Exited \(3\) .* ago\|", table, re.MULTILINE)
    assert re.search(rf"^{created}\|Created\|", table, re.MULTILINE)


def test_ps_filters(docker: Docker) -> None:
    one = docker.start("--label", "tier=web", IMAGE, "sleep", "60")
    two = docker.start("--label", "tier=db", IMAGE, "sh", "-c", "exit 3")
    docker.ok("wait", two)

    def names(*filters: str) -> set[str]:
        argv = [part for text in filters for part in ("--filter", text)]
        found = docker.ok("ps", "-a", "--format", "{{.Names}}", *argv).splitlines()
        return set(found) & {one, two}

    identity = docker.inspect(one, "{{.Id}}")
    assert names("label=tier") == {one, two}
    assert names("label=tier=web") == {one}
    assert names("label=tier=web", "label=tier=db") == set()
    assert names("status=exited") == {two}
    assert names("status=exited", "status=running") == {one, two}
    assert names("exited=3") == {two}
    assert names(f"name={one}") == {one}
    assert names(f"name=^/{two}$") == {two}
    assert names(f"id={identity[:8]}") == {one}
    assert names(f"ancestor={IMAGE}") == {one, two}
    assert names("network=bridge") >= {one}
    assert names(f"since={one}") == {two}
    assert names(f"before={two}") == {one}


def test_ps_latest_quiet_and_no_trunc(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    identity = docker.inspect(name, "{{.Id}}")
    assert docker.ok("ps", "-q", "--filter", f"name={name}") == identity[:12]
    assert docker.ok("ps", "-q", "--no-trunc", "--filter", f"name={name}") == identity


def test_a_filter_that_is_none_is_refused(docker: Docker) -> None:
    assert "invalid filter 'nope'" in docker.fails("ps", "--filter", "nope=1", code=1)


def test_an_id_prefix_that_fits_two_is_refused_or_unknown(docker: Docker) -> None:
    names = [docker.start(IMAGE, "sleep", "60") for _ in range(20)]
    ids = [docker.inspect(name, "{{.Id}}") for name in names]
    twice = [i[0] for i in ids if sum(o[0] == i[0] for o in ids) > 1]
    error = docker.fails("inspect", "--type", "container", twice[0], code=1)
    assert "multiple IDs found with provided prefix" in error


def test_rename_keeps_the_container(docker: Docker) -> None:
    name, other = docker.start(IMAGE, "sleep", "60"), docker.name()
    identity = docker.inspect(name, "{{.Id}}")
    docker.ok("rename", name, other)
    assert docker.inspect(other, "{{.Id}} {{.Name}}") == f"{identity} /{other}"
    assert "No such container" in docker.fails("container", "inspect", name)


def test_events_tell_a_life_in_order(docker: Docker) -> None:
    name = docker.name()
    docker.ok("run", "--name", name, IMAGE, "true")
    docker.ok("rm", name)
    assert eventually(lambda: "destroy" in _told(docker, name))
    told = [action for action in _told(docker, name) if action != "attach"]
    assert told == ["create", "start", "die", "destroy"]


def test_events_of_a_stop_and_a_kill(docker: Docker) -> None:
    name = docker.start(IMAGE, "sh", "-c", POLITE)
    docker.ok("stop", name)
    docker.ok("start", name)
    docker.ok("kill", name)
    docker.ok("wait", name)
    assert eventually(lambda: len(_told(docker, name)) >= 8)
    told = _told(docker, name)
    assert told[:2] == ["create", "start"]
    assert sorted(told[2:5]) == ["die", "kill", "stop"]
    assert told[5:] == ["start", "kill", "die"]


def test_events_carry_image_name_labels_and_exit_code(docker: Docker) -> None:
    name = docker.start("--label", "tier=web", IMAGE, "sh", "-c", "exit 5")
    docker.ok("wait", name)
    assert eventually(lambda: "die" in _told(docker, name))
    event = json.loads(
        docker.ok(
            *("events", "--since", "1m", "--until", "0s", "--filter", f"container={name}"),
            *("--filter", "event=die", "--format", "{{json .}}"),
        )
    )
    attributes = event["Actor"]["Attributes"]
    assert {"image": IMAGE, "name": name, "tier": "web", "exitCode": "5"}.items() <= (
        attributes.items()
    )
    assert event["scope"] == "local" and event["timeNano"] // 10**9 == event["time"]


def test_events_arrive_as_they_happen(docker: Docker) -> None:
    process = docker.popen("events", "--filter", "type=container", "--format", "{{.Action}}")
    time.sleep(0.3)
    name = docker.start(IMAGE, "true")
    docker.ok("wait", name)
    assert process.stdout is not None
    told = [process.stdout.readline().decode().strip() for _ in range(3)]
    process.terminate()
    process.communicate(timeout=10)
    assert told == ["create", "start", "die"]


def _told(docker: Docker, name: str) -> list[str]:
    """What the engine remembers of a container, oldest first."""
    shown = docker.ok(
        *("events", "--since", "1m", "--until", "0s", "--filter", f"container={name}"),
        *("--filter", "type=container", "--format", "{{.Action}}"),
    )
    return shown.split()
