"""Digests: names of bytes. The OCI image specification, descriptor.md, "Digests"."""

import hashlib
import re

from wherry.model.errors import InvalidArgument

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PREFIX = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})\Z")


def parse_digest(text: str) -> str:
    """`text` itself, once it is known to be a sha256 digest: safe as a file name from then on.

    Raises:
        InvalidArgument: another algorithm, another length, upper case, anything else.
    """
    if not is_digest(text):
        raise InvalidArgument(f"invalid digest: {text[:100]!r}")
    return text


def is_digest(text: str) -> bool:
    return bool(_DIGEST.match(text))


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def find_prefix(text: str) -> str | None:
    """The hexadecimal digits of an id or the beginning of one; None if it is neither."""
    found = _PREFIX.match(text)
    return found[1] if found else None


def short_digest(digest: str) -> str:
    """Twelve digits, as shown to people."""
    return digest.removeprefix("sha256:")[:12]


def chain_ids(diff_ids: tuple[str, ...]) -> tuple[str, ...]:
    """The chain id of each layer, bottom first: config.md, "Layer ChainID"."""
    chains: list[str] = []
    for diff in diff_ids:
        chains.append(digest_of(f"{chains[-1]} {diff}".encode()) if chains else diff)
    return tuple(chains)
