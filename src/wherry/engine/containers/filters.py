"""Which system call filter a container gets."""

import platform
from collections.abc import Collection

from wherry.drivers.runtime.base import Filters as CompiledFilters
from wherry.model.platform import host_platform
from wherry.oci.runtime import Document
from wherry.oci.seccomp import decode_profile, encode_default, encode_profile

_MOST_KEPT = 64


class SystemCallFilters:
    """The default profile for a set of capabilities, or a profile that came with the request."""

    def __init__(self, compiled: CompiledFilters) -> None:
        self._compiled = compiled
        self._arch = host_platform().architecture
        self._kernel = _kernel_version(platform.release())
        self._known: dict[frozenset[str], Document] = {}

    def default_section(self, capabilities: Collection[str]) -> Document:
        key = frozenset(capabilities)
        if (section := self._known.get(key)) is None:
            section = encode_default(capabilities=key, arch=self._arch, kernel=self._kernel)
            if len(self._known) < _MOST_KEPT:
                self._known[key] = section
        return section

    def find(
        self, profile: str, capabilities: Collection[str]
    ) -> tuple[Document | None, str | None]:
        """The section and, once it was compiled, the program in base 64.

        Raises:
            InvalidArgument: `profile` is neither ``builtin`` nor a profile's JSON text.
        """
        if profile == "builtin":
            section = self.default_section(capabilities)
        else:
            section = encode_profile(
                decode_profile(profile),
                capabilities=frozenset(capabilities),
                arch=self._arch,
                kernel=self._kernel,
            )
        return section, self._compiled.find_filter(section)


def _kernel_version(release: str) -> tuple[int, int]:
    major, _, rest = release.partition(".")
    minor = rest.partition(".")[0]
    return int(major), int("".join(one for one in minor if one.isdecimal()) or 0)
