"""Which builder makes which image."""

from collections.abc import Sequence

from wherry.drivers.bootstrap.base import RootfsBuilder
from wherry.drivers.bootstrap.busybox import BusyboxBuilder
from wherry.drivers.bootstrap.mmdebstrap import DISTRIBUTIONS, MmdebstrapBuilder
from wherry.model.errors import InvalidArgument


def choose_builder(wanted: str, *, include: Sequence[str], host_ca: bool) -> RootfsBuilder:
    """See `ChooseBuilder`."""
    distribution, _, suite = wanted.partition(":")
    if distribution == "busybox" and not suite:
        if include or host_ca:
            raise InvalidArgument("busybox takes no packages and no certificates")
        return BusyboxBuilder()
    if distribution in DISTRIBUTIONS and suite:
        return MmdebstrapBuilder(distribution, suite, include=include, host_ca=host_ca)
    raise InvalidArgument(
        f"cannot make {wanted[:80]!r}: busybox, debian:SUITE and ubuntu:SUITE can be made"
    )
