"""A Debian or Ubuntu root file system, made by mmdebstrap from where the host's apt gets its own.

The same packages make the same tar: mmdebstrap sorts it and caps all times at SOURCE_DATE_EPOCH,
which is the date of the newest release file that apt knows of the suite; what differs from run
to run (logs, caches, the machine's id) is taken out.

Sources: mmdebstrap(1); apt-get(8), indextargets; the SOURCE_DATE_EPOCH specification.
"""

import asyncio
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from wherry.drivers.bootstrap.base import Rootfs, Say
from wherry.drivers.bootstrap.programs import run_program
from wherry.model.errors import InvalidArgument, NotFound

DISTRIBUTIONS = ("debian", "ubuntu")
_SUITE = re.compile(r"[a-z][a-z0-9-]{1,40}\Z")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]{1,100}\Z")
_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_LISTS_DIR = Path("/var/lib/apt/lists")
_DATE = re.compile(r"^Date: (.+)$", re.MULTILINE)
_FORMAT = "$(SITE)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"
_TIMEOUT_S = 1800.0
_CLEAN = (
    (
        'cd "${1:?}" && rm -rf var/log/* var/cache/apt/* var/cache/ldconfig/* var/lib/apt/lists/* '
        "var/lib/dpkg/*-old var/cache/debconf/*-old"
    ),
    'cd "${1:?}" && mkdir -p var/log/apt var/cache/apt/archives/partial var/lib/apt/lists/partial',
    (
        'cd "${1:?}" && rm -f etc/hostname etc/resolv.conf var/lib/dbus/machine-id '
        "&& : > etc/machine-id"
    ),
)
"""Shell commands; ``$1`` is the tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One component of one suite that the host's apt knows."""

    site: str
    release: str
    component: str
    origin: str


class MmdebstrapBuilder:
    """``debian:SUITE`` or ``ubuntu:SUITE``."""

    def __init__(
        self, distribution: str, suite: str, *, include: Sequence[str] = (), host_ca: bool = False
    ) -> None:
        """InvalidArgument for a suite or a package whose name is none."""
        if not _SUITE.match(suite):
            raise InvalidArgument(f"invalid suite: {suite[:80]!r}")
        for package in include:
            if not _PACKAGE.match(package):
                raise InvalidArgument(f"invalid package: {package[:80]!r}")
        self._distribution, self._suite = distribution, suite
        self._include, self._host_ca = tuple(sorted(set(include))), host_ca

    async def build(self, work_dir: Path, say: Say) -> Rootfs:
        """See `RootfsBuilder.build`."""
        if self._host_ca and not _CA_BUNDLE.exists():
            raise NotFound(f"this host has no {_CA_BUNDLE}")
        listed = await run_program(
            ["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"],
            timeout_s=60,
            hint="this host has no apt: import an image instead",
        )
        sources = plan_sources(parse_targets(listed.decode()), self._distribution, self._suite)
        if not sources:
            raise NotFound(f"apt on this host knows no source for {self._distribution}")
        epoch_s = await asyncio.to_thread(find_date_s, _LISTS_DIR, self._suite)
        tar_path = work_dir / "rootfs.tar"
        say(f"Building {self._distribution}:{self._suite} with mmdebstrap")
        await run_program(
            self._arguments(tar_path, sources),
            timeout_s=_TIMEOUT_S,
            env={"SOURCE_DATE_EPOCH": str(epoch_s), "TMPDIR": str(work_dir)},
            hint="install the package mmdebstrap",
        )
        return Rootfs(
            tar_path=tar_path,
            references=(f"{self._distribution}:{self._suite}",),
            message=f"{self._distribution} {self._suite}, made by mmdebstrap",
            changes=('CMD ["bash"]',),
            created_ns=epoch_s * 10**9,
        )

    def _arguments(self, tar_path: Path, sources: Sequence[str]) -> list[str]:
        hooks = list(_CLEAN)
        if self._host_ca:
            hooks += [
                f'mkdir -p "${{1:?}}{_CA_BUNDLE.parent}"',
                f"upload {_CA_BUNDLE} {_CA_BUNDLE}",
            ]
        return [
            "mmdebstrap",
            "--mode=root" if os.geteuid() == 0 else "--mode=auto",
            "--variant=minbase",
            "--format=tar",
            *([f"--include={','.join(self._include)}"] if self._include else []),
            *(f"--customize-hook={hook}" for hook in hooks),
            self._suite,
            str(tar_path),
            *sources,
        ]


def parse_targets(text: str) -> tuple[Target, ...]:
    """What ``apt-get indextargets`` printed."""
    rows = [line.split("|") for line in text.splitlines()]
    return tuple(
        Target(site=row[0], release=row[1], component=row[2], origin=row[3])
        for row in rows
        if len(row) == 4
    )


def plan_sources(targets: Sequence[Target], distribution: str, suite: str) -> list[str]:
    """Lines for sources.list.

    The suite itself with its updates, where apt knows it; otherwise the suite alone, from where
    apt gets another suite of the same distribution. None if there is no such place.
    """
    own = [one for one in targets if one.origin.lower() == distribution]
    known = [one for one in own if one.release in (suite, f"{suite}-updates", f"{suite}-security")]
    if not any(one.release == suite for one in known):
        main = [one for one in own if "-" not in one.release and one.component == "main"]
        return [f"deb {main[0].site} {suite} main"] if main else []
    components: dict[tuple[str, str], set[str]] = {}
    for one in known:
        components.setdefault((one.site, one.release), set()).add(one.component)
    return [
        f"deb {site} {release} {' '.join(sorted(names))}"
        for (site, release), names in sorted(components.items(), key=lambda item: item[0][1])
    ]


def find_date_s(lists_dir: Path, suite: str) -> int:
    """The newest date among the suite's release files, or the beginning of today (UTC)."""
    dates = []
    pattern = re.compile(rf"_dists_{re.escape(suite)}(?:-updates|-security)?_(?:In)?Release\Z")
    for path in lists_dir.glob("*Release"):
        if pattern.search(path.name):
            with path.open(errors="replace") as file:
                found = _DATE.search(file.read(4096))
            if found:
                dates.append(int(parsedate_to_datetime(found[1]).timestamp()))
    return max(dates) if dates else int(time.time()) // 86400 * 86400
