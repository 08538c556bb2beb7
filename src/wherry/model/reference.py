"""Image references: the distribution project's grammar, in one pass and without backtracking.

::

    reference := name [":" tag] ["@" digest]
    name      := [domain "/"] component ("/" component)*
    component := [a-z0-9]+ (("." | "_" | "__" | "-"+) [a-z0-9]+)*

What people write is shorter: ``busybox`` is ``docker.io/library/busybox:latest``. A `Reference`
always holds the long form; `familiar` gives the short one back.
"""

import re
from dataclasses import dataclass, replace
from typing import Self

from wherry.model.errors import InvalidArgument

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"

_LONGEST_PATH = 255
_LONGEST_TEXT = 1024
_DOMAIN = re.compile(
    r"(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
    r"(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*"
    r"|\[[a-fA-F0-9:]+\])(?::[0-9]+)?\Z"
)
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}\Z")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}\Z")
_BARE_ID = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Reference:
    """A name that an image has, here or at a registry. Cannot be wrong once it exists."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """What a user wrote, completed with domain and ``library/``; no tag is added.

        Raises:
            InvalidArgument: in Docker's words.
        """
        if _BARE_ID.match(text):
            raise InvalidArgument(
                f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
            )
        if not text or len(text) > _LONGEST_TEXT:
            raise InvalidArgument("invalid reference format")
        domain, rest = _split_domain(text)
        rest, at, digest = rest.partition("@")
        path, colon, tag = rest.partition(":")
        if path.lower() != path:
            raise InvalidArgument(
                f"invalid reference format: repository name ({path}) must be lowercase"
            )
        if (
            not _DOMAIN.match(domain)
            or not all(_COMPONENT.match(part) for part in path.split("/"))
            or (colon and not _TAG.match(tag))
            or (at and not _DIGEST.match(digest))
        ):
            raise InvalidArgument("invalid reference format")
        if len(path) > _LONGEST_PATH:
            raise InvalidArgument("repository name must not be more than 255 characters")
        if at and not _SHA256.match(digest):
            raise InvalidArgument("unsupported digest algorithm")
        return cls(domain=domain, path=path, tag=tag, digest=digest)

    @property
    def name(self) -> str:
        """Fully qualified, without tag and digest."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        short = self.path.removeprefix("library/")
        return self.path if "/" in short else short

    @property
    def familiar(self) -> str:
        """The shortest text that means the same, as replies to clients have it."""
        return self.familiar_name + self._suffix

    def __str__(self) -> str:
        return self.name + self._suffix

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def completed(self) -> Self:
        """With the tag ``latest`` if it has neither tag nor digest."""
        return self if self.tag or self.digest else replace(self, tag=DEFAULT_TAG)

    def with_tag(self, tag: str) -> Self:
        """The same name with `tag` and without a digest. InvalidArgument in Docker's words."""
        if not _TAG.match(tag):
            raise InvalidArgument("invalid tag format")
        return replace(self, tag=tag, digest="")


def _split_domain(text: str) -> tuple[str, str]:
    """The first part is a domain if it cannot be a path's: a dot, a port, or ``localhost``."""
    first, slash, rest = text.partition("/")
    is_domain = slash and (
        "." in first or ":" in first or first == "localhost" or first.lower() != first
    )
    if not is_domain:
        first, rest = DEFAULT_DOMAIN, text
    if first == "index.docker.io":
        first = DEFAULT_DOMAIN
    if first == DEFAULT_DOMAIN and "/" not in rest:
        rest = f"library/{rest}"
    return first, rest
