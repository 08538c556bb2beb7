"""`docker run`: what goes in, what comes out, and how it ends."""

import json
import re

import pytest

from tests.support.docker import IMAGE, Docker, eventually

pytestmark = pytest.mark.needs("docker")


def test_output_comes_back_and_the_exit_code_is_the_containers(docker: Docker) -> None:
    done = docker("run", "--rm", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.code, done.out, done.err) == (7, "out\n", "err\n")


def test_a_process_killed_by_a_signal_ends_with_128_plus_its_number(docker: Docker) -> None:
    assert docker("run", "--rm", IMAGE, "sh", "-c", "sh -c 'kill -9 $$'; exit $?").code == 137


def test_an_unknown_command_ends_with_127(docker: Docker) -> None:
    error = docker.fails("run", "--rm", IMAGE, "no-such-command", code=127)
    assert "Error response from daemon: " in error
    assert 'exec: "no-such-command": executable file not found in $PATH' in error


def test_an_absent_path_ends_with_127(docker: Docker) -> None:
    error = docker.fails("run", "--rm", IMAGE, "/no/such/command", code=127)
    assert "/no/such/command" in error
    assert "no such file or directory" in error


def test_a_file_that_cannot_be_executed_ends_with_126(docker: Docker) -> None:
    error = docker.fails("run", "--rm", IMAGE, "/etc/passwd", code=126)
    assert "permission denied" in error


def test_a_folder_as_a_command_ends_with_126(docker: Docker) -> None:
    assert docker("run", "--rm", IMAGE, "/etc").code == 126


def test_an_engine_that_refuses_ends_with_125(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "--network", "no-such-network", IMAGE, "true", code=125)
    assert "network no-such-network not found" in error


def test_a_user_that_the_image_does_not_know_is_refused(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "-u", "nosuchuser", IMAGE, "true", code=125)
    assert "unable to find user nosuchuser: no matching entries in passwd file" in error


def test_a_group_that_the_image_does_not_know_is_refused(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "-u", "root:nosuchgroup", IMAGE, "true", code=125)
    assert "unable to find group nosuchgroup: no matching entries in group file" in error


def test_a_working_directory_that_is_a_file_is_refused(docker: Docker) -> None:
    done = docker("run", "--rm", "-w", "/etc/passwd", IMAGE, "true")
    assert done.code in (125, 126, 127)
    assert "not a directory" in done.err.lower()


def test_a_working_directory_is_made_when_it_is_absent(docker: Docker) -> None:
    assert docker.run("-w", "/made/for/me", IMAGE, "pwd") == "/made/for/me"


def test_a_relative_working_directory_is_refused(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "-w", "relative", IMAGE, "true", code=125)
    assert "the working directory 'relative' is invalid, it needs to be an absolute path" in error


def test_the_environment_has_path_hostname_home_and_what_was_given(docker: Docker) -> None:
    shown = docker.run("-e", "A=1", "-e", "B=two words", "--hostname", "box", IMAGE, "env")
    lines = shown.splitlines()
    assert {"A=1", "B=two words", "HOSTNAME=box", "HOME=/root"} <= set(lines)
    assert "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" in lines


def test_a_terminal_adds_term_to_the_environment(docker: Docker) -> None:
    assert "TERM=xterm" in docker.run("-t", IMAGE, "env").splitlines() or "TERM=xterm\r" in (
        docker.run("-t", IMAGE, "env").split("\n")
    )


def test_the_user_may_be_a_name_or_numbers(docker: Docker) -> None:
    assert docker.run("-u", "nobody", IMAGE, "id", "-u") == "65534"
    assert docker.run("-u", "1234:4321", IMAGE, "sh", "-c", "id -u; id -g") == "1234\n4321"
    assert docker.run("-u", "1234", IMAGE, "sh", "-c", "id -u; id -g") == "1234\n0"


def test_group_add_gives_more_groups(docker: Docker) -> None:
    assert "777" in docker.run("--group-add", "777", IMAGE, "id", "-G").split()


def test_an_entrypoint_goes_before_the_command(docker: Docker) -> None:
    assert docker.run("--entrypoint", "echo", IMAGE, "a", "b") == "a b"


def test_an_entrypoint_drops_the_images_command(docker: Docker) -> None:
    assert docker.run("--entrypoint", "echo", IMAGE) == ""


def test_no_command_at_all_is_refused(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "--entrypoint", "", IMAGE, code=125)
    assert re.search("no command specified", error, re.IGNORECASE)


