"""The `wherry` command against an engine: its own, or Docker's with WHERRY_COMPAT_HOST.

Where the stock docker command is there, both are asked the same and must say the same.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.docker import IMAGE, Docker
from tests.support.engine import Engine
from tests.support.needs import REPOSITORY

LAUNCHER = """#!{python}
import sys
sys.path.insert(0, {sources!r})
from wherry.cli.main import main
sys.exit(main())
"""


@pytest.fixture
def wherry(engine: Engine, tmp_path: Path) -> Iterator[Docker]:
    """The command, as the fixture for Docker's runs it."""
    program = tmp_path / "wherry"
    program.write_text(LAUNCHER.format(python=sys.executable, sources=str(REPOSITORY / "src")))
    program.chmod(0o755)
    config_dir = tmp_path / "config"
    config_dir.mkdir()
    command = Docker(str(program), engine.address, config_dir)
    yield command
    command.discard_made()


def test_output_streams_and_the_exit_code_come_back(wherry: Docker) -> None:
    done = wherry("run", "--rm", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.code, done.out, done.err) == (7, "out\n", "err\n")


def test_input_is_passed_on_to_its_end(wherry: Docker) -> None:
    much = b"0123456789abcdef" * 200_000
    done = wherry("run", "--rm", "-i", IMAGE, "sh", "-c", "md5sum; echo end", stdin=much)
    assert done.out.endswith("-\nend\n")


def test_a_program_that_is_not_there_ends_with_127(wherry: Docker) -> None:
    error = wherry.fails("run", "--rm", IMAGE, "no-such-program", code=127)
    assert error.startswith("wherry: Error response from daemon: ")
    assert error.endswith("\n\nRun 'wherry run --help' for more information\n")


def test_an_image_that_is_not_there_is_refused_without_a_pull(wherry: Docker) -> None:
    error = wherry.fails("run", "--pull", "never", "no-such-image", code=125)
    assert "wherry: Error response from daemon: No such image: no-such-image:latest" in error


def test_a_detached_container_prints_its_id_and_is_waited_for(wherry: Docker) -> None:
    name = wherry.name()
    container = wherry.ok("run", "-d", "--name", name, IMAGE, "sh", "-c", "echo hi; exit 4")
    assert len(container) == 64
    assert wherry.ok("wait", name) == "4"
    assert wherry.ok("logs", name) == "hi"
    assert wherry("start", "-a", name).code == 4


def test_exec_has_its_own_exit_code_and_environment(wherry: Docker) -> None:
    name = wherry.start(IMAGE, "sleep", "1000")
    done = wherry("exec", "-e", "A=b", "-w", "/tmp", name, "sh", "-c", "echo $A $PWD; exit 5")
    assert (done.code, done.out) == (5, "b /tmp\n")


