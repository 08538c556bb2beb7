"""Control groups, from files as the kernel writes them."""

from pathlib import Path

from wherry.kernel.cgroup import (
    BlockIo,
    Hierarchies,
    Mode,
    is_frozen,
    list_pids,
    parse_hierarchies,
    parse_usage_v1,
    parse_usage_v2,
    read_usage,
    remove,
)

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "88 87 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "89 88 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct\n"
    "90 88 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "97 88 0:37 / /sys/fs/cgroup/systemd rw - cgroup none rw,xattr,release_agent=/x,name=systemd\n"
    "98 88 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
)


def test_one_tree_is_found() -> None:
    found = parse_hierarchies(V2)
    assert found.mode is Mode.V2
    assert found.list_dirs("/a/b") == ("/sys/fs/cgroup/a/b",)
    assert found.find_dir("memory", "/a") == "/sys/fs/cgroup/a"


def test_many_trees_are_found_and_each_folder_once() -> None:
    found = parse_hierarchies(V1)
    assert found.mode is Mode.V1
    assert found.list_dirs("/a") == (
        "/sys/fs/cgroup/cpu,cpuacct/a",
        "/sys/fs/cgroup/memory/a",
        "/sys/fs/cgroup/systemd/a",
    )
    assert found.find_dir("cpuacct", "/a") == "/sys/fs/cgroup/cpu,cpuacct/a"
    assert found.find_dir("pids", "/a") is None


def test_a_host_is_hybrid_only_if_the_new_tree_has_controllers() -> None:
    assert parse_hierarchies(V1, unified_controllers="\n").mode is Mode.V1
    assert parse_hierarchies(V1, unified_controllers="hugetlb\n").mode is Mode.HYBRID


FILES_V2 = {
    "cpu.stat": b"usage_usec 123456\nuser_usec 100000\nsystem_usec 23456\nnice_usec 0\n"
    b"nr_periods 10\nnr_throttled 3\nthrottled_usec 4500\nnr_bursts 0\nburst_usec 0\n",
    "memory.current": b"10485760\n",
    "memory.peak": b"20971520\n",
    "memory.max": b"max\n",
    "memory.stat": b"anon 4096\nfile 8192\ninactive_file 2048\nworkingset_refault_anon 0\n",
    "memory.events": b"low 0\nhigh 0\nmax 17\noom 1\noom_kill 1\n",
    "pids.current": b"4\n",
    "pids.max": b"100\n",
    "io.stat": b"254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n7:0 \n",
}


def test_usage_is_read_from_one_tree() -> None:
    usage = parse_usage_v2(FILES_V2)
    assert usage.cpu_total_ns == 123_456_000
    assert (usage.throttle_periods, usage.throttled_periods, usage.throttled_ns) == (
        10,
        3,
        4500_000,
    )
    assert (usage.memory_bytes, usage.memory_peak_bytes) == (10 << 20, 20 << 20)
    assert usage.memory_limit_bytes == 0
    assert usage.memory_failures == 17
    assert usage.memory_stat["inactive_file"] == 2048
    assert (usage.pids, usage.pids_limit) == (4, 100)
    assert usage.io_bytes == (BlockIo(254, 0, "read", 4096), BlockIo(254, 0, "write", 8192))
    assert usage.io_operations == (BlockIo(254, 0, "read", 1), BlockIo(254, 0, "write", 2))


def test_usage_is_read_from_many_trees() -> None:
    usage = parse_usage_v1(
        {
            "cpuacct.usage": b"7472690\n",
            "cpuacct.usage_percpu": b"3708190 3764500 \n",
            "cpuacct.stat": b"user 3\nsystem 1\n",
            "cpu.stat": b"nr_periods 1\nnr_throttled 2\nthrottled_time 3\n",
            "memory.usage_in_bytes": b"491520\n",
            "memory.limit_in_bytes": b"9223372036854771712\n",
            "memory.stat": b"cache 8192\nrss 53248\n",
            "pids.max": b"max\n",
            "blkio.throttle.io_service_bytes": b"254:0 Read 4096\n254:0 Total 4096\nTotal 4096\n",
        }
    )
    assert usage.cpu_each_ns == (3708190, 3764500)
    assert (usage.cpu_user_ns, usage.cpu_system_ns) == (30_000_000, 10_000_000)
    assert usage.throttled_ns == 3
    assert usage.memory_limit_bytes == 0
    assert usage.io_bytes == (BlockIo(254, 0, "read", 4096), BlockIo(254, 0, "total", 4096))


def test_a_group_that_is_gone_has_used_nothing(tmp_path: Path) -> None:
    found = Hierarchies(mode=Mode.V2, mounts={"": str(tmp_path)})
    assert read_usage(found, "/gone").cpu_total_ns == 0
    assert remove(found, "/gone")
    assert not is_frozen(found, "/gone")


def test_groups_below_it_are_removed_and_their_processes_counted(tmp_path: Path) -> None:
    found = Hierarchies(mode=Mode.V2, mounts={"": str(tmp_path)})
    (tmp_path / "a/b/c").mkdir(parents=True)
    assert remove(found, "/a")
    assert not (tmp_path / "a").exists()
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/cgroup.procs").write_text("1\n2\n")
    (tmp_path / "d/e/cgroup.procs").write_text("3\n")
    assert sorted(list_pids(str(tmp_path / "d"))) == [1, 2, 3]
    assert not remove(found, "/d")
