"""The runtime's contract, with real containers."""

import asyncio
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.contract import runtime_rig
from tests.contract.runtime_rig import Rig, read_all, read_until
from wherry.drivers.runtime.base import Launch, Process
from wherry.drivers.runtime.bundle import files_of, read_pid
from wherry.drivers.runtime.seccomp_filters import CompiledFilters
from wherry.kernel import cgroup, pidfd
from wherry.kernel import process as process_module
from wherry.kernel.devices import list_host_devices
from wherry.kernel.process import list_capabilities
from wherry.model.capabilities import DEFAULT, effective_capabilities
from wherry.model.errors import Conflict, InvalidArgument, LaunchFailed
from wherry.model.resources import DeviceNode, Resources, Ulimit
from wherry.oci import runtime as oci
from wherry.oci import seccomp

pytestmark = pytest.mark.needs("root", "crun", "conmon", "busybox")

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
KERNEL = (6, 1)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async for made in runtime_rig.opened(tmp_path):
        yield made


# life -----------------------------------------------------------------------------------


async def test_a_life_from_create_to_delete(rig: Rig) -> None:
    launch = rig.launch("sh", "-c", "echo out; echo err >&2; exit 7")
    out, err, ended = await rig.run(launch)
    assert (out, err, ended.code, ended.out_of_memory) == (b"out\n", b"err\n", 7, False)
    assert abs(ended.at.timestamp() - time.time()) < 10
    assert rig.leftovers() == []
    assert {path.name for path in launch.bundle_dir.iterdir()} == {"config.json", "persist"}


async def test_nothing_written_before_start_or_at_the_end_is_lost(rig: Rig) -> None:
    for _ in range(10):
        out, _, _ = await rig.run(rig.launch("echo", "quick"))
        assert out == b"quick\n"


async def test_a_signal_ends_it_with_128_and_its_number(rig: Rig) -> None:
    launch = rig.launch("sleep", "100")
    process = await rig.runtime.create(launch)
    await rig.runtime.start(launch)
    assert rig.runtime.is_alive(process)
    rig.runtime.signal(process, signal.SIGKILL)
    assert (await rig.runtime.wait(launch, process)).code == 137
    assert not rig.runtime.is_alive(process)
    rig.runtime.signal(process, signal.SIGKILL)
    await rig.runtime.delete(launch)
    with pytest.raises(Conflict):
        rig.runtime.console(launch)


async def test_create_start_and_delete_may_be_repeated(rig: Rig) -> None:
    launch = rig.launch("sleep", "100")
    process = await rig.runtime.create(launch)
    assert await rig.runtime.create(launch) == process
    assert await rig.runtime.find(launch) == process
    await rig.runtime.start(launch)
    await rig.runtime.start(launch)
    await rig.runtime.delete(launch)
    await rig.runtime.delete(launch)
    assert not rig.runtime.is_alive(process)
    assert await rig.runtime.find(launch) is None
    assert rig.leftovers() == []


async def test_the_same_container_runs_again(rig: Rig) -> None:
    launch = rig.launch("sh", "-c", "exit 3")
    for _ in range(3):
        assert (await rig.run(launch))[2].code == 3


async def test_a_container_that_was_only_created_is_deleted(rig: Rig) -> None:
    launch = rig.launch("true")
    process = await rig.runtime.create(launch)
    await rig.runtime.delete(launch)
    assert not rig.runtime.is_alive(process)
    assert rig.leftovers() == []


async def test_processes_that_outlive_the_first_are_ended(rig: Rig) -> None:
    launch = rig.launch(
        "sh", "-c", "sleep 1000 </dev/null >/dev/null 2>&1 & exit 0",
        namespaces=oci.Namespaces(pid=oci.HOST),
    )  # fmt: skip
    process = await rig.runtime.create(launch)
    await rig.runtime.start(launch)
    assert (await rig.runtime.wait(launch, process)).code == 0
    path = f"{rig.cgroup_parent}/{launch.id}"
    left = cgroup.list_pids(runtime_rig.HIERARCHIES.list_dirs(path)[0])
    assert len(left) == 1
    await rig.runtime.delete(launch)
    assert pidfd.start_ticks(left[0]) is None
    assert rig.leftovers() == []