def test_a_signal_is_handed_to_the_container(wherry: Docker) -> None:
    script = "trap 'echo caught; exit 6' TERM; echo up; while :; do sleep 0.1; done"
    process = wherry.popen("run", "--rm", IMAGE, "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.terminate()
    assert process.stdout.read() == b"caught\n"
    assert process.wait(20) == 6


def test_a_terminal_is_raw_while_it_lasts_and_follows_the_window(
    wherry: Docker,
) -> None:
    name = wherry.name()
    with wherry.terminal("run", "-it", "--name", name, IMAGE, "sh", rows=31, columns=97) as shell:
        shell.expect("# ")
        shell.write("stty size\n")
        shell.expect("31 97")
        shell.resize(20, 60)
        shell.write("sleep 0.3; stty size\n")
        shell.expect("20 60")
        shell.write(b"\x10\x11")
        assert shell.wait() == 0
    assert wherry.inspect(name, "{{.State.Running}}") == "true"


def test_one_can_come_back_to_a_terminal_and_hears_its_exit_code(wherry: Docker) -> None:
    # No shell here: its line editor asks the terminal where the cursor is, and swallows keys.
    name = wherry.name()
    script = "echo ready; read line; exit 3"
    with wherry.terminal("run", "-it", "--name", name, IMAGE, "sh", "-c", script) as first:
        first.expect("ready")
        first.write(b"\x10\x11")
        assert first.wait() == 0
    with wherry.terminal("attach", name) as again:
        again.write("go\n")
        assert again.wait() == 3


def test_a_terminal_needs_a_terminal(wherry: Docker) -> None:
    assert wherry.fails("run", "-it", "--rm", IMAGE, code=1) == "the input device is not a TTY\n"


LISTS = [
    ("ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.Image}} {{.Command}} {{.State}}"),
    ("images", "--format", "table {{.Repository}}\t{{.Tag}}\t{{.ID}}"),
    ("network", "ls", "--no-trunc"),
    ("volume", "ls"),
    ("history", "--no-trunc", "--format", "{{.ID}} {{.Size}} {{.Comment}}", IMAGE),
    ("image", "inspect", "-f", "{{.Id}} {{json .Config.Cmd}} {{.Size}}", IMAGE),
]


@pytest.mark.needs("docker", "docker-28")
@pytest.mark.parametrize("words", LISTS, ids=lambda words: " ".join(words[:2]))
def test_lists_are_dockers(wherry: Docker, docker: Docker, words: tuple[str, ...]) -> None:
    wherry.start(IMAGE, "sleep", "1000")
    assert wherry(*words) == docker(*words)


MISTAKES = [
    ("foo-bar-baz",),
    ("run",),
    ("run", "--foo"),
    ("ps", "x"),
    ("rm",),
    ("rm", "absent-a", "absent-b"),
    ("rm", "-f", "absent"),
    ("start", "absent"),
    ("logs", "absent"),
    ("inspect", "absent"),
    ("image", "inspect", "absent"),
    ("volume", "inspect", "absent"),
    ("network", "inspect", "absent"),
    ("exec", "absent", "true"),
    ("rename", "absent", "b"),
    ("rmi", "absent"),
    ("tag", "absent", "b"),
    ("ps", "--format", "{{.Foo}}"),
    ("ps", "--format", "{{.ID"),
    ("run", "-m", "1x", "i"),
    ("run", "-p", "foo", "i"),
    ("run", "--restart", "always", "--rm", "i"),
    ("run", "UPPER"),
    ("network", "rm", "absent"),
    ("network", "foo"),
    ("logs", "--since", "foo", "absent"),
]


@pytest.mark.needs("docker", "docker-28")
@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_mistakes_are_told_as_docker_tells_them(
    wherry: Docker, docker: Docker, words: tuple[str, ...]
) -> None:
    ours, theirs = wherry(*words), docker(*words)
    assert ours.err.replace("wherry", "docker") == theirs.err
    assert (ours.code, ours.out) == (theirs.code, theirs.out)


def test_no_engine_is_told_with_its_address(wherry: Docker) -> None:
    wherry.env["DOCKER_HOST"] = "unix:///nonexistent.sock"
    assert wherry.fails("ps", code=1) == (
        "Cannot connect to the wherry daemon at unix:///nonexistent.sock. Is wherryd running?\n"
    )


def test_an_image_goes_out_and_comes_back(wherry: Docker, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    wherry.ok("save", "-o", str(archive), IMAGE)
    assert wherry.ok("load", "-i", str(archive)) == f"Loaded image: {IMAGE}"
    assert not list(tmp_path.glob("*.partial-*"))


@pytest.mark.needs("busybox")
def test_a_first_image_is_made_without_a_registry(wherry: Docker, engine: Engine) -> None:
    if not engine.is_ours:
        pytest.skip("only wherry can")
    name, made = wherry.ok("image", "bootstrap", "busybox", "cli-first").split()
    assert name == "cli-first:latest"
    assert wherry.ok("image", "inspect", "-f", "{{.Id}}", "cli-first") == made
    assert wherry.run("cli-first", "echo", "hi") == "hi"
    wherry.ok("rmi", "-f", made)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_those_of_the_repository(wherry: Docker, shell: str) -> None:
    kept = {"bash": "wherry.bash", "zsh": "_wherry", "fish": "wherry.fish"}[shell]
    script = wherry.ok("completion", shell) + "\n"
    assert script == (REPOSITORY / "completions" / kept).read_text()
