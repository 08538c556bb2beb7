"""Standard input, output and error; attach; pseudo-terminals."""

import signal
import threading

import pytest

from tests.support.docker import IMAGE, Docker, eventually

pytestmark = pytest.mark.needs("docker")


def test_standard_input_reaches_the_process_and_its_end_too(docker: Docker) -> None:
    assert docker.run("-i", IMAGE, "cat", stdin="one\ntwo") == "one\ntwo"


def test_output_that_comes_after_the_end_of_input_is_not_lost(docker: Docker) -> None:
    script = "cat >/dev/null; sleep 0.3; echo later; echo error >&2; exit 3"
    done = docker("run", "-i", "--rm", IMAGE, "sh", "-c", script, stdin="x")
    assert (done.code, done.out, done.err) == (3, "later\n", "error\n")


def test_without_i_standard_input_is_empty(docker: Docker) -> None:
    assert docker.run(IMAGE, "cat", stdin="ignored") == ""


def test_many_bytes_go_through_unchanged_both_ways(docker: Docker) -> None:
    sent = bytes(range(256)) * 8192  # 2 MiB, every byte
    process = docker.popen("run", "-i", "--rm", IMAGE, "cat")
    got, error = process.communicate(sent, timeout=60)
    assert (process.returncode, error) == (0, b"")
    assert got == sent


def test_a_process_that_ends_at_once_loses_no_output(docker: Docker) -> None:
    assert {docker.run(IMAGE, "echo", str(n)) == str(n) for n in range(8)} == {True}


def test_output_arrives_while_the_process_still_runs(docker: Docker) -> None:
    process = docker.popen("run", "-i", "--rm", IMAGE, "sh", "-c", "echo first; cat; echo last")
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == b"first\n"
    process.stdin.write(b"middle\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"middle\n"
    out, _ = process.communicate(timeout=30)
    assert out == b"last\n"


def test_attach_only_to_what_was_asked_for(docker: Docker) -> None:
    done = docker("run", "--rm", "-a", "stderr", IMAGE, "sh", "-c", "echo out; echo err >&2")
    assert (done.out, done.err) == ("", "err\n")


def test_start_attached_gives_output_and_exit_code(docker: Docker) -> None:
    name = docker.name()
    docker.ok("create", "--name", name, IMAGE, "sh", "-c", "echo hello; exit 4")
    done = docker("start", "-a", name)
    assert (done.code, done.out) == (4, "hello\n")


def test_attach_sees_what_comes_from_then_on(docker: Docker) -> None:
    name = docker.start("-i", IMAGE, "sh", "-c", "read line; echo got $line; exit 6")
    process = docker.popen("attach", name)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"it\n")
    process.stdin.flush()
    assert process.stdout.read() == b"got it\n"
    assert process.wait(30) == 6


def test_attach_to_a_stopped_container_is_refused(docker: Docker) -> None:
    name = docker.start(IMAGE, "true")
    docker.ok("wait", name)
    error = docker.fails("attach", name, code=1)
    assert "cannot attach to a stopped container, start it first" in error.lower()


def test_two_that_attach_both_see_the_output(docker: Docker) -> None:
    name = docker.start(
        IMAGE, "sh", "-c", "trap 'echo now; exit' USR1; while :; do sleep 0.1; done"
    )
    first, second = (docker.popen("attach", "--no-stdin", name) for _ in range(2))
    seen: list[bytes] = []
    readers = [
        threading.Thread(target=lambda p=p: seen.append(p.communicate(timeout=30)[0]))
        for p in (first, second)
    ]
    for reader in readers:
        reader.start()
    threading.Event().wait(0.5)  # attach says nothing that could be waited for
    docker.ok("kill", "-s", "USR1", name)
    for reader in readers:
        reader.join()
    assert seen == [b"now\n", b"now\n"]


def test_the_clients_signal_is_passed_on(docker: Docker) -> None:
    script = "trap 'echo told; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
    process = docker.popen("run", "--rm", IMAGE, "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (5, b"told\n")


def test_a_client_that_dies_leaves_the_container_running(docker: Docker) -> None:
    name = docker.name()
    process = docker.popen("run", "--name", name, IMAGE, "sh", "-c", "echo up; sleep 60")
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.kill()
    process.communicate()
    assert docker.inspect(name, "{{.State.Running}}") == "true"


def test_a_terminal_merges_output_and_ends_lines_with_cr(docker: Docker) -> None:
    process = docker.popen("run", "-t", "--rm", IMAGE, "sh", "-c", "echo a; echo b >&2; tty")
    out, error = process.communicate(timeout=30)
    assert (out.split(), error) == ([b"a", b"b", b"/dev/pts/0"], b"")
    assert b"a\r\n" in out


def test_a_shell_at_a_terminal(docker: Docker) -> None:
    with docker.terminal("run", "-it", "--rm", "--hostname", "box", IMAGE, "sh") as shell:
        shell.expect(r"# ")
        shell.write("echo $((6 * 7)); exit 3\n")
        shell.expect(r"\n42\r")
        assert shell.wait() == 3


def test_the_terminals_size_is_the_clients_and_follows_it(docker: Docker) -> None:
    with docker.terminal("run", "-it", "--rm", IMAGE, "sh", rows=31, columns=97) as shell:
        shell.expect(r"# ")

        def size_is(expected: str) -> bool:
            shell.write("stty size\n")
            return shell.expect(r"\n(\d+ \d+)\r").group(1) == expected

        assert eventually(lambda: size_is("31 97"))
        shell.resize(44, 55)
        assert eventually(lambda: size_is("44 55"))
        shell.write("exit\n")
        assert shell.wait() == 0


def test_ctrl_c_at_a_terminal_reaches_the_process(docker: Docker) -> None:
    script = "trap 'echo stopped; exit 8' INT; echo ready; while :; do sleep 0.1; done"
    with docker.terminal("run", "-it", "--rm", IMAGE, "sh", "-c", script) as shell:
        shell.expect("ready")
        shell.write("\x03")
        shell.expect("stopped")
        assert shell.wait() == 8


def test_detach_keys_leave_it_running_and_attach_joins_again(docker: Docker) -> None:
    name = docker.name()
    with docker.terminal("run", "-it", "--name", name, IMAGE, "sh") as shell:
        shell.expect(r"# ")
        shell.write("x=kept\n")
        shell.expect(r"# ")
        shell.write("\x10\x11")  # ctrl-p ctrl-q
        assert shell.wait() == 0
    assert docker.inspect(name, "{{.State.Running}}") == "true"
    with docker.terminal("attach", name) as again:
        again.write("\necho still-$x\n")
        again.expect("\nstill-kept\r")
        again.write("exit 2\n")
        assert again.wait() == 2


def test_detach_keys_of_ones_own(docker: Docker) -> None:
    name = docker.name()
    argv = ["run", "-it", "--detach-keys", "ctrl-x,y", "--name", name, IMAGE, "sh"]
    with docker.terminal(*argv) as shell:
        shell.expect(r"# ")
        shell.write("\x18y")
        assert shell.wait() == 0
    assert docker.inspect(name, "{{.State.Running}}") == "true"


def test_exec_at_a_terminal_can_be_left_by_detach_keys(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    with docker.terminal("exec", "-it", name, "sh") as shell:
        shell.expect(r"# ")
        shell.write("\x10\x11")
        assert shell.wait() in (0, 1)  # the command says "exit status 1" for read escape sequence
    assert docker.inspect(name, "{{.State.Running}}") == "true"