def test_the_hostname_is_the_short_id_unless_it_is_given(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    identity = docker.inspect(name, "{{.Id}}")
    assert docker.ok("exec", name, "hostname") == identity[:12]
    assert docker.ok("exec", name, "cat", "/etc/hostname") == identity[:12]
    assert docker.run("--hostname", "web", IMAGE, "cat", "/etc/hostname") == "web"


def test_rm_removes_the_container_when_it_ends(docker: Docker) -> None:
    name = docker.name()
    docker.ok("run", "--rm", "--name", name, IMAGE, "true")
    assert "No such container" in docker.fails("container", "inspect", name)


def test_rm_of_a_detached_container_happens_without_a_client(docker: Docker) -> None:
    name = docker.start("--rm", IMAGE, "sleep", "0.2")
    assert eventually(lambda: docker("container", "inspect", name).code == 1)


def test_a_name_is_given_when_none_was_asked_for(docker: Docker) -> None:
    identity = docker.ok("run", "-d", IMAGE, "true")
    docker.made.append(identity)
    assert re.fullmatch(r"/[a-z]+_[a-z]+\d?", docker.inspect(identity, "{{.Name}}"))


def test_detached_prints_the_whole_id(docker: Docker) -> None:
    name = docker.name()
    identity = docker.ok("run", "-d", "--name", name, IMAGE, "sleep", "60")
    assert re.fullmatch("[0-9a-f]{64}", identity)
    assert docker.inspect(name, "{{.Id}}") == identity
    assert docker.inspect(identity[:10], "{{.State.Status}}") == "running"


def test_a_cidfile_gets_the_id(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("cid") / "cid"
    docker.run("--cidfile", str(path), IMAGE, "true")
    assert re.fullmatch("[0-9a-f]{64}", path.read_text())


def test_the_process_is_pid_1_and_sees_only_itself(docker: Docker) -> None:
    assert docker.run(IMAGE, "sh", "-c", "echo $$; ls -d /proc/[0-9]* | wc -l").split()[0] == "1"
    assert len(docker.run(IMAGE, "ls", "/proc").split("self")[0].split()) < 40


def test_pid_host_shows_the_hosts_processes(docker: Docker) -> None:
    assert docker.run("--pid", "host", IMAGE, "sh", "-c", "echo $$") != "1"


def test_labels_are_kept(docker: Docker) -> None:
    name = docker.start("--label", "a.b=c d", "--label", "empty", IMAGE, "sleep", "60")
    labels = json.loads(docker.inspect(name, "{{json .Config.Labels}}"))
    assert labels == {"a.b": "c d", "empty": ""}


def test_read_only_makes_the_root_read_only(docker: Docker) -> None:
    done = docker("run", "--rm", "--read-only", IMAGE, "touch", "/x")
    assert done.code == 1
    assert "Read-only file system" in done.err


def test_tmpfs_and_shm_size(docker: Docker) -> None:
    shown = docker.run(
        *("--tmpfs", "/scratch:size=1m,mode=1777", "--shm-size", "8m", IMAGE),
        *("sh", "-c", "grep -E ' (/scratch|/dev/shm) ' /proc/mounts"),
    )
    assert re.search(r"/scratch tmpfs \S*size=1024k", shown)
    assert re.search(r"/dev/shm tmpfs \S*size=8192k", shown)


def test_what_was_written_stays_until_rm(docker: Docker) -> None:
    name = docker.start(IMAGE, "sh", "-c", "echo $(cat /n 2>/dev/null)x >/n; cat /n")
    docker.ok("wait", name)
    docker.ok("start", name)
    docker.ok("wait", name)
    assert docker.ok("logs", name) == "x\nxx"


def test_two_containers_do_not_see_each_others_files(docker: Docker) -> None:
    docker.run(IMAGE, "touch", "/mine")
    assert docker("run", "--rm", IMAGE, "ls", "/mine").code == 1


def test_sysctl_and_ulimit(docker: Docker) -> None:
    shown = docker.run(
        *("--sysctl", "net.ipv4.ip_unprivileged_port_start=99", "--ulimit", "nofile=77:88", IMAGE),
        *("sh", "-c", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ulimit -n; ulimit -Hn"),
    )
    assert shown.split() == ["99", "77", "88"]


def test_a_container_with_no_output_and_stdin_closed_ends_at_once(docker: Docker) -> None:
    assert docker.run(IMAGE, "true") == ""