async def test_pause_stops_every_process_and_resume_goes_on(rig: Rig) -> None:
    launch = rig.launch("sh", "-c", "while true; do echo x; sleep 0.01; done")
    await rig.runtime.create(launch)
    console = rig.runtime.console(launch)
    await rig.runtime.start(launch)
    await read_until(console, b"x")
    await rig.runtime.pause(launch)
    path = f"{rig.cgroup_parent}/{launch.id}"
    assert cgroup.is_frozen(runtime_rig.HIERARCHIES, path)
    before = launch.log_path.stat().st_size if launch.log_path else 0
    await asyncio.sleep(0.1)
    assert launch.log_path is not None
    assert launch.log_path.stat().st_size <= before + 200
    await rig.runtime.resume(launch)
    await read_until(console, b"x")
    await rig.runtime.pause(launch)
    await rig.runtime.delete(launch)  # Also while it is frozen.
    await console.close()
    assert rig.leftovers() == []


async def test_running_out_of_memory_is_told(rig: Rig) -> None:
    launch = rig.launch(
        "sh", "-c", "x=a; while true; do x=$x$x$x; done",
        resources=Resources(memory_bytes=8 << 20, memory_swap_bytes=8 << 20),
    )  # fmt: skip
    _, _, ended = await rig.run(launch)
    assert ended.code == 137
    assert ended.out_of_memory


async def test_limits_change_while_it_runs(rig: Rig) -> None:
    launch = rig.launch("sleep", "100", resources=Resources(memory_bytes=64 << 20))
    await rig.runtime.create(launch)
    await rig.runtime.start(launch)
    limits = oci.encode_limits(Resources(memory_bytes=96 << 20, pids_limit=33, cpu_shares=512))
    await rig.runtime.update(launch, limits)
    usage = cgroup.read_usage(runtime_rig.HIERARCHIES, f"{rig.cgroup_parent}/{launch.id}")
    assert (usage.memory_limit_bytes, usage.pids_limit) == (96 << 20, 33)
    with pytest.raises(InvalidArgument, match="Cannot update container"):
        await rig.runtime.update(launch, {"cpu": {"cpus": "999"}})


# what cannot be started -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "words", "code"),
    [
        ("nope", 'exec: "nope": executable file not found in $PATH', 127),
        ("/nope", 'exec: "/nope": stat /nope: no such file or directory', 127),
        ("/etc", 'exec: "/etc": is a directory: permission denied', 126),
        ("/plain", 'exec: "/plain": permission denied', 126),
        ("", 'exec: "": executable file not found in $PATH', 127),
    ],
)
async def test_a_command_that_cannot_run_is_refused_in_dockers_words(
    rig: Rig, command: str, words: str, code: int
) -> None:
    launch = rig.launch(command)
    with pytest.raises(LaunchFailed) as caught:
        await rig.run(launch)
    assert str(caught.value).endswith("error during container init: " + words)
    assert caught.value.exit_code == code
    assert rig.leftovers() == []

    container = rig.launch("sleep", "100")
    await rig.runtime.create(container)
    await rig.runtime.start(container)
    with pytest.raises(LaunchFailed) as caught:
        await rig.runtime.exec(rig.exec_launch(container, command))
    assert str(caught.value).endswith("unable to start container process: " + words)
    assert caught.value.exit_code == code


async def test_a_working_directory_that_is_a_file_is_refused(rig: Rig) -> None:
    with pytest.raises(LaunchFailed, match="not a directory") as caught:
        await rig.run(rig.launch("true", process={"cwd": "/plain"}))
    assert caught.value.exit_code == 127
    assert rig.leftovers() == []


async def test_an_interpreter_that_is_absent_is_said_on_stderr(rig: Rig) -> None:
    script = rig.directory / "rootfs/script"
    script.write_text("#!/no/interpreter\n")
    script.chmod(0o755)
    _, err, ended = await rig.run(rig.launch("/script"))
    assert b"No such file or directory" in err
    assert ended.code != 0


