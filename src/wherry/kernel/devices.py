"""Device files of the host: what a container has to be given to see them.

Source: stat(2), mknod(2).
"""

import os
import stat
from collections.abc import Iterator

from wherry.model.errors import InvalidArgument
from wherry.model.resources import DeviceMapping, DeviceNode

_PRIVATE_TO_US = frozenset({"/dev/pts", "/dev/shm", "/dev/fd", "/dev/mqueue", "/dev/console"})


def list_devices(mapping: DeviceMapping) -> tuple[DeviceNode, ...]:
    """The device at a path of the host, or all below a folder.

    Raises:
        InvalidArgument: nothing is there, or no device; Docker's words.
    """
    path = mapping.host_path
    try:
        found = os.stat(path)
    except OSError as error:
        raise InvalidArgument(
            f'error gathering device information while adding custom device "{path}": '
            f"{(error.strerror or '').lower()}"
        ) from None
    if not stat.S_ISDIR(found.st_mode):
        node = _node(found, mapping.container_path, mapping.permissions)
        if node is None:
            raise InvalidArgument(
                f'error gathering device information while adding custom device "{path}": '
                "not a device node"
            )
        return (node,)
    length = len(path.rstrip("/"))
    return tuple(
        node
        for file in _walk(path)
        if (target := mapping.container_path.rstrip("/") + file[length:])
        and (node := _node(os.lstat(file), target, mapping.permissions)) is not None
    )


def list_host_devices() -> tuple[DeviceNode, ...]:
    """Every device of the host's ``/dev``, for a privileged container."""
    nodes: list[DeviceNode] = []
    for path in _walk("/dev"):
        try:
            node = _node(os.lstat(path), path, "rwm")
        except OSError:
            continue
        if node is not None:
            nodes.append(node)
    return tuple(nodes)


def find_block_device(path: str) -> tuple[int, int]:
    """Major and minor number. InvalidArgument if `path` is no block device."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise InvalidArgument(f"{path}: {(error.strerror or '').lower()}") from None
    return os.major(found.st_rdev), os.minor(found.st_rdev)


def list_thermal_paths() -> tuple[str, ...]:
    """Counters that tell one container when another is busy: masked by Docker where they exist."""
    root = "/sys/devices/system/cpu"
    try:
        names = os.listdir(root)
    except OSError:
        return ()
    paths = (f"{root}/{name}/thermal_throttle" for name in names if name[3:].isdigit())
    return tuple(sorted(path for path in paths if os.path.isdir(path)))


def _walk(folder: str) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.path in _PRIVATE_TO_US:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        else:
            yield entry.path


def _node(found: os.stat_result, path: str, access: str) -> DeviceNode | None:
    if stat.S_ISBLK(found.st_mode):
        kind = "b"
    elif stat.S_ISCHR(found.st_mode):
        kind = "c"
    else:
        return None
    return DeviceNode(
        path=path,
        kind=kind,
        major=os.major(found.st_rdev),
        minor=os.minor(found.st_rdev),
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        access=access,
    )
