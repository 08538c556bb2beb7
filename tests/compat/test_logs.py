"""`docker logs`."""

import re
import time

import pytest

from tests.support.docker import IMAGE, Docker

pytestmark = pytest.mark.needs("docker")


@pytest.fixture
def five(docker: Docker) -> str:
    """An ended container that printed 1 to 5, and one line on standard error."""
    name = docker.start(
        IMAGE, "sh", "-c", "for i in 1 2 3 4 5; do echo $i; done; sleep 0.1; echo err >&2"
    )
    docker.ok("wait", name)
    return name


def test_logs_keep_output_and_error_apart(docker: Docker, five: str) -> None:
    done = docker("logs", five)
    assert (done.out, done.err) == ("1\n2\n3\n4\n5\n", "err\n")


def test_tail_gives_the_last_lines(docker: Docker, five: str) -> None:
    done = docker("logs", "--tail", "3", five)
    assert (done.out, done.err) == ("4\n5\n", "err\n")
    assert docker("logs", "--tail", "0", five).out == ""
    assert docker("logs", five, "--tail", "all").out == "1\n2\n3\n4\n5\n"


def test_timestamps_are_utc_with_nine_digits(docker: Docker, five: str) -> None:
    lines = docker.ok("logs", "-t", five).splitlines()
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \d", line) for line in lines)
    assert len(lines) == 5


def test_since_and_until_cut_by_time(docker: Docker) -> None:
    name = docker.start(IMAGE, "sh", "-c", "echo early; sleep 1; echo late")
    docker.ok("wait", name)
    late = docker.ok("logs", "-t", "--tail", "1", name).split()[0]
    assert docker.ok("logs", "--since", late, name) == "late"
    early = docker.ok("logs", "-t", name).split()[0]
    assert docker.ok("logs", "--until", early, name) in ("early", "")
    assert docker.ok("logs", "--since", "1h", name) == "early\nlate"
    assert docker.ok("logs", "--until", "1h", name) == ""


def test_follow_ends_with_the_container_and_loses_nothing(docker: Docker) -> None:
    name = docker.start(IMAGE, "sh", "-c", "for i in 1 2 3 4; do echo $i; sleep 0.2; done")
    assert docker.ok("logs", "-f", name) == "1\n2\n3\n4"


def test_follow_with_tail_shows_the_new_ones_as_they_come(docker: Docker) -> None:
    name = docker.start("-i", IMAGE, "sh", "-c", "echo a; echo b; read x; echo $x")
    time.sleep(0.3)
    process = docker.popen("logs", "-f", "--tail", "1", name)
    assert process.stdout is not None
    assert process.stdout.readline() == b"b\n"
    attached = docker.popen("attach", name)
    assert attached.stdin is not None
    attached.stdin.write(b"c\n")
    attached.stdin.flush()
    assert process.communicate(timeout=30)[0] == b"c\n"


def test_a_client_that_stops_following_is_no_matter(docker: Docker) -> None:
    name = docker.start(IMAGE, "sh", "-c", "echo x; sleep 60")
    for _ in range(3):
        process = docker.popen("logs", "-f", name)
        assert process.stdout is not None
        assert process.stdout.readline() == b"x\n"
        process.kill()
        process.communicate()
    assert docker.ok("logs", name) == "x"


def test_a_last_line_without_an_end_is_kept_as_it_is(docker: Docker) -> None:
    name = docker.start(IMAGE, "printf", "no end")
    docker.ok("wait", name)
    assert docker("logs", name).out == "no end"


def test_long_lines_come_back_whole(docker: Docker) -> None:
    script = "head -c 40000 /dev/zero | tr '\\0' x; echo; echo short"
    name = docker.start(IMAGE, "sh", "-c", script)
    docker.ok("wait", name)
    assert docker("logs", name).out == "x" * 40000 + "\nshort\n"


def test_logs_of_a_terminal_have_its_line_ends(docker: Docker) -> None:
    name = docker.start("-t", IMAGE, "echo", "hello")
    docker.ok("wait", name)
    process = docker.popen("logs", name)
    assert process.communicate(timeout=30)[0] == b"hello\r\n"


def test_logs_go_on_over_a_restart(docker: Docker) -> None:
    name = docker.start(IMAGE, "echo", "again")
    docker.ok("wait", name)
    docker.ok("start", "-a", name)
    assert docker.ok("logs", name) == "again\nagain"


def test_logs_of_an_unknown_container(docker: Docker) -> None:
    assert "No such container: nobody-here" in docker.fails("logs", "nobody-here", code=1)


def test_logs_of_a_container_that_never_ran_are_empty(docker: Docker) -> None:
    name = docker.name()
    docker.ok("create", "--name", name, IMAGE, "true")
    assert docker("logs", name).out == ""


def test_the_driver_none_keeps_nothing(docker: Docker) -> None:
    name = docker.start("--log-driver", "none", IMAGE, "echo", "unheard")
    docker.ok("wait", name)
    error = docker.fails("logs", name, code=1)
    assert "configured logging driver does not support reading" in error