async def test_a_runtime_that_is_not_configured_is_refused(rig: Rig) -> None:
    with pytest.raises(InvalidArgument, match="unknown or invalid runtime name: kata"):
        await rig.runtime.create(replace(rig.launch("true"), runtime="kata"))


# streams --------------------------------------------------------------------------------


async def test_input_reaches_it_and_its_end_too(rig: Rig) -> None:
    launch = rig.launch("sh", "-c", "cat; echo tail; exit 4", stdin=True)
    process = await rig.runtime.create(launch)
    console = rig.runtime.console(launch)
    await rig.runtime.start(launch)
    await console.write(b"abc")
    await console.end_of_input()
    assert await read_all(console) == (b"abctail\n", b"")
    assert (await rig.runtime.wait(launch, process)).code == 4
    await rig.runtime.delete(launch)


async def test_much_input_waits_for_a_slow_reader_and_arrives_whole(rig: Rig) -> None:
    launch = rig.launch("sh", "-c", "sleep 0.2; wc -c", stdin=True)
    await rig.runtime.create(launch)
    console = rig.runtime.console(launch)
    await rig.runtime.start(launch)
    size = 8 << 20
    await console.write(b"x" * size)
    await console.end_of_input()
    assert await read_all(console) == (f"{size}\n".encode(), b"")
    await rig.runtime.delete(launch)


async def test_a_flood_waits_for_a_slow_listener_and_arrives_whole(rig: Rig) -> None:
    launch = rig.launch("sh", "-c", "seq 1 200000; echo e >&2")
    await rig.runtime.create(launch)
    console = rig.runtime.console(launch)
    await rig.runtime.start(launch)
    await asyncio.sleep(0.3)
    out, err = await read_all(console)
    assert out == b"".join(b"%d\n" % n for n in range(1, 200_001))
    assert err == b"e\n"
    await rig.runtime.delete(launch)


async def test_input_left_open_outlives_a_client(rig: Rig) -> None:
    launch = rig.launch("sh", "-c", "read a; read b; echo $a$b", stdin=True, leave_stdin_open=True)
    await rig.runtime.create(launch)
    await rig.runtime.start(launch)
    first = rig.runtime.console(launch)
    await first.write(b"one\n")
    await first.end_of_input()
    await first.close()
    second = rig.runtime.console(launch)
    await second.write(b"two\n")
    assert (await read_all(second))[0] == b"onetwo\n"
    await rig.runtime.delete(launch)


async def test_a_terminal_has_the_size_it_is_given(rig: Rig) -> None:
    launch = rig.launch("sh", "-c", "read x; stty size", terminal=True, stdin=True)
    await rig.runtime.create(launch)
    console = rig.runtime.console(launch)
    await rig.runtime.resize(launch, height=33, width=77)
    await rig.runtime.start(launch)
    await console.write(b"\n")
    assert b"33 77" in (await read_all(console))[0]
    await rig.runtime.delete(launch)
    await rig.runtime.resize(launch, height=1, width=1)


async def test_a_terminal_outlives_a_client_that_leaves(rig: Rig) -> None:
    launch = rig.launch("sh", terminal=True, stdin=True, leave_stdin_open=True)
    process = await rig.runtime.create(launch)
    console = rig.runtime.console(launch)
    await rig.runtime.start(launch)
    await console.write(b"echo fir''st\n")
    await read_until(console, b"first")
    await console.close()
    again = rig.runtime.console(launch)
    await again.write(b"echo sec''ond\n")
    await read_until(again, b"second")
    assert rig.runtime.is_alive(process)
    await again.close()
    await rig.runtime.delete(launch)


async def test_closing_a_console_ends_who_reads_from_it(rig: Rig) -> None:
    launch = rig.launch("sleep", "100")
    await rig.runtime.create(launch)
    console = rig.runtime.console(launch)
    await rig.runtime.start(launch)
    reading = asyncio.create_task(read_all(console))
    await asyncio.sleep(0)
    await console.close()
    await console.close()
    async with asyncio.timeout(5):
        assert await reading == (b"", b"")


