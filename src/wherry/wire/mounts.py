"""Mounts in Docker's documents: ``HostConfig.Mounts`` and the list that ``inspect`` shows."""

from wherry.model.errors import InvalidArgument
from wherry.model.mounts import MountKind, MountPoint, MountRequest
from wherry.wire.documents import Json
from wherry.wire.fields import flag, integer, mapping, text, text_lists, text_mapping


def decode_mount(value: Json) -> MountRequest:
    """One entry of ``HostConfig.Mounts``. InvalidArgument for an unknown type."""
    kind = text(value, "Type")
    bind, volume, tmpfs = (
        mapping(value, key) for key in ("BindOptions", "VolumeOptions", "TmpfsOptions")
    )
    driver = mapping(volume, "DriverConfig")
    try:
        known = MountKind(kind)
    except ValueError:
        raise InvalidArgument(
            f'invalid mount config for type "{kind}": mount type unknown'
        ) from None
    return MountRequest(
        kind=known,
        target=text(value, "Target"),
        source=text(value, "Source"),
        read_only=flag(value, "ReadOnly"),
        propagation=text(bind, "Propagation"),
        create_source=flag(bind, "CreateMountpoint"),
        non_recursive=flag(bind, "NonRecursive"),
        no_copy=flag(volume, "NoCopy"),
        labels=text_mapping(volume, "Labels"),
        driver=text(driver, "Name"),
        driver_options=text_mapping(driver, "Options"),
        subpath=text(volume, "Subpath"),
        tmpfs_size_bytes=integer(tmpfs, "SizeBytes"),
        tmpfs_mode=integer(tmpfs, "Mode"),
        tmpfs_options=text_lists(tmpfs, "Options"),
        consistency=text(value, "Consistency"),
    )


def encode_mount(request: MountRequest) -> Json:
    """The same back."""
    out: Json = {"Type": str(request.kind)}
    if request.source:
        out["Source"] = request.source
    out["Target"] = request.target
    if request.read_only:
        out["ReadOnly"] = True
    if request.consistency:
        out["Consistency"] = request.consistency
    bind: Json = {}
    if request.propagation:
        bind["Propagation"] = request.propagation
    if request.non_recursive:
        bind["NonRecursive"] = True
    if request.create_source:
        bind["CreateMountpoint"] = True
    if bind:
        out["BindOptions"] = bind
    volume = _encode_volume(request)
    if volume:
        out["VolumeOptions"] = volume
    tmpfs: Json = {}
    if request.tmpfs_size_bytes:
        tmpfs["SizeBytes"] = request.tmpfs_size_bytes
    if request.tmpfs_mode:
        tmpfs["Mode"] = request.tmpfs_mode
    if request.tmpfs_options:
        tmpfs["Options"] = [list(one) for one in request.tmpfs_options]
    if tmpfs:
        out["TmpfsOptions"] = tmpfs
    return out


def _encode_volume(request: MountRequest) -> Json:
    volume: Json = {}
    if request.no_copy:
        volume["NoCopy"] = True
    if request.labels:
        volume["Labels"] = dict(request.labels)
    if request.driver or request.driver_options:
        volume["DriverConfig"] = {"Name": request.driver, "Options": dict(request.driver_options)}
    if request.subpath:
        volume["Subpath"] = request.subpath
    return volume


def encode_mount_point(point: MountPoint, *, in_list: bool = False) -> Json | None:
    """One entry of ``Mounts``; a tmpfs asked for by ``--tmpfs`` is not shown there."""
    if point.kind is MountKind.TMPFS and not point.from_request:
        return None
    out: Json = {"Type": str(point.kind)}
    if point.kind is MountKind.VOLUME:
        out["Name"] = point.name
    # the list leaves the source of a volume without a name empty
    hidden = in_list and point.kind is MountKind.VOLUME and not point.mode
    out["Source"] = "" if hidden else point.source
    out["Destination"] = point.destination
    if point.kind is MountKind.VOLUME:
        out["Driver"] = point.driver
    out["Mode"] = point.mode if point.kind is not MountKind.TMPFS else ""
    out["RW"] = point.writable
    out["Propagation"] = point.propagation
    return out
