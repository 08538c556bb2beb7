"""config.json and process.json, against what the runtime spec and Docker say."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from wherry.model.capabilities import DEFAULT, NAMES, effective_capabilities, parse_mask
from wherry.model.errors import InvalidArgument
from wherry.model.resources import (
    DeviceNode,
    HostResources,
    Resources,
    Ulimit,
    check_resources,
    parse_cpuset,
    parse_device_rule,
)
from wherry.oci.runtime import (
    BPF_ANNOTATION,
    HOST,
    Mount,
    Namespaces,
    ProcessInputs,
    RuntimeInputs,
    bind_options,
    dump,
    encode_config,
    encode_process,
)

PLAIN = RuntimeInputs(
    process=ProcessInputs(args=("true",), env=("PATH=/bin",), capabilities=DEFAULT),
    rootfs_path="/r",
    cgroups_path="/docker/x",
    hostname="h",
)
HOST_RESOURCES = HostResources(cpus=2, cpuset_cpus="0-1", cpuset_mems="0")


def encode(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(dump(encode_config(replace(PLAIN, **changes))))
    return document


def mounts_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {mount["destination"]: mount for mount in document["mounts"]}


def test_a_plain_container_is_dockers() -> None:
    document = encode()
    assert document["ociVersion"] == "1.0.2"
    assert document["hostname"] == "h"
    assert [mount["destination"] for mount in document["mounts"]] == [
        "/proc",
        "/dev",
        "/dev/pts",
        "/sys",
        "/sys/fs/cgroup",
        "/dev/mqueue",
        "/dev/shm",
    ]
    assert "ro" in mounts_of(document)["/sys"]["options"]
    assert "size=67108864" in mounts_of(document)["/dev/shm"]["options"]
    assert {one["type"] for one in document["linux"]["namespaces"]} == {
        *("mount", "network", "uts", "pid", "ipc", "cgroup")
    }
    assert document["linux"]["resources"]["devices"][0] == {"allow": False, "access": "rwm"}
    assert "/proc/kcore" in document["linux"]["maskedPaths"]
    assert "/proc/sys" in document["linux"]["readonlyPaths"]
    assert document["linux"]["sysctl"]["net.ipv4.ip_unprivileged_port_start"] == "0"
    assert "annotations" not in document
    assert "memory" not in document["linux"]["resources"]


def test_nothing_is_inheritable_or_ambient() -> None:
    assert set(encode()["process"]["capabilities"]) == {"bounding", "effective", "permitted"}


def test_privileged_takes_the_protections_away() -> None:
    document = encode(privileged=True, seccomp={"defaultAction": "SCMP_ACT_ERRNO"})
    assert not {"maskedPaths", "readonlyPaths", "seccomp"} & set(document["linux"])
    assert "rw" in mounts_of(document)["/sys"]["options"]
    assert document["linux"]["resources"]["devices"] == [{"allow": True, "access": "rwm"}]


def test_a_compiled_filter_is_instead_of_the_section() -> None:
    section = {"defaultAction": "SCMP_ACT_ERRNO"}
    assert encode(seccomp=section)["linux"]["seccomp"] == section
    document = encode(seccomp=section, seccomp_bpf="AAAA")
    assert document["annotations"] == {BPF_ANNOTATION: "AAAA"}
    assert "seccomp" not in document["linux"]


def test_annotations_cannot_give_orders_to_the_runtime() -> None:
    hostile = {
        "run.oci.hooks.stdout": "/x",
        BPF_ANNOTATION: "x",
        "org.criu.config": "/x",
        "org.opencontainers.image.title": "fine",
    }
    assert encode(annotations=hostile)["annotations"] == {"org.opencontainers.image.title": "fine"}


def test_namespaces_are_private_shared_or_of_another() -> None:
    own = Namespaces(pid=HOST, net="/run/netns/n", ipc=HOST, uts=HOST, cgroup=HOST)
    document = encode(namespaces=own, domainname="d")
    assert document["linux"]["namespaces"] == [
        {"type": "mount"},
        {"type": "network", "path": "/run/netns/n"},
    ]
    assert "hostname" not in document
    assert mounts_of(document)["/dev/mqueue"]["type"] == "bind"
    assert "kernel.domainname" not in document["linux"]["sysctl"]
    assert "sysctl" not in encode(namespaces=replace(own, net=HOST))["linux"]


def test_a_mount_at_a_default_place_is_instead_of_it() -> None:
    mine = Mount(destination="/dev/shm", source="/x", options=bind_options(propagation="rslave"))
    document = encode(mounts=(mine,))
    assert mounts_of(document)["/dev/shm"]["source"] == "/x"
    assert sum(one["destination"] == "/dev/shm" for one in document["mounts"]) == 1
    assert document["linux"]["rootfsPropagation"] == "rslave"
    assert "/dev/shm" not in mounts_of(encode(shm_path=""))
    assert mounts_of(encode(shm_path="/s"))["/dev/shm"]["source"] == "/s"


def test_bind_options_are_spelled_for_the_runtime() -> None:
    assert bind_options() == ("rbind", "rprivate")
    assert bind_options(read_only=True, recursive=False, propagation="shared") == (
        *("bind", "ro", "shared"),
    )
    assert "rro" in bind_options(read_only=True, force_recursive_read_only=True)


def test_limits_are_converted() -> None:
    limits = Resources(
        nano_cpus=1_500_000_000,
        memory_bytes=100 << 20,
        memory_swap_bytes=-1,
        pids_limit=7,
        cpu_shares=1,
        cpuset_cpus="0",
        device_cgroup_rules=("c 42:* rm",),
    )
    node = DeviceNode(path="/dev/d", kind="b", major=8, minor=1, access="r")
    resources = encode(resources=limits, devices=(node,))["linux"]["resources"]
    assert resources["cpu"] == {"period": 100_000, "quota": 150_000, "shares": 2, "cpus": "0"}
    assert resources["memory"] == {"limit": 100 << 20, "swap": -1}
    assert resources["pids"] == {"limit": 7}
    assert resources["devices"][-2:] == [
        {"allow": True, "access": "r", "type": "b", "major": 8, "minor": 1},
        {"allow": True, "access": "rm", "type": "c", "major": 42},
    ]
    only = encode(resources=Resources(memory_bytes=10 << 20))["linux"]["resources"]["memory"]
    assert only["swap"] == 20 << 20


def test_a_process_is_named_by_numbers() -> None:
    process = encode_process(
        ProcessInputs(
            args=("id",),
            uid=5,
            gid=6,
            additional_gids=(6, 7),
            terminal=True,
            console_size=(24, 80),
            ulimits=(Ulimit(name="nofile", soft=1, hard=-1),),
            oom_score_adj=100,
            apparmor_profile="p",
        )
    )
    assert process["user"] == {"uid": 5, "gid": 6, "additionalGids": [6, 7]}
    assert process["consoleSize"] == {"height": 24, "width": 80}
    assert process["rlimits"] == [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2**64 - 1}]
    assert process["oomScoreAdj"] == 100
    assert process["apparmorProfile"] == "p"


def test_encoding_takes_less_than_a_third_of_a_millisecond() -> None:
    begin = time.process_time()
    for _ in range(200):
        dump(encode_config(PLAIN))
    assert (time.process_time() - begin) / 200 < 0.0003


# capabilities ---------------------------------------------------------------------------


def test_the_default_capabilities_are_dockers_fourteen() -> None:
    assert len(DEFAULT) == 14
    assert sum(1 << NAMES.index(name) for name in DEFAULT) == 0xA80425FB
    assert effective_capabilities() == DEFAULT
    assert set(parse_mask(0xA80425FB)) == set(DEFAULT)


def test_capabilities_are_added_and_dropped_as_docker_does() -> None:
    assert effective_capabilities(["net_admin"], ["CAP_CHOWN"]) == (*DEFAULT[1:], "CAP_NET_ADMIN")
    assert effective_capabilities(["kill"], ["ALL"]) == ("CAP_KILL",)
    assert set(NAMES) - set(effective_capabilities(["all"], ["kill"])) == {"CAP_KILL"}
    assert effective_capabilities(privileged=True, known=NAMES[:3]) == NAMES[:3]


@pytest.mark.parametrize(
    ("add", "drop", "words"),
    [
        (["x"], [], 'invalid CapAdd: unknown capability: "CAP_X"'),
        ([], ["foo"], 'invalid CapDrop: unknown capability: "CAP_FOO"'),
        ([""], [], 'invalid CapAdd: unknown capability: "CAP_"'),
    ],
)
def test_an_unknown_capability_is_refused(add: list[str], drop: list[str], words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        effective_capabilities(add, drop)
    assert str(caught.value) == words


# limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"memory_bytes": 5 << 20}, "Minimum memory limit allowed is 6MB"),
        ({"memory_swap_bytes": 10 << 20}, "You should always set the Memory limit"),
        ({"memory_bytes": 20 << 20, "memory_swap_bytes": 10 << 20}, "should be larger than memory"),
        ({"memory_reservation_bytes": 1}, "Minimum memory reservation allowed is 6MB"),
        ({"memory_swappiness": 101}, "valid memory swappiness range is 0-100"),
        ({"nano_cpus": 3 * 10**9}, "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs"),
        ({"nano_cpus": 1, "cpu_quota": 1}, "Nano CPUs and CPU Quota cannot both be set"),
        ({"nano_cpus": 1, "cpu_period": 1}, "Nano CPUs and CPU Period cannot both be set"),
        ({"cpu_shares": -1}, "invalid CPU shares"),
        ({"cpu_period": 10}, "CPU cfs period can not be less than 1ms"),
        ({"cpu_quota": 10}, "CPU cfs quota can not be less than 1ms"),
        ({"cpuset_cpus": "0-77"}, "Requested CPUs are not available - requested 0-77, available"),
        ({"cpuset_cpus": "a"}, "Invalid value a for cpuset cpus: invalid format: a"),
        ({"cpuset_mems": "9"}, "Requested memory nodes are not available - requested 9"),
        ({"oom_score_adj": 1001}, "Invalid value 1001, range for oom score adj is"),
        ({"ulimits": (Ulimit(name="foo", soft=1, hard=1),)}, "invalid ulimit type: foo"),
        ({"ulimits": (Ulimit(name="cpu", soft=2, hard=1),)}, "ulimit soft limit must be less"),
        ({"device_cgroup_rules": ("c 1:3 rwx",)}, "invalid device cgroup rule format"),
    ],
)
def test_limits_that_cannot_be_are_refused(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        check_resources(Resources(**limits), HOST_RESOURCES)


def test_no_limits_are_fine_and_a_risky_one_is_warned_of() -> None:
    assert check_resources(Resources(), HOST_RESOURCES) == ()
    (warning,) = check_resources(Resources(oom_kill_disable=True), HOST_RESOURCES)
    assert warning.startswith("OOM killer is disabled")


def test_cpusets_and_device_rules_are_read() -> None:
    assert parse_cpuset("0-2,5") == {0, 1, 2, 5}
    for wrong in ("", "2-1", "0-", "-1", "1,,2", "99999", "٣"):
        with pytest.raises(ValueError, match=r".*"):
            parse_cpuset(wrong)
    rule = parse_device_rule("c 10:* m")
    assert (rule.kind, rule.major, rule.minor, rule.access) == ("c", 10, None, "m")