# exec -----------------------------------------------------------------------------------


async def test_an_exec_has_streams_and_an_exit_code_of_its_own(rig: Rig) -> None:
    container = rig.launch("sleep", "100")
    process = await rig.runtime.create(container)
    await rig.runtime.start(container)
    for number in range(5):
        launch = rig.exec_launch(
            container, "sh", "-c", f"cat; echo end; echo e >&2; exit {number}", stdin=True
        )
        child = await rig.runtime.exec(launch)
        console = rig.runtime.exec_console(launch)
        await console.write(b"in ")
        await console.end_of_input()
        assert await read_all(console) == (b"in end\n", b"e\n")
        assert (await rig.runtime.exec_wait(launch, child)).code == number
    assert rig.runtime.is_alive(process)
    assert not Path(files_of(container).exit_path).exists()


async def test_an_execs_output_waits_for_who_comes_late(rig: Rig) -> None:
    container = rig.launch("sleep", "100")
    await rig.runtime.create(container)
    await rig.runtime.start(container)
    launch = rig.exec_launch(container, "echo", "quick")
    child = await rig.runtime.exec(launch)
    assert (await rig.runtime.exec_wait(launch, child)).code == 0
    assert await read_all(rig.runtime.exec_console(launch)) == (b"quick\n", b"")


async def test_a_detached_exec_is_not_held_up_by_its_output(rig: Rig) -> None:
    container = rig.launch("sleep", "100")
    await rig.runtime.create(container)
    await rig.runtime.start(container)
    launch = rig.exec_launch(container, "sh", "-c", "seq 1 300000; exit 6", attach=False)
    child = await rig.runtime.exec(launch)
    async with asyncio.timeout(20):
        assert (await rig.runtime.exec_wait(launch, child)).code == 6


async def test_an_exec_with_a_terminal_is_resized(rig: Rig) -> None:
    container = rig.launch("sleep", "100")
    await rig.runtime.create(container)
    await rig.runtime.start(container)
    launch = rig.exec_launch(container, "sh", "-c", "read x; stty size", terminal=True, stdin=True)
    await rig.runtime.exec(launch)
    await rig.runtime.exec_resize(launch, height=21, width=42)
    console = rig.runtime.exec_console(launch)
    await console.write(b"\n")
    assert b"21 42" in (await read_all(console))[0]


async def test_an_exec_runs_as_the_numbers_it_was_given(rig: Rig) -> None:
    container = rig.launch("sleep", "100")
    await rig.runtime.create(container)
    await rig.runtime.start(container)
    launch = rig.exec_launch(
        container, "sh", "-c", "id -u; id -G; grep CapEff /proc/self/status",
        uid=1234, gid=5678, additional_gids=(5678, 99),
    )  # fmt: skip
    await rig.runtime.exec(launch)
    out, _ = await read_all(rig.runtime.exec_console(launch))
    assert out == b"1234\n5678 99\nCapEff:\t0000000000000000\n"


# when somebody is killed ----------------------------------------------------------------


async def test_a_new_daemon_takes_over_what_a_killed_one_started(rig: Rig) -> None:
    launch = rig.launch(
        "sh", "-c", "echo one; read x; echo got $x; exit 9", stdin=True, leave_stdin_open=True
    )
    pid, ticks = await asyncio.to_thread(_start_and_kill_a_daemon, rig, launch)

    process = await rig.runtime.find(launch)
    assert process == Process(pid=pid, start_ticks=ticks)
    assert rig.runtime.is_alive(process)
    console = rig.runtime.console(launch)
    await console.write(b"back\n")
    assert (await read_all(console))[0].endswith(b"got back\n")
    assert (await rig.runtime.wait(launch, process)).code == 9
    assert launch.log_path is not None
    words = [line.rsplit(b"F ", 1)[1] for line in launch.log_path.read_bytes().splitlines()]
    assert words == [b"one", b"got back"]
    # Also when it asks after the end.
    assert await rig.runtime.find(launch) == process
    assert (await rig.runtime.wait(launch, process)).code == 9
    await rig.runtime.delete(launch)


