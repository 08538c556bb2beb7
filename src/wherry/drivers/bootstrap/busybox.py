"""A root file system around the host's static busybox, or the one from Debian's package.

The tar is made in memory, in a fixed order, with the binary's own time on every entry: the same
binary makes the same image.

Sources: ELF (elf(5)): a static program has no PT_INTERP header; deb(5): an ar archive whose
``data.tar.*`` member is the tree.
"""

import asyncio
import io
import os
import re
import struct
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wherry.drivers.bootstrap.base import Rootfs, Say
from wherry.drivers.bootstrap.programs import run_program
from wherry.model.errors import InvalidArgument, NotFound
from wherry.oci.compression import Compression, Expander, detect_compression

_CANDIDATES = (Path("/usr/bin/busybox"), Path("/bin/busybox"))
_PACKAGE = "busybox-static"
_PT_INTERP = 3
_LARGEST_BYTES = 16 << 20
_VERSION = re.compile(rb"BusyBox v(\d+(?:\.\d+)+)")
_APPLET = re.compile(r"[\w\[.+-]+\Z")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_FOLDERS = (
    ("bin", 0o755), ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("mnt", 0o755),
    ("proc", 0o755), ("root", 0o700), ("run", 0o755), ("sbin", 0o755), ("sys", 0o755),
    ("tmp", 0o1777), ("usr", 0o755), ("usr/bin", 0o755), ("usr/local", 0o755),
    ("usr/local/bin", 0o755), ("usr/sbin", 0o755), ("var", 0o755), ("var/log", 0o755),
    ("var/spool", 0o755), ("var/spool/mail", 0o755), ("var/tmp", 0o1777), ("var/www", 0o755),
)  # fmt: skip
_FILES = (
    ("etc/group", 0o644, ("root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\n"
     "disk:x:6:\nmail:x:8:\nwww-data:x:33:\nusers:x:100:\nnobody:x:65534:\n")),
    ("etc/nsswitch.conf", 0o644, ("passwd: files\ngroup: files\nshadow: files\n"
     "hosts: files dns\n")),
    ("etc/passwd", 0o644, ("root:x:0:0:root:/root:/bin/sh\n"
     "daemon:x:1:1:daemon:/usr/sbin:/bin/false\nbin:x:2:2:bin:/bin:/bin/false\n"
     "sys:x:3:3:sys:/dev:/bin/false\nmail:x:8:8:mail:/var/spool/mail:/bin/false\n"
     "www-data:x:33:33:www-data:/var/www:/bin/false\n"
     "nobody:x:65534:65534:nobody:/home:/bin/false\n")),
    ("etc/shadow", 0o640, ("root:*::0:::::\ndaemon:*::0:::::\nbin:*::0:::::\nsys:*::0:::::\n"
     "mail:*::0:::::\nwww-data:*::0:::::\nnobody:*::0:::::\n")),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    data: bytes
    mtime_s: int


class BusyboxBuilder:
    """``busybox:latest`` and ``busybox:<version>``."""

    async def build(self, work_dir: Path, say: Say) -> Rootfs:
        """See `RootfsBuilder.build`."""
        found = await asyncio.to_thread(find_binary, _CANDIDATES)
        if found is None:
            say(f"No static busybox on this host: downloading {_PACKAGE}")
            found = await _download(work_dir)
        program = work_dir / "busybox"
        await asyncio.to_thread(_write_program, program, found.data)
        applets = await run_program([str(program), "--list"], timeout_s=10)
        version = _VERSION.search(await run_program([str(program), "--help"], timeout_s=10))
        say("Making the root file system")
        tar_path = work_dir / "rootfs.tar"
        tar = await asyncio.to_thread(render_tree, found, applets.decode().split())
        await asyncio.to_thread(tar_path.write_bytes, tar)
        tags = ["latest", version[1].decode()] if version else ["latest"]
        return Rootfs(
            tar_path=tar_path,
            references=tuple(f"busybox:{tag}" for tag in tags),
            message="Made from the busybox of this host",
            changes=(f"ENV PATH={_PATH}", 'CMD ["sh"]'),
            created_ns=found.mtime_s * 10**9,
        )


def find_binary(candidates: Sequence[Path]) -> Binary | None:
    """The first static program among `candidates`."""
    for path in candidates:
        try:
            data = path.read_bytes()
            mtime_s = int(path.stat().st_mtime)
        except OSError:
            continue
        if is_static_program(data):
            return Binary(data=data, mtime_s=mtime_s)
    return None


def is_static_program(data: bytes) -> bool:
    """Whether it is an ELF program that needs no loader."""
    if data[:4] != b"\x7fELF" or len(data) < 64 or data[4] not in (1, 2) or data[5] not in (1, 2):
        return False
    order = "<" if data[5] == 1 else ">"
    if data[4] == 2:
        (table,) = struct.unpack_from(f"{order}Q", data, 32)
        size, count = struct.unpack_from(f"{order}HH", data, 54)
    else:
        (table,) = struct.unpack_from(f"{order}I", data, 28)
        size, count = struct.unpack_from(f"{order}HH", data, 42)
    if size < 4 or not count or table + size * count > len(data):
        return False
    kinds = [struct.unpack_from(f"{order}I", data, table + size * at)[0] for at in range(count)]
    return _PT_INTERP not in kinds


def render_tree(binary: Binary, applets: Sequence[str]) -> bytes:
    """The root file system as a tar. Every applet is a hard link to ``bin/busybox``."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:

        def add(name: str, kind: bytes, mode: int, data: bytes = b"", link: str = "") -> None:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.size, entry.linkname = kind, mode, len(data), link
            entry.mtime = binary.mtime_s
            tar.addfile(entry, io.BytesIO(data))

        for name, mode in _FOLDERS:
            add(name, tarfile.DIRTYPE, mode)
        for name, mode, text in _FILES:
            add(name, tarfile.REGTYPE, mode, text.encode())
        add("bin/busybox", tarfile.REGTYPE, 0o755, binary.data)
        for applet in sorted(set(applets) - {"busybox"}):
            if _APPLET.match(applet):
                add(f"bin/{applet}", tarfile.LNKTYPE, 0o755, link="bin/busybox")
        # scripts begin with it
        add("usr/bin/env", tarfile.LNKTYPE, 0o755, link="bin/busybox")
    return made.getvalue()


async def _download(work_dir: Path) -> Binary:
    folder = work_dir / "package"
    folder.mkdir()
    # apt downloads into the current folder, and as another user where it may
    folder.chmod(0o777)
    await run_program(
        ["env", "-C", str(folder), "apt-get", "-q", "download", _PACKAGE],
        timeout_s=300,
        hint="install the package busybox-static, or import an image",
    )
    packages = sorted(folder.glob("*.deb"))
    if not packages:
        raise NotFound(f"the package {_PACKAGE} is not to be had")
    return await asyncio.to_thread(read_package, packages[0].read_bytes())


def read_package(package: bytes) -> Binary:
    """The static busybox in a Debian package.

    Raises:
        InvalidArgument: not a package, or a damaged one.
        NotFound: there is none in it.
    """
    data = _read_data_member(package)
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for entry in tar:
                if entry.isfile() and entry.name.endswith("bin/busybox"):
                    content = tar.extractfile(entry)
                    binary = content.read() if content else b""
                    if is_static_program(binary):
                        return Binary(data=binary, mtime_s=int(entry.mtime))
    except tarfile.TarError as error:
        raise InvalidArgument(f"damaged package: {error}") from None
    raise NotFound("no static busybox in the package")


def _read_data_member(package: bytes) -> bytes:
    """``data.tar`` of the ar archive, without its compression."""
    if not package.startswith(b"!<arch>\n"):
        raise InvalidArgument("not a Debian package")
    at = 8
    while at + 60 <= len(package):
        header = package[at : at + 60]
        digits = header[48:58].strip()
        if header[58:60] != b"`\n" or not digits.isdigit():
            raise InvalidArgument("damaged package")
        size = int(digits)
        if header[:16].startswith(b"data.tar"):
            return _expand(package[at + 60 : at + 60 + size])
        at += 60 + size + size % 2
    raise InvalidArgument("damaged package: no data")


def _expand(data: bytes) -> bytes:
    compression = detect_compression(data[:6])
    if compression is Compression.NONE:
        return data
    expander = Expander(compression)
    made = [expander.feed(data, _LARGEST_BYTES)]
    while made[-1]:
        made.append(expander.feed(b"", _LARGEST_BYTES))
        if sum(map(len, made)) > _LARGEST_BYTES:
            raise InvalidArgument("the package is larger than any busybox")
    expander.finish()
    return b"".join(made)


def _write_program(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
