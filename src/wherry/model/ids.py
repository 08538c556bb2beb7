"""Identities: how they are made, and what a name may look like."""

import re
import secrets

from wherry.model.errors import InvalidArgument

NAME_PATTERN = "[a-zA-Z0-9][a-zA-Z0-9_.-]"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+\Z")
_HEX = re.compile(r"[0-9a-f]+\Z")

_QUALITIES = (
    "able amber brave brisk calm candid clever cosy crisp deft eager early fair fleet fond frank "
    "fresh gentle glad golden handy hardy hazel honest humble jolly keen kind lively loyal lucid "
    "mellow merry mild neat nimble noble patient plucky polite proud quick quiet ready rosy sage "
    "sandy serene sharp silent silver smart snug solid spry steady stout sunny swift tidy tender "
    "trusty upbeat vivid warm wise witty young zesty"
).split()
_BOATS = (
    "barge bark barque brig canoe caravel carrack catboat clipper coble cog coracle corvette "
    "currach cutter dhow dinghy dory felucca ferry flatboat galleon galley gig gondola hooker "
    "jolly junk kayak keelboat ketch launch lighter longship lugger nef pinnace pirogue pram punt "
    "raft sampan schooner scow shallop skiff sloop smack snow tartane tender trawler trireme "
    "tug umiak whaler wherry xebec yacht yawl"
).split()


def make_id() -> str:
    """A new identity: 64 hexadecimal digits.

    Its first twelve are shown to people and must not look like a decimal number, which a host
    name made of them would be.
    """
    while True:
        made = secrets.token_hex(32)
        if not made[:12].isdecimal():
            return made


def make_name() -> str:
    """A name for what was created without one, such as ``calm_ketch``."""
    return f"{secrets.choice(_QUALITIES)}_{secrets.choice(_BOATS)}"


def make_longer_name() -> str:
    """For when the short names are taken: the same with a number."""
    return f"{make_name()}{secrets.randbelow(10_000)}"


def check_container_name(name: str) -> str:
    """The name without its leading slash.

    Raises:
        InvalidArgument: in Docker's words.
    """
    bare = name.removeprefix("/")
    if not _NAME.match(bare):
        raise InvalidArgument(f"Invalid container name ({name}), only {NAME_PATTERN} are allowed")
    return bare


def check_volume_name(name: str) -> str:
    """The name itself. InvalidArgument, in Docker's words."""
    if not _NAME.match(name):
        raise InvalidArgument(
            f'create {name}: "{name}" includes invalid characters for a local volume name, '
            f'only "{NAME_PATTERN}" are allowed. If you intended to pass a host directory, use '
            "absolute path"
        )
    return name


def is_hex(text: str) -> bool:
    """Whether `text` could be an id or the beginning of one."""
    return bool(_HEX.match(text)) and len(text) <= 64