def _start_and_kill_a_daemon(rig: Rig, launch: Launch) -> tuple[int, int]:
    arguments = [rig.program.root_dir, rig.cgroup_parent, launch.id]
    arguments += [launch.bundle_dir, launch.exit_dir, launch.log_path]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.contract.runtime_daemon", *map(str, arguments)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        cwd=Path(__file__).parents[2],
    ) as daemon:
        assert daemon.stdout is not None
        pid, ticks = (int(word) for word in daemon.stdout.readline().split())
        daemon.kill()
    return pid, ticks


async def test_the_end_is_seen_even_if_the_monitor_was_killed(rig: Rig) -> None:
    launch = rig.launch("sleep", "100")
    process = await rig.runtime.create(launch)
    await rig.runtime.start(launch)
    monitor = read_pid(files_of(launch).monitor_pid_path)
    assert monitor is not None
    os.kill(monitor, signal.SIGKILL)
    waiting = asyncio.create_task(rig.runtime.wait(launch, process))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    rig.runtime.signal(process, signal.SIGKILL)
    async with asyncio.timeout(5):
        ended = await waiting
    assert ended.code in {137, 255}
    await rig.runtime.delete(launch)


# protection -----------------------------------------------------------------------------


async def test_a_monitor_holds_nothing_that_the_daemon_was_started_with(rig: Rig) -> None:
    read, write = os.pipe()
    os.set_inheritable(read, True)  # As if our parent had left it to us.
    process_module.seal_descriptors()
    try:
        launch = rig.launch("sleep", "100")
        process = await rig.runtime.create(launch)
        monitor = read_pid(files_of(launch).monitor_pid_path)
        pipe = os.readlink(f"/proc/self/fd/{read}")
        for pid in (monitor, process.pid):
            held = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
            assert held
            assert pipe not in held
    finally:
        os.close(read)
        os.close(write)


async def test_the_default_capabilities_and_masks_are_in_force(rig: Rig) -> None:
    out, err, _ = await rig.run(
        rig.launch(
            "sh",
            "-c",
            "grep -E '^Cap|NoNewPrivs' /proc/self/status; wc -c </proc/kcore; hostname;"
            "echo 1 >/proc/sys/kernel/panic; touch /sys/x; ls /proc/self/fd | wc -l",
            process={
                "no_new_privileges": True,
                "ulimits": (Ulimit(name="nofile", soft=64, hard=64),),
            },
        )
    )
    lines = out.decode().split("\n")
    assert "CapInh:\t0000000000000000" in lines
    assert "CapEff:\t00000000a80425fb" in lines
    assert "CapBnd:\t00000000a80425fb" in lines
    assert "CapAmb:\t0000000000000000" in lines
    assert "NoNewPrivs:\t1" in lines
    assert "box" in lines
    assert err.count(b"Read-only file system") == 2
    assert lines[-2] == "4"  # 0, 1, 2 and the folder itself: nothing has leaked in.


async def test_a_privileged_container_has_everything(rig: Rig) -> None:
    capabilities = effective_capabilities(privileged=True, known=list_capabilities())
    bounding = next(
        line.replace("CapBnd", "CapEff")
        for line in Path("/proc/self/status").read_text().split("\n")
        if line.startswith("CapBnd")
    )
    out, _, _ = await rig.run(
        rig.launch(
            "sh",
            "-c",
            "grep CapEff /proc/self/status; ls /dev/kmsg; mount -t tmpfs x /tmp && echo ok",
            privileged=True, devices=list_host_devices(), process={"capabilities": capabilities},
        )
    )  # fmt: skip
    assert out.decode().split("\n")[:3] == [bounding, "/dev/kmsg", "ok"]


async def test_only_the_devices_that_were_given_can_be_opened(rig: Rig) -> None:
    out, err, _ = await rig.run(
        rig.launch(
            "sh", "-c", "for d in null full ptmx tty-none given; do true </dev/$d && echo $d; done",
            devices=(DeviceNode(path="/dev/given", kind="c", major=1, minor=7, access="r"),),
        )
    )  # fmt: skip
    assert out.split() == [b"null", b"full", b"ptmx", b"given"], err
    assert b"tty-none" in err


