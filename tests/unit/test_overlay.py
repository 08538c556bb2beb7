"""What is decided before overlayfs is asked."""

from pathlib import Path

import pytest

from wherry.drivers.storage.overlay import Abilities, plan_mount
from wherry.kernel.mount import PAGE_BYTES, MountFlag
from wherry.model.errors import InvalidArgument

ROOT = Path("/var/lib/wherry/layers/overlay2")
MODERN = Abilities(one_by_one=True, options=(("index", "off"),))
OLD = Abilities(one_by_one=False, options=())


def test_a_snapshot_on_nothing_is_just_shown() -> None:
    call = plan_mount(ROOT, "1", [], MODERN)
    assert (call.source, call.flags) == (f"{ROOT}/1/diff", MountFlag.BIND)


def test_the_nearest_parent_is_the_topmost() -> None:
    options = plan_mount(ROOT, "3", ["2", "1"], MODERN).options
    assert [value for key, value in options if key == "lowerdir+"] == [
        f"{ROOT}/2/diff",
        f"{ROOT}/1/diff",
    ]


def test_upper_work_and_what_the_kernel_takes_follow() -> None:
    call = plan_mount(ROOT, "3", ["2"], MODERN, volatile=True)
    assert call.data == (
        f"lowerdir+={ROOT}/2/diff,upperdir={ROOT}/3/diff,workdir={ROOT}/3/work,index=off,volatile"
    )


def test_an_old_kernel_gets_one_line() -> None:
    call = plan_mount(ROOT, "3", ["2", "1"], OLD)
    assert dict(call.options)["lowerdir"] == f"{ROOT}/2/diff:{ROOT}/1/diff"
    assert str(call).startswith("mount -t overlay overlay -o lowerdir=")


def test_an_old_kernel_takes_no_more_than_a_page() -> None:
    parents = [str(number) for number in range(1, 200)]
    with pytest.raises(InvalidArgument, match=f"the kernel takes {PAGE_BYTES - 1}") as refused:
        plan_mount(ROOT, "200", parents, OLD)
    assert refused.value.hint


def test_a_new_kernel_takes_more() -> None:
    parents = [str(number) for number in range(1, 200)]
    assert len(plan_mount(ROOT, "200", parents, MODERN).options) == 199 + 3


def test_more_layers_than_overlayfs_can_stack_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="501 layers"):
        plan_mount(ROOT, "x", ["1"] * 501, MODERN)


@pytest.mark.parametrize("root", ["/a,b", "/a:b", "/a\\b"])
def test_signs_that_one_line_cannot_say_are_refused(root: str) -> None:
    with pytest.raises(InvalidArgument):
        plan_mount(Path(root), "2", ["1"], OLD)
    plan_mount(Path(root), "2", ["1"], MODERN)