CALLS = {
    "unshare": ((272, 0x10000000), 1),
    "clone3": ((435, 0), 38),
    "clone with a user namespace": ((56, 0x10000000), 1),
    "keyctl": ((250, 0), 1),
    "io_uring_setup": ((425, 0), 1),
    "bpf": ((321, 0), 1),
    "userfaultfd": ((323, 0), 1),
    "a call nobody knows": ((999, 0), 38),
    "socket AF_ALG": ((41, 38, 5), 1),
    "socket AF_VSOCK": ((41, 40, 1), 1),
    "socket AF_ALG with a high bit": ((41, (1 << 32) | 38, 5), 1),
    "socket AF_UNIX with a high bit": ((41, (1 << 32) | 1, 1), 256 - 3),
    "personality of another": ((135, 0x0400000), 38),
    "personality, asked": ((135, 0xFFFFFFFF), 0),
    "sched_yield": ((24, 0), 0),
}


@pytest.mark.skipif(MACHINE != "amd64", reason="system call numbers of x86-64")
@pytest.mark.parametrize("compiled", [False, True])
async def test_the_filter_decides_as_its_tables_say(rig: Rig, *, compiled: bool) -> None:
    section = seccomp.encode_default(capabilities=DEFAULT, arch=MACHINE, kernel=KERNEL)
    inputs: dict[str, Any] = {"seccomp": section}
    if compiled:
        filters = await _filters(rig)
        inputs["seccomp_bpf"] = await filters.compile(section)
        assert inputs["seccomp_bpf"]
        await filters.close()
    container = rig.launch("sleep", "100", **inputs)
    await rig.runtime.create(container)
    await rig.runtime.start(container)
    status = await _output_of_exec(rig, container, "grep", "Seccomp:", "/proc/1/status")
    assert status == b"Seccomp:\t2\n"
    status = await _output_of_exec(rig, container, "grep", "Seccomp:", "/proc/self/status")
    assert status == b"Seccomp:\t2\n"
    wrong: dict[str, int] = {}
    for number, (name, (call, expected)) in enumerate(CALLS.items()):
        runtime_rig.make_syscall_program(rig.directory / f"rootfs/call{number}", *call)
        launch = rig.exec_launch(container, f"/call{number}", attach=False)
        child = await rig.runtime.exec(launch)
        code = (await rig.runtime.exec_wait(launch, child)).code
        if code != expected:
            wrong[name] = code
    assert wrong == {}


async def test_a_filter_is_compiled_once_and_kept(rig: Rig) -> None:
    section = seccomp.encode_default(capabilities=DEFAULT, arch=MACHINE, kernel=KERNEL)
    first = await _filters(rig)
    assert first.find_filter(section) is None
    code = await first.compile(section)
    assert code is not None
    assert first.find_filter(section) == code
    await first.close()
    second = await _filters(rig)
    assert second.find_filter(section) == code
    assert rig.leftovers() == []


async def _filters(rig: Rig) -> CompiledFilters:
    cache_dir = rig.directory / "filters"
    cache_dir.mkdir(exist_ok=True)
    filters = CompiledFilters(rig.program, cache_dir=cache_dir, work_dir=rig.directory)
    await filters.open()
    return filters


async def _output_of_exec(rig: Rig, container: Launch, *args: str) -> bytes:
    launch = rig.exec_launch(container, *args)
    await rig.runtime.exec(launch)
    return (await read_all(rig.runtime.exec_console(launch)))[0]


# speed ----------------------------------------------------------------------------------


async def test_warming_leaves_nothing_behind(rig: Rig) -> None:
    for _ in range(3):
        await rig.runtime.warm()
        await rig.run(rig.launch("true"))
    await rig.runtime.close()
    for mount in runtime_rig.HIERARCHIES.mounts.values():
        assert not Path(mount + rig.cgroup_parent + "-warm").exists()
